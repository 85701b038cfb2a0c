"""What MiniStack asks a function's role for and AWS does not, granted in the local cloud only.

The policies of `infrastructure/grants.py` hold what AWS knows. MiniStack takes `sqs:SendMessageBatch` for an action of
its own, where AWS counts it as `sqs:SendMessage`; and it holds SendEmail to a permission on `*`, whichever identity is
named.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from admin.deployment.stages import Aws

_NAME = "for-ministack"


def grant(aws: Aws, prefix: str) -> None:
    """Let the roles of all functions whose names begin with `prefix` do in MiniStack what they may do in AWS."""
    iam = aws.client("iam")
    for page in aws.client("lambda").get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            if function["FunctionName"].startswith(prefix):
                _grant(iam, function["Role"].rpartition("/")[2])


def _grant(iam: Any, role: str) -> None:
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    statements = list(besides(statement for policy in policies for statement in policy["Statement"]))
    if statements:
        document = {"Version": "2012-10-17", "Statement": statements}
        iam.put_role_policy(RoleName=role, PolicyName=_NAME, PolicyDocument=json.dumps(document))


def besides(statements: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The statements that MiniStack wants besides these."""
    for statement in statements:
        if "sqs:SendMessage" in statement["Action"]:
            yield {"Effect": "Allow", "Action": ["sqs:SendMessageBatch"], "Resource": statement["Resource"]}
        if "ses:SendEmail" in statement["Action"]:
            yield {"Effect": "Allow", "Action": ["ses:SendEmail"], "Resource": "*"}
