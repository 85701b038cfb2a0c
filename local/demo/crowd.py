"""All people of the demo: their diaries, what they do over the API, and how many act at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

from urllib3.exceptions import HTTPError

from chalicelib.clock import Clock
from chalicelib.training import signatures

from .api import Answer, Api, Unexpected, made_once
from .device import Device
from .people import Part, Person
from .postbox import Postbox

INCENTIVE, SURVEY_1 = "INCENTIVE", "SURVEY_1"
"""The kinds of payouts that people earn in the demo."""

RENEWED_AFTER = timedelta(minutes=3)
"""The age at which an access token is renewed, well before it expires."""

COMES_WITHIN = timedelta(minutes=30)
"""How long a code may take to arrive: far more than on the slowest machine."""

Progress = Callable[[str, int, int], None]
"""Called with a step, how many of its people are done, and how many there are."""


@dataclass
class Diary:
    """What happened to one person, according to the API."""

    person: Person
    device: Device = field(default_factory=Device)
    token: str = ""
    """The access token, renewed at `renewed_at`."""
    refresh_token: str = ""
    renewed_at: datetime | None = None
    second_from: datetime | None = None
    """The instant from which the second contact signs in."""
    registered: bool = False
    refused: bool = False
    receipt: dict[str, Any] | None = None
    entry: dict[str, Any] | None = None
    """The wave's entry in `GET /me/entries`, once it is settled."""
    substitute: bool = False
    """Whether this person got the place of somebody who lost it."""
    place: dict[str, Any] | None = None
    """The beneficiary in `GET /me`, as read last."""
    card_number: str = ""
    trainings: list[dict[str, Any]] = field(default_factory=list)
    """The trainings as read last, cancelled ones included."""
    balance_idr: int | None = None
    due: set[str] = field(default_factory=set)
    """The kinds of payouts that this person has earned."""
    reminded: bool = False
    """Whether this person was told that money waits for a financial address, and then set one."""
    payouts: list[dict[str, Any]] = field(default_factory=list)
    surveys: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Any] | None = None
    """The answers to the survey, once they were accepted."""
    matches: list[dict[str, Any]] = field(default_factory=list)
    application: dict[str, Any] | None = None
    grievances: list[dict[str, Any]] = field(default_factory=list)
    mails: Counter[str] = field(default_factory=Counter)
    """How many mails of each kind have arrived."""

    @property
    def standing(self) -> str:
        """The standing of this person's entry; empty without an entry."""
        return self.entry["standing"] if self.entry else ""

    @property
    def chosen(self) -> bool:
        return self.standing == "chosen"

    @property
    def revoked(self) -> bool:
        """Whether this person held a place and lost it."""
        return self.standing == "revoked"

    @property
    def finishes(self) -> bool:
        """Whether this person completes the courses bought. A substitute always does."""
        return self.substitute or self.person.finishes

    @property
    def applied(self) -> str:
        """The vacancy that this person applied for; empty if none."""
        return self.application["vacancy"]["vacancy_id"] if self.application else ""

    @property
    def bought(self) -> list[dict[str, Any]]:
        return [training for training in self.trainings if training["state"] != "CANCELLED"]

    @property
    def completed(self) -> list[dict[str, Any]]:
        """The trainings that a partner has attested."""
        return [training for training in self.trainings if training["state"] == "COMPLETED"]

    @property
    def needs_address(self) -> bool:
        """Whether an incentive waited for a financial address when this person looked last."""
        return any(payout["state"] == "needs_financial_address" for payout in self.payouts)


@dataclass(frozen=True)
class Partner:
    """A training partner's id and signing key (hex)."""

    id: str
    key: str


class Crowd:
    """The people of the demo. Up to `workers` of them act at once; with one worker they take turns.

    They use only the public HTTP API, and read their codes in `postbox`. For an answer that the rules do not allow,
    `differences` gets a sentence. Then that person stops the step, and the others go on.
    """

    def __init__(
        self,
        api: Api,
        postbox: Postbox,
        people: Iterable[Person],
        clock: Clock,
        progress: Progress,
        differences: list[str],
        workers: int = 8,
    ) -> None:
        self.api = api
        self.postbox = postbox
        self.now = clock
        self.progress = progress
        self.diaries = [Diary(person) for person in people]
        self.applicants: dict[str, list[dict[str, Any]]] = {}
        """The applicants of each vacancy, as its partner read them."""
        self.differences = differences
        self._workers = workers

    def who(self, condition: Callable[[Diary], object]) -> list[Diary]:
        return [diary for diary in self.diaries if condition(diary)]

    def call(self, diary: Diary, method: str, path: str, body: Any = None) -> Answer:
        """Send a request with this person's access token and a proof of the device's key. Renews the token in time."""
        if diary.renewed_at is not None and self.now() - diary.renewed_at > RENEWED_AFTER:
            self._renew(diary)
        return self.proved(diary.device, method, path, body, token=diary.token)

    def proved(self, device: Device, method: str, path: str, body: Any = None, *, token: str = "") -> Answer:
        """Send a request with a proof of a device's key."""

        def prove() -> dict[str, str]:
            return {"DPoP": device.proof(method, self.api.url + path.partition("?")[0], self.now(), token)}

        return self.api.call(method, path, body, token=token, headers=prove)

    def read(self, diary: Diary, path: str) -> Any:
        """The body of `GET path` for this person. Raises `Unexpected`."""
        return self.call(diary, "GET", path).expect(200).body

    def sign_in(self, diary: Diary, contact: str = "") -> dict[str, str]:
        """Let this person sign in on their device, by the e-mail address or by another contact.

        Returns the code as they entered it. Raises `Unexpected`.
        """
        entered = self.code_of(diary, contact or diary.person.email)
        opened = self.proved(diary.device, "POST", "/sessions", {"code": entered}).expect(201).body
        diary.token, diary.refresh_token, diary.renewed_at = opened["access_token"], opened["refresh_token"], self.now()
        return entered

    def code_of(self, diary: Diary, contact: str) -> dict[str, str]:
        """Have a code sent to a contact; returns what is entered then. Raises `Unexpected` if no code comes."""
        known = len(self.postbox.codes(contact))
        form = {"contact": contact, "language": "id", "device": "phone"}
        started = self.api.call("POST", "/sign-ins", form).expect(202)
        until = self.now() + COMES_WITHIN
        while len(codes := self.postbox.codes(contact)) == known or self._is_queued(started.body):
            if self.now() > until:
                raise Unexpected(f"{started.request}: no code came to person {diary.person.number}")
            self.postbox.rest()
        return {"sign_in_id": started.body["sign_in_id"], "secret": started.body["secret"], "code": codes[-1]}

    def _is_queued(self, started: dict[str, Any]) -> bool:
        """Whether the code of a sign-in is still to come. One of an earlier sign-in may come before it."""
        view = self.api.call("GET", f"/sign-ins/{started['sign_in_id']}").expect(200).body
        return bool(view["state"] == "queued")

    def _renew(self, diary: Diary) -> None:
        form = {"refresh_token": diary.refresh_token}
        renewed = self.proved(diary.device, "POST", "/sessions/refreshes", form).expect(201)
        diary.token, diary.renewed_at = renewed.body["access_token"], self.now()

    def set_address(self, diary: Diary) -> None:
        """Set this person's financial address. Raises `Unexpected`."""
        self.call(diary, "PUT", "/me/financial-address", diary.person.address).expect(200)

    def must_refuse(self, diary: Diary, path: str, form: Any, code: str) -> None:
        """Send a request that must be refused with this code. Raises `Unexpected`."""
        self.call(diary, "POST", path, form).expect(409, code=code)

    def signed(
        self,
        partner: Partner,
        method: str,
        path: str,
        form: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        later_s: int = 0,
    ) -> Answer:
        """Send a request that a partner signs.

        A signature is accepted once and is for one second, so `later_s` signs the same request for a later second.
        """
        body = b"" if form is None else json.dumps(form).encode()
        asked = signatures.canonical_query((query or {}).items())

        def sign() -> dict[str, str]:
            at = self.now() + timedelta(seconds=later_s)
            return signatures.sign(partner.id, partner.key, method, path, body, at, asked)

        return self.api.call(method, f"{path}?{asked}" if asked else path, body or None, headers=sign)

    def read_standings(self, step: str, wave: int) -> None:
        """Let all registered people read the standing of their entry."""

        def look(_: Crowd, diary: Diary) -> None:
            entries = self.read(diary, "/me/entries")["entries"]
            found = [entry for entry in entries if entry["wave"] == wave]
            if len(found) != (1 if diary.receipt else 0):
                raise Unexpected(f"GET /me/entries shows {len(found)} entries in the wave")
            diary.entry = found[0] if found else None

        self.each(step, self.who(lambda diary: diary.registered), look)

    def click(self, diary: Diary, path: str, form: Any = None) -> dict[str, Any]:
        """Have something made and return it. Some people click twice, some use two devices at once.

        Raises `Unexpected` if it was not made exactly once.
        """

        def ask() -> Answer:
            return self.call(diary, "POST", path, form)

        if diary.person.part is Part.TWO_DEVICES:
            answers = self._at_once(ask)
            if not made_once(answers):
                raise Unexpected(f"{answers[0].request} from two devices at once: {[one.status for one in answers]}")
        else:
            answers = [ask().expect(201)]
            if diary.person.part is Part.DOUBLE_CLICKS:
                answers.append(ask().expect(200))
        made: dict[str, Any] = answers[0].body
        if answers[-1].body != made:
            raise Unexpected(f"{answers[0].request} gave something else to a second click")
        return made

    def _at_once(self, ask: Callable[[], Answer]) -> list[Answer]:
        """The answers to the same request from two devices at the same moment."""
        if self._workers == 1:
            return [ask(), ask()]
        barrier = Barrier(2)

        def start_together() -> Answer:
            barrier.wait()
            return ask()

        with ThreadPoolExecutor(2) as devices:
            return [running.result() for running in [devices.submit(start_together) for _ in range(2)]]

    def each(
        self,
        step: str,
        diaries: Sequence[Diary],
        action: Callable[[Crowd, Diary], None],
        at_once: int | None = None,
    ) -> None:
        """Let everyone act, a few at once. A wrong or missing answer is added to `differences`."""
        crowd = ThreadPoolExecutor(at_once or self._workers)
        running = {crowd.submit(action, self, diary): diary for diary in diaries}
        try:
            for done, future in enumerate(as_completed(running), 1):
                self._heed(future, running[future], step)
                if step:
                    self.progress(step, done, len(diaries))
        except BaseException:
            # The run is being stopped: nobody else begins, and those who act now are not waited for.
            self.api.stop()
            crowd.shutdown(wait=False, cancel_futures=True)
            raise
        crowd.shutdown()

    @contextmanager
    def meanwhile(self, step: str, diaries: Sequence[Diary], action: Callable[[Crowd, Diary], None]) -> Iterator[None]:
        """Let everyone act while the block runs, half as many at once. With one worker they act before it."""
        if self._workers == 1:
            self.each(step, diaries, action)
            yield
            return
        aside = ThreadPoolExecutor(1)
        running = aside.submit(self.each, step, diaries, action, self._workers // 2)
        try:
            yield
            running.result()
        except BaseException:
            self.api.stop()
            aside.shutdown(wait=False)
            raise
        aside.shutdown()

    def _heed(self, future: Future[None], diary: Diary, step: str) -> None:
        try:
            future.result()
        except (Unexpected, HTTPError, KeyError, TypeError) as error:
            what = str(error) if isinstance(error, Unexpected) else type(error).__name__
            self.differences.append(f"person {diary.person.number}, {step}: {what}")
