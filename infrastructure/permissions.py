"""What a function may do: statements of an IAM policy, none with a star for an action.

Each statement has a name (its Sid), which says what the permission is for.
"""

from __future__ import annotations

from typing import Any

from .cloudformation import Json, arn, own, ref, sub


def allow(why: str, actions: str, *resources: Any) -> Json:
    """Some actions, separated by spaces, on some resources."""
    return {"Sid": why, "Effect": "Allow", "Action": actions.split(), "Resource": list(resources)}


def rows(*paths: str, read: str = "", write: str = "", why: str = "", partition: str = "") -> Json:
    """Calls on the rows of a table (`waves`) or of an index (`waves/index/roster`).

    ConditionCheckItem stands with the writes, as it is a leg of a transaction that writes. With `partition` only the
    rows with that partition key are meant.
    """
    calls = " ".join(f"dynamodb:{call}" for call in f"{read} {write}".split())
    given = allow(why or paths[0].capitalize(), calls, *(arn("dynamodb", f"table/{own(path)}") for path in paths))
    if partition:
        given["Condition"] = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [partition]}}
    return given


def receive(queue: str) -> Json:
    """Whatever Lambda does with a queue for the function that consumes it."""
    calls = "sqs:ReceiveMessage sqs:DeleteMessage sqs:ChangeMessageVisibility sqs:GetQueueAttributes"
    return allow(f"Receive{queue.capitalize()}", calls, arn("sqs", own(queue)))


def send(queue: str, *, look: bool = False) -> Json:
    """Put messages into a queue; with `look` also see how many wait in it."""
    calls = "sqs:SendMessage sqs:GetQueueAttributes" if look else "sqs:SendMessage"
    return allow(f"Queue{queue.capitalize()}", calls, arn("sqs", own(queue)))


def read_files(bucket: str, folder: str, why: str) -> Json:
    """Read the files below a folder."""
    return allow(why, "s3:GetObject", _files(bucket, folder))


def write_files(bucket: str, folder: str, why: str) -> tuple[Json, Json]:
    """Read and write the files below a folder, and be told of one that is not there that it is absent."""
    return (
        allow(why, "s3:GetObject s3:PutObject", _files(bucket, folder)),
        allow("TellAbsentFromForbidden", "s3:ListBucket", _files(bucket)),
    )


def _files(bucket: str, folder: str = "") -> Json:
    return sub(f"arn:${{AWS::Partition}}:s3:::${{{bucket}}}" + (f"/{folder}/*" if folder else ""))


def use_key(key: str, alias: str, actions: str, why: str) -> Json:
    """Some actions with a KMS key, under its ARN and under its alias."""
    return allow(why, actions, ref(f"{key}Arn"), arn("kms", f"alias/{own(alias)}"))


def read_fsp_secret(why: str) -> Json:
    """The provider's secret; AWS ends its name with six characters of its own."""
    return allow(why, "secretsmanager:GetSecretValue", arn("secretsmanager", f"secret:{own('fsp')}-??????"))


SAY_WHEN_ALL_IS_DONE = rows("runs", write="PutItem", why="SayWhenAllIsDone")


def log(function: str) -> Json:
    """Write to the function's own log group."""
    streams = arn("logs", f"log-group:/aws/lambda/{own(function)}:*")
    return {**allow("Log", "logs:CreateLogStream logs:PutLogEvents"), "Resource": streams}
