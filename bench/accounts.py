"""Signing in, measured step by step: calls by service, capacity units, and CPU per request.

    python -m bench.accounts [REQUESTS] [--json]

The application gets API Gateway's events and the queue's messages. Seven steps take turns: starting a sign-in, sending
its code, opening the session of a new person, of a known one and by a passkey, refreshing a session, and listing one's
sessions.
Every run has a new person. Each step is measured in process and with HTTP counted. The double of the mail service
accepts every code. Exits with 1 if a start writes more than three units, a session more than four, or a refresh more
than one.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from chalicelib.accounts.passkeys.wire import PasskeyForm
from chalicelib.accounts.sessions.rules import Session
from tests.builders.accounts.passkeys import Passkey

from .harness import Report, Table, Target, command, machine
from .race import Stage, Way, race
from .requests import HANDLERS, expect, handler
from .signing_in import Device, Entrance

REQUESTS = 300
TURN = 10
WRITE_UNITS_MAX = {"start": 3, "session, new": 4, "session, known": 4, "session, passkey": 4, "refresh": 1}


class Step(ABC):
    """One step of signing in; each run has a new person."""

    def __init__(self, _stage: Stage) -> None:
        self.entrance = Entrance(handler(HANDLERS["gelombang"]))
        self._doubles = ExitStack()  # for the life of this process
        self._doubles.enter_context(self.entrance.installed())
        self._people = 0

    def person(self) -> str:
        self._people += 1
        return f"person-{self._people}@example.org"

    def opened(self, contact: str, device: Device, now: datetime) -> Any:
        """Open a session; returns the answer of `POST /sessions`."""
        body = self.entrance.sent(contact, now, f"10.{self._people >> 8 & 255}.{self._people & 255}.7")
        return expect(self.entrance.ask(device.request("POST", "/sessions", now, body)), 201)

    @abstractmethod
    def prepare(self) -> Any:
        """Do all earlier steps, and return the request of this one."""

    def run(self, given: Any) -> Any:
        return self.entrance.ask(given)

    def check(self, _given: Any, answer: Any) -> None:
        expect(answer, 201)


class Start(Step):
    def prepare(self) -> Any:
        person = self.person()
        return self.entrance.start(person, datetime.now(UTC), f"10.0.{self._people & 255}.7")

    def check(self, _given: Any, answer: Any) -> None:
        expect(answer, 202)
        self.entrance.take()


class Send(Start):
    """The consumer's work with one message of the queue."""

    def prepare(self) -> Any:
        expect(self.entrance.ask(super().prepare()), 202)
        return self.entrance.take()

    def run(self, given: Any) -> Any:
        return self.entrance.send(given)

    def check(self, _given: Any, answer: Any) -> None:
        if answer or not self.entrance.codes:
            raise RuntimeError("no code was sent")
        self.entrance.codes.clear()


class NewSession(Step):
    def prepare(self) -> Any:
        now = datetime.now(UTC)
        return Device(self.entrance.url).request("POST", "/sessions", now, self.entrance.sent(self.person(), now))


class KnownSession(Step):
    """The second session of a person."""

    def prepare(self) -> Any:
        now, device, person = datetime.now(UTC), Device(self.entrance.url), self.person()
        self.opened(person, device, now)
        return device.request("POST", "/sessions", now, self.entrance.sent(person, now))


class PasskeySession(Step):
    """The second session of a person, by a passkey that an old session of theirs has added."""

    def prepare(self) -> Any:
        import app

        services, now, key = app.services(), datetime.now(UTC), Passkey(rp_id="localhost", origin="https://localhost")
        opened = self.opened(self.person(), Device(self.entrance.url), now)
        key.user = opened["refresh_token"].partition(".")[0]
        began = now - timedelta(days=4)
        session = Session(key.user, opened["session_id"], "key", "phone", "email", began, now, "hash")
        challenge = services.passkeys.options(session, now).challenge
        form = msgspec.convert({"credential": key.made(challenge), "device": "phone"}, PasskeyForm)
        services.passkeys.add(session, form, now)
        signed = {"credential": key.used(services.passkeys.challenge(now).challenge), "device": "phone"}
        return Device(self.entrance.url).request("POST", "/sessions", now, {"passkey": signed})


class Refresh(Step):
    def prepare(self) -> Any:
        now, device = datetime.now(UTC), Device(self.entrance.url)
        opened = self.opened(self.person(), device, now)
        return device.request("POST", "/sessions/refreshes", now, {"refresh_token": opened["refresh_token"]})


class Look(Step):
    def prepare(self) -> Any:
        now, device = datetime.now(UTC), Device(self.entrance.url)
        return device.request("GET", "/me/sessions", now, session=self.opened(self.person(), device, now))

    def check(self, _given: Any, answer: Any) -> None:
        if len(expect(answer, 200)["sessions"]) != 1:
            raise RuntimeError("one session was expected")


WAYS = {
    "start": Start,
    "send": Send,
    "session, new": NewSession,
    "session, known": KnownSession,
    "session, passkey": PasskeySession,
    "refresh": Refresh,
    "GET /me/sessions": Look,
}


def report(requests: int) -> Report:
    raced = race([Way(name, work) for name, work in WAYS.items()], requests, turn=TURN)
    written = {one.way.name: one.mean(sum(call.write_units for call in one.made())) for one in raced}
    targets = [
        Target(name=f"write units: {name}", value=written[name], at_most=most, condition=True)
        for name, most in WRITE_UNITS_MAX.items()
    ]
    about = f"Signing in: medians of {len(raced[0].runs[False])} requests each, in turns of {TURN}"
    return Report("accounts", about, machine(), [Table("a step", {one.way.name: one.row() for one in raced})], targets)


if __name__ == "__main__":
    sys.exit(command(__doc__ or "", report, REQUESTS))
