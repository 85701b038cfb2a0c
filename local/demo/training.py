"""From a place to the incentive: the chosen buy, train, review and are paid. Those who buy nothing lose the place.

An administrator imports the training partners' courses from a file. The partners attest what people did.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.clock import iso
from chalicelib.money import Rupiah, format_idr
from chalicelib.training import signatures

from .api import Unexpected
from .crowd import INCENTIVE, Crowd, Diary, Partner
from .people import Part
from .scene import Scene

Training = dict[str, Any]
"""A training as `GET /me/trainings` shows it."""

GIVEN_UP_AFTER_S = 600
"""For how many seconds no payment may end before waiting is given up."""

FINAL = {"paid", "account_refused", "under_review", "returned"}
"""The states in which a payout does not move by itself for days."""

PARTNERS = ("Balai Latihan Kerja Contoh", "Kursus Daring Contoh")

COURSES = (
    ("WEB-1", "Membuat Situs Web", 750_000, "", "web_development;programming"),
    ("DATA-1", "Analisis Data untuk Pemula", 900_000, "", "data_analysis;spreadsheets"),
    ("LAS-1", "Dasar Pengelasan", 1_250_000, "32", "welding"),
    ("DIG-1", "Pemasaran Digital untuk UMKM", 600_000, "", "digital_marketing;sales"),
    ("BOGA-1", "Tata Boga", 1_100_000, "31", "cooking;hospitality"),
    ("ING-1", "Bahasa Inggris Kerja", 500_000, "", "english"),
)
"""Code, title, price, province (empty: online) and skills of each course. The two partners take turns."""

HOURS = 1
"""The length of each course. An hour is as long as the stage's figures say."""

WHOLE_BALANCE = "PILOT-1"
"""The code of a course that costs the whole balance, so that nothing else can be bought."""

WITHDRAWN = "LAMA-1"
"""The code of a course that is withdrawn before anybody buys it."""

_BUY = "/me/trainings"
_VALIDATIONS = "/partners/redemptions/validations"
_REDEMPTIONS = "/partners/redemptions"
_ATTENDANCES = "/partners/training-attendances"
_COMPLETIONS = "/partners/training-completions"


@dataclass(frozen=True)
class Shelf:
    """The courses as the catalogue shows them, in the order of their codes, and their partners."""

    courses: Sequence[Mapping[str, Any]]
    costly: str
    withdrawn: str
    partners: Mapping[str, Partner]

    def form(self, diary: Diary, turn: int = 0) -> dict[str, str]:
        """The form with which this person buys a course; each turn is another course."""
        return {"course_id": self.courses[(diary.person.number + turn) % len(self.courses)]["course_id"]}

    def teacher(self, training: Training) -> Partner:
        (course,) = (each for each in self.courses if each["course_id"] == training["course_id"])
        return self.partners[course["provider"]]

    def stranger(self, training: Training) -> Partner:
        return next(each for each in self.partners.values() if each != self.teacher(training))


def open_shop(scene: Scene, wave: int) -> Shelf:
    """Admit two training partners, import their courses, and withdraw one course at once."""
    balance_idr = scene.programme.scheme(wave).training_idr
    partners = [scene.admin.add_partner(name) for name in PARTNERS]
    imported = scene.admin.import_courses(_catalogue(partners, balance_idr, withdrawn=False))
    shelf = _look_around(scene.crowd, partners)
    scene.admin.import_courses(_catalogue(partners, balance_idr, withdrawn=True))
    scene.tell(
        f"catalogue: {imported} courses of {len(partners)} partners; each of the chosen has"
        f" {format_idr(Rupiah(balance_idr))} to spend on training, and on nothing else"
    )
    return shelf


def buy(scene: Scene, shelf: Shelf) -> None:
    """Let most of the chosen buy a course. People who were not chosen cannot."""
    crowd = scene.crowd
    lost = crowd.who(lambda diary: diary.standing == "not_chosen")[:3]
    _refuse_purchase(crowd, shelf, "some buy without a place", lost, "not_beneficiary")
    buy_courses(crowd, shelf, "the chosen buy courses", crowd.who(lambda diary: diary.chosen and diary.person.buys))


def pass_on(scene: Scene, wave: int, shelf: Shelf) -> None:
    """End the time to buy. Those who bought nothing lose the place to the next of the same draw."""
    crowd = scene.crowd
    before = {id(diary) for diary in crowd.diaries if diary.chosen}
    idle = crowd.who(lambda diary: diary.chosen and not diary.person.buys)
    crowd.each("some have bought nothing", idle, read_place)
    scene.tell("revocation: everybody else has bought, so the deadline comes now, and not in hours")
    scene.clock.wait_until(scene.admin.end_buying(), "the deadline of the first purchase")
    _refuse_purchase(crowd, shelf, "they come too late to buy", idle, "purchase_deadline_passed")
    scene.admin.fire("expire_places")
    crowd.read_standings("people look again", wave)
    _refuse_purchase(crowd, shelf, "they have lost their place", idle, "beneficiary_revoked")
    new = crowd.who(lambda diary: diary.chosen and id(diary) not in before)
    for diary in new:
        diary.substitute = True
    scene.tell(f"revocation: {len(idle)} places are revoked, and {len(new)} people are next in the same draw")
    buy_courses(crowd, shelf, "they buy courses", new)


def train(scene: Scene, wave: int, shelf: Shelf) -> None:
    """Let most buyers attend, and complete and review their course once its hours have passed."""
    crowd, amount_idr = scene.crowd, Rupiah(scene.programme.scheme(wave).incentive_idr)
    due = f"with a review of it, an incentive of {format_idr(amount_idr)} is due"
    scene.tell(f"training: the partners attest who has trained; {due}")
    training = crowd.who(lambda diary: diary.chosen and diary.bought and diary.finishes)

    def begin(crowd: Crowd, diary: Diary) -> None:
        for training in diary.bought:
            _begin(crowd, shelf, diary, training)

    def finish(crowd: Crowd, diary: Diary) -> None:
        for training in diary.bought:
            _complete(crowd, shelf.teacher(training), diary, training)
            _review(crowd, diary, training)
            diary.due.add(INCENTIVE)
        _read(crowd, diary)

    crowd.each("people begin to train", training, begin)
    lasts = timedelta(seconds=HOURS * scene.programme.training.hour_s)
    scene.clock.wait_until(scene.clock.now() + lasts)
    crowd.each("people complete it", training, finish)


def pay(scene: Scene, step: str) -> None:
    """Wait until nobody waits for money. Runs the sweep itself, so that a fault does not delay a payout by a minute."""
    patience = scene.patience("people wait for money", GIVEN_UP_AFTER_S)
    while (left := read_payouts(scene.crowd, step)) and patience.goes_on(left):
        if scene.crowd.who(lambda diary: diary.needs_address):
            scene.admin.look_again()
        scene.admin.fire("sweep_payouts")


def read_payouts(crowd: Crowd, step: str) -> int:
    """Let those who wait for money look, and set a missing address. Returns how many still wait."""

    def read(crowd: Crowd, diary: Diary) -> None:
        diary.payouts = crowd.read(diary, "/me/payouts")["payouts"]
        if diary.needs_address and not diary.reminded:
            crowd.set_address(diary)
            diary.reminded = True

    def waits(diary: Diary) -> bool:
        settled = all(payout["state"] in FINAL for payout in diary.payouts)
        return len(diary.payouts) != len(diary.due) or not settled

    crowd.each("", crowd.who(waits), read)
    due, waiting = len(crowd.who(lambda diary: diary.due)), len(crowd.who(waits))
    if step:
        crowd.progress(step, due - waiting, due)
    return waiting


def read_place(crowd: Crowd, diary: Diary) -> None:
    diary.place = crowd.read(diary, "/me")["beneficiary"]
    _read(crowd, diary)


def _catalogue(partners: Sequence[Partner], balance_idr: int, *, withdrawn: bool) -> str:
    """The catalogue as a file. `balance_idr` is a beneficiary's balance; with `withdrawn` one course is withdrawn."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("code", "title", "provider", "price_idr", "hours", "mode", "province", "skills", "offered"))
    for turn, (code, title, price_idr, province, skills) in enumerate(COURSES):
        mode = "offline" if province else "online"
        rows.writerow([code, title, partners[turn % len(partners)].id, price_idr, HOURS, mode, province, skills, "yes"])
    for code, title, price_idr, skills, offered in (
        (WHOLE_BALANCE, "Pilot Pesawat Nirawak", balance_idr, "photography", "yes"),
        (WITHDRAWN, "Mengetik Sepuluh Jari", 200_000, "office_administration", "no" if withdrawn else "yes"),
    ):
        rows.writerow([code, title, partners[0].id, price_idr, HOURS, "online", "", skills, offered])
    return text.getvalue()


def _look_around(crowd: Crowd, partners: Sequence[Partner]) -> Shelf:
    """Read the catalogue page by page, as anybody may. Raises `Unexpected`."""
    by_code: dict[str, Mapping[str, Any]] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = crowd.api.call("GET", f"/courses?limit=3{cursor and f'&cursor={cursor}'}").expect(200).body
        by_code |= {course["code"]: course for course in page["courses"]}
        cursor = page["next_cursor"]
    costly, withdrawn = (by_code.pop(code)["course_id"] for code in (WHOLE_BALANCE, WITHDRAWN))
    return Shelf([by_code[code] for code in sorted(by_code)], costly, withdrawn, {each.id: each for each in partners})


def buy_courses(crowd: Crowd, shelf: Shelf, step: str, diaries: Sequence[Diary]) -> None:
    """Let each buy a course. Some click twice, some buy two, some cancel, some want more than the balance allows."""

    def act(crowd: Crowd, diary: Diary) -> None:
        person = diary.person
        diary.card_number = crowd.read(diary, "/me")["beneficiary"]["card_number"]
        if person.changes_mind:
            _cancel(crowd, diary, crowd.click(diary, _BUY, shelf.form(diary, 1)))
        crowd.click(diary, _BUY, shelf.form(diary))
        if person.buys_two:
            crowd.click(diary, _BUY, shelf.form(diary, 2))
        if person.overspends:
            crowd.must_refuse(diary, _BUY, {"course_id": shelf.costly}, "balance_too_low")
            crowd.must_refuse(diary, _BUY, {"course_id": shelf.withdrawn}, "course_not_offered")
        _read(crowd, diary)

    crowd.each(step, diaries, act)


def _refuse_purchase(crowd: Crowd, shelf: Shelf, step: str, diaries: Sequence[Diary], code: str) -> None:
    crowd.each(step, diaries, lambda crowd, diary: crowd.must_refuse(diary, _BUY, shelf.form(diary), code))


def _cancel(crowd: Crowd, diary: Diary, training: Training) -> None:
    path = _path(training, "cancellation")
    for _ in range(2):
        if crowd.call(diary, "POST", path).expect(200).body["state"] != "CANCELLED":
            raise Unexpected(f"POST {path} left the training as it was")


def _begin(crowd: Crowd, shelf: Shelf, diary: Diary, training: Training) -> None:
    """Let the partner redeem the code and attest attendance. Another order, and completing at once, are refused."""
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
        crowd.must_refuse(diary, _path(training, "cancellation"), None, "training_already_redeemed")
        review = {"rating": 9, "text": "Sudah?"}
        crowd.must_refuse(diary, _path(training, "review"), review, "training_not_completed")
    attended_at = iso(crowd.now())
    crowd.signed(partner, "POST", _ATTENDANCES, {"redeem_code": code, "attended_at": attended_at}).expect(201)
    if part is Part.EARLY:
        # The attendance is dated by the machine's clock just now, so no hour of the course can have passed yet.
        early["completed_at"] = attended_at
        crowd.signed(partner, "POST", _COMPLETIONS, early, later_s=1).expect(422, code="completed_too_soon")


def _complete(crowd: Crowd, partner: Partner, diary: Diary, training: Training) -> None:
    """Let the partner attest completion. The same request again, or with another body, is refused."""
    completion = _completion(crowd, diary, training)
    if diary.person.part is not Part.TWO_DEVICES:
        crowd.signed(partner, "POST", _COMPLETIONS, completion).expect(201)
        return
    body = json.dumps(completion).encode()
    overheard: dict[str, str] = {}

    def sign() -> dict[str, str]:
        overheard.update(signatures.sign(partner.id, partner.key, "POST", _COMPLETIONS, body, crowd.now()))
        return overheard

    crowd.api.call("POST", _COMPLETIONS, body, headers=sign).expect(201)
    crowd.api.call("POST", _COMPLETIONS, body, headers=lambda: overheard).expect(409, 401)
    crowd.api.call("POST", _COMPLETIONS, body + b" ", headers=lambda: overheard).expect(401)


def _completion(crowd: Crowd, diary: Diary, training: Training) -> dict[str, Any]:
    return {
        "redeem_code": training["redeem_code"],
        "certificate_number": f"{training['course']}/{diary.person.number:04d}",
        "completed_at": iso(crowd.now()),
    }


def _review(crowd: Crowd, diary: Diary, training: Training) -> None:
    """Review a training; the first review earns the incentive."""
    review = {"rating": 10 - diary.person.number % 4, "text": "Pelatihannya bermanfaat."}
    crowd.call(diary, "POST", _path(training, "review"), review).expect(201)
    if diary.person.part is Part.DOUBLE_CLICKS:
        crowd.call(diary, "POST", _path(training, "review"), review).expect(200)


def _read(crowd: Crowd, diary: Diary) -> None:
    found = crowd.read(diary, _BUY)
    diary.trainings, diary.balance_idr = found["trainings"], found["balance_idr"]


def _path(training: Training, what: str) -> str:
    return f"{_BUY}/{training['training_id']}/{what}"
