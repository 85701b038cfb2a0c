"""The order of a wave's events: who does what, when. The same for the demo on the local cloud and for the tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from chalicelib.config import Programme

from . import results, sums
from .player import Partner, Player

OPENS_IN_S = 14
"""From the setting of a wave to its opening: the calendar takes no change nearer than that many functions may know an
older one (9 s), and the command line needs a moment to start."""

SETTLES_WITHIN_S = 120
PAID_WITHIN_S = 240


class Office(Protocol):
    """The administrator. Every method raises if the step fails."""

    def add_wave(self, opens_at: datetime, closes_at: datetime, quota: int) -> int:
        """Set a wave and return its number."""

    def advance(self) -> None:
        """Let the deployed step run now, instead of at the next minute."""

    def sweep_payouts(self) -> None:
        """Let the deployed sweep of unsettled payouts run now, instead of at the next minute."""

    def add_partner(self, name: str) -> Partner:
        """Admit a training partner."""

    def check_draw(self, wave: int, folder: Path) -> list[str]:
        """Verify the draw, as deployed and as fetched into `folder`; what does not hold."""

    def compare_books(self) -> list[str]:
        """Compare the ledger with the provider's books; what does not agree."""

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
    account numbers that the provider never pays.

    Disagreements, those of the sums too, go where the player writes its own.
    """

    player: Player
    office: Office
    pace: Pace
    programme: Programme
    folder: Path
    failing_suffix: str

    def run(self) -> sums.Played:
        """Play it all, and say what has happened. Raises whatever stops a wave from going on."""
        began = self.pace.now()
        self.player.register()
        took = self.pace.now() - began
        number, closes_at = self._open(took)
        self.pace.wait_until(closes_at)
        self.player.join_late()
        self._settle(number, closes_at)
        self.player.read_standings(number)
        self.player.train(self.office.add_partner("Balai Latihan Kerja Contoh"))
        self._pay()
        return self._reckon(number)

    def _open(self, took: timedelta) -> tuple[int, datetime]:
        """Set a wave, wait for it and let people join, for long enough: registering was five calls for each of them."""
        joining = sum(diary.person.joins for diary in self.player.diaries)
        opens_at = _whole_seconds(self.pace.now() + timedelta(seconds=OPENS_IN_S))
        closes_at = _whole_seconds(opens_at + timedelta(seconds=8) + took / 3)
        # Three seats for five entries: most people win, so big families meet the cap.
        number = self.office.add_wave(opens_at, closes_at, joining * 3 // 5)
        self.player.join_early()
        # The first step ever notes when this system began; a wave that had closed by then would not be its own.
        self.office.advance()
        self.pace.wait_until(opens_at)
        self.player.join()
        return number, closes_at

    def _settle(self, number: int, closes_at: datetime) -> None:
        draw = self.programme.draw
        self.pace.wait_until(closes_at + timedelta(seconds=draw.freeze_delay_s))
        self.office.advance()
        self.pace.wait_until(self.pace.now() + timedelta(seconds=draw.pinned.delay_s + draw.pinned.period_s))
        deadline = self.pace.now() + timedelta(seconds=SETTLES_WITHIN_S)
        while self.player.wave(number)["state"] != "SETTLED":
            if self.pace.now() > deadline:
                raise TimeoutError(f"wave {number} was not settled within {SETTLES_WITHIN_S} s")
            self.office.advance()
            self.pace.wait_until(self.pace.now() + timedelta(seconds=1))

    def _pay(self) -> None:
        """Until nobody waits any more. The sweep is hurried: what a fault delayed need not wait for its minute."""
        deadline = self.pace.now() + timedelta(seconds=PAID_WITHIN_S)
        while self.player.read_payouts() and self.pace.now() < deadline:
            self.office.sweep_payouts()
            self.pace.wait_until(self.pace.now() + timedelta(seconds=3))

    def _reckon(self, number: int) -> sums.Played:
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
        self.player.differences += sums.differences(played)
        self.player.differences += self.office.check_draw(number, folder)
        self.player.differences += self.office.compare_books()
        return played


def _whole_seconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=0) + timedelta(seconds=1)
