"""A deployed stage, as the command line sees it: where it is and the values it was deployed with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from chalicelib.config import BadConfiguration, Settings, settings_from_environment
from infrastructure.app_stack import API_STAGE, variable

from . import stacks

if TYPE_CHECKING:
    from chalicelib.wiring import Services

ROOT = Path(__file__).parents[2]

ADMINISTRATION_VARIABLE = "GELOMBANG_ADMINISTRATION_URL"


def data_stack(stage: str) -> str:
    """The name of the stack that outlives releases."""
    return f"gelombang-{stage}-data"


def app_stack(stage: str) -> str:
    """The name of the stack of a release: functions, API, schedules, roles."""
    return f"gelombang-{stage}-app"


def administration_stack(stage: str) -> str:
    """The name of the stack of the administration of a release: its API and function, and the permission sets."""
    return f"gelombang-{stage}-administration"


@dataclass(frozen=True)
class Aws:
    """An account's region or an emulator of one, found by the usual `AWS_*` variables."""

    region: str

    def client(self, service: str, config: Config | None = None) -> Any:
        return boto3.client(service, region_name=self.region, config=config)

    def endpoint(self, service: str) -> str:
        """The address of a service, without a slash at the end."""
        address: str = self.client(service).meta.endpoint_url
        return address.rstrip("/")

    @property
    def emulated(self) -> bool:
        """Whether this is an emulator: its public addresses are not those in a stack's outputs."""
        return bool(os.environ.get("AWS_ENDPOINT_URL"))


def connect() -> Aws:
    """The region named by the environment or the profile; raises `BadConfiguration` without one."""
    region = boto3.session.Session().region_name
    if not region:
        raise BadConfiguration(reason="no AWS region is named: set AWS_DEFAULT_REGION, such as ap-southeast-3")
    return Aws(region)


def caller() -> str:
    arn: str = connect().client("sts").get_caller_identity()["Arn"]
    return arn


def results_url(aws: Aws, data: Mapping[str, str]) -> str:
    """The public address of the results bucket; `data` are the data stack's outputs."""
    return f"{aws.endpoint('s3')}/{data['ResultsBucket']}" if aws.emulated else data["ResultsUrl"]


def api_url(aws: Aws, stack: Mapping[str, str]) -> str:
    """The address of an API, without a slash at the end; `stack` are the outputs of its stack."""
    if aws.emulated:
        return f"{aws.endpoint('apigateway')}/restapis/{stack['RestAPIId']}/{API_STAGE}/_user_request_"
    return stack["EndpointURL"].rstrip("/")


def administration_url(stage: str) -> str:
    """The address of the administration of a stage, without a slash at the end.

    `ADMINISTRATION_VARIABLE` has it for those who may not look into CloudFormation, as a permission set does not let
    them. Raises `BadConfiguration` if the stage has none.
    """
    if told := os.environ.get(ADMINISTRATION_VARIABLE):
        return told.rstrip("/")
    aws = connect()
    return api_url(aws, stacks.outputs(found(aws, stage, administration_stack(stage))))


@dataclass(frozen=True)
class Stage:
    name: str
    api_url: str
    settings: Settings

    @cached_property
    def services(self) -> Services:
        """The domain's services, wired to this stage as its functions are."""
        from chalicelib import wiring  # only the commands that use a service pay for importing it

        return wiring.build(self.settings)


def is_production(data: Mapping[str, Any]) -> bool:
    """Whether a data stack says that its stage is production; if it says nothing, whether it is protected."""
    values = stacks.parameters(data)
    return values.get("Production", "yes" if values.get("Protection") != "off" else "no") == "yes"


def found(aws: Aws, name: str, stack: str) -> dict[str, Any]:
    """CloudFormation's description of a stack of a stage. Raises `BadConfiguration` if there is none."""
    there = stacks.Stacks(aws.client("cloudformation"), lambda _: None).find(stack)
    if there is None:
        raise BadConfiguration(
            reason=f"there is no stage {name} in {aws.region}: `gelombang deploy --stage {name}` makes it"
        )
    return there


def load(name: str) -> Stage:
    """Find a deployed stage. Raises `BadConfiguration` if there is none."""
    aws = connect()
    stack = found(aws, name, app_stack(name))
    return Stage(name, api_url(aws, stacks.outputs(stack)), settings(stacks.parameters(stack), aws))


def settings(values: Mapping[str, str], aws: Aws) -> Settings:
    """What the functions of an app stack with these parameters are told."""
    return settings_from_environment(function_environment(values, aws.region))


def function_environment(values: Mapping[str, str], region: str) -> dict[str, str]:
    """The environment of every function: each parameter `MailDomain` of the app stack as `GELOMBANG_MAIL_DOMAIN`."""
    return {variable(name): value for name, value in values.items()} | {"AWS_REGION": region}
