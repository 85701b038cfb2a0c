"""Change sets: what is said and done when nothing changes, something changes, or something fails."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from admin.deployment.stacks import DeployFailed, Stacks, Template, outputs

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
        return {"Id": "arn:changeset"}

    def describe_change_set(self, **_: Any) -> dict[str, Any]:
        return self.proposal

    def delete_change_set(self, **asked: Any) -> None:
        self.said.append(("delete_change_set", asked))

    def execute_change_set(self, **asked: Any) -> None:
        self.said.append(("execute_change_set", asked))
        self.events = self.to_come[::-1] + self.events

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


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS"])
def test_a_stack_that_is_not_there_or_was_never_executed_is_created_and_watched(status):
    cloudformation = CloudFormation(status)
    cloudformation.to_come = [event("Queue", "CREATE_COMPLETE"), event("demo", "CREATE_COMPLETE")]
    deployer, lines = stacks(cloudformation)

    assert deployer.deploy("demo", TEMPLATE, {"Stage": "demo"}) is True

    assert cloudformation.done("create_change_set")[0]["ChangeSetType"] == "CREATE"
    assert lines == ["demo: 1 to add", "demo: Queue CREATE_COMPLETE", "demo: CREATE_COMPLETE, 1 resources"]


def test_resources_can_be_counted_instead_of_listed_and_failures_are_shown_all_the_same():
    cloudformation = CloudFormation(None)
    cloudformation.changes *= 3
    cloudformation.to_come = [
        event("Queue", "CREATE_COMPLETE"),
        event("Topic", "CREATE_COMPLETE"),
        event("Table", "CREATE_FAILED", "it exists"),
        event("demo", "ROLLBACK_COMPLETE"),
    ]
    lines: list[str] = []
    counts: list[tuple[str, int, int]] = []
    deployer = Stacks(cloudformation, lines.append, sleep=lambda _: None, count=lambda *each: counts.append(each))

    with pytest.raises(DeployFailed):
        deployer.deploy("demo", TEMPLATE, {"Stage": "demo"})

    assert counts[0] == ("demo", 1, 3)
    assert counts[-1] == ("demo", 2, 3)
    assert lines == ["demo: 3 to add", "FAILED Table (AWS::SQS::Queue): it exists", "demo: ROLLBACK_COMPLETE"]


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_without_changes_it_says_so_and_changes_nothing(reason):
    cloudformation = CloudFormation("CREATE_COMPLETE", {"Stage": "demo"})
    cloudformation.proposal = {"Status": "FAILED", "StatusReason": reason}
    deployer, lines = stacks(cloudformation)

    assert deployer.deploy("demo", TEMPLATE, {"Stage": "demo"}) is False

    assert lines == ["demo: no changes"]
    assert not cloudformation.done("execute_change_set")
    assert cloudformation.done("delete_change_set")


def test_a_parameter_that_is_not_given_keeps_its_value():
    cloudformation = CloudFormation("UPDATE_COMPLETE", {"Stage": "demo", "Visibility": "20"})
    cloudformation.to_come = [event("demo", "UPDATE_COMPLETE")]

    stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"})

    assert cloudformation.done("create_change_set")[0]["Parameters"] == [
        {"ParameterKey": "Stage", "ParameterValue": "demo"},
        {"ParameterKey": "Visibility", "UsePreviousValue": True},
    ]


def test_each_failed_resource_is_shown_with_its_reason_and_its_victims_are_not():
    cloudformation = CloudFormation("CREATE_COMPLETE", {"Stage": "demo"})
    cloudformation.to_come = [
        event("Queue", "UPDATE_FAILED", "VisibilityTimeout must be below 43200"),
        event("Topic", "UPDATE_FAILED", "Resource update cancelled"),
        event("demo", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Queue]."),
        event("demo", "UPDATE_ROLLBACK_COMPLETE"),
    ]
    deployer, lines = stacks(cloudformation)

    with pytest.raises(DeployFailed) as failed:
        deployer.deploy("demo", TEMPLATE, {})

    shown = "Queue (AWS::SQS::Queue): VisibilityTimeout must be below 43200"
    assert str(failed.value) == f"demo is UPDATE_ROLLBACK_COMPLETE:\n{shown}"
    assert f"FAILED {shown}" in lines


def test_what_was_found_wrong_beforehand_is_listed_resource_by_resource():
    cloudformation = CloudFormation(None)
    cloudformation.proposal = {"Status": "FAILED", "StatusReason": "Validation failed. Call DescribeEvents for more."}

    with pytest.raises(DeployFailed) as failed:
        stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"})

    assert str(failed.value).splitlines()[1:] == ["Bucket (AWS::S3::Bucket): it exists"]


def test_a_template_that_is_refused_outright_is_one_line():
    cloudformation = CloudFormation(None)
    cloudformation.refusal = "Template format error: Unrecognized resource types: [AWS::Nope]"

    with pytest.raises(DeployFailed, match="nothing was changed: Template format error"):
        stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"})


def test_a_stack_whose_first_creation_failed_is_deleted_and_made_again():
    cloudformation = CloudFormation("ROLLBACK_COMPLETE")
    cloudformation.to_come = [event("demo", "CREATE_COMPLETE")]

    assert stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"}) is True
    assert [said for said, _ in cloudformation.said] == ["delete_stack", "create_change_set", "execute_change_set"]


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", None])
def test_a_stack_that_is_busy_or_broken_or_wants_a_parameter_is_left_alone(status):
    cloudformation = CloudFormation(status, {"Stage": "demo"})

    with pytest.raises(DeployFailed, match=status or "--parameter Stage="):
        stacks(cloudformation)[0].deploy("demo", TEMPLATE, {})
    assert not cloudformation.said


def test_waiting_ends():
    cloudformation = CloudFormation("CREATE_COMPLETE", {"Stage": "demo"})
    cloudformation.to_come = [event("demo", "UPDATE_IN_PROGRESS")]

    with pytest.raises(DeployFailed, match="not done after 30 s"):
        stacks(cloudformation)[0].deploy("demo", TEMPLATE, {})


def test_what_is_lost_is_named():
    cloudformation = CloudFormation("CREATE_COMPLETE", {"Stage": "demo"})
    cloudformation.changes = [
        {"ResourceChange": {"Action": "Remove", "LogicalResourceId": "Topic"}},
        {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Pool", "Replacement": "True"}},
        {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Queue", "Replacement": "False"}},
    ]
    cloudformation.to_come = [event("demo", "UPDATE_COMPLETE")]
    deployer, lines = stacks(cloudformation)

    deployer.deploy("demo", TEMPLATE, {})

    assert lines[0] == "demo: 2 to modify, 1 to remove; removed or replaced: Topic, Pool"


def test_deleting_what_is_not_there_is_no_failure():
    assert stacks(CloudFormation(None))[0].delete("demo") is False


def test_a_large_template_is_read_from_the_bucket():
    cloudformation = CloudFormation(None)
    cloudformation.to_come = [event("demo", "CREATE_COMPLETE")]
    template = Template(TEMPLATE.document, url="https://s3/bucket/template.json")

    stacks(cloudformation)[0].deploy("demo", template, {"Stage": "demo"})

    asked = cloudformation.done("create_change_set")[0]
    assert asked["TemplateURL"] == "https://s3/bucket/template.json"
    assert "TemplateBody" not in asked


def test_outputs_are_read_by_name():
    assert outputs({"Outputs": [{"OutputKey": "Url", "OutputValue": "x"}]}) == {"Url": "x"}
