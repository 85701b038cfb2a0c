"""The administrator's desk: every step of theirs is a run of the command line, as it would be for a real stage."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import urllib3

from chalicelib.clock import iso

from . import inbox
from .players.crowd import Partner
from .scene import Comparison

RUN_S = 120

_NO_ADDRESS = "HELD(NO_ADDRESS)"
"""How `gelombang payout list` shows a payout that waits for an address."""


class OfficeFailed(Exception):
    """A command did not end well; the message has the command and the last line it wrote."""


class CommandLine:
    """Runs `gelombang` for a stage, with this process's environment.

    `log` gets a line for each run; `endpoint` is where the local cloud is, `fsp_url` the sandbox provider.
    """

    def __init__(self, stage: str, endpoint: str, fsp_url: str, log: Path) -> None:
        self._stage = stage
        self._endpoint = endpoint
        self._fsp_url = fsp_url
        self._log = log

    def add_wave(self, opens_at: datetime, closes_at: datetime, quota: int) -> int:
        """Set a wave and return its number."""
        out = self._must(
            "wave",
            "add",
            "--opens-at",
            iso(opens_at),
            "--closes-at",
            iso(closes_at),
            "--quota",
            str(quota),
            "--reason",
            "Percobaan",
        )
        return int(_word_after("wave", out))

    def fire(self, schedule: str) -> None:
        """Have a deployed function that has a schedule run now."""
        self._must("trigger", schedule)

    def look_again(self) -> None:
        """Queue the payouts that wait for an address, for those who have just set one; a sweep comes to them seldom."""
        for line in self._must("payout", "list", "--state", "HELD").splitlines():
            entitlement_id, state, *_ = line.split()
            if state == _NO_ADDRESS:
                self._must("payout", "ask", entitlement_id)

    def add_partner(self, name: str) -> Partner:
        """Admit a training partner."""
        out = self._must("partner", "add", name, "--reason", "Percobaan")
        return Partner(_word_after("partner", out), _word_after("key", out))

    def import_courses(self, catalogue: str) -> int:
        """Import a catalogue (CSV) and return how many courses it has."""
        file = self._log.with_name("courses.csv")
        file.write_text(catalogue)
        self._must("course", "import", str(file), "--reason", "Katalog percobaan")
        self._must("course", "approve", str(file), "--yes", env=self._second)
        return len(catalogue.splitlines()) - 1

    def answer_grievances(self) -> int:
        """Escalate the first grievance, answer every one, and return how many there were."""
        numbers = re.findall(r"^(?:[a-z2-7]{4}-){3}[a-z2-7]{4}", self._must("grievance", "list"), re.M)
        for number in numbers[:1]:
            self._must("grievance", "escalate", number, "--note", "Mohon diperiksa bersama.")
        for number in numbers:
            self._must("grievance", "answer", number, "--text", "Sudah kami periksa; buktinya ada pada pengaduan ini.")
        return len(numbers)

    def mails(self) -> list[tuple[str, str]]:
        """Every mail that was sent so far: address and subject."""
        return [(mail.to, mail.subject) for mail in inbox.mails(self._endpoint)]

    def show_statistics(self) -> list[str]:
        """The published statistics, as printed."""
        return self._must("statistics", "show").splitlines()

    def add_cosignature(self, wave: int, line: bytes) -> None:
        """Publish the line that a witness signed."""
        self._must("draw", "witness", "add", str(wave), line.decode().rstrip())

    def check_draw(self, wave: int, folder: Path) -> list[str]:
        """Verify the draw as it is published, and the files in `folder` without the network; what does not hold."""
        return [*self._findings("draw", "verify", str(wave)), *self._findings("draw", "verify", str(folder))]

    def compare_books(self) -> Comparison:
        """Compare the ledger with the provider's books."""
        code, out, error = self._run("payout", "compare", "--books", f"{self._fsp_url}/sandbox/books")
        wrong = [f"gelombang payout compare: {_last_line(error or out)}"] if code else []
        return Comparison(said=out.splitlines(), wrong=wrong)

    def books(self) -> dict[str, Any]:
        """The provider's own report."""
        found: dict[str, Any] = urllib3.request("GET", f"{self._fsp_url}/sandbox/books", timeout=10).json()
        return found

    def _must(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        code, out, error = self._run(*command, env=env)
        if code:
            raise OfficeFailed(f"gelombang {' '.join(command)}: {_last_line(error or out)}")
        return out

    def _findings(self, *command: str) -> list[str]:
        code, out, error = self._run(*command)
        return [f"gelombang {' '.join(command)}: {_last_line(error or out)}"] if code else []

    @cached_property
    def _second(self) -> dict[str, str]:
        """The environment of another administrator, who approves what this process's own proposes."""
        iam = boto3.client("iam", endpoint_url=self._endpoint)
        may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.create_user(UserName="budi")
        iam.put_user_policy(UserName="budi", PolicyName="administrator", PolicyDocument=json.dumps(may))
        key = iam.create_access_key(UserName="budi")["AccessKey"]
        own = os.environ | {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return {name: value for name, value in own.items() if name != "AWS_SESSION_TOKEN"}

    def _run(self, *command: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        began = time.monotonic()
        program = Path(sys.executable).parent / "gelombang"
        done = subprocess.run(  # noqa: S603 - the project's own command, beside this interpreter
            [str(program), *command, "--stage", self._stage],
            stdin=subprocess.DEVNULL,
            env=env,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )
        took = time.monotonic() - began
        with self._log.open("a") as log:
            # What it printed may be a partner's key, so only complaints are kept.
            log.write(f"{took:.1f} s, exit {done.returncode}: gelombang {' '.join(command)}\n{done.stderr}")
        return done.returncode, done.stdout, done.stderr


def _word_after(word: str, text: str) -> str:
    """The word after the first `word` of a text."""
    words = text.split()
    return words[words.index(word) + 1]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1]
