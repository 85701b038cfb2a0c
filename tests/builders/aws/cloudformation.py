"""CloudFormation as deployments see it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from admin.deployment.stacks import Stacks, Template

ARN = "arn:aws:cloudformation:ap-southeast-3:000000000000:stack/demo/1"
TEMPLATE = Template({"Parameters": {"Stage": {}, "Visibility": {"Default": 180}}, "Resources": {}})


class CloudFormation:
    """CloudFormation's side of the conversation, played from a script; `said` is everything it was asked to do."""

    def __init__(self, status: str | None, kept: dict[str, str] | None = None) -> None:
        self.status = status
        self.kept = kept or {}
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.proposal: dict[str, Any] = {"Status": "CREATE_COMPLETE"}
        self.changes = [{"ResourceChange": {"Action": "Add", "LogicalResourceId": "Queue"}}]
        self.refusal: str | None = None
        self.lost_answers = False
        """Whether each change comes twice, as boto3 sends it when the first answer was lost."""
        self.to_come: list[dict[str, Any]] = []
        self.events = [event("Old", "CREATE_COMPLETE", number=0)]

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if self.status is None:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        kept = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.kept.items()]
        return {"Stacks": [{"StackId": ARN, "StackStatus": self.status, "Parameters": kept}]}

    def create_change_set(self, **asked: Any) -> dict[str, str]:
        if self.refusal:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": self.refusal}}, "CreateChangeSet")
        self.said.append(("create_change_set", asked))
        if self.lost_answers:
            raise ClientError({"Error": {"Code": "AlreadyExistsException", "Message": "it exists"}}, "CreateChangeSet")
        return {"Id": "arn:changeset"}

    def describe_change_set(self, **_: Any) -> dict[str, Any]:
        if not self.proposal:
            raise ClientError({"Error": {"Code": "ChangeSetNotFound", "Message": "none"}}, "DescribeChangeSet")
        return self.proposal

    def delete_change_set(self, **asked: Any) -> None:
        self.said.append(("delete_change_set", asked))

    def execute_change_set(self, **asked: Any) -> None:
        self.said.append(("execute_change_set", asked))
        self.events = self.to_come[::-1] + self.events
        if self.lost_answers:
            self.proposal |= {"ExecutionStatus": "EXECUTE_IN_PROGRESS"}
            raise ClientError({"Error": {"Code": "InvalidChangeSetStatus", "Message": "busy"}}, "ExecuteChangeSet")

    def delete_stack(self, **asked: Any) -> None:
        self.said.append(("delete_stack", asked))
        self.events = [event("demo", "DELETE_COMPLETE", number=99), *self.events]
        self.status = None

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:
        return {"StackEvents": self.events}

    def describe_events(self, **_: Any) -> dict[str, Any]:
        wrong = {"ValidationStatus": "FAILED", "ResourceType": "AWS::S3::Bucket"}
        return {
            "OperationEvents": [
                {"OperationId": "2", "ResourceStatus": "CREATE_FAILED"},
                wrong | {"OperationId": "2", "LogicalResourceId": "Bucket", "ValidationStatusReason": "it exists"},
                wrong | {"OperationId": "1", "LogicalResourceId": "Bucket", "ValidationStatusReason": "of last time"},
            ]
        }

    def get_paginator(self, name: str) -> Any:
        pages = {"describe_change_set": {"Changes": self.changes}, "describe_stack_events": None}
        client = self

        class Paginator:
            def paginate(self, **_: Any) -> list[dict[str, Any]]:
                return [pages[name] or {"StackEvents": client.events}]

        return Paginator()

    def done(self, name: str) -> list[dict[str, Any]]:
        return [asked for said, asked in self.said if said == name]


def event(resource: str, status: str, reason: str | None = None, number: int = 1) -> dict[str, Any]:
    return {
        "EventId": f"{resource}-{status}-{number}",
        "StackId": ARN,
        "StackName": "demo",
        "LogicalResourceId": resource,
        "PhysicalResourceId": ARN if resource == "demo" else resource,
        "ResourceType": "AWS::SQS::Queue",
        "ResourceStatus": status,
        **({"ResourceStatusReason": reason} if reason else {}),
    }


def stacks(cloudformation: CloudFormation) -> tuple[Stacks, list[str]]:
    lines: list[str] = []
    return Stacks(cloudformation, lines.append, sleep=lambda _: None, wait_s=30), lines
