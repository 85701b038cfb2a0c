"""Change sets: what is said and done when something changes or fails, and that no data is lost by a flag."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from admin.deployment import deploy, stages
from admin.deployment.stacks import HOLDS_DATA, Consent, DeployFailed, Stacks, Template, losses
from infrastructure import data_stack

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


def deployed() -> CloudFormation:
    """A stack that is there."""
    return CloudFormation("CREATE_COMPLETE", {"Stage": "demo"})


def refusal(cloudformation: CloudFormation) -> str:
    """Why a deployment fails."""
    with pytest.raises(DeployFailed) as failed:
        stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"})
    return str(failed.value)


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS"])
def test_a_missing_or_never_executed_stack_is_created_and_watched(status):
    cloudformation = CloudFormation(status)
    cloudformation.to_come = [event("Queue", "CREATE_COMPLETE"), event("demo", "CREATE_COMPLETE")]
    deployer, lines = stacks(cloudformation)

    assert deployer.deploy("demo", TEMPLATE, {"Stage": "demo"}) is True

    assert cloudformation.done("create_change_set")[0]["ChangeSetType"] == "CREATE"
    assert lines == ["demo: 1 to add", "demo: Queue CREATE_COMPLETE", "demo: CREATE_COMPLETE, 1 resources"]


def test_a_change_whose_answer_was_lost_and_that_boto3_sent_again_is_one_change():
    cloudformation = CloudFormation(None)
    cloudformation.lost_answers = True
    cloudformation.to_come = [event("Queue", "CREATE_COMPLETE"), event("demo", "CREATE_COMPLETE")]
    assert stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"}) is True
    assert len(cloudformation.done("execute_change_set")) == 1


def test_a_stack_that_somebody_else_created_meanwhile_is_not_changed():
    cloudformation = CloudFormation(None)
    cloudformation.lost_answers, cloudformation.proposal = True, {}
    assert refusal(cloudformation) == "demo: refused, nothing was changed: it exists"


def test_resources_may_be_counted_but_failures_are_still_listed():
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
def test_a_deployment_without_changes_says_so(reason):
    cloudformation = deployed()
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


def test_failed_resources_are_shown_without_those_cancelled_because_of_them():
    cloudformation = deployed()
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


def test_errors_found_before_the_deployment_are_listed_by_resource():
    cloudformation = CloudFormation(None)
    cloudformation.proposal = {"Status": "FAILED", "StatusReason": "Validation failed. Call DescribeEvents for more."}
    assert refusal(cloudformation).splitlines()[1:] == ["Bucket (AWS::S3::Bucket): it exists"]


def test_a_template_that_is_refused_outright_is_one_line():
    cloudformation = CloudFormation(None)
    cloudformation.refusal = "Template format error: Unrecognized resource types: [AWS::Nope]"
    assert "nothing was changed: Template format error" in refusal(cloudformation)


def test_a_stack_whose_creation_failed_is_deleted_and_created_again():
    cloudformation = CloudFormation("ROLLBACK_COMPLETE")
    cloudformation.to_come = [event("demo", "CREATE_COMPLETE")]

    assert stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"}) is True
    assert [said for said, _ in cloudformation.said] == ["delete_stack", "create_change_set", "execute_change_set"]


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", None])
def test_a_stack_that_is_busy_or_broken_or_lacks_a_parameter_is_not_changed(status):
    cloudformation = CloudFormation(status, {"Stage": "demo"})

    with pytest.raises(DeployFailed, match=status or "--parameter Stage="):
        stacks(cloudformation)[0].deploy("demo", TEMPLATE, {})
    assert not cloudformation.said


def test_waiting_for_a_stack_has_a_time_limit():
    cloudformation = deployed()
    cloudformation.to_come = [event("demo", "UPDATE_IN_PROGRESS")]
    assert "not done after 30 s" in refusal(cloudformation)


def test_resources_whose_data_would_be_lost_are_named():
    cloudformation = deployed()
    cloudformation.changes = [
        {"ResourceChange": {"Action": "Remove", "LogicalResourceId": "Topic"}},
        {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Pool", "Replacement": "True"}},
        {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Queue", "Replacement": "False"}},
    ]
    cloudformation.to_come = [event("demo", "UPDATE_COMPLETE")]
    deployer, lines = stacks(cloudformation)

    deployer.deploy("demo", TEMPLATE, {})

    assert lines[0] == "demo: 2 to modify, 1 to remove; removed or replaced: Topic, Pool"


def test_a_large_template_is_read_from_the_bucket():
    cloudformation = CloudFormation(None)
    cloudformation.to_come = [event("demo", "CREATE_COMPLETE")]
    template = Template(TEMPLATE.document, url="https://s3/bucket/template.json")

    stacks(cloudformation)[0].deploy("demo", template, {"Stage": "demo"})

    asked = cloudformation.done("create_change_set")[0]
    assert asked["TemplateURL"] == "https://s3/bucket/template.json"
    assert "TemplateBody" not in asked


TABLE = "AWS::DynamoDB::Table"


def change(kind: str, action: str = "Modify", **more: Any) -> dict[str, Any]:
    return {"Action": action, "ResourceType": kind, "LogicalResourceId": "It", **more}


def touching(name: str, attribute: str = "Properties", **more: Any) -> dict[str, Any]:
    return {"Replacement": "False", "Details": [{"Target": {"Attribute": attribute, "Name": name}, **more}]}


BUCKET, KEY, ALIAS, SECRET = "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::KMS::Alias", "AWS::SecretsManager::Secret"
TOPIC, API = "AWS::SNS::Topic", "AWS::ApiGateway::RestApi"

REMOVED = (TABLE, BUCKET, KEY, SECRET, TOPIC, ALIAS, API, "AWS::SES::EmailIdentity", "AWS::SSM::Parameter")
REPLACED = ((TABLE, "True"), (BUCKET, "True"), (KEY, "Conditional"), (TOPIC, "True"), (ALIAS, "True"))
CHANGED = (
    (TABLE, "PointInTimeRecoverySpecification"),
    (TABLE, "DeletionProtectionEnabled"),
    (TABLE, "TimeToLiveSpecification"),
    (BUCKET, "VersioningConfiguration"),
    (KEY, "PendingWindowInDays"),
    (KEY, "Enabled"),
    (ALIAS, "TargetKeyId"),
    (SECRET, "GenerateSecretString"),
    (SECRET, "SecretString"),
    ("AWS::SQS::Queue", "RedrivePolicy"),
)
LOST = {
    **{f"{kind} is removed": (change(kind, "Remove"), "removed") for kind in REMOVED},
    **{f"{kind} is replaced": (change(kind, Replacement=how), "replaced") for kind, how in REPLACED},
    **{f"{name} of {kind}": (change(kind, **touching(name)), f"changed in {name}") for kind, name in CHANGED},
    "it is no longer retained": (change(TABLE, **touching("", "DeletionPolicy")), "changed in DeletionPolicy"),
    "nor when it is replaced": (
        change(BUCKET, **touching("", "UpdateReplacePolicy")),
        "changed in UpdateReplacePolicy",
    ),
    "the key that an alias means is replaced": (
        change(ALIAS, **touching("TargetKeyId", CausingEntity="MacKey")),
        "changed in TargetKeyId",
    ),
}
KEPT = {
    "a function is replaced": change("AWS::Lambda::Function", Replacement="True"),
    "an alarm is removed": change("AWS::CloudWatch::Alarm", "Remove"),
    "a table is added": change(TABLE, "Add"),
    "a table has one index more": change(TABLE, **touching("GlobalSecondaryIndexes")),
    "a topic has another display name": change("AWS::SNS::Topic", **touching("DisplayName")),
    "the API has one route more": change("AWS::ApiGateway::RestApi", **touching("Body")),
    "the local cloud says so of the API": change("AWS::ApiGateway::RestApi", Replacement="True"),
    "a queue has another consumer": change("AWS::Lambda::EventSourceMapping", Replacement="True"),
    "tags change": change(TABLE, **touching("", "Tags")),
    "the stage is protected by its parameter": change(
        TABLE, **touching("DeletionProtectionEnabled", CausingEntity="Protection")
    ),
}


@pytest.mark.parametrize(("one", "how"), LOST.values(), ids=LOST)
def test_a_change_that_loses_data_needs_the_name_of_the_stack_typed(one: dict[str, Any], how: str) -> None:
    assert losses([one]) == {"It": how}
    for consent, good in (
        (Consent(), False),
        (Consent(["Other", "it"]), False),
        (Consent(typed=lambda _: "yes"), False),
        (Consent(typed=lambda _: ""), False),
        (Consent(["It"]), True),
        (Consent(typed=lambda _: "It"), True),
    ):
        cloudformation = CloudFormation("UPDATE_COMPLETE")
        cloudformation.changes = [{"ResourceChange": one}]
        cloudformation.to_come = [event("It", "UPDATE_COMPLETE"), event("demo", "UPDATE_COMPLETE")]
        deployer, _ = stacks(cloudformation)
        deployer._consent = consent
        if good:
            assert deployer.deploy("demo", TEMPLATE, {"Stage": "demo"}) is True
        else:
            with pytest.raises(DeployFailed, match=f"It holds what no deployment makes again, and would be {how}"):
                deployer.deploy("demo", TEMPLATE, {"Stage": "demo"})
        assert len(cloudformation.done("execute_change_set")) == good
        assert len(cloudformation.done("delete_change_set")) != good


@pytest.mark.parametrize("one", KEPT.values(), ids=KEPT)
def test_a_change_that_loses_no_data_is_not_asked_about(one: dict[str, Any]) -> None:
    Consent(typed=pytest.fail)("demo", [one])


def test_every_retained_resource_is_on_the_list_of_those_that_hold_data() -> None:
    resources = data_stack.template()["Resources"].values()
    kinds = {resource["Type"] for resource in resources if "DeletionPolicy" in resource}
    assert kinds <= HOLDS_DATA
    assert TABLE in kinds


def stage(**kept: str) -> dict[str, Any]:
    return {"Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in kept.items()]}


@pytest.mark.parametrize(
    ("before", "given", "protection", "outcome"),
    [
        (None, {}, "on", "yes"),
        (None, {}, "off", "no"),
        (None, {"Production": "no"}, "on", "no"),
        (None, {"Production": "yes"}, "off", None),
        (stage(Protection="on", Production="yes"), {}, "on", "yes"),
        (stage(Protection="on", Production="yes"), {"Production": "no"}, "on", None),
        (stage(Protection="on", Production="yes"), {"Production": "no"}, "off", None),
        (stage(Protection="on", Production="yes"), {}, "off", None),
        (stage(Protection="on"), {}, "on", "yes"),
        (stage(Protection="on"), {}, "off", None),
        (stage(Protection="on"), {"Production": "no"}, "on", None),
        (stage(Protection="off"), {}, "off", "no"),
        (stage(Protection="on", Production="no"), {}, "off", "no"),
        (stage(Protection="off", Production="no"), {"Production": "yes"}, "off", None),
        (stage(Protection="off", Production="no"), {"Production": "yes"}, "on", None),
        (stage(Protection="off", Production="no"), {}, "on", "no"),
    ],
)
@pytest.mark.parametrize("name", ["prod", "production", "test"])
def test_the_first_deployment_decides_whether_a_stage_is_production(
    name: str, before: dict[str, Any] | None, given: dict[str, str], protection: str, outcome: str | None
) -> None:
    if outcome is None:
        with pytest.raises(DeployFailed, match=f"{name} is (no )?production"):
            deploy._production(name, given, protection, before)
    else:
        assert deploy._production(name, given, protection, before) == outcome


def test_the_template_records_whether_the_stage_is_production() -> None:
    declared = data_stack.template()
    assert declared["Parameters"]["Production"]["AllowedValues"] == ["yes", "no"]
    assert declared["Outputs"]["Production"] == {"Value": {"Ref": "Production"}}
    assert stages.is_production(stage(Production="yes", Protection="off"))
    assert Template(declared).body
