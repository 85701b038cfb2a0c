"""What a consumer logs about a failed message of any queue."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.aws.queues import consume
from chalicelib.errors import NotFound, Unavailable
from chalicelib.time_budget import OutOfTime


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PutItem")


@pytest.mark.parametrize(
    ("error", "level", "word"),
    [
        (OutOfTime(), "INFO", "message_comes_again"),
        (Unavailable(), "WARNING", "message_comes_again"),
        (NotFound(), "ERROR", "message_refused"),
        (aws_error("ThrottlingException"), "WARNING", "message_failed"),
        (EndpointConnectionError(endpoint_url="x"), "WARNING", "message_failed"),
        (aws_error("AccessDeniedException"), "ERROR", "message_failed"),
        (RuntimeError("3174012345678901"), "ERROR", "message_failed"),
    ],
)
def test_a_message_that_fails_comes_again_and_rings_only_where_a_person_is_needed(error, level, word, caplog):
    def take(body: str) -> None:
        if body == "bad":
            raise error

    caplog.set_level("INFO")
    records = [{"messageId": name, "body": name} for name in ("good", "bad", "fine")]
    assert consume("mails", records, take, refused=(NotFound,)) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    [record] = caplog.records
    assert (record.levelname, record.message, record.queue, record.message_id) == (level, word, "mails", "bad")
    assert "3174012345678901" not in str(vars(record))
