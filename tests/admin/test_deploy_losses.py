"""No data is lost by a flag: who is asked before what, and what keeps production."""

from __future__ import annotations

from typing import Any

import pytest

from admin.deployment import deploy, stages
from admin.deployment.stacks import HOLDS_DATA, Consent, DeployFailed, Template, losses
from infrastructure import data_stack
from tests.builders.aws.cloudformation import TEMPLATE, CloudFormation, event, stacks

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
