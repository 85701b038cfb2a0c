"""CloudFormation stacks: created or changed by a change set, watched meanwhile, and deleted.

It also finds what a change set would lose: data that it removes or replaces, and protection that it takes away.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

Report = Callable[[str], None]
"""Reports one line of progress."""

Count = Callable[[str, int, int], None]
"""Reports a stack, how many of its resources are done, and how many there are to do."""

_NOTHING_TO_CHANGE = ("didn't contain changes", "No updates are to be performed")
_CONSEQUENCE = "cancelled"
"""Resources that were given up because another one failed have this word in their reason."""


class DeployFailed(Exception):
    """A deployment stopped. The message tells an operator why, and what holds now."""


@dataclass(frozen=True)
class Template:
    """A template and where CloudFormation finds it: in the request, or (above 51,200 bytes) in a bucket."""

    document: Mapping[str, Any]
    url: str | None = None

    @property
    def body(self) -> str:
        return json.dumps(self.document, separators=(",", ":"))


class Stacks:
    """The stacks of one account and region. With `count`, finished resources are counted instead of listed."""

    def __init__(
        self,
        cloudformation: Any,
        report: Report,
        sleep: Callable[[float], None] = time.sleep,
        wait_s: float = 3600,
        count: Count | None = None,
        consent: Consent | None = None,
    ) -> None:
        self._consent = consent
        self._cfn = cloudformation
        self._report = report
        self._sleep = sleep
        self._wait_s = wait_s
        self._count = count

    def find(self, name: str) -> dict[str, Any] | None:
        """CloudFormation's description of a stack; None if there is none (a stack never executed counts as none)."""
        try:
            stack: dict[str, Any] = self._cfn.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        return None if stack["StackStatus"] in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} else stack

    def deploy(self, name: str, template: Template, given: Mapping[str, str]) -> bool:
        """Make the stack what the template and the given parameters say. Returns whether anything was changed.

        A parameter that is not given keeps the stack's value, else takes the template's default; without either this
        raises `DeployFailed`. So do a busy or broken stack, and a resource that fails: CloudFormation then rolls the
        stack back, and each failed resource is reported with its reason.
        """
        stack = self.find(name)
        if stack is not None and stack["StackStatus"] == "ROLLBACK_COMPLETE":
            self._report(f"{name}: its first creation had failed; it holds nothing and is deleted first")
            self.delete(name)
            stack = None
        if stack is not None and not stack["StackStatus"].endswith("_COMPLETE"):
            raise DeployFailed(f"{name} is {stack['StackStatus']}: wait until it is done, or repair it, then try again")
        kind = "CREATE" if stack is None else "UPDATE"
        change_set = self._propose(name, kind, template, _parameters(name, template.document, given, stack))
        changes = self._changes(name, change_set)
        if not changes:
            self._cfn.delete_change_set(StackName=name, ChangeSetName=change_set)
            self._report(f"{name}: no changes")
            return False
        self._report(f"{name}: {_summary(changes)}")
        if self._consent is not None:
            try:
                self._consent(name, changes)
            except DeployFailed:
                self._cfn.delete_change_set(StackName=name, ChangeSetName=change_set)
                raise
        seen = self._last_event(name)
        self._execute(name, change_set)
        self._watch(name, seen, f"{kind}_COMPLETE", len(changes))
        return True

    def delete(self, name: str) -> bool:
        """Delete a stack and wait; returns whether there was one. Raises `DeployFailed` if a resource stays."""
        stack = self.find(name)
        if stack is None:
            self._report(f"{name}: not there")
            return False
        seen = self._last_event(name)
        self._cfn.delete_stack(StackName=name)
        # A deleted stack can still be described by its id, not by its name.
        self._watch(stack["StackId"], seen, "DELETE_COMPLETE")
        return True

    def _propose(self, name: str, kind: str, template: Template, values: list[dict[str, Any]]) -> str:
        location = {"TemplateURL": template.url} if template.url else {"TemplateBody": template.body}
        change_set = f"gelombang-{uuid.uuid4().hex[:16]}"
        try:
            self._cfn.create_change_set(
                StackName=name,
                ChangeSetName=change_set,
                ChangeSetType=kind,
                Parameters=values,
                Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
                **location,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "AlreadyExistsException" and self._state(name, change_set):
                return change_set  # nobody else has this name: boto3 asked again because the answer was lost
            if error.response["Error"]["Code"] not in {"ValidationError", "AlreadyExistsException"}:
                raise
            raise DeployFailed(f"{name}: refused, nothing was changed: {error.response['Error']['Message']}") from error
        return change_set

    def _execute(self, name: str, change_set: str) -> None:
        try:
            self._cfn.execute_change_set(StackName=name, ChangeSetName=change_set)
        except ClientError as error:
            # boto3 asks again where an answer was lost: then the change set is already at work.
            if error.response["Error"]["Code"] != "InvalidChangeSetStatus":
                raise
            if not self._state(name, change_set).get("ExecutionStatus", "").startswith("EXECUTE_"):
                raise

    def _state(self, name: str, change_set: str) -> Mapping[str, Any]:
        """CloudFormation's description of a change set; empty if there is none."""
        try:
            found: Mapping[str, Any] = self._cfn.describe_change_set(StackName=name, ChangeSetName=change_set)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ChangeSetNotFound":
                raise
            return {}
        return found

    def _changes(self, name: str, change_set: str) -> list[dict[str, Any]]:
        """The changes of a change set once it is computed; none if the stack already is what was asked for."""
        for _ in self._polls():
            found = self._cfn.describe_change_set(StackName=name, ChangeSetName=change_set)
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "")
                if any(text in reason for text in _NOTHING_TO_CHANGE):
                    return []
                details = self._details(reason, ChangeSetName=change_set)
                self._cfn.delete_change_set(StackName=name, ChangeSetName=change_set)
                raise DeployFailed("\n".join([f"{name}: refused, nothing was changed: {reason}", *details]))
            if found["Status"] == "CREATE_COMPLETE":
                pages = self._cfn.get_paginator("describe_change_set").paginate(
                    StackName=name, ChangeSetName=change_set
                )
                return [change["ResourceChange"] for page in pages for change in page.get("Changes", [])]
        raise DeployFailed(f"{name}: the change set was not computed in {self._wait_s:.0f} s")

    def _details(self, reason: str, **where: str) -> list[str]:
        """What was found wrong before anything was begun, if the reason refers to it: one line a resource."""
        if "DescribeEvents" not in reason:
            return []
        events = self._cfn.describe_events(**where)["OperationEvents"]
        wrong = [event for event in events if event.get("ValidationStatus") == "FAILED"]
        return [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ValidationStatusReason']}"
            for event in wrong
            if event["OperationId"] == wrong[0]["OperationId"]  # the newest; older operations are listed too
        ]

    def _last_event(self, name: str) -> str | None:
        events = self._cfn.describe_stack_events(StackName=name)["StackEvents"]
        return events[0]["EventId"] if events else None

    def _watch(self, stack: str, seen: str | None, good: str, changes: int = 0) -> None:
        """Report events until the stack is at rest; raise `DeployFailed` unless it ends in the good state."""
        failures: list[str] = []
        done: set[str] = set()
        for _ in self._polls():
            # The stack's own events end the wait, not its status, which may still be the old one right after the start.
            for event in self._events_since(stack, seen):
                seen, status = event["EventId"], event["ResourceStatus"]
                if failure := _failure(event):
                    details = self._details(failure, StackName=stack)
                    failures += [failure, *details]
                    self._report("\n".join(["FAILED " + failure, *details]))
                if status.endswith("_IN_PROGRESS"):
                    continue
                if event["PhysicalResourceId"] != event["StackId"]:
                    if status.endswith("_COMPLETE"):
                        done.add(event["LogicalResourceId"])
                    self._tell(event, len(done), changes)
                    continue
                if status == good:
                    self._report(f"{event['StackName']}: {status}, {len(done)} resources")
                    return
                self._report(f"{event['StackName']}: {status}")
                reasons = "\n".join(failures) or event.get("ResourceStatusReason", "no reason given")
                raise DeployFailed(f"{event['StackName']} is {status}:\n{reasons}")
        raise DeployFailed(f"{stack}: not done after {self._wait_s:.0f} s; CloudFormation goes on by itself")

    def _tell(self, event: Mapping[str, Any], done: int, changes: int) -> None:
        if self._count is not None:
            self._count(event["StackName"], done, changes)
        else:
            self._report(f"{event['StackName']}: {event['LogicalResourceId']} {event['ResourceStatus']}")

    def _events_since(self, stack: str, seen: str | None) -> list[dict[str, Any]]:
        """The events after one already seen, oldest first."""
        new: list[dict[str, Any]] = []
        for page in self._cfn.get_paginator("describe_stack_events").paginate(StackName=stack):
            for event in page["StackEvents"]:
                if event["EventId"] == seen:
                    return new[::-1]
                new.append(event)
        return new[::-1]

    def _polls(self) -> Iterator[None]:
        """Yields at once, then after 0.2 s, then at growing intervals up to 5 s, until the patience is used up."""
        pause, waited = 0.2, 0.0
        while waited < self._wait_s:
            yield
            self._sleep(pause)
            waited += pause
            pause = min(pause * 1.5, 5.0)


def outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def parameters(stack: Mapping[str, Any]) -> dict[str, str]:
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}


def _parameters(
    name: str, document: Mapping[str, Any], given: Mapping[str, str], stack: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    kept = parameters(stack) if stack else {}
    result: list[dict[str, Any]] = []
    for key, declared in document.get("Parameters", {}).items():
        if key in given:
            result.append({"ParameterKey": key, "ParameterValue": given[key]})
        elif key in kept:
            result.append({"ParameterKey": key, "UsePreviousValue": True})
        elif "Default" not in declared:
            raise DeployFailed(f"{name} needs the parameter {key}: give it with --parameter {key}=...")
    return result


def _summary(changes: list[dict[str, Any]]) -> str:
    """`2 to add, 1 to modify`, and by name what is lost: resources to be removed or replaced."""
    counts = Counter(change["Action"].lower() for change in changes)
    lost = [c["LogicalResourceId"] for c in changes if c["Action"] == "Remove" or c.get("Replacement") == "True"]
    text = ", ".join(f"{count} to {action}" for action, count in sorted(counts.items()))
    return f"{text}; removed or replaced: {', '.join(lost)}" if lost else text


def _failure(event: Mapping[str, Any]) -> str | None:
    """`Pay (AWS::Lambda::Function): reason` if the event is a failure and not the consequence of one."""
    reason = event.get("ResourceStatusReason", "no reason given")
    if not event["ResourceStatus"].endswith("_FAILED") or _CONSEQUENCE in reason:
        return None
    return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"


API = "AWS::ApiGateway::RestApi"
"""AWS replaces it for no change of a property (the local cloud says it would for any)."""
HOLDS_DATA = frozenset(
    {
        *("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::SQS::Queue"),
        *("AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::Backup::BackupVault"),
        *("AWS::SecretsManager::Secret", "AWS::SSM::Parameter"),  # what was put there by hand
        "AWS::KMS::Alias",  # which key is used: no mac made with another key matches
        "AWS::SNS::Topic",  # subscriptions made by hand: alarms would ring for nobody
        "AWS::SES::EmailIdentity",  # its proof is in a domain's DNS
        *(API, "AWS::ApiGateway::DomainName"),  # the address in mails and at the provider
    }
)
"""What no deployment can make again with its content; a test decides that every other kind in our stacks can be."""
PROTECTS = frozenset(
    {
        *("DeletionPolicy", "UpdateReplacePolicy", "DeletionProtectionEnabled", "DeletionProtection"),
        *("PointInTimeRecoverySpecification", "VersioningConfiguration", "LifecycleConfiguration"),
        *("PendingWindowInDays", "Enabled", "EnableKeyRotation", "KeyPolicy", "SSESpecification", "BucketEncryption"),
        *("TimeToLiveSpecification", "ObjectLockConfiguration", "MessageRetentionPeriod", "RetentionInDays"),
        *("TargetKeyId", "RedrivePolicy", "SecretString", "GenerateSecretString"),
    }
)
"""Attributes and properties whose change may lose data, at once or later, without another warning."""
BY_PARAMETER = "Protection"
"""Its consequences were decided with that parameter, which production refuses."""

Type = Callable[[str], str]
"""Asks a person to type a text; returns what they typed."""


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

    `names` were given beforehand; `typed` asks for the others, None if nobody can be asked.
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
