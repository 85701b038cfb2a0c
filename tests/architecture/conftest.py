"""The stacks that a deployment would hand to CloudFormation, packaged once for all tests that look at them."""

from __future__ import annotations

from typing import Any

import pytest

from admin.deployment import package
from infrastructure import data_stack
from infrastructure.functions import FUNCTIONS as DESCRIBED
from tests.conftest import REGION, ROOT

Template = dict[str, Any]
FUNCTIONS = {function.logical_id: function.name for function in DESCRIBED}
"""By their logical ids. Tests of docs/architecture.md and of the policies hold which there are."""


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, Template]:
    """Of the app stack and of the administration's."""
    app, administration, _ = package.chalice_package(ROOT, "test", REGION, tmp_path_factory.mktemp("package"))
    return app, administration


@pytest.fixture(scope="session")
def app_template(templates: tuple[Template, Template]) -> Template:
    return templates[0]


@pytest.fixture(scope="session")
def administration_template(templates: tuple[Template, Template]) -> Template:
    return templates[1]


@pytest.fixture(scope="session")
def data_template() -> Template:
    return data_stack.template()


@pytest.fixture(scope="session")
def functions(app_template: Template) -> Template:
    return of_type(app_template, "AWS::Serverless::Function")


@pytest.fixture(scope="session")
def queues(data_template: Template) -> Template:
    return of_type(data_template, "AWS::SQS::Queue")


@pytest.fixture(scope="session")
def alarms(app_template: Template) -> list[Template]:
    """Those of the functions; the data stack has the others."""
    return list(of_type(app_template, "AWS::CloudWatch::Alarm").values())


@pytest.fixture(scope="session")
def schedules(functions: Template) -> dict[str, str]:
    """When each function comes by itself."""
    found = events(functions, "Schedule")
    return {FUNCTIONS[name.removesuffix("Event")]: event["Schedule"] for name, event in found.items()}


def of_type(template: Template, kind: str) -> Template:
    """The properties of every resource of a type, by logical id."""
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == kind}


def events(functions: Template, kind: str) -> Template:
    """What invokes functions in this way, by the event's own id."""
    found = [event for function in functions.values() for event in function.get("Events", {}).items()]
    return {name: event["Properties"] for name, event in found if event["Type"] == kind}
