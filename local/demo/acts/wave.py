"""A wave from its setting to its award."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from chalicelib.clock import WIB
from chalicelib.draw.note import parse, round_time

from ...sandbox.witness import SIGNER
from .. import results
from ..players import joining
from ..players.training import Shelf
from ..scene import Scene
from . import places

FAR = timedelta(hours=3)
"""How far off a wave's opening and closing are set; both are brought forward once everybody is ready."""

OPENS_IN_S = 12
"""From the moving of a wave to its opening: the calendar takes no change nearer than that many functions may know an
older one (9 s)."""

SETTLES_WITHIN_S = 1800
"""Far more than the slowest machine takes."""


@dataclass(frozen=True)
class Drawn:
    """A wave that has been drawn: its number, the note as it was published at the freeze, and what can be bought."""

    number: int
    note: bytes
    shelf: Shelf


def draw(scene: Scene) -> Drawn:
    """People register and join; the list is frozen, drawn from and awarded. Raises whatever stops a wave."""
    diaries = scene.crowd.diaries
    refused = sum(diary.person.refusal is not None for diary in diaries)
    scene.tell(f"registration: {len(diaries)} people open accounts and register; {refused} of them must be refused")
    # What takes people's time is done while the clock is waited for.
    early, others = joining.in_two(scene.crowd)
    joining.register(scene.crowd, "people register", early)
    number, opens_at = _set(scene)
    joining.register(scene.crowd, "others register", others)
    joining.be_refused(scene.crowd)
    closes_at = _open(scene, number, opens_at)
    scene.clock.wait_until(closes_at, "the wave closes")
    scene.tell("close: the time of each click decides, and from now on nobody gets in")
    joining.join_late(scene.crowd)
    shelf = places.open_shop(scene, number)
    note = _freeze(scene, number, closes_at)
    _draw(scene, number, note)
    joining.read_standings(scene.crowd, number)
    return Drawn(number, note, shelf)


def _set(scene: Scene) -> tuple[int, datetime]:
    """Set a wave, and let it open once those who come too early have come; its number, and when it opens."""
    joins = sum(diary.person.joins for diary in scene.crowd.diaries)
    # Three seats for five entries: most people win, so big families meet the cap.
    quota = joins * 3 // 5
    opens_at = _whole_seconds(scene.clock.now() + FAR)
    number = scene.admin.add_wave(opens_at, opens_at + FAR, quota)
    joining.join_early(scene.crowd)
    lead = timedelta(seconds=OPENS_IN_S)
    while not scene.admin.move_wave(number, opens_at := _whole_seconds(scene.clock.now() + lead), opens_at + FAR):
        lead *= 2  # the command took that long
    scene.tell(
        f"calendar: the administrator sets wave {number} with {quota} seats; it opens at {_clock_time(opens_at)} WIB"
    )
    # The first step ever notes when this system began; a wave that had closed by then would not be its own.
    scene.admin.fire("advance")
    return number, opens_at


def _open(scene: Scene, number: int, opens_at: datetime) -> datetime:
    """Wait for the opening, let everybody join, and then close the wave; the first instant that is refused."""
    scene.clock.wait_until(opens_at, "the wave opens")
    scene.admin.fire("advance")
    scene.tell("opening: the wave is open, and one click joins it, once for each person")
    joining.join(scene.crowd)
    closes_at = scene.admin.close_wave(number)
    scene.tell(f"close: all have joined, so the wave closes at {_clock_time(closes_at)} WIB, and not in hours")
    return closes_at


def _freeze(scene: Scene, number: int, closes_at: datetime) -> bytes:
    """Let the list of entries be frozen; the note that commits to it."""
    due = closes_at + timedelta(seconds=scene.programme.draw.freeze_delay_s)
    scene.clock.wait_until(due, "requests that came before the close have ended")
    scene.admin.fire("advance")
    wave = _advance_to(scene, number, "FROZEN", "DRAWN", "SETTLED")
    raw = results.fetch_note(wave["results_url"])
    digest, when = sha256(raw).hexdigest(), parse(raw).round
    scene.tell(f"commitment: the list of {wave['entries']} entries is fixed, and its note published: sha256 {digest}")
    kind = "public" if scene.programme.draw.pinned.production else "development"
    scene.tell(f"beacon: round {when} of the {kind} random beacon will decide; it does not exist yet")
    _witness(scene, number, raw)
    return raw


def _witness(scene: Scene, number: int, note: bytes) -> None:
    """Let the development witness sign, if the note came to it before the round did."""
    now = scene.clock.now()
    if now >= _appears_at(scene, note):
        scene.tell("witness: the note came too late to be signed, and no witness is demanded")
        return
    scene.admin.add_cosignature(number, SIGNER.sign(note, now).line())
    scene.tell(f"witness: {SIGNER.name} signed that it had the note before the round existed")


def _draw(scene: Scene, number: int, note: bytes) -> None:
    appears_at = _appears_at(scene, note) + timedelta(seconds=scene.programme.draw.pinned.period_s)
    scene.clock.wait_until(appears_at, "the beacon's round comes into being")
    scene.admin.fire("advance")
    wave = _advance_to(scene, number, "SETTLED")
    scene.tell(f"draw: the round has come and ranks all {wave['entries']} entries; the first {wave['quota']} win")
    scene.tell(f"award: {wave['chosen']} people hold a seat, at most two of a family, once in a lifetime")


def _advance_to(scene: Scene, number: int, *states: str) -> dict[str, Any]:
    """Go on until the wave is in one of the states; the wave as the public sees it."""
    patience = scene.patience(f"wave is to become {states[0]}", SETTLES_WITHIN_S)
    while (wave := joining.read_wave(scene.crowd, number))["state"] not in states:
        if not patience.goes_on(1):
            raise TimeoutError(f"wave {number} was not {states[0]} within {SETTLES_WITHIN_S} s")
        scene.admin.fire("advance")
    return wave


def _appears_at(scene: Scene, note: bytes) -> datetime:
    """When the round of a note comes into being."""
    return round_time(scene.programme.draw.pinned, parse(note).round)


def _whole_seconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=0) + timedelta(seconds=1)


def _clock_time(instant: datetime) -> str:
    return instant.astimezone(WIB).strftime("%H:%M:%S")
