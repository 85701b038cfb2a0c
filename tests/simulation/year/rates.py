"""How many people there are, and what share of them does what. Every rate can be set by a TOML file or an option."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

Share = Annotated[float, Meta(ge=0, le=1)]
Number = Annotated[int, Meta(ge=0)]


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shares are from 0 to 1, each of those who come so far; days are WIB days."""

    programme: str = "prakerja-2023"
    people: Number = 20_000
    waves: Number = 26
    first_day: date = date(2023, 6, 1)
    """With 26 waves the year has a New Year, a 29 February and a 31st in every second month."""
    paused_wave: Number = 10
    """On its second day, counted from 1, an administrator pauses the programme over its close; 0: never."""
    paused_days: Number = 20
    scheme: str = ""
    """The version of the scheme that all waves have; empty: the one that the programme gives them."""
    seats: Share = 0.06
    """Of the people: the seats of all waves together."""
    early: Share = 0.6
    """Register in the first month; the others on any day."""
    joins: Share = 0.05
    """Of those who may, in each wave. The others forget."""
    holiday: Share = 0.05
    """As many of the usual ones join a wave that is open at New Year."""
    joins_twice: Share = 0.05
    family: Share = 0.3
    """Share a family card with the person before."""
    buys: Share = 0.85
    cancels: Share = 0.03
    """Of the buyers, at once; half of them buy again."""
    drops_out: Share = 0.08
    """Of the buyers: never redeem the code."""
    leaves: Share = 0.1
    """After each month, where attendance is paid: nothing more is attested."""
    reviews: Share = 0.95
    gives_account: Share = 0.97
    wallet: Share = 0.3
    broken_account: Share = 0.01
    """The account takes no money; its owner gives another one a week later."""
    changes_phone: Share = 0.05
    """Some day after the award, with the wallet that belongs to it."""
    complains: Share = 0.02
    """Of those who joined, after a result."""
    dies: Share = 0.002
    """Of the chosen, at any time of the next half year; then does nothing more."""
    compared: Share = 0.004
    """Of the people: the comparison group of each wave."""
    answers: Share = 0.7
    """Each survey."""
    answers_comparison: Share = 0.4
    unemployed: Share = 0.6
    """Before the wave, in both groups."""
    works_after: Share = 0.30
    effect: Share = 0.15
    """So much more of the formerly unemployed work after the training: planted, and looked for in the statistics."""
    missed: Share = 0.05
    """Of a trigger's runs; never more than two in a row."""
    doubled: Share = 0.05
    late_s: Number = 120
    """At most so late comes a trigger."""
    cut_short: Share = 0.05
    """Of the jobs' runs: they are given a tenth of their time."""


OF_2020 = Rates(
    programme="prakerja-2020",
    people=250,
    seats=0.2,
    waves=11,
    first_day=date(2020, 4, 1),
    joins=0.3,
    early=0.9,
    paused_wave=0,
)
"""The eleven waves of 2020, by their dates, with four instalments and thirty days to buy."""

INTERNSHIPS = replace(
    OF_2020, programme="magang-2025", waves=2, first_day=date(2025, 9, 20), seats=0.3, joins=0.5, wallet=0
)
"""Two waves, and a stipend by province for each of six months."""

VOCATIONAL = replace(INTERNSHIPS, programme="vokasi-2026", waves=3, first_day=date(2026, 2, 10))
"""Three waves, and pay for each attended day of three months."""

PROGRAMMES = {
    "prakerja-2023": (Rates(), 366),
    "prakerja-2020": (OF_2020, 366),
    "magang-2025": (INTERNSHIPS, 390),
    "vokasi-2026": (VOCATIONAL, 380),
}
"""The rates with which each programme is played, and for how many days, until its last payment."""
