"""What a change set would lose: data that it removes or replaces, and protection that it takes away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from .stacks import DeployFailed

API = "AWS::ApiGateway::RestApi"
"""No property of it makes AWS replace it (the local cloud says so of any change)."""
HOLDS_DATA = frozenset(
    {
        *("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::SQS::Queue"),
        *("AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::Cognito::UserPool", "AWS::Backup::BackupVault"),
        *("AWS::SecretsManager::Secret", "AWS::SSM::Parameter"),  # what was put there by hand
        "AWS::KMS::Alias",  # which key is meant: no mac that was made with another one matches
        "AWS::SNS::Topic",  # who subscribed by hand: alarms would ring to nobody
        "AWS::SES::EmailIdentity",  # its proof is in a domain's DNS
        *(API, "AWS::ApiGateway::DomainName"),  # the address in mails and at the provider
    }
)
"""What no deployment makes again as it was; a test decides of every other kind in our stacks that it does."""
PROTECTS = frozenset(
    {
        *("DeletionPolicy", "UpdateReplacePolicy", "DeletionProtectionEnabled", "DeletionProtection"),
        *("PointInTimeRecoverySpecification", "VersioningConfiguration", "LifecycleConfiguration"),
        *("PendingWindowInDays", "Enabled", "EnableKeyRotation", "KeyPolicy", "SSESpecification", "BucketEncryption"),
        *("TimeToLiveSpecification", "ObjectLockConfiguration", "MessageRetentionPeriod", "RetentionInDays"),
        *("TargetKeyId", "RedrivePolicy", "SecretString", "GenerateSecretString"),
    }
)
"""Attributes and properties by whose change what is held may be lost at once or later, without another word."""
BY_PARAMETER = "Protection"
"""What changes because of it was decided with that parameter, which production refuses."""

Type = Callable[[str], str]
"""Asks somebody to type a text; gives what was typed."""


def losses(changes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Say, by resource name, how data would be lost at once or could be later."""
    found: dict[str, str] = {}
    for change in changes:
        name, kind = str(change["LogicalResourceId"]), change.get("ResourceType")
        if kind not in HOLDS_DATA:
            continue
        if change["Action"] == "Remove":
            found[name] = "removed"
        elif kind != API and change.get("Replacement") in {"True", "Conditional"}:
            found[name] = "replaced"
        elif less := sorted(_protection(change)):
            found[name] = f"changed in {', '.join(less)}"
    return found


def _protection(change: Mapping[str, Any]) -> set[str]:
    if change["Action"] != "Modify":
        return set()
    touched = set()
    for detail in change.get("Details", []):
        target = detail.get("Target", {})
        name = target.get("Name") if target.get("Attribute") == "Properties" else target.get("Attribute")
        if name in PROTECTS and detail.get("CausingEntity") != BY_PARAMETER:
            touched.add(str(name))
    return touched


class Consent:
    """Lets a change set go on only if the name of each resource that would lose something was typed.

    `names` were given beforehand; `typed` asks for the others, None where nobody can be asked.
    """

    def __init__(self, names: Collection[str] = (), typed: Type | None = None) -> None:
        self._names = frozenset(names)
        self._typed = typed

    def __call__(self, stack: str, changes: Iterable[Mapping[str, Any]]) -> None:
        """Raises `DeployFailed`."""
        for name, how in losses(changes).items():
            if name in self._names:
                continue
            said = f"{stack}: {name} holds what no deployment makes again, and would be {how}"
            if self._typed is None:
                raise DeployFailed(f"{said}; nothing was changed. If that is meant: --remove {name}")
            if self._typed(f"{said}. Type its name if that is meant") != name:
                raise DeployFailed(f"{said}; that was not its name, and nothing was changed")
