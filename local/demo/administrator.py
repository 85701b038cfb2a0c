"""What the demo's administrators do: each step is a command of `gelombang`, as for a real stage.

Sari proposes and Budi approves, each with their permission sets. Whatever is no command of the administration is done
by whoever deployed the stage. The commands run in this process, as starting a new one would take a second each time.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import urllib3
from botocore.config import Config
from click import ClickException
from click.testing import CliRunner
from msgspec.structs import replace

from admin.cli import main
from admin.commands import trigger
from admin.commands.administered import COMMANDS
from admin.deployment import stages
from chalicelib.accounts.deletions import DELETIONS
from chalicelib.accounts.items import DueDeletionItem
from chalicelib.aws import dynamodb
from chalicelib.clock import Clock, iso, utc_now
from chalicelib.privacy.erasure import TOKENS_LIVE
from chalicelib.registration.items import CLAIMS, ClaimItem, Profile, person_pk
from chalicelib.waves.errors import ChangeTooLate
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.rules import SHARDS, BeneficiaryState, WaveState
from chalicelib.waves.store import ExceptionsItem, WaveItem
from chalicelib.wiring import Services

from ..cloud.administrators import PROPOSING, user
from ..sandbox import inbox
from .crowd import Partner

_PATIENT = Config(read_timeout=900, retries={"total_max_attempts": 1})
"""A step may take a quarter of an hour; a retry would begin it a second time."""

WAITING_MOST = 1000
"""So many registrations that wait are counted at most."""

AHEAD = timedelta(seconds=1)
"""How long writing may take at first. If it took longer, it is repeated with twice as much."""


class CommandFailed(Exception):
    """A command failed. The message has the command and the last line that it wrote."""


@dataclass(frozen=True)
class Comparison:
    """The result of `gelombang payout compare`: the sums as printed, and the disagreements."""

    said: Sequence[str]
    wrong: Sequence[str]


class Administrator:
    """Runs commands of `gelombang` for a stage, with this process's environment.

    `log` gets a line for each run. `endpoint` is the address of the local cloud, `fsp_url` of the sandbox provider.
    """

    def __init__(self, stage: str, endpoint: str, fsp_url: str, log: Path) -> None:
        self._stage = stage
        self._endpoint = endpoint
        self._fsp_url = fsp_url
        self._log = log
        self._at_work = Lock()
        self._services = stages.load(stage).services
        self._functions = stages.connect().client("lambda", _PATIENT)

    def add_wave(self, opens_at: datetime, closes_at: datetime, quota: int, scheme: str = "") -> int:
        words = ["--opens-at", iso(opens_at), "--closes-at", iso(closes_at), "--quota", str(quota)]
        words += ["--scheme", scheme] if scheme else []
        added = self._found("wave", "add", *words, "--reason", "Percobaan")
        return int(added["wave"])

    def move_wave(self, number: int, opens_at: datetime, closes_at: datetime) -> bool:
        """Give a wave other times. Returns False if it is too late for them."""
        times = ("--opens-at", iso(opens_at), "--closes-at", iso(closes_at))
        code, out, error = self._run("wave", "move", str(number), *times, "--reason", "Percobaan")
        if code and ChangeTooLate.code not in error:
            raise CommandFailed(f"gelombang wave move: {_last_line(error or out)}")
        return not code

    def close_wave(self, number: int) -> datetime:
        """Close an open wave now, as no administrator can. Returns the first instant at which a join is refused."""
        return close_wave(self._services, number, utc_now)

    def unanswered(self) -> int:
        """How many registrations wait for the civil registry."""
        return unanswered(self._services)

    def end_waits(self) -> int:
        """End the waits of claims and erasures that go on now; how many erasures are not done."""
        return end_waits(self._services, utc_now)

    def tell_earlier(self, nik: str) -> None:
        """Have a person told a week and a day earlier that something differs, as if they had not corrected it."""
        tell_earlier(self._services, nik)

    def find_person(self, known: str, reason: str) -> list[dict[str, Any]]:
        """Whom the helpdesk finds by something that a caller knows."""
        found: list[dict[str, Any]] = json.loads(
            self._must("person", "find", "--reason", reason, "--json", typed=f"{known}\n")
        )
        return found

    def show_person(self, registrant: str, reason: str) -> dict[str, Any]:
        shown: dict[str, Any] = self._found("person", "show", registrant, "--reason", reason)
        return shown

    def end_buying(self) -> datetime:
        """Move the deadline of everyone who has bought nothing to now. Returns its instant."""
        return end_buying(self._services, utc_now)

    def fire(self, schedule: str) -> None:
        """Run a deployed function with a schedule now."""
        with self.firing(schedule):
            pass

    @contextmanager
    def firing(self, schedule: str) -> Iterator[None]:
        """Run such a function while the block runs, even if it runs commands: with the call of `gelombang trigger`."""
        with ThreadPoolExecutor(1) as aside:
            running = aside.submit(trigger.fire, self._stage, schedule, self._functions)
            yield
            try:
                running.result()
            except ClickException as error:
                raise CommandFailed(error.message) from error

    def look_again(self) -> None:
        """Queue the payouts that wait for an address, as some people have just set one. A sweep seldom does it."""
        for each in self._found("payout", "list", "--state", "HELD", "--hold", "NO_ADDRESS"):
            self._must("payout", "ask", each["id"])

    def add_partner(self, name: str) -> Partner:
        added = self._found("partner", "add", name, "--reason", "Percobaan")
        return Partner(added["partner"], added["key"])

    def import_courses(self, catalogue: str) -> int:
        file = self._log.with_name("courses.csv")
        file.write_text(catalogue)
        self._must("course", "import", str(file), "--reason", "Katalog percobaan")
        self._must("course", "approve", str(file), "--yes")
        return len(catalogue.splitlines()) - 1

    def answer_grievances(self) -> int:
        """Escalate the first grievance, answer every one, and return how many there were."""
        numbers = [each["number"] for each in self._found("grievance", "list")["grievances"]]
        for number in numbers[:1]:
            self._must("grievance", "escalate", number, "--note", "Mohon diperiksa bersama.")
        for number in numbers:
            self._must("grievance", "answer", number, "--text", "Sudah kami periksa; buktinya ada pada pengaduan ini.")
        return len(numbers)

    def mails(self) -> list[tuple[str, str, str]]:
        """All mails sent so far: address, subject and text."""
        return [(mail.to, mail.subject, mail.text) for mail in inbox.mails(self._endpoint)]

    def mails_in_doubt(self) -> int:
        """How often it was unknown whether a mail had been sent. So many mails may have come twice."""
        logs = stages.connect().client("logs")
        groups = [f"/aws/lambda/gelombang-{self._stage}-{name}" for name in ("send_mail", "write_notices")]
        paginate = logs.get_paginator("filter_log_events").paginate
        pages = (page for group in groups for page in paginate(logGroupName=group))
        return sum("mail_outcome_unknown" in event["message"] for page in pages for event in page["events"])

    def show_statistics(self) -> list[str]:
        return self._must("statistics", "show").splitlines()

    def add_cosignature(self, wave: int, line: bytes) -> None:
        self._must("draw", "witness", "add", str(wave), line.decode().rstrip())

    def check_draw(self, wave: int, folder: Path) -> list[str]:
        """Verify the published draw, and the files in `folder` without network. Returns the failures."""
        return [line for target in (wave, folder) for line in self._wrong(str(target))]

    def compare_books(self) -> Comparison:
        code, out, error = self._run("payout", "compare", "--books", f"{self._fsp_url}/sandbox/books")
        wrong = [f"gelombang payout compare: {_last_line(error or out)}"] if code else []
        return Comparison(said=out.splitlines(), wrong=wrong)

    def books(self) -> dict[str, Any]:
        found: dict[str, Any] = urllib3.request("GET", f"{self._fsp_url}/sandbox/books", timeout=120).json()
        return found

    def _must(self, *command: str, typed: str = "") -> str:
        code, out, error = self._run(*command, typed=typed)
        if code:
            raise CommandFailed(f"gelombang {' '.join(command)}: {_last_line(error or out)}")
        return out

    def _found(self, *command: str) -> Any:
        return json.loads(self._must(*command, "--json"))

    def _wrong(self, target: str) -> list[str]:
        code, out, error = self._run("draw", "verify", target)
        failed = [line for line in out.splitlines() if line.startswith("FAILED")]
        return (
            [f"gelombang draw verify {target}: {line}" for line in failed or [_last_line(error or out)]] if code else []
        )

    @cached_property
    def _sari(self) -> dict[str, str]:
        return user("sari", PROPOSING, self._stage)

    @cached_property
    def _budi(self) -> dict[str, str]:
        return user("budi", ["checker"], self._stage)

    def _who(self, command: Sequence[str]) -> dict[str, str]:
        """The environment of who gives a command."""
        words = next((given for n in (1, 2, 3) if (given := " ".join(command[:n])) in COMMANDS), None)
        if words is None:
            return {}
        return self._budi if COMMANDS[words].sets.isdisjoint(PROPOSING) else self._sari

    def _run(self, *command: str, typed: str = "") -> tuple[int, str, str]:
        began = time.monotonic()
        with self._at_work:  # while a command runs, this whole process writes to another stdout
            words = [*command, "--stage", self._stage]
            done = CliRunner().invoke(main, words, input=typed, env=self._who(command))
        error = done.stderr
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            error += "".join(traceback.format_exception(done.exception))
        took = time.monotonic() - began
        with self._log.open("a") as log:
            # The output may contain a partner's key, so only the errors are logged.
            log.write(f"{took:.1f} s, exit {done.exit_code}: gelombang {' '.join(command)}\n{error}")
        return done.exit_code, done.stdout, error


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1]


# The demo cannot wait as long as a real stage, so it moves times in the tables of the local stage. The deployed code is
# unchanged: it reads the real clock and its tables.


def close_wave(services: Services, number: int, clock: Clock) -> datetime:
    """Close an open wave as soon as every function must have read it. Returns the first instant that is refused."""
    read_by_all = timedelta(seconds=services.programme.calendar.exceptions_cached_s)
    assert services.waves  # noqa: S101 - binds the tables
    ahead = AHEAD
    while True:
        at = _second_after(clock() + read_by_all + ahead)
        item = ExceptionsItem.get("CALENDAR", "EXCEPTIONS", consistent_read=True)
        changed = tuple(replace(each, closes_at=at) if each.number == number else each for each in item.exceptions)
        item.update([ExceptionsItem.exceptions.set(changed)])
        still = WaveItem.state == WaveState.OPEN.value
        WaveItem("WAVES", f"{number:06d}").update([WaveItem.closes_at.set(at)], condition=still)
        if clock() + read_by_all <= at:
            return at
        ahead *= 2


def end_buying(services: Services, clock: Clock) -> datetime:
    """Move the deadline of everyone who has not bought anything yet to now. Returns its instant."""
    at = _second_after(clock() + AHEAD)
    for shard in range(SHARDS):
        for due in list(services.waves.beneficiaries.potential(f"{shard:02d}", clock() + timedelta(days=365))):
            item = BeneficiaryItem(f"B#{due.registrant_id}", "BENEFICIARY")
            still = BeneficiaryItem.state == BeneficiaryState.POTENTIAL.value
            item.update([BeneficiaryItem.buy_by.set(at)], condition=still)
    return at


def unanswered(services: Services) -> int:
    return len(services.verifications.page_waiting("", WAITING_MOST)[0])


def end_waits(services: Services, clock: Clock) -> int:
    """Let the day pass after which a NIK comes back, and the minutes for which a token lives after an account's end.

    Returns how many erasures are not done.
    """
    assert services.registration_store  # noqa: S101 - binds the tables
    assert services.deletions  # noqa: S101 - binds the tables
    for claim in ClaimItem.query(CLAIMS, consistent_read=True):
        if claim.moves_at is not None:
            dynamodb.update_if(claim, [ClaimItem.moves_at.set(clock())], ClaimItem.moves_at == claim.moves_at)
    asked = list(services.deletions.due(clock()))
    for one in asked:
        if one.closed_at is not None and one.begun_at is None:
            item = DueDeletionItem(DELETIONS, f"{iso(one.look_at or one.due_at)}#{one.account_id}")
            closed = DueDeletionItem.closed_at.set(one.closed_at - TOKENS_LIVE)
            dynamodb.update_if(item, [closed], DueDeletionItem.closed_at == one.closed_at)
    return len(asked)


def tell_earlier(services: Services, nik: str) -> None:
    who = services.finding.by_nik(nik)
    earlier = timedelta(seconds=services.programme.registry.removed_if_told_for_s) + timedelta(days=1)
    item = Profile.get(person_pk(str(who)), "PROFILE", consistent_read=True)
    assert item.verified_at is not None  # noqa: S101 - the registry has answered about them
    item.update([Profile.verified_at.set(item.verified_at - earlier)], Profile.version == item.version)


def _second_after(instant: datetime) -> datetime:
    return instant.replace(microsecond=0) + timedelta(seconds=1)
