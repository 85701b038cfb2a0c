"""The end of a stage: everything goes, also what CloudFormation alone would stumble over; a protected one stays."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from moto import mock_aws

from admin.commands.stage import destroy as destroy_command
from admin.deployment.deploy import destroy
from admin.deployment.stacks import DeployFailed
from chalicelib.config import Settings
from infrastructure import data_stack
from tests.conftest import REGION


def test_a_stage_goes_with_every_version_of_what_it_published(cloud: Settings):
    s3 = boto3.client("s3", REGION)
    for body in (b"first", b"second"):
        s3.put_object(Bucket=cloud.results_bucket, Key="draws/1/note", Body=body)
    s3.delete_object(Bucket=cloud.results_bucket, Key="draws/1/note")
    lines: list[str] = []

    destroy("test", lines.append)

    assert f"emptying {cloud.results_bucket}" in lines
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=cloud.results_bucket)
    with pytest.raises(ClientError, match="does not exist"):
        boto3.client("cloudformation", REGION).describe_stacks(StackName="gelombang-test-data")


def test_destroying_again_finds_nothing_to_do(cloud: Settings):
    destroy("test", lambda _: None)
    lines: list[str] = []

    destroy("test", lines.append)

    assert lines == ["gelombang-test-app: not there"]


@pytest.mark.parametrize(
    ("kept", "refusal"),
    [
        ({"Production": "yes"}, "staging is production"),
        ({"Production": "yes", "Protection": "off"}, "staging is production"),
        ({"Production": "no"}, "staging is protected"),
    ],
)
def test_a_production_stage_and_a_protected_one_stay(no_real_cloud: None, kept: dict[str, str], refusal: str):
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
        told = CliRunner().invoke(destroy_command, ["--stage", "staging", "--yes"])
        assert (told.exit_code, refusal in told.output) == (1, True)
        assert boto3.client("dynamodb", REGION).describe_table(TableName="gelombang-staging-waves")


def test_without_yes_the_name_of_the_stage_is_typed(cloud: Settings):
    for typed in ("y", "yes", "prod", ""):
        told = CliRunner().invoke(destroy_command, ["--stage", "test"], input=f"{typed}\n")
        assert (told.exit_code, "nothing was deleted" in told.output) == (1, True)
    assert boto3.client("s3", REGION).head_bucket(Bucket=cloud.results_bucket)
    assert CliRunner().invoke(destroy_command, ["--stage", "test"], input="test\n").exit_code == 0
