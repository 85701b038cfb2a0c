"""Administrators of the local cloud: users with permission sets, and what each set lets them do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress

import boto3
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from admin.commands.administered import COMMANDS
from admin.deployment import stages
from admin.office import route
from chalicelib.administration.identity import SETS

PROPOSING = tuple(name for name in SETS if name != "checker")
"""The permission sets of whoever proposes; `checker` is another person's."""


def user(name: str, sets: Collection[str], stage: str) -> dict[str, str]:
    """Make a user with permission sets of a stage. Returns the environment in which commands are this user's."""
    iam = boto3.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):  # boto3 asks again where an answer was lost
        iam.create_user(UserName=name)
    account = boto3.client("sts").get_caller_identity()["Account"]
    for one in sets:
        iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::{account}:policy/gelombang-{stage}-{one}")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        stages.ADMINISTRATION_VARIABLE: stages.administration_url(stage),
    }


def wrong_rights(stage: str) -> Iterator[str]:
    """Call every command as a user of each permission set, and as others; yields what is not as it should be.

    What is sent is no request, so nothing is done where a user is let through.
    """
    pool, url = urllib3.PoolManager(), stages.administration_url(stage)
    for name in SETS:
        own = user(f"only-{name}", [name], stage)
        for words, command in COMMANDS.items():
            status = _call(pool, url + route(words), own)
            if status != (400 if name in command.sets else 403):
                yield f"gelombang {words} as {name}: the administration answers with {status}"
    whole = user("everything", SETS, stage)
    first = url + route(next(iter(COMMANDS)))
    strangers = {
        "a user without a set": user("nobody", [], stage),
        "a user with another key": whole | {"AWS_SECRET_ACCESS_KEY": "wrong"},
        "a stranger": None,
    }
    for name, keys in strangers.items():
        if (status := _call(pool, first, keys)) != 403:
            yield f"{name}: the administration answers with {status}"
    yield from _ways_round(stage, whole)


def _call(pool: urllib3.PoolManager, url: str, keys: Mapping[str, str] | None) -> int:
    """The status of the answer to a body that is no request, signed with a user's keys if there are any."""
    request = AWSRequest("POST", url, headers={"Content-Type": "application/json"}, data=b"[]")
    if keys is not None:
        credentials = Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
        SigV4Auth(credentials, "execute-api", stages.connect().region).add_auth(request)
    status: int = pool.request("POST", url, body=b"[]", headers=dict(request.headers.items())).status
    return status


def _ways_round(stage: str, keys: Mapping[str, str]) -> Iterator[str]:
    """Whatever a user with all permission sets may do besides calling commands: nothing."""
    session = boto3.session.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
    row = {"pk": {"S": "CONTROL"}, "sk": {"S": "PAUSE"}}
    settings = stages.load(stage).settings
    for service, operation, asked in (
        ("lambda", "invoke", {"FunctionName": f"gelombang-{stage}-administer", "Payload": b"{}"}),
        ("lambda", "invoke", {"FunctionName": f"gelombang-{stage}-pay", "Payload": b"{}"}),
        ("dynamodb", "get_item", {"TableName": f"gelombang-{stage}-payouts", "Key": row}),
        ("dynamodb", "put_item", {"TableName": f"gelombang-{stage}-payouts", "Item": row}),
        ("sqs", "send_message", {"QueueUrl": settings.payouts_queue_url, "MessageBody": "{}"}),
        ("kms", "decrypt", {"KeyId": f"alias/gelombang-{stage}-data", "CiphertextBlob": b"sealed"}),
        ("s3", "put_object", {"Bucket": settings.results_bucket, "Key": "draws/1/note", "Body": b""}),
    ):
        try:
            getattr(session.client(service), operation)(**asked)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403} and "AccessDenied" in str(error):
                continue
        yield f"a user with all permission sets may {service}:{operation}"
