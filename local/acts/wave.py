"""A wave from its setting to its award."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from chalicelib.clock import WIB
from chalicelib.waves.note import parse, round_time

from .. import results
from ..players import joining
from ..scene import Scene
from ..witness import SIGNER

OPENS_IN_S = 14
"""From the setting of a wave to its opening: the calendar takes no change nearer than that many functions may know an
older one (9 s), and the command line needs a moment to start."""

SETTLES_WITHIN_S = 120


@dataclass(frozen=True)
class Drawn:
    """A wave that has been drawn: its number and the note, as it was published at the freeze."""

    number: int
    note: bytes


def draw(scene: Scene) -> Drawn:
    """People register and join; the list is frozen, drawn from and awarded. Raises whatever stops a wave."""
    began = scene.pace.now()
    diaries = scene.crowd.diaries
    refused = sum(diary.person.refusal is not None for diary in diaries)
    scene.tell(f"registration: {len(diaries)} people open accounts and register; {refused} of them must be refused")
    joining.register(scene.crowd)
    number, closes_at = _open(scene, scene.pace.now() - began)
    scene.pace.wait_until(closes_at)
    scene.tell("close: the time of each click decides, and from now on nobody gets in")
    joining.join_late(scene.crowd)
    note = _freeze(scene, number, closes_at)
    _draw(scene, number, note)
    joining.read_standings(scene.crowd, number)
    return Drawn(number, note)


def _open(scene: Scene, took: timedelta) -> tuple[int, datetime]:
    """Set a wave, wait for it and let people join, for long enough: registering was five calls for each of them."""
    joins = sum(diary.person.joins for diary in scene.crowd.diaries)
    opens_at = _whole_seconds(scene.pace.now() + timedelta(seconds=OPENS_IN_S))
    closes_at = _whole_seconds(opens_at + timedelta(seconds=8) + took / 3)
    # Three seats for five entries: most people win, so big families meet the cap.
    quota = joins * 3 // 5
    number = scene.office.add_wave(opens_at, closes_at, quota)
    times = f"opens at {_clock_time(opens_at)} and closes at {_clock_time(closes_at)} WIB"
    scene.tell(f"calendar: the administrator adds wave {number} with {quota} seats; it {times}")
    joining.join_early(scene.crowd)
    # The first step ever notes when this system began; a wave that had closed by then would not be its own.
    scene.office.fire("advance")
    scene.pace.wait_until(opens_at)
    scene.tell("opening: the wave is open, and one click joins it, once for each person")
    joining.join(scene.crowd)
    return number, closes_at


def _freeze(scene: Scene, number: int, closes_at: datetime) -> bytes:
    """Let the list of entries be frozen; the note that commits to it."""
    scene.pace.wait_until(closes_at + timedelta(seconds=scene.programme.draw.freeze_delay_s))
    scene.office.fire("advance")
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
    now = scene.pace.now()
    if now >= _appears_at(scene, note):
        scene.tell("witness: the note came too late to be signed, and no witness is demanded")
        return
    scene.office.add_cosignature(number, SIGNER.sign(note, now).line())
    scene.tell(f"witness: {SIGNER.name} signed that it had the note before the round existed")


def _draw(scene: Scene, number: int, note: bytes) -> None:
    scene.pace.wait_until(_appears_at(scene, note) + timedelta(seconds=scene.programme.draw.pinned.period_s))
    scene.office.fire("advance")
    wave = _advance_to(scene, number, "SETTLED")
    scene.tell(f"draw: the round has come and ranks all {wave['entries']} entries; the first {wave['quota']} win")
    scene.tell(f"award: {wave['chosen']} people hold a seat, at most two of a family, once in a lifetime")


def _advance_to(scene: Scene, number: int, *states: str) -> dict[str, Any]:
    """Go on until the wave is in one of the states; the wave as the public sees it."""
    deadline = scene.pace.now() + timedelta(seconds=SETTLES_WITHIN_S)
    while (wave := joining.read_wave(scene.crowd, number))["state"] not in states:
        if scene.pace.now() > deadline:
            raise TimeoutError(f"wave {number} was not {states[0]} within {SETTLES_WITHIN_S} s")
        scene.pace.wait_until(scene.pace.now() + timedelta(seconds=1))
        scene.office.fire("advance")
    return wave


def _appears_at(scene: Scene, note: bytes) -> datetime:
    """When the round of a note comes into being."""
    return round_time(scene.programme.draw.pinned, parse(note).round)


def _whole_seconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=0) + timedelta(seconds=1)


def _clock_time(instant: datetime) -> str:
    return instant.astimezone(WIB).strftime("%H:%M:%S")
