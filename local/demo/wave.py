"""A wave from the calendar to the award: people register and join, then the list is frozen, drawn and awarded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from chalicelib.clock import WIB
from chalicelib.draw.note import parse, round_time

from ..sandbox.beacon import WITNESS
from . import devices, results, training
from .api import Unexpected, spoiled
from .crowd import Crowd, Diary
from .device import Device
from .people import Part, Way
from .scene import Scene

FAR = timedelta(hours=3)
"""How far in the future a wave's opening and closing are set first. Both are moved up once everybody is ready."""

OPENS_IN_S = 12
"""Seconds from moving a wave to its opening. The calendar accepts no change within 9 s, as functions may still use an
older calendar for so long."""

SETTLES_WITHIN_S = 1800
"""How long settling may take, in seconds: far more than on the slowest machine."""

_JOIN = "/waves/current/entries"


@dataclass(frozen=True)
class Drawn:
    """A drawn wave: its number, the note as published at the freeze, and the courses."""

    number: int
    note: bytes
    shelf: training.Shelf


def draw(scene: Scene) -> Drawn:
    """Play the wave until it is awarded. Raises any error that stops it."""
    crowd = scene.crowd
    refused = crowd.who(lambda diary: diary.person.refusal)
    people = f"{len(crowd.diaries)} people open accounts and register; {len(refused)} of them must be refused"
    scene.tell(f"registration: {people}")
    # People's slow actions are done while the demo waits for the clock anyway: for the opening, freeze and beacon.
    crowd.each("people register", crowd.who(lambda diary: diary.person.part is Part.EARLY), register)
    number, opens_at = _set(scene)
    others = crowd.who(lambda diary: diary.person.part is not Part.EARLY and not diary.person.refusal)
    crowd.each("others register", others, register)
    crowd.each("others are refused", refused, _be_refused)
    devices.add_contacts(scene)
    closes_at = _open(scene, number, opens_at)
    payable = crowd.who(lambda diary: diary.registered and not diary.person.forgets_address)
    with crowd.meanwhile("people say where to be paid", payable, Crowd.set_address):
        scene.clock.wait_until(closes_at, "the wave closes")
        scene.tell("close: the time of each click decides, and from now on nobody gets in")
        _refuse_entry(crowd, "some come too late", _registered(crowd, Part.LATE), "wave_closed")
        again = crowd.who(lambda diary: diary.receipt and diary.person.part in {Part.DOUBLE_CLICKS, Part.EARLY})
        crowd.each("some ask for their receipt again", again, _ask_again)
        shelf = training.open_shop(scene, number)
        note = freeze(scene, number, closes_at)
        draw_seats(scene, number, note)
    devices.lose_phones(scene)
    crowd.read_standings("people look at the result", number)
    return Drawn(number, note, shelf)


def read_wave(crowd: Crowd, number: int) -> dict[str, Any]:
    """Return the wave as the public sees it. Raises `Unexpected`."""
    found: dict[str, Any] = crowd.api.call("GET", f"/waves/{number}").expect(200).body
    return found


# What the administrator and the clock do


def _set(scene: Scene) -> tuple[int, datetime]:
    """Set a wave, and let some try to join too early. Returns its number and when it opens."""
    joins = sum(diary.person.joins for diary in scene.crowd.diaries)
    # There are three seats for five entries, so most people win, and big families reach the limit of two.
    quota = joins * 3 // 5
    opens_at = _whole_seconds(scene.clock.now() + FAR)
    number = scene.admin.add_wave(opens_at, opens_at + FAR, quota)
    _refuse_entry(scene.crowd, "some come too early", _registered(scene.crowd, Part.EARLY), "wave_not_open_yet")
    opens_at = move_up(scene, number)
    scene.tell(f"calendar: the administrator sets wave {number} with {quota} seats; it opens at {_wib(opens_at)} WIB")
    # The first step ever records when this system began. A wave that had closed before would not belong to it.
    scene.admin.fire("advance")
    return number, opens_at


def move_up(scene: Scene, number: int) -> datetime:
    """Let a wave that is set for later open in some seconds; returns when."""
    lead = timedelta(seconds=OPENS_IN_S)
    while not scene.admin.move_wave(number, opens_at := _whole_seconds(scene.clock.now() + lead), opens_at + FAR):
        lead *= 2  # the command took that long
    return opens_at


def _open(scene: Scene, number: int, opens_at: datetime) -> datetime:
    """Wait for the opening, let everybody join, and close the wave. Returns the first instant that is refused."""
    crowd = scene.crowd
    scene.clock.wait_until(opens_at, "the wave opens")
    scene.admin.fire("advance")
    scene.tell("opening: the wave is open, and one click joins it, once for each person")
    crowd.each("people join", [diary for diary in _registered(crowd) if diary.person.joins], join)
    strangers = crowd.who(lambda diary: diary.token and not diary.registered)
    _refuse_entry(crowd, "strangers are refused", strangers, "not_registered")
    confirm(scene)
    closes_at = scene.admin.close_wave(number)
    scene.tell(f"close: all have joined, so the wave closes at {_wib(closes_at)} WIB, and not in hours")
    return closes_at


def confirm(scene: Scene) -> None:
    """Wait until the civil registry has answered about everybody, as places of those who wait are only reserved."""
    patience = scene.patience("registrations wait for the civil registry", SETTLES_WITHIN_S)
    while left := scene.admin.unanswered():
        if not patience.goes_on(left):
            raise TimeoutError(f"the civil registry has not answered about {left} registrations")


def freeze(scene: Scene, number: int, closes_at: datetime) -> bytes:
    """Wait until the list of entries is frozen, and let a witness sign. Returns the note that commits to it."""
    rules = scene.programme.draw
    due = closes_at + timedelta(seconds=rules.freeze_delay_s)
    scene.clock.wait_until(due, "requests that came before the close have ended")
    scene.admin.fire("advance")
    wave = _advance_to(scene, number, "FROZEN", "DRAWN", "SETTLED")
    note = results.fetch_note(wave["results_url"])
    digest, when = sha256(note).hexdigest(), parse(note).round
    scene.tell(f"commitment: the list of {wave['entries']} entries is fixed, and its note published: sha256 {digest}")
    kind = "public" if rules.pinned.production else "development"
    scene.tell(f"beacon: round {when} of the {kind} random beacon will decide; it does not exist yet")
    now = scene.clock.now()
    if now >= round_time(rules.pinned, when):
        scene.tell("witness: the note came too late to be signed, and no witness is demanded")
    else:
        scene.admin.add_cosignature(number, WITNESS.sign(note, now).line())
        scene.tell(f"witness: {WITNESS.name} signed that it had the note before the round existed")
    return note


def draw_seats(scene: Scene, number: int, note: bytes) -> None:
    chain = scene.programme.draw.pinned
    appears_at = round_time(chain, parse(note).round) + timedelta(seconds=chain.period_s)
    scene.clock.wait_until(appears_at, "the beacon's round comes into being")
    scene.admin.fire("advance")
    wave = _advance_to(scene, number, "SETTLED")
    scene.tell(f"draw: the round has come and ranks all {wave['entries']} entries; the first {wave['quota']} win")
    scene.tell(f"award: {wave['chosen']} people hold a seat, at most two of a family, once in a lifetime")


def _advance_to(scene: Scene, number: int, *states: str) -> dict[str, Any]:
    """Run the step until the wave is in one of the states. Returns the wave as the public sees it."""
    patience = scene.patience(f"wave is to become {states[0]}", SETTLES_WITHIN_S)
    while (wave := read_wave(scene.crowd, number))["state"] not in states:
        if not patience.goes_on(1):
            raise TimeoutError(f"wave {number} was not {states[0]} within {SETTLES_WITHIN_S} s")
        scene.admin.fire("advance")
    return wave


def _whole_seconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=0) + timedelta(seconds=1)


def _wib(instant: datetime) -> str:
    return instant.astimezone(WIB).strftime("%H:%M:%S")


# What people do


def _registered(crowd: Crowd, part: Part | None = None) -> list[Diary]:
    return crowd.who(lambda diary: diary.registered and part in {None, diary.person.part})


def register(crowd: Crowd, diary: Diary) -> None:
    person = diary.person
    crowd.sign_in(diary)
    crowd.call(diary, "PUT", "/me/registration", person.form).expect(201)
    diary.registered = True
    if person.part is Part.DOUBLE_CLICKS:
        crowd.call(diary, "PUT", "/me/registration", person.form).expect(200)


def _be_refused(crowd: Crowd, diary: Diary) -> None:
    """Try to register, and be refused. The people whose data some of these copy have registered before."""
    person, refusal = diary.person, diary.person.refusal
    assert refusal is not None  # noqa: S101 - only these are asked to
    match refusal.way:
        case Way.WRONG_CODE:
            entered = crowd.code_of(diary, person.email)
            wrong = f"{(int(entered['code']) + 1) % 10**6:06d}"
            answer = crowd.proved(Device(), "POST", "/sessions", {"code": entered | {"code": wrong}})
        case Way.USED_CODE:
            entered = crowd.sign_in(diary)
            answer = crowd.proved(Device(), "POST", "/sessions", {"code": entered})
        case Way.STOLEN:
            crowd.sign_in(diary)
            stolen = {"refresh_token": diary.refresh_token}
            answer = crowd.proved(Device(), "POST", "/sessions/refreshes", stolen)
        case way:
            crowd.sign_in(diary)
            token = spoiled(way, diary.token, crowd.api.keys)
            answer = crowd.api.call("PUT", "/me/registration", person.form, token=token)
    answer.expect(refusal.status, code=refusal.code)
    diary.refused = True


def join(crowd: Crowd, diary: Diary) -> None:
    diary.receipt = crowd.click(diary, _JOIN)


def _ask_again(crowd: Crowd, diary: Diary) -> None:
    answer = crowd.call(diary, "POST", _JOIN).expect(200)
    if answer.body != diary.receipt:
        raise Unexpected(f"{answer.request} gave another receipt")


def _refuse_entry(crowd: Crowd, step: str, diaries: Sequence[Diary], code: str) -> None:
    crowd.each(step, diaries, lambda crowd, diary: crowd.must_refuse(diary, _JOIN, None, code))
