"""Nothing that holds data is lost by a flag: its name is typed, and a production stage stays one."""

from __future__ import annotations

from typing import Any

import pytest

from admin.deployment import deploy, stages
from admin.deployment.stacks import HOLDS_DATA, Consent, DeployFailed, Template, losses
from infrastructure import data_stack
from tests.admin.test_deploy_stacks import TEMPLATE, CloudFormation, event, stacks

TABLE = "AWS::DynamoDB::Table"


def change(kind: str, action: str = "Modify", **more: Any) -> dict[str, Any]:
    return {"Action": action, "ResourceType": kind, "LogicalResourceId": "It", **more}


def touching(name: str, attribute: str = "Properties", **more: Any) -> dict[str, Any]:
    return {"Replacement": "False", "Details": [{"Target": {"Attribute": attribute, "Name": name}, **more}]}


LOST = {
    "a table is removed": (change(TABLE, "Remove"), "removed"),
    "a bucket is removed": (change("AWS::S3::Bucket", "Remove"), "removed"),
    "a key is removed, whose deletion is then pending": (change("AWS::KMS::Key", "Remove"), "removed"),
    "a secret is removed": (change("AWS::SecretsManager::Secret", "Remove"), "removed"),
    "a key schema changes": (change(TABLE, Replacement="True"), "replaced"),
    "a bucket has another name": (change("AWS::S3::Bucket", Replacement="True"), "replaced"),
    "a key may be replaced": (change("AWS::KMS::Key", Replacement="Conditional"), "replaced"),
    "the pool is replaced": (change("AWS::Cognito::UserPool", Replacement="True"), "replaced"),
    "recovery to a point in time ends": (
        change(TABLE, **touching("PointInTimeRecoverySpecification")),
        "changed in PointInTimeRecoverySpecification",
    ),
    "deletion protection ends": (
        change(TABLE, **touching("DeletionProtectionEnabled")),
        "changed in DeletionProtectionEnabled",
    ),
    "it is no longer retained": (change(TABLE, **touching("", "DeletionPolicy")), "changed in DeletionPolicy"),
    "nor when it is replaced": (
        change("AWS::S3::Bucket", **touching("", "UpdateReplacePolicy")),
        "changed in UpdateReplacePolicy",
    ),
    "versions end": (
        change("AWS::S3::Bucket", **touching("VersioningConfiguration")),
        "changed in VersioningConfiguration",
    ),
    "a key waits for its deletion less long": (
        change("AWS::KMS::Key", **touching("PendingWindowInDays")),
        "changed in PendingWindowInDays",
    ),
    "a key is disabled": (change("AWS::KMS::Key", **touching("Enabled")), "changed in Enabled"),
    "rows end earlier": (
        change(TABLE, **touching("TimeToLiveSpecification")),
        "changed in TimeToLiveSpecification",
    ),
    "a topic is removed, with who subscribed by hand": (change("AWS::SNS::Topic", "Remove"), "removed"),
    "a topic has another name": (change("AWS::SNS::Topic", Replacement="True"), "replaced"),
    "an alias is removed": (change("AWS::KMS::Alias", "Remove"), "removed"),
    "an alias has another name": (change("AWS::KMS::Alias", Replacement="True"), "replaced"),
    "an alias means another key": (change("AWS::KMS::Alias", **touching("TargetKeyId")), "changed in TargetKeyId"),
    "the key that an alias means is replaced": (
        change("AWS::KMS::Alias", **touching("TargetKeyId", CausingEntity="MacKey")),
        "changed in TargetKeyId",
    ),
    "a secret is made anew over what was put there": (
        change("AWS::SecretsManager::Secret", **touching("GenerateSecretString")),
        "changed in GenerateSecretString",
    ),
    "a secret is written over": (
        change("AWS::SecretsManager::Secret", **touching("SecretString")),
        "changed in SecretString",
    ),
    "messages that fail are no longer put by": (
        change("AWS::SQS::Queue", **touching("RedrivePolicy")),
        "changed in RedrivePolicy",
    ),
    "the API has another address": (change("AWS::ApiGateway::RestApi", "Remove"), "removed"),
    "a domain's proof is gone": (change("AWS::SES::EmailIdentity", "Remove"), "removed"),
    "a parameter is removed": (change("AWS::SSM::Parameter", "Remove"), "removed"),
}
KEPT = {
    "a function is replaced": change("AWS::Lambda::Function", Replacement="True"),
    "an alarm is removed": change("AWS::CloudWatch::Alarm", "Remove"),
    "a table is added": change(TABLE, "Add"),
    "a table has one index more": change(TABLE, **touching("GlobalSecondaryIndexes")),
    "a topic has another display name": change("AWS::SNS::Topic", **touching("DisplayName")),
    "the API has one route more": change("AWS::ApiGateway::RestApi", **touching("Body")),
    "the local cloud says so of the API": change("AWS::ApiGateway::RestApi", Replacement="True"),
    "who signs in has another client": change("AWS::Cognito::UserPoolClient", Replacement="True"),
    "a queue has another consumer": change("AWS::Lambda::EventSourceMapping", Replacement="True"),
    "tags change": change(TABLE, **touching("", "Tags")),
    "the stage is protected by its parameter": change(
        TABLE, **touching("DeletionProtectionEnabled", CausingEntity="Protection")
    ),
}


@pytest.mark.parametrize(("one", "how"), LOST.values(), ids=LOST)
def test_without_its_name_nothing_is_changed_and_with_it_all_is(one: dict[str, Any], how: str) -> None:
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
def test_of_what_loses_nothing_nobody_is_asked(one: dict[str, Any]) -> None:
    Consent(typed=pytest.fail)("demo", [one])


def test_all_that_is_retained_in_our_own_stacks_is_known_to_hold_data() -> None:
    kinds = {
        resource["Type"] for resource in data_stack.template()["Resources"].values() if "DeletionPolicy" in resource
    }
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
def test_production_is_what_the_first_deployment_made_it_whatever_the_name(
    name: str, before: dict[str, Any] | None, given: dict[str, str], protection: str, outcome: str | None
) -> None:
    if outcome is None:
        with pytest.raises(DeployFailed, match=f"{name} is (no )?production"):
            deploy._production(name, given, protection, before)
    else:
        assert deploy._production(name, given, protection, before) == outcome


def test_the_template_records_it() -> None:
    declared = data_stack.template()
    assert declared["Parameters"]["Production"]["AllowedValues"] == ["yes", "no"]
    assert declared["Outputs"]["Production"] == {"Value": {"Ref": "Production"}}
    assert stages.is_production(stage(Production="yes", Protection="off"))
    assert Template(declared).body
