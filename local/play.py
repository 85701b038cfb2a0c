"""The order of a wave's events: who does what, when. The same for the demo on the local cloud and for the tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from chalicelib.clock import WIB
from chalicelib.config import Programme
from chalicelib.money import Rupiah, format_idr
from chalicelib.waves.note import parse

from . import results, sums
from .player import Partner, Player

OPENS_IN_S = 14
"""From the setting of a wave to its opening: the calendar takes no change nearer than that many functions may know an
older one (9 s), and the command line needs a moment to start."""

SETTLES_WITHIN_S = 120
PAID_WITHIN_S = 240


@dataclass(frozen=True)
class Comparison:
    """Of the ledger with the provider's books: the sums as they were printed, and what does not agree."""

    said: Sequence[str]
    wrong: Sequence[str]


class Office(Protocol):
    """The administrator. Every method raises if the step fails."""

    def add_wave(self, opens_at: datetime, closes_at: datetime, quota: int) -> int:
        """Set a wave and return its number."""

    def advance(self) -> None:
        """Let the deployed step run now, instead of at the next minute."""

    def sweep_payouts(self) -> None:
        """Let the deployed sweep of unsettled payouts run now, instead of at the next minute."""

    def look_again(self) -> None:
        """Have the payouts that wait for a financial address tried again."""

    def add_partner(self, name: str) -> Partner:
        """Admit a training partner."""

    def check_draw(self, wave: int, folder: Path) -> list[str]:
        """Verify the draw, as deployed and as fetched into `folder`; what does not hold."""

    def compare_books(self) -> Comparison:
        """Compare the ledger with the provider's books."""

    def books(self) -> dict[str, Any]:
        """The provider's own report."""


class Pace(Protocol):
    """Time, as far as the play goes along with it."""

    def now(self) -> datetime:
        """The present instant, UTC."""

    def wait_until(self, instant: datetime) -> None:
        """Return at or after that instant; what happens by itself meanwhile has happened."""


@dataclass(frozen=True)
class Play:
    """One wave. `folder` gets the published files, below a folder named after the wave; `failing_suffix` ends the
    account numbers that the provider never pays; `tell` gets a sentence about each step.

    Disagreements, those of the sums too, go where the player writes its own.
    """

    player: Player
    office: Office
    pace: Pace
    programme: Programme
    folder: Path
    failing_suffix: str
    tell: Callable[[str], None]

    def run(self) -> sums.Played:
        """Play it all, and say what has happened. Raises whatever stops a wave from going on."""
        began = self.pace.now()
        diaries = self.player.diaries
        refused = sum(diary.person.refusal is not None for diary in diaries)
        self.tell(f"registration: {len(diaries)} people open accounts and register; {refused} of them must be refused")
        self.player.register()
        number, closes_at = self._open(self.pace.now() - began)
        self.pace.wait_until(closes_at)
        self.tell("close: the time of each click decides, and from now on nobody gets in")
        self.player.join_late()
        note = self._freeze(number, closes_at)
        self._draw(number, note)
        self.player.read_standings(number)
        amount = format_idr(Rupiah(self.programme.scheme(number).incentive_idr))
        self.tell(f"training: a partner attests who has trained; with a review of it, an incentive of {amount} is due")
        self.player.train(self.office.add_partner("Balai Latihan Kerja Contoh"))
        self.tell("payout: each incentive is sent to a provider that loses answers, breaks down and refuses accounts")
        self._pay()
        reminded = sum(diary.reminded for diary in diaries)
        self.tell(
            f"payout: {reminded} of them had said nowhere to be paid; they were told, said it, and the money went on"
        )
        self.tell("comparison: what people were told, what is published, the ledger and the provider's books")
        return self._reckon(number, note)

    def _open(self, took: timedelta) -> tuple[int, datetime]:
        """Set a wave, wait for it and let people join, for long enough: registering was five calls for each of them."""
        joining = sum(diary.person.joins for diary in self.player.diaries)
        opens_at = _whole_seconds(self.pace.now() + timedelta(seconds=OPENS_IN_S))
        closes_at = _whole_seconds(opens_at + timedelta(seconds=8) + took / 3)
        # Three seats for five entries: most people win, so big families meet the cap.
        quota = joining * 3 // 5
        number = self.office.add_wave(opens_at, closes_at, quota)
        times = f"opens at {_clock_time(opens_at)} and closes at {_clock_time(closes_at)} WIB"
        self.tell(f"calendar: the administrator adds wave {number} with {quota} seats; it {times}")
        self.player.join_early()
        # The first step ever notes when this system began; a wave that had closed by then would not be its own.
        self.office.advance()
        self.pace.wait_until(opens_at)
        self.tell("opening: the wave is open, and one click joins it, once for each person")
        self.player.join()
        return number, closes_at

    def _freeze(self, number: int, closes_at: datetime) -> bytes:
        """Let the list of entries be frozen; the note that commits to it."""
        self.pace.wait_until(closes_at + timedelta(seconds=self.programme.draw.freeze_delay_s))
        self.office.advance()
        wave = self._advance_to(number, "FROZEN", "DRAWN", "SETTLED")
        raw = results.fetch_note(wave["results_url"])
        digest, when = sha256(raw).hexdigest(), parse(raw).round
        self.tell(
            f"commitment: the list of {wave['entries']} entries is fixed, and its note published: sha256 {digest}"
        )
        kind = "public" if self.programme.draw.pinned.production else "development"
        self.tell(f"beacon: round {when} of the {kind} random beacon will decide; it does not exist yet")
        return raw

    def _draw(self, number: int, note: bytes) -> None:
        chain = self.programme.draw.pinned
        appears_at = chain.genesis + (parse(note).round - 1) * chain.period_s
        self.pace.wait_until(datetime.fromtimestamp(appears_at + chain.period_s, UTC))
        self.office.advance()
        wave = self._advance_to(number, "SETTLED")
        self.tell(f"draw: the round has come and ranks all {wave['entries']} entries; the first {wave['quota']} win")
        self.tell(f"award: {wave['chosen']} people hold a seat, at most two of a family, once in a lifetime")

    def _advance_to(self, number: int, *states: str) -> dict[str, Any]:
        """Go on until the wave is in one of the states; the wave as the public sees it."""
        deadline = self.pace.now() + timedelta(seconds=SETTLES_WITHIN_S)
        while (wave := self.player.wave(number))["state"] not in states:
            if self.pace.now() > deadline:
                raise TimeoutError(f"wave {number} was not {states[0]} within {SETTLES_WITHIN_S} s")
            self.pace.wait_until(self.pace.now() + timedelta(seconds=1))
            self.office.advance()
        return wave

    def _pay(self) -> None:
        """Until nobody waits any more. The sweep is hurried: what a fault delayed need not wait for its minute."""
        deadline = self.pace.now() + timedelta(seconds=PAID_WITHIN_S)
        while self.player.read_payouts() and self.pace.now() < deadline:
            if any(diary.needs_address for diary in self.player.diaries):
                self.office.look_again()
            self.office.sweep_payouts()
            self.pace.wait_until(self.pace.now() + timedelta(seconds=3))

    def _reckon(self, number: int, note: bytes) -> sums.Played:
        wave = self.player.wave(number)
        folder = self.folder / str(number)
        played = sums.Played(
            diaries=self.player.diaries,
            wave=wave,
            results=results.fetch(wave["results_url"], folder),
            books=self.office.books(),
            incentive_idr=self.programme.scheme(number).incentive_idr,
            failing_suffix=self.failing_suffix,
            kinds=self.programme.payouts.codes,
        )
        if played.results.note != note:
            self.player.differences.append("the note is not the one that was published at the freeze")
        self.player.differences += sums.differences(played)
        self.player.differences += self.office.check_draw(number, folder)
        compared = self.office.compare_books()
        self.player.differences += compared.wrong
        self.tell(f"people were told: {played.counts['paid']} paid, {format_idr(Rupiah(played.told_idr))}")
        for line in compared.said:
            self.tell(line)
        return played


def _whole_seconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=0) + timedelta(seconds=1)


def _clock_time(instant: datetime) -> str:
    return instant.astimezone(WIB).strftime("%H:%M:%S")
