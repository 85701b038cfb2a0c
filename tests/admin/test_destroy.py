"""Destroying a stage: every version of its files, nothing half done, and no protected stage."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from admin.deployment.deploy import destroy
from admin.deployment.stacks import DeployFailed
from infrastructure import data_stack
from tests.builders.commands import invoke
from tests.conftest import REGION, data_stack_made


@pytest.fixture
def results_bucket(no_real_cloud: None) -> Iterator[str]:
    """That of a stage whose stack CloudFormation knows, which `cloud` leaves out."""
    with mock_aws():
        yield data_stack_made()["ResultsBucket"]


def test_destroying_a_stage_deletes_every_version_of_its_files(results_bucket: str):
    s3 = boto3.client("s3", REGION)
    for body in (b"first", b"second"):
        s3.put_object(Bucket=results_bucket, Key="draws/1/note", Body=body)
    s3.delete_object(Bucket=results_bucket, Key="draws/1/note")
    lines: list[str] = []

    destroy("test", lines.append)

    assert f"emptying {results_bucket}" in lines
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=results_bucket)
    with pytest.raises(ClientError, match="does not exist"):
        boto3.client("cloudformation", REGION).describe_stacks(StackName="gelombang-test-data")


def test_a_stage_whose_permission_sets_are_in_use_is_not_half_destroyed(results_bucket: str) -> None:
    iam = boto3.client("iam", REGION)
    one = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [one]})
    arn = iam.create_policy(PolicyName="gelombang-test-maker", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_user(UserName="sari")
    iam.attach_user_policy(UserName="sari", PolicyArn=arn)
    for name in ("gelombang-test-maker", "AWSReservedSSO_maker"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    with pytest.raises(DeployFailed, match="nothing was deleted") as refused:
        destroy("test", pytest.fail)
    assert "maker to the user sari, " in str(refused.value)
    assert str(refused.value).endswith("maker to the role AWSReservedSSO_maker"), "its own role goes with the stack"
    iam.detach_user_policy(UserName="sari", PolicyArn=arn)
    iam.detach_role_policy(RoleName="AWSReservedSSO_maker", PolicyArn=arn)
    assert destroy("test", print)


def test_destroying_again_finds_nothing_to_do(results_bucket: str):
    destroy("test", lambda _: None)
    lines: list[str] = []

    destroy("test", lines.append)

    assert lines == ["gelombang-test-administration: not there", "gelombang-test-app: not there"]
    told = invoke(["destroy", "--stage", "test", "--yes"])
    assert (told.exit_code, told.stderr) == (1, "Error: there is no stage test, and nothing was deleted\n")


@pytest.mark.parametrize(
    ("kept", "refusal"),
    [
        ({"Production": "yes"}, "staging is production"),
        ({"Production": "yes", "Protection": "off"}, "staging is production"),
        ({"Production": "no"}, "staging is protected"),
    ],
)
def test_production_and_protected_stages_are_not_destroyed(no_real_cloud: None, kept: dict[str, str], refusal: str):
    with mock_aws():
        given = {"Stage": "staging"} | kept
        boto3.client("cloudformation", REGION).create_stack(
            StackName="gelombang-staging-data",
            TemplateBody=json.dumps(data_stack.template()),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        )

        with pytest.raises(DeployFailed, match=refusal):
            destroy("staging", lambda _: None)
        assert boto3.client("dynamodb", REGION).describe_table(TableName="gelombang-staging-waves")
        told = invoke(["destroy", "--stage", "staging", "--yes"])
        assert (told.exit_code, refusal in told.output) == (1, True)
        assert boto3.client("dynamodb", REGION).describe_table(TableName="gelombang-staging-waves")


def test_without_the_option_yes_the_stages_name_must_be_typed(results_bucket: str):
    for typed in ("y", "yes", "prod", ""):
        told = invoke(["destroy", "--stage", "test"], input=f"{typed}\n")
        assert (told.exit_code, "nothing was deleted" in told.output) == (1, True)
    assert boto3.client("s3", REGION).head_bucket(Bucket=results_bucket)
    assert invoke(["destroy", "--stage", "test"], input="test\n").exit_code == 0
