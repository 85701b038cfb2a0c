"""The chosen spend their training balance, train, and review it; the training partners attest what they did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.clock import iso
from chalicelib.training import signatures

from ..api import Answer, Unexpected, made_once
from ..catalogue import WHOLE_BALANCE, WITHDRAWN
from ..people import Part
from .crowd import Crowd, Diary, Partner

Training = dict[str, Any]
"""A training as `GET /me/trainings` shows it."""

INCENTIVE = "INCENTIVE"

_VALIDATIONS = "/partners/redemptions/validations"
_REDEMPTIONS = "/partners/redemptions"
_ATTENDANCES = "/partners/training-attendances"
_COMPLETIONS = "/partners/training-completions"


@dataclass(frozen=True)
class Shelf:
    """What can be bought: courses as the catalogue shows them, in the order of their codes, and who teaches them."""

    courses: Sequence[Mapping[str, Any]]
    costly: str
    withdrawn: str
    partners: Mapping[str, Partner]

    def course_for(self, diary: Diary, turn: int) -> str:
        return str(self.courses[(diary.person.number + turn) % len(self.courses)]["course_id"])

    def teacher(self, training: Training) -> Partner:
        (course,) = (each for each in self.courses if each["course_id"] == training["course_id"])
        return self.partners[course["provider"]]

    def stranger(self, training: Training) -> Partner:
        return next(each for each in self.partners.values() if each != self.teacher(training))


def look_around(crowd: Crowd, partners: Sequence[Partner]) -> Shelf:
    """Read the catalogue page by page, as anybody may. Raises `Unexpected`."""
    found: list[Mapping[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = crowd.api.call("GET", f"/courses?limit=3{cursor and f'&cursor={cursor}'}").expect(200).body
        found += page["courses"]
        cursor = page["next_cursor"]
    by_code = {course["code"]: course for course in found}
    costly, withdrawn = (by_code.pop(code)["course_id"] for code in (WHOLE_BALANCE, WITHDRAWN))
    return Shelf([by_code[code] for code in sorted(by_code)], costly, withdrawn, {each.id: each for each in partners})


def buy(crowd: Crowd, shelf: Shelf, step: str, diaries: Sequence[Diary]) -> None:
    """Each buys a course; some click twice, some take two, some change their mind, some want more than is left."""

    def act(diary: Diary) -> None:
        person = diary.person
        diary.card_number = crowd.call(diary, "GET", "/me").expect(200).body["beneficiary"]["card_number"]
        if person.changes_mind:
            _cancel(crowd, diary, _buy_one(crowd, diary, shelf.course_for(diary, 1)))
        _buy_one(crowd, diary, shelf.course_for(diary, 0))
        if person.buys_two:
            _buy_one(crowd, diary, shelf.course_for(diary, 2))
        if person.overspends:
            _click(crowd, diary, shelf.costly).expect(409, code="balance_too_low")
            _click(crowd, diary, shelf.withdrawn).expect(409, code="course_not_offered")
        _read(crowd, diary)

    crowd.each(step, diaries, act)


def be_refused(crowd: Crowd, shelf: Shelf, step: str, diaries: Sequence[Diary], code: str) -> None:

    def act(diary: Diary) -> None:
        _click(crowd, diary, shelf.course_for(diary, 0)).expect(409, code=code)

    crowd.each(step, diaries, act)


def begin(crowd: Crowd, shelf: Shelf, step: str, diaries: Sequence[Diary]) -> None:
    """Each attends what was bought; the partner takes the code in and attests attendance."""

    def act(diary: Diary) -> None:
        for training in diary.bought:
            _begin(crowd, shelf, diary, training)

    crowd.each(step, diaries, act)


def finish(crowd: Crowd, shelf: Shelf, step: str, diaries: Sequence[Diary]) -> None:
    """The partner attests each completion, and each person reviews it: the first earns the incentive."""

    def act(diary: Diary) -> None:
        for training in diary.bought:
            _complete(crowd, shelf, diary, training)
            _review(crowd, diary, training)
            diary.due.add(INCENTIVE)
        _read(crowd, diary)

    crowd.each(step, diaries, act)


def read_places(crowd: Crowd, step: str, diaries: Sequence[Diary]) -> None:

    def act(diary: Diary) -> None:
        diary.place = crowd.call(diary, "GET", "/me").expect(200).body["beneficiary"]
        _read(crowd, diary)

    crowd.each(step, diaries, act)


def _buy_one(crowd: Crowd, diary: Diary, course_id: str) -> Training:
    if diary.person.part is Part.TWO_DEVICES:
        answers = crowd.at_once(lambda: _click(crowd, diary, course_id), 2)
        if not made_once(answers):
            raise Unexpected(f"two devices that buy at once were answered {[answer.status for answer in answers]}")
        return _same(*answers)
    first = _click(crowd, diary, course_id).expect(201)
    if diary.person.part is Part.DOUBLE_CLICKS:
        _same(first, _click(crowd, diary, course_id).expect(200))
    training: Training = first.body
    return training


def _cancel(crowd: Crowd, diary: Diary, training: Training) -> None:
    path = f"/me/trainings/{training['training_id']}/cancellation"
    for _ in range(2):
        if crowd.call(diary, "POST", path).expect(200).body["state"] != "CANCELLED":
            raise Unexpected(f"POST {path} left the training as it was")


def _begin(crowd: Crowd, shelf: Shelf, diary: Diary, training: Training) -> None:
    """Redeem and attend, in this order; another order is refused, and so is whoever is done at once."""
    partner, part, code = shelf.teacher(training), diary.person.part, training["redeem_code"]
    card = {"redeem_code": code, "card_number": diary.card_number}
    early = _completion(crowd, diary, training) | {"certificate_number": "TOO-EARLY"}
    if part is Part.EARLY:
        crowd.signed(partner, "POST", _COMPLETIONS, early).expect(409, code="wrong_training_state")
        crowd.signed(shelf.stranger(training), "POST", _REDEMPTIONS, card).expect(404, code="redeem_code_unknown")
        crowd.signed(partner, "POST", _VALIDATIONS, card).expect(200)
    crowd.signed(partner, "POST", _REDEMPTIONS, card).expect(201)
    if part is Part.DOUBLE_CLICKS:
        crowd.signed(partner, "POST", _REDEMPTIONS, card, later_s=1).expect(200)
        crowd.call(diary, "POST", f"/me/trainings/{training['training_id']}/cancellation").expect(
            409, code="training_already_redeemed"
        )
        crowd.call(diary, "POST", _review_path(training), {"rating": 9, "text": "Sudah?"}).expect(
            409, code="training_not_completed"
        )
    attended_at = iso(crowd.now())
    crowd.signed(partner, "POST", _ATTENDANCES, {"redeem_code": code, "attended_at": attended_at}).expect(201)
    if part is Part.EARLY:
        # Attended a moment ago by its own clock: whatever the machine takes, no hour of a course has passed by that.
        crowd.signed(partner, "POST", _COMPLETIONS, early | {"completed_at": attended_at}, later_s=1).expect(
            422, code="completed_too_soon"
        )


def _complete(crowd: Crowd, shelf: Shelf, diary: Diary, training: Training) -> None:
    partner, completion = shelf.teacher(training), _completion(crowd, diary, training)
    if diary.person.part is Part.TWO_DEVICES:
        _overhear(crowd, partner, completion)
    else:
        crowd.signed(partner, "POST", _COMPLETIONS, completion).expect(201)


def _completion(crowd: Crowd, diary: Diary, training: Training) -> dict[str, Any]:
    """What the partner reports of a training that is completed now."""
    return {
        "redeem_code": training["redeem_code"],
        "certificate_number": f"{training['course']}/{diary.person.number:04d}",
        "completed_at": iso(crowd.now()),
    }


def _overhear(crowd: Crowd, partner: Partner, completion: Mapping[str, Any]) -> None:
    """A signed request that was overheard is of no use, neither as it is nor with another body."""
    body = json.dumps(completion).encode()
    overheard: dict[str, str] = {}

    def sign() -> dict[str, str]:
        overheard.update(signatures.sign(partner.id, partner.key, "POST", _COMPLETIONS, body, crowd.now()))
        return overheard

    crowd.api.call("POST", _COMPLETIONS, body, headers=sign).expect(201)
    crowd.api.call("POST", _COMPLETIONS, body, headers=lambda: overheard).expect(409, 401)
    crowd.api.call("POST", _COMPLETIONS, body + b" ", headers=lambda: overheard).expect(401)


def _review(crowd: Crowd, diary: Diary, training: Training) -> None:
    review = {"rating": 10 - diary.person.number % 4, "text": "Pelatihannya bermanfaat."}
    crowd.call(diary, "POST", _review_path(training), review).expect(201)
    if diary.person.part is Part.DOUBLE_CLICKS:
        crowd.call(diary, "POST", _review_path(training), review).expect(200)


def _read(crowd: Crowd, diary: Diary) -> None:
    found = crowd.call(diary, "GET", "/me/trainings").expect(200).body
    diary.trainings, diary.balance_idr = found["trainings"], found["balance_idr"]


def _click(crowd: Crowd, diary: Diary, course_id: str) -> Answer:
    return crowd.call(diary, "POST", "/me/trainings", {"course_id": course_id})


def _review_path(training: Training) -> str:
    return f"/me/trainings/{training['training_id']}/review"


def _same(first: Answer, second: Answer) -> Training:
    if first.body != second.body:
        raise Unexpected(f"{first.request} gave another training to a second click")
    training: Training = first.body
    return training
