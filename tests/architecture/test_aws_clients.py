"""Every client of AWS is built in one place, with time-outs that fit into a request."""

from __future__ import annotations

import re

from chalicelib.aws import clients
from chalicelib.config import API_TIMEOUT_S
from tests.conftest import REGION, ROOT

BUILDS_A_CLIENT = re.compile(r"boto3\.(client|resource|session|Session)\(|^\s*(import|from) boto3\b", re.MULTILINE)


def test_clients_are_built_in_one_place_only():
    package = ROOT / "chalicelib"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if BUILDS_A_CLIENT.search(path.read_text())
    }
    assert found == {"aws/clients.py"}


def test_a_client_gives_up_a_call_within_a_request():
    for service in ("sqs", "secretsmanager", "kms"):
        config = clients.client(service, REGION).meta.config
        assert config.connect_timeout + config.read_timeout < API_TIMEOUT_S
        assert config.retries["mode"] == "standard"
