"""What a stage has promised is recorded before it is served, never changes, and is not lost by deployments at once."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from msgspec.structs import asdict, replace

from admin.deployment import promises, stages
from admin.deployment.promises import Promises
from admin.deployment.stacks import DeployFailed
from chalicelib.config import FOLDER, Programme, Settings, load_programme
from chalicelib.waves.store import ExceptionsItem
from chalicelib.wiring import Services
from tests.builders.commands import invoke
from tests.conftest import REGION, T0

PROGRAMME = load_programme("prod")
OLD, NEW = PROGRAMME.schemes
OWN = "programmes/prakerja-2023.toml"


def promised(cloud: Settings, app: Mapping[str, Any] | None = None) -> Promises:
    return Promises(stages.Aws(REGION), cloud.results_bucket, app)


def with_one_more(version: str, training_idr: int = 1) -> Programme:
    more = replace(NEW, version=version, first_wave=200 + int(version) % 100, training_idr=training_idr)
    return replace(PROGRAMME, schemes=(*PROGRAMME.schemes, more))


def test_a_scheme_that_a_stage_has_served_never_changes(cloud: Settings):
    stage = promised(cloud)
    stage.check(PROGRAMME)  # a first deployment has promised nothing
    for _ in range(2):
        stage.keep(PROGRAMME)
        stage.check(PROGRAMME)
    for schemes, what in [
        ((OLD, replace(NEW, training_idr=1)), "changes the scheme 2023"),
        ((replace(OLD, version="2019"), NEW), "leaves out the scheme 2020"),
    ]:
        for refuses in (stage.check, stage.keep):
            with pytest.raises(DeployFailed, match=what):
                refuses(replace(PROGRAMME, schemes=schemes))
    stage.check(with_one_more("2027"))
    stage.keep(with_one_more("2027"))
    with pytest.raises(DeployFailed, match="2027"):
        stage.check(PROGRAMME)


@pytest.mark.parametrize("begun", [False, True], ids=["the first two", "later ones"])
@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        (with_one_more("2028"), "leaves out the scheme 2028"),
        (with_one_more("2027", training_idr=2), "changes the scheme 2027"),
        (with_one_more("2027"), None),
    ],
)
def test_two_deployments_at_once_lose_no_promise(
    cloud: Settings, monkeypatch: pytest.MonkeyPatch, begun: bool, other: Programme, refusal: str | None
):
    """The other one records its schemes between this one's look and its write."""
    mine, theirs = promised(cloud), promised(cloud)
    if begun:
        mine.keep(PROGRAMME)
    put, meanwhile = mine._s3.put_object, [other]

    def overtaken(**asked: Any) -> Any:
        if meanwhile:
            theirs.keep(meanwhile.pop())
        return put(**asked)

    monkeypatch.setattr(mine, "_s3", _Overtaken(mine._s3, overtaken))
    if refusal is None:
        mine.keep(with_one_more("2027"))
    else:
        with pytest.raises(DeployFailed, match=refusal):
            mine.keep(with_one_more("2027"))
    assert theirs.served().keys() == {one.version for one in other.schemes}
    theirs.check(other)


class _Overtaken:
    def __init__(self, s3: Any, put_object: Any) -> None:
        self.get_object, self.put_object = s3.get_object, put_object


BEFORE_PAYMENTS = """
[[schemes]]
version = "2020"
first_wave = 1
training_idr = 1_000_000
incentive_idr = 600_000
incentives = 4
survey_idr = 50_000
surveys = 3

[[schemes]]
version = "2023"
first_wave = 54
training_idr = 3_500_000
incentive_idr = 600_000
incentives = 1
survey_idr = 50_000
surveys = 2
"""


def app_running(cloud: Settings, files: Mapping[str, str]) -> Mapping[str, Any]:
    """CloudFormation's description of an app stack whose package has these files, by name."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    s3, cloudformation = boto3.client("s3", REGION), boto3.client("cloudformation", REGION)
    s3.put_object(Bucket=cloud.results_bucket, Key="code/1.zip", Body=package.getvalue())
    code = {"CodeUri": {"Bucket": cloud.results_bucket, "Key": "code/1.zip"}}
    told = asdict(cloud) | {"beacon_relays": ",".join(cloud.beacon_relays)}
    values = {"".join(word.capitalize() for word in name.split("_")): value for name, value in told.items()}
    template = {
        "Parameters": {name: {"Type": "String"} for name in values},
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
            "Pay": {"Type": "AWS::Serverless::Function", "Properties": code},
        },
    }
    cloudformation.create_stack(
        StackName="gelombang-old-app",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    stack: Mapping[str, Any] = cloudformation.describe_stacks(StackName="gelombang-old-app")["Stacks"][0]
    return stack


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("chalicelib/programme.toml", BEFORE_PAYMENTS),
        ("chalicelib/programmes/prakerja-2023.toml", BEFORE_PAYMENTS),
        (f"chalicelib/{OWN}", (FOLDER / OWN).read_text()),
    ],
    ids=["one file", "before payments", "before the record"],
)
def test_what_a_stage_of_an_earlier_version_serves_is_recorded_before_it_changes(cloud: Settings, file: str, text: str):
    s3, stage = boto3.client("s3", REGION), promised(cloud, app_running(cloud, {file: text}))
    assert stage.served().keys() == {"2020", "2023"}
    with pytest.raises(DeployFailed, match="changes the scheme 2023"):
        stage.keep(replace(PROGRAMME, schemes=(OLD, replace(NEW, training_idr=1))))
    stage.keep(PROGRAMME)
    s3.delete_object(Bucket=cloud.results_bucket, Key="code/1.zip")
    assert stage.served().keys() == {"2020", "2023"}
    stage.check(PROGRAMME)


def test_the_calendar_that_a_stage_runs_is_read_from_its_package(cloud: Settings):
    assert promised(cloud).calendar() is None
    package = {f"chalicelib/{name}": (FOLDER / name).read_text() for name in (OWN, "service.toml")}
    app = app_running(cloud, package)
    assert promised(cloud, app).calendar() == PROGRAMME.calendar
    local = [{"ParameterKey": "Stage", "ParameterValue": "local"}]
    assert promised(cloud, {**app, "Parameters": local}).calendar() == load_programme("local").calendar


def test_a_calendar_in_the_form_of_an_earlier_release_is_compared_with_nothing(cloud: Settings):
    older = {f"chalicelib/{OWN}": "[calendar]\nevery_fortnight = true", "chalicelib/service.toml": ""}
    assert promised(cloud, app_running(cloud, older)).calendar() is None


@pytest.mark.parametrize(
    ("status", "given", "left"),
    [
        ("UPDATE_ROLLBACK_COMPLETE", False, {"2020", "2023"}),
        ("UPDATE_ROLLBACK_COMPLETE", True, {"2020", "2023", "2027"}),
        ("UPDATE_IN_PROGRESS", False, {"2020", "2023", "2027", "2028"}),
    ],
    ids=["nothing ran", "a wave was given it", "perhaps it will run"],
)
def test_a_deployment_that_failed_does_not_bind_the_stage(cloud: Settings, status: str, given: bool, left: set[str]):
    app = {**app_running(cloud, {f"chalicelib/{OWN}": (FOLDER / OWN).read_text()}), "StackStatus": status}
    wanted = replace(PROGRAMME, schemes=(*with_one_more("2027").schemes, with_one_more("2028").schemes[-1]))
    stage = promised(cloud, app)
    stage.keep(PROGRAMME)
    new = stage.keep(wanted)
    assert new == {"2027", "2028"}
    if given:
        waves = Services(cloud, wanted).waves
        waves.add(T0 + timedelta(hours=1), T0 + timedelta(hours=2), 4, T0, scheme="2027")
    promises.take_back(stages.Aws(REGION), cloud.results_bucket, app, wanted, new)
    assert stage.served().keys() == left


@pytest.mark.parametrize(
    ("status", "given", "forgotten"),
    [
        ("UPDATE_COMPLETE", False, "2027"),
        ("UPDATE_COMPLETE", True, ""),
        ("UPDATE_IN_PROGRESS", False, ""),
    ],
)
def test_what_a_killed_deployment_left_is_forgotten_if_nobody_was_promised_it(
    cloud: Settings, monkeypatch: pytest.MonkeyPatch, status: str, given: bool, forgotten: str
):
    app = {**app_running(cloud, {f"chalicelib/{OWN}": (FOLDER / OWN).read_text()}), "StackStatus": status}
    wanted = with_one_more("2027")
    promised(cloud, app).keep(wanted)
    monkeypatch.setattr(promises, "of_stage", lambda _: promised(cloud, app))
    monkeypatch.setattr("admin.commands.stage.of_stage", lambda _: promised(cloud, app))
    services = Services(cloud, PROGRAMME)
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=services))
    if given:
        services.waves.add(T0 + timedelta(hours=1), T0 + timedelta(hours=2), 4, T0)
        item = ExceptionsItem.get("CALENDAR", "EXCEPTIONS")
        item.update([ExceptionsItem.exceptions.set(tuple(replace(one, scheme="2027") for one in item.exceptions))])
    left = {"2020": (True, False), "2023": (True, False), "2027": (False, given)}

    def told(*words: str) -> Any:
        return invoke(["programme", "promises", "--stage", "test", "--json", *words])

    def standing() -> dict[str, tuple[bool, bool]]:
        return {row["scheme"]: (row["runs"], row["a_wave_has_it"]) for row in json.loads(told().stdout)}

    assert standing() == left
    for version in ("2023", "2099"):
        assert told("--forget", version).exit_code == 1
    answer = told("--forget", "2027")
    assert answer.exit_code == (0 if forgotten else 1), answer.output
    assert standing() == {one: left[one] for one in left if one != forgotten}


def test_what_a_killed_first_deployment_left_is_forgotten_without_an_administration(cloud: Settings):
    outputs = {"ArtifactsBucket": {"Value": cloud.results_bucket}}
    template = {"Resources": {"One": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    formation = boto3.client("cloudformation", REGION)
    formation.create_stack(StackName=stages.data_stack("test"), TemplateBody=json.dumps(template))
    promised(cloud).keep(with_one_more("2027"))
    told = invoke(["programme", "promises", "--stage", "test", "--json", "--forget", "2027"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout) == [
        {"scheme": one, "runs": False, "a_wave_has_it": False} for one in ("2020", "2023")
    ]


def test_a_stage_that_is_not_there_has_promised_nothing_to_look_at(cloud: Settings):
    with pytest.raises(promises.stages.BadConfiguration, match="there is no stage nowhere"):
        promises.of_stage("nowhere")
