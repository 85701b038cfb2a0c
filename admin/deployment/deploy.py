"""A deployment: the data stack, the package, the stacks of both applications, and a first request.

It is the same for every stage. Each step is repeatable: repeating a deployment that died half-way completes it, and one
that finds nothing changed changes nothing. This file also removes a stage that may be thrown away.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import ClientError

from chalicelib.administration.identity import SETS
from chalicelib.clock import iso
from chalicelib.config import DEFAULT_PROGRAMME, Programme, Settings, load_programme
from chalicelib.figures.waves import CalendarRules
from infrastructure import administration_stack, app_stack, data_stack

from .. import client
from . import package, stages
from .promises import Promises, take_back
from .stacks import Consent, Count, DeployFailed, Report, Stacks, Template, outputs, parameters
from .stages import Aws

if TYPE_CHECKING:
    from chalicelib.waves.service import Waves

SMOKE_TRIES = 10

NO_REQUEST = b"[]"
"""A body that the administration refuses before it does anything."""
ASKED_FIRST = "/partner/list"
"""A route that every permission set has, and of which the gateway holds back none."""

DEPLOYING = timedelta(minutes=30)
"""Within this time a wave may open while functions of either release are at work."""


@dataclass(frozen=True)
class Deployed:
    stage: str
    api_url: str
    administration_url: str
    changed: bool


Get = Callable[[str], tuple[int, bytes]]
"""Fetches an address: the status and the body, or raises OSError."""


def deploy(  # noqa: PLR0913, PLR0917 - all that one who deploys may decide
    stage: str,
    given: Mapping[str, str],
    report: Report,
    get: Get,
    sleep: Callable[[float], None] = time.sleep,
    count: Count | None = None,
    consent: Consent | None = None,
    keep_data: bool = False,
) -> Deployed:
    """Deploy this project to a stage; `given` are parameters of any of its stacks, which override the stage's own.

    With `count`, a stack's resources are counted instead of listed. Without `consent` nothing that holds data is lost.
    With `keep_data` the data stack stays as it is, and takes no parameter.
    Raises `BadConfiguration` for a programme that is not there or is wrong, before anything is done, and `DeployFailed`
    with the reason; CloudFormation has then rolled back what it had begun.
    """
    values = app_stack.STAGES.get(stage, {}) | dict(given) | {"Stage": stage}
    _check(stage, given, keep_data)
    aws = stages.connect()
    stacks = Stacks(aws.client("cloudformation"), report, sleep, count=count, consent=consent or Consent())
    before = stacks.find(stages.app_stack(stage))
    programme = load_programme(stage, values.get("Programme") or _programme(before))
    kept = before or stacks.find(stages.data_stack(stage))  # waves outlive the functions
    data, data_changed = _deploy_data(stacks, stage, values, keep_data)
    promises = Promises(aws, data["ArtifactsBucket"], before)
    promises.check(programme)
    served, running = promises.served(), promises.calendar()
    own = stages.settings(_defaults() | (parameters(before) if before else {}) | data | values, aws) if kept else None

    def check() -> None:
        if own is not None:
            check_calendar(own, programme, datetime.now(UTC), served, running)

    check()
    report("packaging")
    built = package.build(stages.ROOT, stage, aws.region, stages.ROOT / "build")
    report(f"package {built.release}: {built.figures}")
    app_template, administration_template = upload(aws, data["ArtifactsBucket"], built, report)
    derived = data | {"ResultsUrl": stages.results_url(aws, data)}
    check()  # packaging takes minutes
    # Before the functions may promise anything: who deploys may go away while they are already served.
    new = promises.keep(programme)
    try:
        app, app_changed = _deploy_app(stacks, aws, stage, app_template, derived | values)
    except BaseException:
        take_back(aws, data["ArtifactsBucket"], stacks.find(stages.app_stack(stage)), programme, new)
        raise
    # Another deployment may have promised more meanwhile, which this one has taken out, or taken its own back.
    promises.keep(programme)
    url = stages.api_url(aws, outputs(app))
    administration_changed = _deploy_administration(stacks, stage, app, administration_template, values)
    administration_url = stages.administration_url(stage)
    report(f"administration: {administration_url}: {first_calls(stage, sleep)}")
    report(f"{url}/health: version {smoke_test(url, get, sleep)}")
    if own is not None:
        check_open(own, programme, datetime.now(UTC), "everything is deployed, but ")
    changed = data_changed or app_changed or administration_changed
    return Deployed(stage, url, administration_url, changed)


def _programme(app: Mapping[str, Any] | None) -> str:
    """The programme that a stage runs, by its app stack."""
    return (parameters(app) if app else {}).get("Programme", DEFAULT_PROGRAMME)


def _defaults() -> dict[str, str]:
    return {name: one["Default"] for name, one in app_stack.PARAMETERS.items() if "Default" in one}


def check_calendar(
    settings: Settings,
    programme: Programme,
    now: datetime,
    served: Collection[str],
    running: CalendarRules | None = None,
) -> None:
    """Raises `DeployFailed` if the programme gives other times to a wave that has opened, or has one that should have.

    That would be one in a pause, or after the end, of the calendar that the stage has now. Also for a new scheme (none
    of the `served` versions) of waves that have opened, and if a wave might open during the deployment at two times: by
    the calendar that is `running` and by this one. Raises `WavesOverlap` if an administrator's wave would meet one of
    its own.
    """
    waves = _waves(settings, programme)
    waves.check_apart(now)
    check_open(settings, programme, now)
    if (missed := waves.unopened(now)) is not None:
        raise DeployFailed(
            f"wave {missed.number} did not open at {iso(missed.opens_at)}, as this programme says: write a pause over "
            "the time in which none did into its calendar; if its step is only late: `gelombang wave advance`"
        )
    last = waves.last_regular()
    for scheme in programme.schemes:
        if scheme.version not in served and scheme.first_wave <= last:
            raise DeployFailed(
                f"the scheme {scheme.version} is new, and wave {scheme.first_wave}, its first, is not after the last "
                f"that has opened, {last}: give it a first_wave that has not opened"
            )
    if running is not None and (soon := waves.changed_soon(running, now, now + DEPLOYING)) is not None:
        raise DeployFailed(
            f"wave {soon.number} opens at {iso(soon.opens_at)} by the calendar of the stage or by this programme's, "
            "and not by both: deploy later, or leave its times as they are"
        )


def check_open(settings: Settings, programme: Programme, now: datetime, done: str = "") -> None:
    """Raises `DeployFailed`, with what was `done`, if the programme gives other times to a wave that has opened."""
    wave = _waves(settings, programme).at_odds(now)
    if wave is not None and wave.closes_at <= now:
        raise DeployFailed(
            f"{done}wave {wave.number} has taken place: leave its times, or give the new one another number"
        )
    if wave is not None:
        raise DeployFailed(
            f"{done}wave {wave.number} is open at other times than this programme says: leave its times, pauses and "
            "end as they are while it is open; `gelombang wave extend` lets it close later"
        )


def _waves(settings: Settings, programme: Programme) -> Waves:
    from chalicelib.wiring import Services  # only a stage that was deployed before has waves

    return Services(settings, programme).waves


def _deploy_data(stacks: Stacks, stage: str, values: Mapping[str, str], keep: bool) -> tuple[dict[str, str], bool]:
    name = stages.data_stack(stage)
    document = data_stack.template()
    before = stacks.find(name)
    if keep:
        state = before["StackStatus"] if before else "not there"
        if before is None or not (state.endswith("_COMPLETE") and outputs(before)):
            raise DeployFailed(f"{name} is {state}: only a data stack that is whole can stay as it is")
        return outputs(before), False
    protection = values.get("Protection") or (parameters(before)["Protection"] if before else "on")
    values = dict(values) | {"Production": _production(stage, values, protection, before)}
    if protection == "off":
        document = without_retention(document)
    changed = stacks.deploy(name, Template(document), values)
    after = stacks.find(name)
    if after is None:
        raise DeployFailed(f"{name} vanished while it was deployed")
    return outputs(after), changed


def _deploy_app(
    stacks: Stacks, aws: Aws, stage: str, template: Template, values: Mapping[str, str]
) -> tuple[dict[str, Any], bool]:
    """Deploy the app stack, and once more if its functions could not know the API's address before."""
    name = stages.app_stack(stage)
    changed = stacks.deploy(name, template, values)
    app = stacks.find(name)
    if app is not None and parameters(app)["PublicUrl"] == template.document["Parameters"]["PublicUrl"]["Default"]:
        # An earlier deployment may have died before this: then only this one changes anything.
        changed = stacks.deploy(name, template, {**values, "PublicUrl": stages.api_url(aws, outputs(app))}) or changed
        app = stacks.find(name)
    if app is None:
        raise DeployFailed(f"{name} vanished while it was deployed")
    return app, changed


def _deploy_administration(
    stacks: Stacks, stage: str, app: Mapping[str, Any], template: Template, values: Mapping[str, str]
) -> bool:
    """Deploy the administration; its function is told what those of the app stack are, also by earlier deployments."""
    return stacks.deploy(stages.administration_stack(stage), template, parameters(app) | dict(values))


def _production(stage: str, values: Mapping[str, str], protection: str, before: Mapping[str, Any] | None) -> str:
    """Whether the stage is production: its first deployment decides, `yes` unless that was without protection.

    No later deployment changes that, and production is always protected. Raises `DeployFailed`.
    """
    wanted = values.get("Production")
    if before is None:
        decided = wanted or ("yes" if protection == "on" else "no")
    else:
        decided = "yes" if stages.is_production(before) else "no"
    if wanted not in (None, decided):
        kind = "production" if decided == "yes" else "no production stage"
        raise DeployFailed(f"{stage} is {kind}, as its first deployment decided")
    if decided == "yes" and protection != "on":
        raise DeployFailed(f"{stage} is production, which is never without protection")
    return decided


def without_retention(document: Mapping[str, Any]) -> dict[str, Any]:
    """The data stack of a stage that may be destroyed: it leaves nothing behind.

    CloudFormation allows no condition in a DeletionPolicy, so the template itself is changed.
    """
    resources = {
        name: {key: value for key, value in resource.items() if key not in {"DeletionPolicy", "UpdateReplacePolicy"}}
        for name, resource in document["Resources"].items()
    }
    # Without a policy a bucket or a table is deleted with its stack.
    return {**document, "Resources": resources}


def upload(aws: Aws, bucket: str, built: package.Package, report: Report) -> tuple[Template, Template]:
    """Put the zip and the templates into the bucket, each under the hash of its content, unless they are there."""
    s3 = aws.client("s3")
    key = f"code/{built.release}.zip"
    if not _exists(s3, bucket, key):
        report(f"uploading {built.zip.stat().st_size / 1e6:.1f} MB")
        s3.upload_file(str(built.zip), bucket, key)

    def put(template: Mapping[str, Any]) -> Template:
        document = with_code(template, bucket, key)
        body = json.dumps(document, separators=(",", ":")).encode()
        template_key = f"templates/{hashlib.sha256(body).hexdigest()[:32]}.json"
        if not _exists(s3, bucket, template_key):
            s3.put_object(Bucket=bucket, Key=template_key, Body=body)
        return Template(document, url=f"{aws.endpoint('s3')}/{bucket}/{template_key}")

    return put(built.app), put(built.administration)


def with_code(template: Mapping[str, Any], bucket: str, key: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(template))
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return document


def smoke_test(url: str, get: Get, sleep: Callable[[float], None]) -> str:
    """Ask the API for its health until it answers, and return its version. Raises `DeployFailed`."""
    last = ""
    for attempt in range(SMOKE_TRIES):
        sleep(min(attempt, 5))  # a new API takes some seconds to be known everywhere
        try:
            status, body = get(f"{url}/health")
            last = f"{status} {body[:300].decode(errors='replace')}"
            if status == 200:
                return str(json.loads(body)["version"])
        except (OSError, ValueError, LookupError) as error:
            last = f"{last} {type(error).__name__}: {error}".strip()
    raise DeployFailed(f"everything is deployed, but {url}/health does not answer: {last}")


def first_calls(stage: str, sleep: Callable[[float], None]) -> str:
    """Ask the administration what is no request, signed and then unsigned: it has to answer, and the gateway to refuse.

    Nothing is done by it. Who deploys may have no permission set; then only the gateway is asked, and the result says
    so. Raises `DeployFailed`.
    """
    done, last = "", ""
    for attempt in range(SMOKE_TRIES):
        sleep(min(attempt, 5))
        try:
            status, body = client.post(stage, ASKED_FIRST, NO_REQUEST)
            last = f"signed: {status} {body[:300].decode(errors='replace')}"
            if status == HTTPStatus.BAD_REQUEST and json.loads(body)["code"]:
                done = "it answers"
            elif client.NOT_AUTHORIZED in last:
                done = "who deploys may not call it, so whether its function answers is not known"
            if done:
                status, body = client.post(stage, ASKED_FIRST, NO_REQUEST, signed=False)
                last = f"unsigned: {status} {body[:300].decode(errors='replace')}"
                if status == HTTPStatus.FORBIDDEN:
                    return done
        except (click.ClickException, ValueError, LookupError, TypeError) as error:
            last = f"{last} {type(error).__name__}: {error}".strip()
    raise DeployFailed(f"everything is deployed, but the administration is not as it should be: {last}")


def _check(stage: str, given: Mapping[str, str], keep_data: bool) -> None:
    others = {*app_stack.PARAMETERS, *administration_stack.PARAMETERS}
    known = {*data_stack.PARAMETERS, *others}
    if unknown := sorted(set(given) - known):
        raise DeployFailed(f"no such parameter: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    if keep_data and (unused := sorted(set(given) - others)):
        raise DeployFailed(f"the data stack stays as it is, and {', '.join(unused)} would change it: leave one out")
    package.architecture(stage)  # fails on a machine that could not package, before anything is changed


def _exists(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
            return False
        raise
    return True


def destroy(stage: str, report: Report) -> bool:
    """Delete everything of a stage, its data included; False if there is no such stage.

    Raises `DeployFailed` for production and protected stages.
    """
    aws = stages.connect()
    stacks = Stacks(aws.client("cloudformation"), report)
    data = stacks.find(stages.data_stack(stage))
    if data is not None and stages.is_production(data):
        raise DeployFailed(f"{stage} is production, which this command does not destroy")
    if data is not None and parameters(data).get("Protection") != "off":
        raise DeployFailed(f"{stage} is protected: only a stage deployed with --parameter Protection=off can go")
    if used := _attached(aws, stage):
        raise DeployFailed(f"permission sets of {stage} are attached: detach them first, nothing was deleted: {used}")
    found = stacks.delete(stages.administration_stack(stage))
    found = stacks.delete(stages.app_stack(stage)) or found
    if data is not None:
        # CloudFormation deletes empty buckets only.
        for bucket in ("ResultsBucket", "ReportsBucket", "ArtifactsBucket"):
            if name := outputs(data).get(bucket):
                report(f"emptying {name}")
                empty(aws.client("s3"), name)
        stacks.delete(stages.data_stack(stage))
    return found or data is not None


def _attached(aws: Aws, stage: str) -> str:
    """Where permission sets are attached besides the stage's own roles: CloudFormation deletes no such policy."""
    iam, found = aws.client("iam"), list[str]()
    _, partition, _, _, account, _ = stages.caller().split(":", 5)
    for name in (f"gelombang-{stage}-{one}" for one in SETS):
        arn = f"arn:{partition}:iam::{account}:policy/{name}"
        try:
            for page in iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn):
                found += [f"{name} to the user {one['UserName']}" for one in page["PolicyUsers"]]
                found += [f"{name} to the group {one['GroupName']}" for one in page["PolicyGroups"]]
                roles = [one["RoleName"] for one in page["PolicyRoles"]]
                found += [f"{name} to the role {one}" for one in roles if one != name]
        except iam.exceptions.NoSuchEntityException:
            continue
    return ", ".join(found)


def empty(s3: Any, bucket: str) -> None:
    """Delete every version of every object; a bucket that is gone is empty."""
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if versions:
                keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
                s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    except s3.exceptions.NoSuchBucket:
        return
