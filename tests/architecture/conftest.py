"""The template that a deployment would hand to CloudFormation, packaged once for all tests that look at it."""

from __future__ import annotations

from typing import Any

import pytest

from admin.deployment import package
from infrastructure import data_stack
from tests.conftest import REGION, ROOT

Template = dict[str, Any]


@pytest.fixture(scope="session")
def app_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    template, _ = package.chalice_package(ROOT, "test", REGION, tmp_path_factory.mktemp("package"))
    return template


@pytest.fixture(scope="session")
def data_template() -> Template:
    return data_stack.template()
