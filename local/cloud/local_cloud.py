"""The local cloud: MiniStack on loopback, the development beacon, the sandbox provider, and the application on them.

    with LocalCloud(Path("build/cloud")) as cloud:
        stage = cloud.deploy()

Everything that it starts is stopped when the block ends, also after an exception, an interrupt or SIGTERM.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from admin.commands.stage import fetch
from admin.deployment import deploy, stages
from admin.deployment.stacks import Count, Report

from ..sandbox.beacon import DevelopmentBeacon
from ..sandbox.provider import Sandbox
from ..sandbox.registry import Person, Registry
from .patience import patience

STAGE = "local"
REGION = "ap-southeast-3"

START_S = 900
"""How long starting may take, in seconds: far more than the slowest machine needs. A failure shows earlier."""

FUNCTION_S = 60
"""The shortest time-out of a function, in seconds. AWS gives a request ten seconds, which is long on a whole processor.
Here many functions share few processors."""

AT_ONCE = 4
"""How many consumers of one queue run at once. In AWS up to twenty do, but each takes a second of CPU to start."""


class CloudFailed(Exception):
    """The local cloud could not be started. The message says why."""


def ministack_program() -> Path:
    """The path of MiniStack: `GELOMBANG_MINISTACK`, or else in the environment that `make install` makes for it."""
    program = Path(os.environ.get("GELOMBANG_MINISTACK") or stages.ROOT / ".venv-cloud/bin/ministack")
    if not program.exists():
        raise CloudFailed(f"{program} is not there: run `make install`")
    return program


class LocalCloud:
    """A context manager. Inside the block this process's `AWS_*` variables point to the local cloud.

    `folder` is emptied and gets MiniStack's log, state and temporary files. Clouds in different folders may run at the
    same time. `seed` decides which calls to the provider fail, once faults are switched on with
    `cloud.fsp.books.configure`. With `people` there is a civil registry, which knows them alone and is the
    register of pupils and students, too. `count` is called with the progress of a stack.
    """

    fsp: Sandbox
    registry: Registry | None = None
    beacon: DevelopmentBeacon
    endpoint: str

    def __init__(
        self,
        folder: Path,
        *,
        seed: str = "local",
        people: Sequence[Person] | None = None,
        report: Report = print,
        count: Count = lambda *_: None,
    ) -> None:
        self.folder = folder
        self._seed = seed
        self._people = people
        self._report = report
        self._count = count
        self._api_key = secrets.token_urlsafe(24)
        self._callback_token = secrets.token_urlsafe(24)
        self._resources = ExitStack()

    def __enter__(self) -> LocalCloud:
        program = ministack_program()
        with ExitStack() as resources:
            resources.enter_context(_signals_end_the_block())
            resources.enter_context(_alone(self.folder.with_name(f"{self.folder.name}.lock")))
            shutil.rmtree(self.folder, ignore_errors=True)
            (self.folder / "tmp").mkdir(parents=True)
            resources.enter_context(_environment(_past_proxies()))  # before anything is asked on loopback
            self.beacon = resources.enter_context(DevelopmentBeacon())
            self.fsp = resources.enter_context(Sandbox(self._seed, api_key=self._api_key))
            if self._people is not None:
                self.registry = resources.enter_context(Registry(self._seed, self._people))
            self.endpoint, self._group = resources.enter_context(_ministack(program, self.folder))
            resources.enter_context(_environment(_client_variables(self.endpoint)))
            resources.enter_context(patience())
            resources.callback(_ignore_signals)  # the last to be entered is the first to be left
            self._resources = resources.pop_all()
        self._report(f"local cloud: {self.endpoint}, its log in {self.folder}")
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def deploy(self) -> stages.Stage:
        """Deploy the application to the stage `local`, with the beacon, provider and registries of this cloud."""
        given = {"BeaconRelays": self.beacon.url, "FspUrl": self.fsp.url}
        if self.registry:
            given |= dict.fromkeys(("RegistryUrl", "StudentsUrl"), self.registry.url)
        deploy.deploy(STAGE, given, self._report, fetch, count=self._count)
        stage = stages.load(STAGE)
        self._share_secrets(stage)
        # In a real stage an administrator does this once, and DNS records prove that mails may come from the domain.
        ses = stages.connect().client("sesv2")
        with suppress(ses.exceptions.AlreadyExistsException):
            ses.create_email_identity(EmailIdentity=stage.settings.mail_domain)
        self._be_patient()
        _grant_besides(stages.connect())
        return stage

    def cpu_s(self) -> float:
        """The CPU seconds so far of this process, of MiniStack, and of its functions."""
        ended = os.times()
        found = ended.user + ended.system + ended.children_user + ended.children_system
        for process in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = process.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self._group:  # with those of ended children, which the parent counts
                    found += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        return found

    def _be_patient(self) -> None:
        """Raise the functions' time-outs for a busy machine, and limit how many consumers of a queue run at once."""
        functions = stages.connect().client("lambda")
        for page in functions.get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                if function["Timeout"] < FUNCTION_S:
                    functions.update_function_configuration(FunctionName=function["FunctionName"], Timeout=FUNCTION_S)
        for source in functions.list_event_source_mappings()["EventSourceMappings"]:
            few = min(AT_ONCE, source["ScalingConfig"]["MaximumConcurrency"])
            functions.update_event_source_mapping(UUID=source["UUID"], ScalingConfig={"MaximumConcurrency": few})

    def _share_secrets(self, stage: stages.Stage) -> None:
        """Store the secrets of provider and registry, as an administrator does once for a real stage."""
        secret = json.dumps({"api_key": self._api_key, "callback_token": self._callback_token})
        client = stages.connect().client("secretsmanager")
        client.put_secret_value(SecretId=stage.settings.fsp_secret, SecretString=secret)
        if self.registry:
            self.registry.hand_over(client, stage.settings.stage)
        self.fsp.books.configure(
            {"callback_url": f"{stage.api_url}/webhooks/fsp", "callback_token": self._callback_token}
        )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock, which the system releases at the latest when this process ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CloudFailed(f"another local cloud runs in {lock.with_suffix('')}: stop it first") from None
        yield


@contextmanager
def _ministack(program: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """Run MiniStack and its Lambda workers in a separate process group. Yields its address and the group's id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the program that `make install` put there
            _command(program),
            env=_server_variables(port, folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_until_healthy(process, endpoint, folder / "ministack.log")
        yield endpoint, process.pid
    finally:
        _end_group(process)
        # The state may hold an unpacked package for each worker. Only the log stays.
        shutil.rmtree(folder / "tmp", ignore_errors=True)


def _command(program: Path) -> list[str]:
    """The command that starts MiniStack through `emulator.py`, if its interpreter lies beside the program."""
    python = program.with_name("python")
    return [str(python), "-P", str(Path(__file__).with_name("emulator.py"))] if python.exists() else [str(program)]


def _server_variables(port: int, folder: Path) -> dict[str, str]:
    return {
        # The functions get nothing else of this process's environment, such as an AWS profile or a proxy.
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",  # its own default is every interface
        "MINISTACK_HOST": "127.0.0.1",  # the host in the queue addresses it gives out
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",  # else it opens port 8883 too
        "AUTH": "true",  # hold every function to its IAM policy, and strangers to the bucket policy
    }


def _client_variables(endpoint: str) -> dict[str, str | None]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": None,
        "AWS_PROFILE": None,
        "AWS_SESSION_TOKEN": None,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def _past_proxies() -> dict[str, str | None]:
    """This process and its children reach loopback directly, whatever proxy they have for the rest (pip needs it)."""
    names = ("no_proxy", "NO_PROXY")
    hosts = [host.strip() for name in names for host in os.environ.get(name, "").split(",") if host.strip()]
    # `*` alone means every host; as one of several entries it would mean nothing.
    value = "*" if "*" in hosts else ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))
    return dict.fromkeys(names, value)


def _wait_until_healthy(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=30):  # noqa: S310 - loopback
            return
        time.sleep(0.1)
    raise CloudFailed(f"MiniStack did not start; the end of {log}:\n{log.read_text(errors='replace')[-2000:]}")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all its children. They have nothing to save, and a gentle end would take long."""
    with suppress(ProcessLookupError):  # the group outlives its leader as long as any worker does
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change this process's environment inside the block. None removes a variable."""
    with patch.dict(os.environ, {name: value for name, value in changes.items() if value is not None}):
        for name in (name for name, value in changes.items() if value is None):
            os.environ.pop(name, None)
        yield


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _signals_end_the_block() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that the same is cleaned up as after Ctrl-C."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """Ignore signals from now on, so that a second Ctrl-C leaves no process behind."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


# MiniStack requires two permissions of a function's role that AWS does not, so `infrastructure/grants.py` lacks them.
# It treats `sqs:SendMessageBatch` as a separate action, while AWS counts it as `sqs:SendMessage`. And it checks
# SendEmail against `*`, whichever identity is named.


def _grant_besides(aws: stages.Aws) -> None:
    """Add the statements that let the functions do in MiniStack what they may do in AWS."""
    iam = aws.client("iam")
    for page in aws.client("lambda").get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            role = function["Role"].rpartition("/")[2]
            names = iam.list_role_policies(RoleName=role)["PolicyNames"]
            policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
            if more := list(besides(statement for policy in policies for statement in policy["Statement"])):
                document = json.dumps({"Version": "2012-10-17", "Statement": more})
                iam.put_role_policy(RoleName=role, PolicyName="for-ministack", PolicyDocument=document)


def besides(statements: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The statements that MiniStack requires in addition to these."""
    for statement in statements:
        if "sqs:SendMessage" in statement["Action"]:
            yield {"Effect": "Allow", "Action": ["sqs:SendMessageBatch"], "Resource": statement["Resource"]}
        if "ses:SendEmail" in statement["Action"]:
            yield {"Effect": "Allow", "Action": ["ses:SendEmail"], "Resource": "*"}
