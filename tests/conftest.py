"""What every test may use: one frozen clock, the figures, and the cloud of the production template on moto."""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pickle
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache, partial
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any

import boto3
import msgspec
import pytest
from botocore.loaders import JSONFileLoader, create_loader
from botocore.session import Session as BotocoreSession
from hypothesis import HealthCheck, settings
from moto import mock_aws
from moto.cloudformation.models import Stack, cloudformation_backends
from moto.cognitoidp import models as cognito_models
from moto.core import DEFAULT_ACCOUNT_ID, models, responses
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.serialize import JSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import GlobalSecondaryIndex, LocalSecondaryIndex, Table
from moto.dynamodb.parsing import validators
from moto.kms import models as kms_models
from moto.sns import models as sns_models

import chalicelib
from chalicelib.aws import json_protocol
from chalicelib.config import Programme, Settings, load_programme
from chalicelib.errors import DomainError
from infrastructure import data_stack

# An example is right or wrong however long it takes: the machine may be slow, or busy.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

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


def pytest_collection_finish() -> None:
    """What is there by now stays until the end: looking for garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(finished: Iterator[int] = count(1)) -> None:  # noqa: B008 - one for all calls
    """Give memory back after every twentieth test.

    What moto keeps holds each other, and its transactions copy whole tables: all that would be found late, and the
    memory would stay with the process.
    """
    if next(finished) % 20 == 0:
        gc.collect()
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


@pytest.fixture(scope="session", autouse=True)
def quick_moto() -> Iterator[None]:
    """What takes most of a test's time on moto and is not under test is done once.

    For every stack moto makes an RSA key per KMS key (it encrypts with another one), and one per subscription, and
    reads the JSON template as YAML; for every pool it imports the one key that all its pools sign with; and botocore
    reads its endpoints and service models again for every session.
    """
    with pytest.MonkeyPatch.context() as patch:
        read_once = cache(partial(JSONFileLoader.load_file, JSONFileLoader()))
        patch.setattr(JSONFileLoader, "load_file", staticmethod(read_once))
        patch.setattr("botocore.session.create_loader", cache(create_loader))
        import_key, keys = cognito_models.jwk.RSAKey.import_key, dict[str, object]()
        patch.setattr(
            cognito_models.jwk.RSAKey,
            "import_key",
            lambda key: keys.get(key["n"]) or keys.setdefault(key["n"], import_key(key)),
        )
        patch.setattr(kms_models, "generate_private_key", cache(kms_models.generate_private_key))
        signing_key = cache(partial(sns_models.rsa.generate_private_key, 65537, 2048))
        patch.setattr(sns_models.Subscription, "private_key", lambda _: signing_key())
        patch.setattr(Stack, "parse_template", staticmethod(json.loads))
        patch.setattr(responses, "method_names_from_class", cache(responses.method_names_from_class))
        # Nothing here speaks HTTP through `requests`, for which every start of moto registers 700 patterns.
        patch.setattr(models, "RESPONSES_METHODS", [])
        structure = JSONSerializer._serialize_type_structure

        def serialize(serializer: Any, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:
            # Moto looks for each of the ten kinds of attributes under three names. It finds the one that it was given.
            if shape.name == "AttributeValue" and not value.keys() & {"B", "BS", "M", "L"}:
                serialized[key] = value
            else:
                structure(serializer, serialized, value, shape, key)

        patch.setattr(JSONSerializer, "_serialize_type_structure", serialize)
        # A query sorted the whole table, and every comparison looked first for the type of what it compared.
        query, cast_value = Table.query, DynamoType.cast_value.fget

        def of_partition(table: Table, partition: DynamoType, *given: Any, **more: Any) -> Any:
            if given[6] is None:  # no index
                vars(table)["all_items"] = table.items.get(partition, {}).values
            try:
                return query(table, partition, *given, **more)
            finally:
                vars(table).pop("all_items", None)

        patch.setattr(Table, "query", of_partition)
        plain = property(lambda attribute: attribute.value if attribute.type == "S" else cast_value(attribute))
        patch.setattr(DynamoType, "cast_value", plain)
        patch.setattr(validators, "deepcopy", lambda expression: pickle.loads(pickle.dumps(expression)))
        yield


@pytest.fixture(scope="session", autouse=True)
def transactions_undo_what_they_touched() -> Iterator[None]:
    """To be able to undo a transaction moto copies the whole table for each of its legs; here, the items that it names.

    And moto lists whatever it made until the cloud ends, each item too.
    """
    write = DynamoDBBackend.transact_write_items

    def transact(backend: Any, legs: list[dict[str, Any]]) -> None:
        before = []
        for [leg] in (leg.values() for leg in legs):
            table = backend.tables.get(leg["TableName"])
            if table is not None:
                key = leg.get("Key") or leg["Item"]
                place = [DynamoType(key[name]) for name in (table.hash_key_attr, table.range_key_attr)]
                before.append((table, place, deepcopy(table.get_item(*place))))
        try:
            write(backend, legs)
        except Exception:  # whatever moto refuses a transaction with, it is undone and raised again
            for table, (partition, sort), item in before:
                if item is None:
                    table.items[partition].pop(sort, None)
                else:
                    table.items[partition][sort] = item
            raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "__deepcopy__", lambda table, _: table, raising=False)
        patch.setattr(DynamoDBBackend, "transact_write_items", transact)
        for model in (Table, Item, LocalSecondaryIndex, GlobalSecondaryIndex):
            patch.setattr(model, "__new__", lambda cls, *_, **__: object.__new__(cls))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_call_at_a_time() -> Iterator[None]:
    """An operation is one moment on AWS, also among threads. On moto it is not.

    While a transaction copies the table to be able to undo itself another thread's write changes it under its hands, or
    is undone with it, and a query walks over what others add to.
    """
    process, moment = BotocoreStubber.process_request, RLock()

    def alone(stubber: BotocoreStubber, request: Any) -> Any:
        with moment:
            return process(stubber, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "process_request", alone)
        yield


@pytest.fixture(scope="session", autouse=True)
def addresses_as_at_cognito() -> Iterator[None]:
    """A confirmed account has a verified address; an address that is changed is not verified, and where the pool's
    schema says so it is never changed. Of all that moto does nothing.
    """
    pools = cognito_models.CognitoIdpBackend
    confirm, update = pools.confirm_sign_up, pools.update_user_attributes

    def verified(backend: Any, client_id: str, username: str) -> str:
        answer = confirm(backend, client_id, username)
        [pool] = [each for each in backend.user_pools.values() if client_id in each.clients]
        verified = [{"Name": "email_verified", "Value": "true"}]
        backend.admin_get_user(pool.id, username).update_attributes(verified)
        return answer

    def updated(backend: Any, access_token: str, attributes: list[dict[str, str]]) -> None:
        [pool] = [each for each in backend.user_pools.values() if access_token in each.access_tokens]
        names = {each["Name"] for each in attributes}
        if fixed := [
            name for name in names & pool.schema_attributes.keys() if not pool.schema_attributes[name].mutable
        ]:
            raise cognito_models.InvalidParameterException(f"user.{fixed[0]}: Attribute cannot be updated.")
        unproved = [{"Name": "email_verified", "Value": "false"}] if "email" in names else []
        update(backend, access_token, attributes + unproved)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "confirm_sign_up", verified)
        patch.setattr(pools, "update_user_attributes", updated)
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
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreSession, "create_client", client_made_once)
        patch.setattr(boto3, "DEFAULT_SESSION", session_made_once())
        patch.setattr("pynamodb.connection.base.get_session", lambda: session_made_once()._session)
        template, given = data_stack.template(), {"Stage": "test", "Protection": "off"}
        stacks = cloudformation_backends[DEFAULT_ACCOUNT_ID][REGION]
        stack = stacks.create_stack("gelombang-test-data", json.dumps(template), given, {})
        # moto's CloudFormation knows neither pools nor secrets: those two are created by hand.
        cognito = boto3.client("cognito-idp", REGION)
        said = template["Resources"]["UserPool"]["Properties"]
        same = {name: said[name] for name in ("UsernameAttributes", "AutoVerifiedAttributes", "Schema")}
        pool = cognito.create_user_pool(PoolName="gelombang-test", **same)["UserPool"]["Id"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.outputs}
        client = cognito.create_user_pool_client(
            UserPoolId=pool,
            ClientName="gelombang-test-api",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )
        # moto's CloudFormation makes every key a symmetric one.
        kms = boto3.client("kms", REGION)
        mac_key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
        kms.update_alias(AliasName="alias/gelombang-test-mac", TargetKeyId=mac_key)
        boto3.client("secretsmanager", REGION).create_secret(
            Name="gelombang-test-fsp",
            SecretString=json.dumps({"api_key": "test-api-key", "callback_token": "test-callback-token"}),
        )
        yield Settings(
            stage="test",
            region=REGION,
            user_pool=pool,
            user_pool_client=client["UserPoolClient"]["ClientId"],
            jwks_url=f"https://cognito-idp.{REGION}.amazonaws.com/{pool}/.well-known/jwks.json",
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
            mail_domain="gelombang.example",
            public_url="https://api.invalid",
            aws_client=AWS_CLIENT,
        )


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Waves on the test's cloud, at `T0`, three days before wave 145 opens."""
    from tests.builders.waves import WavesWorld  # most tests need none of it

    world = WavesWorld(cloud, programme, T0)
    monkeypatch.setattr("moto.s3.models.utcnow", world.clock.utcnow)
    return world
