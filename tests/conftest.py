"""Fixtures for every test: a fixed time, the programme's figures, and the data stack's template on moto.

moto is imported where it is used. It takes more than two seconds of CPU, and neither the process that hands out the
tests nor those that simulate need it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from _pytest.assertion import rewrite
from botocore.session import Session as BotocoreSession
from hypothesis import HealthCheck, settings

import chalicelib
from chalicelib.aws import clients, json_protocol
from chalicelib.config import Programme, Settings, load_programme
from chalicelib.errors import DomainError
from infrastructure import data_stack

# An example is right or wrong however long it takes: the machine may be slow, or busy.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Importing the tests leaves no garbage, and looking for it was a sixth of that. Running them leaves some, which is
# looked for before every fifteenth test; looking for it all the time took a tenth of their CPU.
gc.set_threshold(100_000)

ROOT = Path(__file__).parent.parent
REGION = "ap-southeast-3"
AWS_CLIENT: Any = os.environ.get("GELOMBANG_AWS_CLIENT", "lean")
"""Every test holds for either way to DynamoDB and KMS."""
json_protocol.lean = AWS_CLIENT == "lean"
T0 = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)

CREATE_CLIENT = BotocoreSession.create_client
CLIENTS: dict[str, Any] = {}
"""On moto a client outlives its test, by all that it depends on: making it takes longer than five calls."""


def client_made_once(session: BotocoreSession, service_name: str, region_name: str | None = None, **given: Any) -> Any:
    """In place of botocore's `create_client`."""
    options = {name: vars(value) if name == "config" and value else value for name, value in sorted(given.items())}
    told = os.environ["AWS_ACCESS_KEY_ID"], os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
    made_from = repr((service_name, region_name, options, told))
    if made_from not in CLIENTS:
        CLIENTS[made_from] = CREATE_CLIENT(session, service_name, region_name, **given)
    return CLIENTS[made_from]


session_made_once = cache(boto3.Session)


def data_stack_made() -> dict[str, str]:
    """Create the data stack; its outputs."""
    from moto.cloudformation.models import cloudformation_backends
    from moto.core import DEFAULT_ACCOUNT_ID

    given = {"Stage": "test", "Protection": "off"}
    stacks = cloudformation_backends[DEFAULT_ACCOUNT_ID][REGION]
    stack = stacks.create_stack("gelombang-test-data", json.dumps(data_stack.template()), given, {})
    # moto's CloudFormation makes every key a symmetric one.
    kms = boto3.client("kms", REGION)
    for alias in ("mac", "contacts", "codes"):
        made = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
        kms.update_alias(AliasName=f"alias/gelombang-test-{alias}", TargetKeyId=made)
    # And it knows no secrets.
    secrets = {
        "fsp": {"api_key": "test-api-key", "callback_token": "test-callback-token"},
        "registry-answers": {"verify_with": {}, "transactions": "test-transactions"},
    }
    for name, secret in secrets.items():
        given = {"Name": f"gelombang-test-{name}", "SecretString": json.dumps(secret)}
        boto3.client("secretsmanager", REGION).create_secret(**given)
    return {output["OutputKey"]: output["OutputValue"] for output in stack.outputs}


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Let the second worker prepare tests from the last file on, until it meets what the first has prepared.

    Both would rewrite the assertions of all tests on a fresh machine, which takes as long as to import them.
    """
    config = session.config
    if os.environ.get("PYTEST_XDIST_WORKER") != "gw1" or config.args != config.getini("testpaths"):
        return
    for path in sorted(ROOT.glob("tests/**/test_*.py"), reverse=True):
        compiled = rewrite.get_cache_dir(path) / f"{path.stem}{rewrite.PYC_TAIL}"
        if sys.dont_write_bytecode or rewrite._read_pyc(path, compiled):
            return
        source_hash, code = rewrite._rewrite_test(path, config)
        compiled.parent.mkdir(exist_ok=True)
        rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source_hash, compiled)


def pytest_collection_finish() -> None:
    """What is there by now stays until the end: looking for garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(begun: Iterator[int] = count(1)) -> None:  # noqa: B008 - one for all calls
    """Give memory back before every fifteenth test.

    What moto keeps holds each other, and its transactions copy whole tables: all that would be found late, and the
    memory would stay with the process. What is found to be in use need not be looked at the next time.
    """
    number = next(begun)
    if number % 15 == 0:
        if number % 300 == 0:
            gc.unfreeze()  # what was in use may be garbage by now
        gc.collect()
        gc.freeze()
        with suppress(OSError, AttributeError):  # another C library has no such function
            ctypes.CDLL(None).malloc_trim(0)


def every_error() -> list[type[DomainError]]:
    """Every refusal that the application knows, by its code."""
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)
    found: list[type[DomainError]] = []
    waiting = [DomainError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            waiting.append(child)
            if "code" in vars(child) and child.__module__.startswith("chalicelib."):
                found.append(child)
    return sorted(set(found), key=lambda error: error.code)


@pytest.fixture(scope="session")
def programme() -> Programme:
    """The local stage's figures, with the real calendar, and so short that tests need not wait long for their end."""
    local, prod = load_programme("local"), load_programme("prod")
    calendar = msgspec.structs.replace(local.calendar, first_opens_at=prod.calendar.first_opens_at)
    training = msgspec.structs.replace(local.training, buy_within_s=75, cancel_within_s=20)
    payouts = msgspec.structs.replace(local.payouts, fsp_timeout_s=1)
    surveys = msgspec.structs.replace(local.surveys, after_s=(4, 600), open_s=300, remind_before_s=30)
    return msgspec.structs.replace(local, calendar=calendar, training=training, payouts=payouts, surveys=surveys)


@pytest.fixture(scope="session")
def strict_programme(programme: Programme) -> Programme:
    """The same, with production's figures for accounts."""
    return msgspec.structs.replace(programme, accounts=load_programme("prod").accounts)


@pytest.fixture(scope="session", autouse=True)
def moto_as_it_should_be() -> Iterator[None]:
    from tests.builders.aws import moto

    with pytest.MonkeyPatch.context() as patch:
        for change in (
            moto.make_quick,
            moto.one_call_at_a_time,
            moto.undo_what_was_touched,
            moto.make_key_pairs,
            moto.keep_addresses_that_bounced,
        ):
            change(patch)
        yield


@pytest.fixture(autouse=True)
def no_real_cloud() -> Iterator[None]:
    """Credentials that open nothing, so that a test that escapes moto fails instead of reaching an account.

    A test that undoes its own patches keeps them.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        yield


@pytest.fixture
def cloud(no_real_cloud: None) -> Iterator[Settings]:
    """The data stack, created on moto from the very template that production uses."""
    from moto import mock_aws

    from tests.builders.aws import moto

    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreSession, "create_client", client_made_once)
        patch.setattr(boto3, "DEFAULT_SESSION", session_made_once())
        patch.setattr(clients, "session", lambda: session_made_once()._session)
        outputs = moto.made_once(data_stack_made)
        yield Settings(
            stage="test",
            region=REGION,
            payouts_queue_url=outputs["PayoutsQueueUrl"],
            results_bucket=outputs["ResultsBucket"],
            results_url=outputs["ResultsUrl"],
            reports_bucket=outputs["ReportsBucket"],
            announcements_topic=outputs["AnnouncementsTopic"],
            beacon_relays=("http://beacon.invalid",),
            fsp_url="http://fsp.invalid",
            fsp_secret="gelombang-test-fsp",
            mails_queue_url=outputs["MailsQueueUrl"],
            awards_queue_url=outputs["AwardsQueueUrl"],
            codes_queue_url=outputs["CodesQueueUrl"],
            registry_queue_url=outputs["RegistryQueueUrl"],
            rp_id="gelombang.example",
            mail_domain="gelombang.example",
            public_url="https://api.invalid",
            aws_client=AWS_CLIENT,
        )


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Waves on the test's cloud, at `T0`, three days before wave 145 opens."""
    from tests.builders.waves import WavesWorld  # most tests need none of it

    return WavesWorld(cloud, programme, T0, monkeypatch)
