"""The steps around the stacks: uploading code, the first request, destroying a stage, running functions by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from msgspec.structs import asdict

import app as application
from admin.commands import trigger
from admin.deployment import deploy, stages
from admin.deployment.promises import Promises
from admin.deployment.stacks import DeployFailed, Template
from admin.desk import Desk
from chalicelib.config import BadConfiguration, Settings
from infrastructure import app_stack, data_stack
from tests.builders.commands import invoke
from tests.conftest import REGION


def test_every_function_gets_its_code_from_the_bucket():
    template = {
        "Resources": {
            "Pay": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./deployment.zip"}},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
        }
    }

    document = deploy.with_code(template, "artifacts", "code/1.zip")

    assert document["Resources"]["Pay"]["Properties"]["CodeUri"] == {"Bucket": "artifacts", "Key": "code/1.zip"}
    assert template["Resources"]["Pay"]["Properties"] == {"CodeUri": "./deployment.zip"}


def test_an_unprotected_stage_retains_nothing():
    kept = data_stack.template()

    thrown_away = deploy.without_retention(kept)

    assert "DeletionPolicy" in json.dumps(kept)
    assert 'Policy": "Retain' not in json.dumps(thrown_away)
    assert thrown_away["Resources"].keys() == kept["Resources"].keys()


def test_a_machine_that_cannot_package_is_refused_before_anything_is_done(monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr(stages, "connect", pytest.fail)

    with pytest.raises(DeployFailed, match="Darwin"):
        deploy.deploy("local", {}, print, lambda _: (200, b""))


class Steps:
    """The steps of a deployment that touch AWS, in their order; `kept`: the stacks that are there before."""

    def __init__(self, cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[str] = []
        self.kept: set[str] = set()
        self.promises = Promises(stages.Aws(REGION), cloud.results_bucket, None)
        data = {"ArtifactsBucket": cloud.results_bucket, "ResultsBucket": "r", "ResultsUrl": "https://r"}
        there: Any = SimpleNamespace(find=lambda name: {"StackName": name} if name in self.kept else None)
        built = SimpleNamespace(release="1", figures="")
        for name, value in {
            "Stacks": lambda *_, **__: there,
            "_deploy_data": lambda *_: (data, False),
            "upload": lambda *_: self.told.append("upload") or (Template({}), Template({})),
            "_deploy_app": self.app,
            "_deploy_administration": lambda *_: self.told.append("administration") or True,
            "check_calendar": lambda settings, *_: self.told.append(f"calendar of {settings.stage}"),
            "check_open": lambda *_: self.told.append("open waves"),
            "smoke_test": lambda *_: "1",
            "first_calls": lambda *_: "it answers",
        }.items():
            monkeypatch.setattr(deploy, name, value)
        monkeypatch.setattr(stages, "connect", lambda: stages.Aws(REGION))
        monkeypatch.setattr(stages, "api_url", lambda *_: "https://api")
        monkeypatch.setattr(stages, "administration_url", lambda _: "https://administration")
        monkeypatch.setattr(deploy.package, "build", lambda *_: built)

    def app(self, *_: Any) -> tuple[dict[str, Any], bool]:
        assert self.promises.served().keys() == {"2020", "2023"}, "recorded before a function may serve it"
        self.told.append("app")
        return {}, True


@pytest.fixture
def steps(cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(cloud, monkeypatch)


def test_a_change_that_is_declined_binds_the_stage_to_nothing(steps: Steps, monkeypatch: pytest.MonkeyPatch):
    def declined(*_: Any) -> None:
        steps.app()
        raise DeployFailed("that was not its name")

    monkeypatch.setattr(deploy, "_deploy_app", declined)
    with pytest.raises(DeployFailed, match="that was not its name"):
        deploy.deploy("test", {}, print, lambda _: (200, b""))
    assert steps.told == ["upload", "app"], "a first deployment has no waves"
    assert steps.promises.served() == {}


def test_the_calendar_is_compared_with_waves_that_outlived_their_functions_before_and_after(
    cloud: Settings, steps: Steps
):
    told = asdict(cloud) | {"beacon_relays": ",".join(cloud.beacon_relays)}
    names = {stages.variable(name).removeprefix("GELOMBANG_").lower(): name for name in app_stack.PARAMETERS}
    given = {names[name]: value for name, value in told.items() if name in names}
    steps.kept = {stages.data_stack(cloud.stage)}
    deploy.deploy(cloud.stage, given, print, lambda _: (200, b""))
    calendar = f"calendar of {cloud.stage}"
    assert steps.told == [calendar, "upload", calendar, "app", "administration", "open waves"]


class AppStack:
    """An app stack whose template is deployed already; it knows the parameters of its last deployment."""

    def __init__(self, url: str) -> None:
        self.url = url

    def deploy(self, _name: str, _template: Template, given: Mapping[str, str]) -> bool:
        before, self.url = self.url, given.get("PublicUrl", self.url)
        return self.url != before

    def find(self, name: str) -> dict[str, Any]:
        return {"StackName": name, "Parameters": [{"ParameterKey": "PublicUrl", "ParameterValue": self.url}]}


@pytest.mark.parametrize(("known", "changed"), [("https://not-yet.invalid", True), ("https://api", False)])
def test_an_address_missing_after_a_died_deployment_is_added_as_a_change(
    known: str, changed: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stages, "api_url", lambda *_: "https://api")
    stack: Any = AppStack(known)
    template = Template({"Parameters": {"PublicUrl": {"Default": "https://not-yet.invalid"}}})
    nobody: Any = None

    app, told = deploy._deploy_app(stack, nobody, "test", template, {})

    assert (stack.url, told) == ("https://api", changed)
    assert app["StackName"] == "gelombang-test-app"


def test_the_data_stack_may_stay_as_it_is_for_a_release_that_lacks_one_of_its_tables():
    one = {"StackStatus": "UPDATE_ROLLBACK_COMPLETE", "Outputs": [{"OutputKey": "of", "OutputValue": "a"}]}

    def keep(found: Any) -> Any:
        there: Any = SimpleNamespace(find=lambda _: found)
        return deploy._deploy_data(there, "test", {}, True)

    assert keep(one) == ({"of": "a"}, False)
    for other, why in (
        (None, "is not there"),
        ({"StackStatus": "ROLLBACK_COMPLETE"}, "that is whole"),
        (one | {"StackStatus": "UPDATE_IN_PROGRESS"}, "that is whole"),
    ):
        with pytest.raises(DeployFailed, match=why):
            keep(other)


def test_a_data_stack_that_stays_takes_no_parameter_of_its_own():
    given = {"Protection": "off", "MailDomain": "example.org"}
    with pytest.raises(DeployFailed, match="and Protection would"):
        deploy.deploy("test", given, print, lambda _: (200, b""), keep_data=True)


def test_the_administration_is_told_what_the_application_was_by_any_deployment():
    stack: Any = SimpleNamespace(deploy=lambda *asked: asked)
    app = {"Parameters": [{"ParameterKey": name, "ParameterValue": "before"} for name in ("MailDomain", "PublicUrl")]}

    name, _, told = deploy._deploy_administration(stack, "test", app, Template({}), {"MailDomain": "now"})

    assert (name, told) == ("gelombang-test-administration", {"MailDomain": "now", "PublicUrl": "before"})


@pytest.mark.parametrize("first", [OSError("refused"), (502, b"<html>"), (200, b"not JSON"), (200, b"{}")])
def test_the_first_request_is_repeated_until_the_application_answers(first: Any):
    answers = [first, (200, b'{"status": "ok", "version": "1.2.3"}')]
    waits: list[float] = []

    def get(url: str) -> tuple[int, bytes]:
        assert url == "https://api/health"
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    assert deploy.smoke_test("https://api", get, waits.append) == "1.2.3"
    assert waits == [0, 1]


def test_an_application_that_never_answers_fails_the_deployment_with_its_last_answer():
    with pytest.raises(DeployFailed, match="503 busy"):
        deploy.smoke_test("https://api", lambda _: (503, b"busy"), lambda _: None)


DENIED = (403, b'{"Message": "User: arn:aws:iam::1:role/ci is not authorized to perform: execute-api:Invoke"}')
FUNCTION_REFUSES = (400, b'{"code": "malformed_body"}')
NO_ROUTE = (403, b'{"message": "Missing Authentication Token"}')


@pytest.mark.parametrize(
    ("signed", "unsigned", "said"),
    [
        ([NO_ROUTE, (502, b"<html>"), (429, b"{}"), FUNCTION_REFUSES], NO_ROUTE, "it answers"),
        ([DENIED], NO_ROUTE, "is not known"),
        ([(502, b"dead")], NO_ROUTE, "signed: 502 dead"),
        ([NO_ROUTE], NO_ROUTE, "Missing Authentication Token"),
        ([FUNCTION_REFUSES], FUNCTION_REFUSES, "unsigned: 400"),
        ([FUNCTION_REFUSES], (429, b"{}"), "unsigned: 429"),
    ],
    ids=["new", "deployer without a set", "dead", "no route", "open to everybody", "held back"],
)
def test_the_administration_has_to_answer_and_its_gateway_to_refuse_who_does_not_sign(
    monkeypatch: pytest.MonkeyPatch, signed: list[tuple[int, bytes]], unsigned: tuple[int, bytes], said: str
) -> None:
    answers = iter([*signed[:-1], *[signed[-1]] * deploy.SMOKE_TRIES])

    def post(stage: str, path: str, body: bytes, signed: bool = True) -> tuple[int, bytes]:
        assert (stage, path, body) == ("test", deploy.ASKED_FIRST, deploy.NO_REQUEST)
        return next(answers) if signed else unsigned

    monkeypatch.setattr(deploy.client, "post", post)
    try:
        found = deploy.first_calls("test", lambda _: None)
    except DeployFailed as error:
        found = f"FAILED {error}"
    assert said in found
    assert found.startswith("FAILED") is (said not in {"it answers", "is not known"})


def test_the_environment_of_a_function_follows_from_the_parameters():
    environment = stages.function_environment({"MailDomain": "m", "Stage": "test", "FspUrl": "u"}, REGION)

    assert environment == {
        "GELOMBANG_MAIL_DOMAIN": "m",
        "GELOMBANG_STAGE": "test",
        "GELOMBANG_FSP_URL": "u",
        "AWS_REGION": REGION,
    }


EMULATOR = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("emulator", "results", "api"),
    [
        ("", "https://bucket.s3", "https://id.execute-api/api"),
        (EMULATOR, f"{EMULATOR}/bucket", f"{EMULATOR}/restapis/id/api/_user_request_"),
    ],
)
def test_addresses_come_from_the_stacks_or_on_an_emulator_from_its_own(monkeypatch, emulator, results, api):
    if emulator:
        monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    aws = stages.Aws(REGION)

    assert stages.results_url(aws, {"ResultsUrl": "https://bucket.s3", "ResultsBucket": "bucket"}) == results
    assert stages.api_url(aws, {"EndpointURL": "https://id.execute-api/api/", "RestAPIId": "id"}) == api


def test_the_address_of_the_administration_is_known_without_a_right_to_look_for_it(monkeypatch):
    monkeypatch.setattr(stages, "found", lambda _, __, stack: {"Outputs": [], "StackName": stack})
    monkeypatch.setattr(stages, "api_url", lambda *_: "https://found")
    assert stages.administration_url("test") == "https://found"
    monkeypatch.setattr(stages, "connect", pytest.fail)
    monkeypatch.setenv("GELOMBANG_ADMINISTRATION_URL", "https://told/")
    assert stages.administration_url("test") == "https://told"


def test_without_a_region_nothing_is_guessed(monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    with pytest.raises(BadConfiguration):
        stages.connect()


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ("FspUrl", 2, "NAME=VALUE"),
        ("=value", 2, "NAME=VALUE"),
        ("Fsp=x", 1, r"^Error: no such parameter: Fsp; there are .*FspUrl"),
    ],
)
def test_a_wrong_parameter_is_reported_before_anything_is_done(monkeypatch, given, code, told):
    monkeypatch.setattr(stages, "connect", pytest.fail)

    result = invoke(["deploy", "--stage", "test", "--parameter", given])

    assert result.exit_code == code
    assert re.search(told, result.output)


def test_a_programme_that_is_not_there_is_refused_before_anything_is_done(cloud: Settings, monkeypatch):
    monkeypatch.setattr(deploy, "_deploy_data", pytest.fail)

    result = invoke(["deploy", "--stage", "test", "--programme", "prakerja-1999"])

    assert result.exit_code == 1
    assert "Error: there is no programme prakerja-1999; there are " in result.output


def test_a_scheduled_function_is_run_with_the_event_of_its_schedule(monkeypatch):
    fired = []
    said = [{"level": "INFO", "fact": "places_expired", "with": {"count": 2}}]
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=SimpleNamespace()))
    monkeypatch.setattr(Desk, "client", lambda *_: None)
    monkeypatch.setattr(trigger, "fire", lambda stage, function, _: fired.append((stage, function)) or said)
    ran = invoke(["trigger", "expire_places", "--stage", "test", "--json"])
    assert (ran.exit_code, json.loads(ran.stdout)) == (0, said)
    assert fired == [("test", "expire_places")]
    monkeypatch.setattr(trigger, "fire", lambda *_: [])
    ran = invoke(["trigger", "expire_places"], env={"GELOMBANG_STAGE": "test"})
    assert ran.output == "it has run and logged nothing: nothing was due\n"


def test_a_function_that_runs_for_longer_than_is_waited_goes_on(monkeypatch):
    def invoke_function(**_):
        raise ReadTimeoutError(endpoint_url="https://lambda")

    client = boto3.client("lambda", region_name=REGION)
    monkeypatch.setattr(client, "invoke", invoke_function)
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=SimpleNamespace()))
    monkeypatch.setattr(Desk, "client", lambda *_: client)
    ran = invoke(["trigger", "advance", "--stage", "test", "--json"])
    assert (ran.exit_code, json.loads(ran.stdout)["log"]) == (0, "/aws/lambda/gelombang-test-advance")


def test_the_functions_that_a_schedule_runs_can_be_listed_and_are_those_of_the_application(monkeypatch):
    runs = SimpleNamespace(last_whole=lambda: {"expire_places": datetime(2026, 11, 24, 17, 10, tzinfo=UTC)})
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=SimpleNamespace(runs=runs)))
    listed = json.loads(invoke(["trigger", "--stage", "test", "--json"]).stdout)
    assert {row["function"] for row in listed} == {
        source.name for source in application.app.event_sources if hasattr(source, "schedule_expression")
    }
    assert {row["last_done_at"] for row in listed} == {None, "2026-11-24T17:10:00Z"}
    assert {row["function"] for row in listed if not row["keeps_record"]} == {
        "open_wave",
        "close_wave",
        "advance",
        "watch",
    }
