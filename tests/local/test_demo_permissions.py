"""What the local cloud grants besides: exactly what MiniStack asks for, and nothing where nothing is asked."""

from __future__ import annotations

from typing import Any

from local.cloud.permissions import besides

QUEUE = ["arn:aws:sqs:ap-southeast-3:000000000000:gelombang-local-mails"]


def statement(action: str, resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [action], "Resource": resource}


def test_who_may_send_to_a_queue_may_send_a_batch_to_that_queue() -> None:
    assert list(besides([statement("sqs:SendMessage", QUEUE)])) == [statement("sqs:SendMessageBatch", QUEUE)]


def test_who_may_send_mail_may_do_so_under_the_star() -> None:
    given = [statement("ses:SendEmail", "arn:aws:ses:ap-southeast-3:000000000000:identity/gelombang.example")]
    assert list(besides(given)) == [statement("ses:SendEmail", "*")]


def test_who_may_neither_gets_nothing_and_granting_again_gives_the_same() -> None:
    assert list(besides([statement("sqs:ReceiveMessage", QUEUE), statement("dynamodb:Query", "t")])) == []
    given = [statement("sqs:SendMessage", QUEUE), statement("ses:SendEmail", "i")]
    assert list(besides([*given, *besides(given)]))[: len(given)] == list(besides(given))
