"""What a stage has promised: every scheme that it has served or was to serve, unchanged for good.

They are `schemes.json` in the artifacts bucket, a JSON object by version, replaced only as it was read. Of a stage that
an earlier version deployed, which wrote no such file, they are those in the package that it runs.
"""

from __future__ import annotations

import io
import json
import tomllib
import zipfile
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from chalicelib.config import DEFAULT_PROGRAMME, Programme
from chalicelib.figures.schemes import Scheme
from chalicelib.figures.waves import CalendarRules

from . import stages
from .stacks import DeployFailed, Stacks, outputs, parameters

PROMISES = "schemes.json"

TRIES = 5
"""How often a record is decided again when it collides with another deployment's."""


class Promises:
    """`app`: CloudFormation's description of the stage's app stack; None before its first deployment."""

    def __init__(self, aws: stages.Aws, bucket: str, app: Mapping[str, Any] | None) -> None:
        self._aws = aws
        self._s3 = aws.client("s3")
        self._bucket = bucket
        self._app = app

    @property
    def has_run(self) -> bool:
        """Whether the stage has, or had, functions that may have given a scheme to a wave."""
        return self._app is not None and self._app["StackStatus"] != "ROLLBACK_COMPLETE"

    def served(self) -> dict[str, Any]:
        """The schemes by version, as JSON has them."""
        return self._read()[0]

    def check(self, programme: Programme) -> None:
        """Raises `DeployFailed` unless the programme has every scheme that the stage has served, unchanged.

        People keep the scheme of their wave: what was promised under a version stays what it was.
        """
        _check(self.served(), programme)

    def keep(self, programme: Programme) -> set[str]:
        """Record that the stage serves these schemes now: the versions that were not recorded before.

        Raises as `check` does, also for what is recorded meanwhile. Repeating it changes nothing.
        """
        schemes = {scheme.version: json.loads(msgspec.json.encode(scheme)) for scheme in programme.schemes}

        def add(before: dict[str, Any]) -> dict[str, Any]:
            _check(before, programme)
            return before | schemes

        return self._replace(add)

    def take_back(self, versions: Collection[str]) -> None:
        """Forget versions that a deployment recorded and did not bring about, unless the stage runs them."""
        running = self.running()
        self._replace(lambda before: {one: before[one] for one in before if one in running or one not in versions})

    def _replace(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> set[str]:
        for _ in range(TRIES):
            before, unchanged = self._read()
            served = change(before)
            if served == before and "IfMatch" in unchanged:
                return set()
            try:
                self._s3.put_object(Bucket=self._bucket, Key=PROMISES, Body=json.dumps(served).encode(), **unchanged)
            except ClientError as error:
                if error.response["Error"]["Code"] not in {"PreconditionFailed", "ConditionalRequestConflict"}:
                    raise
                continue
            return served.keys() - before.keys()
        raise DeployFailed(f"other deployments keep changing {PROMISES}: deploy again when they are done")

    def _read(self) -> tuple[dict[str, Any], dict[str, str]]:
        """What is recorded, and the condition on which it may be replaced."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=PROMISES)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return self.running(), {"IfNoneMatch": "*"}
        return json.loads(found["Body"].read()), {"IfMatch": found["ETag"]}

    def running(self) -> dict[str, Any]:
        """The schemes of the package that the stage runs, as `served` has them; none if it runs none."""
        programme, _ = self._package()
        return {one["version"]: _in_payments(one) for one in programme.get("schemes", ())}

    def calendar(self) -> CalendarRules | None:
        """The calendar that the stage runs; None if it runs none, or one in the form of an earlier release."""
        programme, service = self._package()
        changed = service.get("stages", {}).get(parameters(self._app or {}).get("Stage"), {})
        said = service.get("calendar", {}) | programme.get("calendar", {}) | changed.get("calendar", {})
        try:
            return msgspec.convert(said, CalendarRules)
        except msgspec.ValidationError:
            return None

    def _package(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The programme's file and the service's in the package that the stage runs; empty if it runs none."""
        if self._app is None or not self.has_run:
            return {}, {}
        cloudformation = self._aws.client("cloudformation")
        body = cloudformation.get_template(StackName=self._app["StackName"], TemplateStage="Original")["TemplateBody"]
        template: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
        code = next(
            one["Properties"]["CodeUri"]
            for one in template["Resources"].values()
            if one["Type"] == "AWS::Serverless::Function"
        )
        name = parameters(self._app).get("Programme", DEFAULT_PROGRAMME)
        package = self._s3.get_object(Bucket=code["Bucket"], Key=code["Key"])["Body"].read()
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            there = set(archive.namelist())
            # Before there were programmes all figures were one file.
            files = {f"chalicelib/programmes/{name}.toml", "chalicelib/programme.toml"} & there
            if not files:
                raise DeployFailed(f"the package that the stage runs, {code['Key']}, has no programme {name}")
            both = (min(files, key=len), "chalicelib/service.toml")
            programme, service = (tomllib.loads(archive.read(one).decode()) if one in there else {} for one in both)
        return programme, service


def of_stage(stage: str) -> Promises:
    """Those of a stage, also of one whose first deployment came no further than its data.

    Raises `BadConfiguration` if there is none.
    """
    aws = stages.connect()
    data = stages.found(aws, stage, stages.data_stack(stage))
    app = Stacks(aws.client("cloudformation"), lambda _: None).find(stages.app_stack(stage))
    return Promises(aws, outputs(data)["ArtifactsBucket"], app)


def take_back(aws: stages.Aws, bucket: str, app: Mapping[str, Any] | None, programme: Programme, new: set[str]) -> None:
    """Let `new` versions of a deployment that failed be promised no longer; `app`: the app stack after it.

    A version that the stage runs or has given to a wave stays. So do all while CloudFormation is at work or cannot
    restore the stack.
    """
    used: set[str] = set()
    if app is not None:
        if not app["StackStatus"].endswith("_COMPLETE"):
            return
        from chalicelib.wiring import Services  # only a deployment that failed pays for importing it

        used = Services(stages.settings(parameters(app), aws), programme).waves.schemes_used()
    if new - used:
        Promises(aws, bucket, app).take_back(new - used)


def forget(stage: str, version: str, used: Callable[[], Collection[str]]) -> None:
    """Let a version be promised no longer that a deployment recorded which was killed, so that nothing took it back.

    `used` asks for the versions that waves have; of a stage that never ran it is not asked.

    Raises `DeployFailed` if nothing has promised it, the stage runs it, a wave has it, or CloudFormation is at work.
    """
    promises = of_stage(stage)
    if version not in promises.served():
        raise DeployFailed(f"the stage {stage} has promised no scheme {version}")
    app = promises._app
    given = used() if promises.has_run else ()
    if version not in given and (app is None or app["StackStatus"].endswith("_COMPLETE")):
        promises.take_back({version})
    if version in promises.served():
        raise DeployFailed(f"the scheme {version} stays: the stage runs it or may yet, or a wave was given it")


def _check(served: Mapping[str, Any], programme: Programme) -> None:
    now = {scheme.version: scheme for scheme in programme.schemes}
    for version, promised in served.items():
        if now.get(version) != msgspec.convert(promised, Scheme, str_keys=True):
            what = "changes" if version in now else "leaves out"
            raise DeployFailed(
                f"the programme {what} the scheme {version}, which this stage has served or was to serve: let it be "
                "as it was, and give a change another version, with a first_wave that has not opened"
            )


def _in_payments(scheme: Mapping[str, Any]) -> dict[str, Any]:
    """A scheme as it is said now; before it named its payments it said how many there are of each kind."""
    if "payments" in scheme:
        return dict(scheme)
    kinds = (
        ("INCENTIVE", "review", scheme["incentive_idr"], scheme["incentives"]),
        ("SURVEY", "survey", scheme["survey_idr"], scheme["surveys"]),
    )
    return {
        **{name: scheme[name] for name in ("version", "first_wave", "training_idr")},
        "payments": [
            {"kind": kind, "trigger": trigger, "amount_idr": each, "times": times}
            for kind, trigger, each, times in kinds
            if each and times
        ],
    }
