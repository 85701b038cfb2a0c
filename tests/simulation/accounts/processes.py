"""The real services of accounts in several processes, and the passing of time."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from msgspec.structs import fields, replace

from chalicelib.accounts.delivery.consumer import consume
from chalicelib.config import Settings, load_programme
from chalicelib.notices import mailer
from chalicelib.wiring import Services
from tests.builders.accounts.accounts import PUBLIC_URL
from tests.conftest import REGION, T0

from ..ports import Nature, Scheduler
from .cloud import Cloud

T = TypeVar("T")

FUNCTION_S = 30
"""After so long a function is killed."""
PROCESSES = 2
"""Of the API; each has caches of its own."""

_PROGRAMME = load_programme("prod")
_FIGURES = _PROGRAMME.accounts
PROGRAMME = replace(
    _PROGRAMME,
    accounts=replace(_FIGURES, codes_per_s=10**9, sms=replace(_FIGURES.sms, enabled=True)),
    notices=replace(_PROGRAMME.notices, mails_per_s=10**9),
)
"""Production's figures, with SMS; and nobody sleeps for the sake of the pace."""
_ADDRESSES = {
    one.name: f"https://sim.invalid/{one.name}" for one in fields(Settings) if one.required and one.type is str
}
SETTINGS = Settings(
    **{
        **_ADDRESSES,
        "stage": "sim",
        "region": REGION,
        "beacon_relays": (),
        "rp_id": "gelombang.example",
        "mail_domain": "gelombang.example",
        "public_url": PUBLIC_URL,
    }
)


class Processes:
    """They begin, run and die. `note` is told what happens, `unexpected` which errors ended what."""

    def __init__(
        self, dice: random.Random, note: Callable[[str], None], unexpected: Callable[[str, Exception], None]
    ) -> None:
        self.dice = dice
        self.note = note
        self.now = T0 + timedelta(seconds=dice.randrange(86_400))
        self.rules = PROGRAMME.accounts
        self._unexpected = unexpected
        self.scheduler = Scheduler(dice, lambda task, error: unexpected(task.name, error))
        self.nature = Nature(dice, self.scheduler.pause, note)
        self.cloud = Cloud(self.nature, dice, lambda: self.now)
        self.processes = [self.new_process() for _ in range(PROCESSES)]
        self.consumers = [self.new_process() for _ in range(2)]
        self.busy = [False, False]
        self.lost_answers = 0.0
        """Of the answers of the API, on their way to the phone."""

    def new_process(self) -> Services:
        """A function's process that has just begun."""
        return Services(SETTINGS, PROGRAMME, clock=lambda: self.now, randomness=self.dice.randbytes)

    def later(self, seconds: float) -> None:
        """Time passes; what runs for too long is killed."""
        self.now += timedelta(seconds=seconds)
        self.note(f"+ {seconds:,.0f} s")
        self.scheduler.kill_late(self.now.timestamp())

    def request(
        self, name: str, work: Callable[[Services], T], told: Callable[[T | None, Exception | None, int], None]
    ) -> None:
        """A request to the API. `told` gets the answer or the refusal, or neither if none came; and its first step."""
        place, step = self.dice.randrange(len(self.processes)), self.scheduler.step
        answer: list[T] = []
        refused: list[Exception] = []
        died = [True]

        def run() -> None:
            try:
                answer.append(work(self.processes[place]))
            except Exception as error:  # noqa: BLE001 - the oracle judges it
                refused.append(error)
                self.note(f"{name}: {type(error).__name__} {error}")
                self._unexpected(name, error)
            died.clear()

        def ended() -> None:
            if died:
                self.note(f"{name}: died")
                self.processes[place] = self.new_process()
            if died or self.dice.random() < self.lost_answers:
                told(None, None, step)
            else:
                told(answer[0] if answer else None, refused[0] if refused else None, step)

        self.scheduler.start(name, run, self.now.timestamp() + FUNCTION_S, ended)

    def deliver(self, at_most: int, *, notices: bool = False) -> None:
        """A consumer of codes or of notices gets a batch, if it is idle."""
        place, queue = self.dice.randrange(len(self.consumers)), self.cloud.notices if notices else self.cloud.codes
        batch = [] if self.busy[place] else queue.take(at_most)
        if not batch:
            return
        self.busy[place] = True
        unacknowledged, died = list(batch), [True]

        def run() -> None:
            records = [{"messageId": message.id, "body": message.body} for message in batch]
            failed = {one["itemIdentifier"] for one in self._consume(place, records, notices)["batchItemFailures"]}
            lost = {message.id for message in batch if self.dice.random() < self.nature.rate / 2}
            unacknowledged[:] = [message for message in batch if message.id in failed | lost]
            died.clear()

        def ended() -> None:
            queue.give_back(unacknowledged)
            self.busy[place] = False
            if died:
                self.consumers[place] = self.new_process()

        name = "notices" if notices else "codes"
        self.scheduler.start(name, run, self.now.timestamp() + FUNCTION_S, ended)

    def _consume(self, place: int, records: list[dict[str, str]], notices: bool) -> dict[str, list[dict[str, str]]]:
        if notices:
            return mailer.consume(records, self.consumers[place].mailer, lambda: self.now)
        sender = self.consumers[place].code_sender
        sender._sleep = lambda _s: self.scheduler.pause()
        return consume(records, sender)
