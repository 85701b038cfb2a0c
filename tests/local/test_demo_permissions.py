"""What the local cloud grants besides: exactly what MiniStack asks for, and nothing where nothing is asked."""

from __future__ import annotations

from typing import Any

import pytest

from local.cloud.permissions import besides

QUEUE = ["arn:aws:sqs:ap-southeast-3:000000000000:gelombang-local-mails"]


def statement(action: str, resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [action], "Resource": resource}


@pytest.mark.parametrize(
    ("given", "granted"),
    [
        (statement("sqs:SendMessage", QUEUE), [statement("sqs:SendMessageBatch", QUEUE)]),
        (statement("ses:SendEmail", "arn:aws:ses:x:0:identity/gelombang.example"), [statement("ses:SendEmail", "*")]),
        (statement("sqs:ReceiveMessage", QUEUE), []),
        (statement("dynamodb:Query", "t"), []),
    ],
)
def test_who_may_send_may_do_so_in_ministack_and_granting_again_gives_the_same(given: Any, granted: list[Any]) -> None:
    assert list(besides([given])) == granted
    assert list(besides([given, *granted]))[: len(granted)] == granted
