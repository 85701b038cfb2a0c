"""Plays a wave over the public HTTP API, as the people of the demo and their training partner would.

Each step is played by a few people at once. Whatever is not answered as the rules call for is a disagreement, and that
person is left where they stand; the step goes on with the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

from urllib3.exceptions import HTTPError

from chalicelib.clock import Clock, iso
from chalicelib.training import signatures

from .api import Answer, Api, Unexpected
from .people import Part, Person, Way
from .strangers import spoiled

COMPLETIONS = "/partners/training-completions"
FINAL = {"paid", "under_review", "returned"}
"""What a payout says when it will not move any more by itself."""

Progress = Callable[[str, int, int], None]
"""Is told a step, how many of its people are done, and how many there are."""


@dataclass
class Diary:
    """What happened to one person, as the API told it."""

    person: Person
    token: str = ""
    registered: bool = False
    refused: bool = False
    receipt: dict[str, Any] | None = None
    entry: dict[str, Any] | None = None
    """The wave's entry in `GET /me/entries`, once it is settled."""
    card_number: str = ""
    reviewed: bool = False
    reminded: bool = False
    """Was told that an incentive waits for a financial address, and has set it then."""
    payouts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def chosen(self) -> bool:
        """Whether this person has been chosen."""
        return self.entry is not None and self.entry["standing"] == "chosen"

    @property
    def trains(self) -> bool:
        """Most of those who are chosen train; some let it be."""
        return self.chosen and self.person.number % 12 != 5

    @property
    def needs_address(self) -> bool:
        """Whether an incentive waits for a financial address, as this person last saw it."""
        return any(payout["state"] == "needs_financial_address" for payout in self.payouts)

    @property
    def settled(self) -> bool:
        """Whether everything due to this person has come to its end."""
        return bool(self.payouts) and all(payout["state"] in FINAL for payout in self.payouts)


@dataclass(frozen=True)
class Partner:
    """A training partner's id and signing key (hex)."""

    id: str
    key: str


class Player:
    """`workers` people act at once; with one, nothing ever happens at the same time.

    `differences` gets a sentence for whatever was not answered as it should have been.
    """

    def __init__(
        self,
        api: Api,
        people: Iterable[Person],
        clock: Clock,
        progress: Progress,
        differences: list[str],
        workers: int = 8,
    ) -> None:
        self._api = api
        self._clock = clock
        self._progress = progress
        self._workers = workers
        self.diaries = [Diary(person) for person in people]
        self.differences = differences

    def register(self) -> None:
        """Everyone makes an account and registers; who copies somebody else comes after them."""
        self._each("people register", [d for d in self.diaries if d.person.refusal is None], self._register)
        self._each("others are refused", [d for d in self.diaries if d.person.refusal], self._be_refused)

    def join_early(self) -> None:
        """Some click before the wave has opened."""
        early = [d for d in self._registered() if d.person.part is Part.EARLY]
        self._each("some come too early", early, lambda diary: self._refused_join(diary, "wave_not_open_yet"))

    def join(self) -> None:
        """The one click; some click twice, some from two devices at once; who is not registered is refused."""
        self._each("people join", [d for d in self._registered() if d.person.joins], self._join)
        strangers = [d for d in self.diaries if d.token and not d.registered]
        self._each("strangers are refused", strangers, lambda diary: self._refused_join(diary, "not_registered"))

    def join_late(self) -> None:
        """Some click after the close; who had joined is shown the same receipt again."""
        late = [d for d in self._registered() if d.person.part is Part.LATE]
        self._each("some come too late", late, lambda diary: self._refused_join(diary, "wave_closed"))
        again = [d for d in self.diaries if d.receipt and d.person.part in {Part.DOUBLE_CLICKS, Part.EARLY}]
        self._each("some ask for their receipt again", again, self._same_receipt)

    def read_standings(self, wave: int) -> None:
        """Everyone who registered looks where they stand."""

        def read(diary: Diary) -> None:
            entries = self._as(diary, "GET", "/me/entries").expect(200).body["entries"]
            found = [entry for entry in entries if entry["wave"] == wave]
            if len(found) != (1 if diary.receipt else 0):
                raise Unexpected(f"GET /me/entries shows {len(found)} entries in the wave")
            diary.entry = found[0] if found else None

        self._each("people look at the result", self._registered(), read)

    def train(self, partner: Partner) -> None:
        """The partner attests a training for each of the chosen who train; each reviews it."""

        def complete_and_review(diary: Diary) -> None:
            diary.card_number = self._as(diary, "GET", "/me").expect(200).body["beneficiary"]["card_number"]
            self._attest(diary, partner, "A")
            if diary.person.number % 10 == 0:
                self._attest(diary, partner, "B")
            trainings = self._as(diary, "GET", "/me/trainings").expect(200).body["trainings"]
            for training in trainings:
                review = {"rating": 10 - diary.person.number % 4, "text": "Pelatihannya bermanfaat."}
                path = f"/me/trainings/{training['training_id']}/review"
                self._as(diary, "POST", path, review).expect(201)
                diary.reviewed = True
                if diary.person.part is Part.DOUBLE_CLICKS:
                    self._as(diary, "POST", path, review).expect(200)

        self._each("the chosen train", [d for d in self.diaries if d.trains], complete_and_review)

    def read_payouts(self) -> int:
        """Those who wait for money look again; who sees that an address is missing sets it. How many still wait."""

        def read(diary: Diary) -> None:
            diary.payouts = self._as(diary, "GET", "/me/payouts").expect(200).body["payouts"]
            if diary.needs_address and not diary.reminded:
                self._set_address(diary)
                diary.reminded = True

        due = [d for d in self.diaries if d.reviewed]
        self._each("", [d for d in due if not d.settled], read)
        waiting = sum(not d.settled for d in due)
        self._progress("incentives are paid", len(due) - waiting, len(due))
        return waiting

    def wave(self, number: int) -> dict[str, Any]:
        """The wave as the public sees it. Raises `Unexpected`."""
        found: dict[str, Any] = self._api.call("GET", f"/waves/{number}").expect(200).body
        return found

    # One person at a time

    def _register(self, diary: Diary) -> None:
        person = diary.person
        self._open_account(person)
        diary.token = self._sign_in(person)
        self._as(diary, "PUT", "/me/registration", person.form).expect(201)
        diary.registered = True
        if person.part is Part.DOUBLE_CLICKS:
            self._as(diary, "PUT", "/me/registration", person.form).expect(200)
        if not person.forgets_address:
            self._set_address(diary)

    def _be_refused(self, diary: Diary) -> None:
        person, refusal = diary.person, diary.person.refusal
        assert refusal is not None  # noqa: S101 - only these are asked to
        if refusal.way is Way.UNCONFIRMED:
            self._sign_up(person)
            answer = self._api.call("POST", "/sessions", _credentials(person))
        else:
            self._open_account(person)
            diary.token = self._sign_in(person)
            token = spoiled(refusal.way, diary.token, self._api.keys)
            answer = self._api.call("PUT", "/me/registration", person.form, token=token)
        answer.expect(refusal.status, code=refusal.code)
        diary.refused = True

    def _set_address(self, diary: Diary) -> None:
        self._as(diary, "PUT", "/me/financial-address", diary.person.address).expect(200)

    def _sign_up(self, person: Person) -> None:
        self._api.call("POST", "/accounts", {**_credentials(person), "language": "id"}).expect(201)

    def _open_account(self, person: Person) -> None:
        self._sign_up(person)
        # The local pool sends no mail and takes any code.
        self._api.call("POST", "/accounts/confirmations", {"email": person.email, "code": "123456"}).expect(204)

    def _sign_in(self, person: Person) -> str:
        return str(self._api.call("POST", "/sessions", _credentials(person)).expect(201).body["access_token"])

    def _join(self, diary: Diary) -> None:
        if diary.person.part is Part.TWO_DEVICES:
            first, second = self._at_once(lambda: self._click(diary), 2)
            if sorted((first.status, second.status)) != [200, 201]:
                raise Unexpected(f"two devices at once were answered {first.status} and {second.status}")
            diary.receipt = first.body
            _same(diary.receipt, second)
            return
        diary.receipt = self._click(diary).expect(201).body
        if diary.person.part is Part.DOUBLE_CLICKS:
            self._same_receipt(diary)

    def _click(self, diary: Diary) -> Answer:
        return self._as(diary, "POST", "/waves/current/entries")

    def _same_receipt(self, diary: Diary) -> None:
        _same(diary.receipt, self._click(diary).expect(200))

    def _refused_join(self, diary: Diary, code: str) -> None:
        self._click(diary).expect(409, code=code)

    def _attest(self, diary: Diary, partner: Partner, course: str) -> None:
        form = {
            "card_number": diary.card_number,
            "course": f"COURSE-{course}",
            "certificate_number": f"{diary.person.number:04d}/{course}",
            "completed_at": iso(self._clock()),
        }
        body = json.dumps(form).encode()
        headers = signatures.sign(partner.id, partner.key, "POST", COMPLETIONS, body, self._clock())
        self._api.call("POST", COMPLETIONS, body, headers=headers).expect(201)
        if diary.person.part is Part.TWO_DEVICES:
            # Who has overheard a request can do nothing with it, as it is or with another body.
            self._api.call("POST", COMPLETIONS, body, headers=headers).expect(409, 401)
            self._api.call("POST", COMPLETIONS, body + b" ", headers=headers).expect(401)

    def _as(self, diary: Diary, method: str, path: str, body: Any = None) -> Answer:
        return self._api.call(method, path, body, token=diary.token)

    # Many at once

    def _registered(self) -> list[Diary]:
        return [diary for diary in self.diaries if diary.registered]

    def _at_once(self, action: Callable[[], Answer], times: int) -> list[Answer]:
        if self._workers == 1:
            return [action() for _ in range(times)]
        barrier = Barrier(times)

        def start_together() -> Answer:
            barrier.wait(timeout=30)
            return action()

        with ThreadPoolExecutor(times) as devices:
            return [running.result() for running in [devices.submit(start_together) for _ in range(times)]]

    def _each(self, step: str, diaries: Sequence[Diary], action: Callable[[Diary], None]) -> None:
        """Let everyone act, a few at once. An answer that is not as it should be, or none, is a difference."""
        with ThreadPoolExecutor(self._workers) as crowd:
            running = {crowd.submit(action, diary): diary for diary in diaries}
            try:
                for done, future in enumerate(as_completed(running), 1):
                    self._heed(future, running[future], step)
                    if step:
                        self._progress(step, done, len(diaries))
            except BaseException:
                crowd.shutdown(cancel_futures=True)  # whoever has not begun need not, when somebody wants to stop
                raise

    def _heed(self, future: Future[None], diary: Diary, step: str) -> None:
        try:
            future.result()
        except (Unexpected, HTTPError, KeyError, TypeError) as error:
            what = str(error) if isinstance(error, Unexpected) else type(error).__name__
            self.differences.append(f"person {diary.person.number}, {step}: {what}")


def _credentials(person: Person) -> dict[str, str]:
    return {"email": person.email, "password": person.password}


def _same(receipt: dict[str, Any] | None, answer: Answer) -> None:
    if answer.body != receipt:
        raise Unexpected(f"{answer.request} gave another receipt")
