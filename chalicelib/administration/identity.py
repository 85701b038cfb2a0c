"""Who calls, by the gateway's word alone (docs/administration.md). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..values import Value
from .errors import UnnamedSession

SETS = ("viewer", "helpdesk", "operator", "maker", "checker", "auditor")
"""The permission sets. Where a stage has no IAM Identity Center, each is a role `gelombang-<stage>-<set>`."""
_IDENTITY_CENTER = re.compile(r"AWSReservedSSO_.+_[0-9a-f]{16}")
"""The roles that IAM Identity Center makes. AWS reserves their path, and the session's name is the user's."""
_LOCAL = "local"


class Principal(Value, frozen=True):
    """Who calls: their ARN, and the name in it in small letters, which they could not choose."""

    arn: str
    name: str


def principal(request_context: Mapping[str, Any], stage: str) -> Principal:
    """Who calls, by `identity.userArn` of API Gateway's request context.

    A user has its own name. A session has one if its role forces it: a role of IAM Identity Center, or one of this
    stage's own. The root has none but on the stage `local`. Raises `UnnamedSession`, also for another account's.
    """
    arn = str((request_context.get("identity") or {}).get("userArn") or "")
    service, account, resource = ([*arn.split(":", 5), *[""] * 6][place] for place in (2, 4, 5))
    name = ""
    match service, *resource.split("/"):
        case "iam", "user", *_, last:
            name = last
        case "sts", "assumed-role", role, session if _forces_names(role, stage):
            name = session
        case "iam", "root" if stage == _LOCAL:
            name = "root"
    if not name.strip() or account != str(request_context.get("accountId") or account):
        raise UnnamedSession(arn=arn or "-")
    return Principal(arn, name.strip().casefold())


def _forces_names(role: str, stage: str) -> bool:
    return bool(_IDENTITY_CENTER.fullmatch(role)) or role in {f"gelombang-{stage}-{name}" for name in SETS}
