"""The local cloud: MiniStack on loopback, the development beacon, the sandbox provider, and the application on them.

    with LocalCloud(Path("build/cloud")) as cloud:
        stage = cloud.deploy()

Everything it starts ends with the block, however that ends; an interrupt or SIGTERM counts as an end too.
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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from admin.commands.stage import fetch
from admin.deployment import deploy, stages
from admin.deployment.stacks import Count, Report
from chalicelib.aws import clients, dynamodb

from ..sandbox.beacon import DevelopmentBeacon
from ..sandbox.provider import Sandbox

STAGE = "local"
REGION = "ap-southeast-3"

START_S = 900
"""Far more than the slowest machine takes; whatever fails to start ends before."""

PATIENT_S = 120

FUNCTION_S = 60
"""What every function may take at least. In AWS a request is given up after ten seconds, which is long for one that has
a processor; here many share few."""

AT_ONCE = 4
"""Consumers of one queue. Each of the twenty that AWS may start takes a second of CPU before it does anything."""


class CloudFailed(Exception):
    """The local cloud could not be started; the message says why."""


def ministack_program() -> Path:
    """Where MiniStack is: `GELOMBANG_MINISTACK`, else the environment that `make install` makes for it."""
    program = Path(os.environ.get("GELOMBANG_MINISTACK") or stages.ROOT / ".venv-cloud/bin/ministack")
    if not program.exists():
        raise CloudFailed(f"{program} is not there: run `make install`")
    return program


class LocalCloud:
    """A context manager; inside the block this process's `AWS_*` variables point to the local cloud.

    `folder` gets MiniStack's log, state and temporary files, and is emptied first; clouds in different folders may run
    at once. `seed` decides which calls to the provider go wrong, once faults are switched on with
    `cloud.fsp.books.configure`. `count` is told how far a stack is.
    """

    fsp: Sandbox
    beacon: DevelopmentBeacon
    endpoint: str

    def __init__(
        self, folder: Path, *, seed: str = "local", report: Report = print, count: Count = lambda *_: None
    ) -> None:
        self.folder = folder
        self._seed = seed
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
            self.endpoint, self._group = resources.enter_context(_ministack(program, self.folder))
            resources.enter_context(_environment(_client_variables(self.endpoint)))
            resources.enter_context(_patience())
            resources.callback(_ignore_signals)  # the last to be entered is the first to be left
            self._resources = resources.pop_all()
        self._report(f"local cloud: {self.endpoint}, its log in {self.folder}")
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def deploy(self) -> stages.Stage:
        """Deploy the application to the stage `local`, with the beacon and the provider of this cloud."""
        given = {"BeaconRelays": self.beacon.url, "FspUrl": self.fsp.url}
        deploy.deploy(STAGE, given, self._report, fetch, count=self._count)
        stage = stages.load(STAGE)
        self._share_secrets(stage)
        # An administrator does this once, and proves with DNS records that the domain may be sent from.
        ses = stages.connect().client("sesv2")
        with suppress(ses.exceptions.AlreadyExistsException):
            ses.create_email_identity(EmailIdentity=stage.settings.mail_domain)
        self._be_patient()
        _grant_besides(stages.connect())
        return stage

    def cpu_s(self) -> float:
        """Seconds that processors have worked so far: for this process, for MiniStack, and for its functions."""
        ended = os.times()
        found = ended.user + ended.system + ended.children_user + ended.children_system
        for process in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = process.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self._group:  # and of those who have ended already, as their parent has it
                    found += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        return found

    def _be_patient(self) -> None:
        """Give each function time enough for a machine that is busy, and run few of a queue's consumers at once."""
        functions = stages.connect().client("lambda")
        for page in functions.get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                if function["Timeout"] < FUNCTION_S:
                    functions.update_function_configuration(FunctionName=function["FunctionName"], Timeout=FUNCTION_S)
        for source in functions.list_event_source_mappings()["EventSourceMappings"]:
            few = min(AT_ONCE, source["ScalingConfig"]["MaximumConcurrency"])
            functions.update_event_source_mapping(UUID=source["UUID"], ScalingConfig={"MaximumConcurrency": few})

    def _share_secrets(self, stage: stages.Stage) -> None:
        """What an administrator does once for a real stage: agree with the provider on a key and a callback token."""
        secret = json.dumps({"api_key": self._api_key, "callback_token": self._callback_token})
        client = stages.connect().client("secretsmanager")
        client.put_secret_value(SecretId=stage.settings.fsp_secret, SecretString=secret)
        self.fsp.books.configure(
            {"callback_url": f"{stage.api_url}/webhooks/fsp", "callback_token": self._callback_token}
        )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock that ends with this process at the latest."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CloudFailed(f"another local cloud runs in {lock.with_suffix('')}: stop it first") from None
        yield


@contextmanager
def _ministack(program: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """MiniStack in a process group of its own, which holds its Lambda workers too; yields its address and the group."""
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
        # Each of its workers had unpacked the whole package. The log stays.
        shutil.rmtree(folder / "tmp", ignore_errors=True)


def _command(program: Path) -> list[str]:
    """MiniStack by way of `emulator.py`, if its interpreter is where it is in every environment."""
    python = program.with_name("python")
    return [str(python), "-P", str(Path(__file__).with_name("emulator.py"))] if python.exists() else [str(program)]


def _server_variables(port: int, folder: Path) -> dict[str, str]:
    return {
        # Nothing else of this process's environment: an AWS profile or proxy must not reach the functions.
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
    # A lone star means every host; in a list it would mean nothing.
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
    """End a process and all its children at once: none of them keeps anything, and asked politely they take long."""
    with suppress(ProcessLookupError):  # the group outlives its leader as long as any worker does
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _patience() -> Iterator[None]:
    """What this process itself asks of the local cloud may be answered as late as a busy machine makes it."""
    late: dict[str, Any] = {"CONNECT_TIMEOUT_S": PATIENT_S, "READ_TIMEOUT_S": PATIENT_S}
    with patch.multiple(clients, **late), patch.multiple(dynamodb, **late):
        yield


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change this process's environment (None: unset) and change it back."""
    with patch.dict(os.environ, {name: value for name, value in changes.items() if value is not None}):
        for name in (name for name, value in changes.items() if value is None):
            os.environ.pop(name, None)
        yield


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _signals_end_the_block() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that they clean up as Ctrl-C does."""

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
    """From now on: an impatient second Ctrl-C must not leave processes behind."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


# What MiniStack asks a function's role for and AWS does not. The policies of `infrastructure/grants.py` hold what AWS
# knows. MiniStack takes `sqs:SendMessageBatch` for an action of its own, where AWS counts it as `sqs:SendMessage`; and
# it holds SendEmail to a permission on `*`, whichever identity is named.


def _grant_besides(aws: stages.Aws) -> None:
    """Let the roles of the functions do in MiniStack what they may do in AWS."""
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
    """The statements that MiniStack wants besides these."""
    for statement in statements:
        if "sqs:SendMessage" in statement["Action"]:
            yield {"Effect": "Allow", "Action": ["sqs:SendMessageBatch"], "Resource": statement["Resource"]}
        if "ses:SendEmail" in statement["Action"]:
            yield {"Effect": "Allow", "Action": ["ses:SendEmail"], "Resource": "*"}
