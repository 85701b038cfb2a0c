"""From everything that was counted to everything that is published, without what must be withheld. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from ..clock import iso
from ..structs import fill
from ..values import Value
from . import figures
from . import statistics_wire as wire
from .figures import GROUPS, Shown, Sum, withheld
from .statistics_wire import FEWEST
from .tally_rules import REGISTERED_IN, Count, Counts, PastWave, Tally, WaveTally, add

BEFORE = "before_this_system"
ALL_WAVES = "all"
NATIONAL_GROUPS = (Count.REGISTERED, Count.RECIPIENTS, Count.POTENTIAL)
"""Counted by province and for the country, not by wave."""
PUBLISHED_WITH_THE_DRAW = (Count.JOINED, Count.CHOSEN, Count.REVOKED)
"""The published files of a wave's draw show these for the whole wave."""

Cell = tuple[str, str, int]
"""A group of people, a place (`ALL_WAVES`, `wave/54`, `year/2026`) and a province, or `COUNTRY` for all of them."""
COUNTRY = 0


class Counted(Value, frozen=True):
    """All that one round counted. `registered`: people by province, all of them and by month; `waves` ascending."""

    counted_from: datetime
    registered: Tally
    waves: Sequence[WaveTally]
    history: Sequence[PastWave]
    job_market: wire.JobMarket
    grievances: wire.Grievances


class PublishedFigures(Value, frozen=True):
    """All that a round publishes."""

    country: wire.Statistics
    waves: list[wire.WaveStatistics]


def publishable(
    counted: Counted, target: Callable[[int], int], province: Callable[[int], str], this_year: int, now: datetime
) -> PublishedFigures:
    """Everything that is published. `target` is the participants of a year, `province` the name of a code."""
    book = _Book(counted, this_year)
    country = wire.Statistics(
        counted_from=iso(counted.counted_from),
        computed_at=iso(now),
        fewest_people_shown=FEWEST,
        registered=book.people(Count.REGISTERED, COUNTRY),
        totals=book.totals(COUNTRY),
        progress=book.progress(ALL_WAVES, COUNTRY),
        outcomes=book.outcomes(ALL_WAVES, COUNTRY),
        years=[_year(book, year, target(year)) for year in book.years],
        provinces=[
            wire.Province(
                code=f"{region:02d}",
                name=province(region),
                registered=book.people(Count.REGISTERED, region),
                totals=book.totals(region),
                progress=book.progress(ALL_WAVES, region),
                outcomes=book.outcomes(ALL_WAVES, region),
            )
            for region in book.regions
        ],
        waves=[_wave_line(book, one) for one in counted.waves],
        job_market=counted.job_market,
        grievances=counted.grievances,
        registrations=[
            wire.RegisteredIn(name.removeprefix(REGISTERED_IN), book.people(name, COUNTRY)) for name in book.months
        ],
    )
    return PublishedFigures(country, [_wave_statistics(book, one, province, now) for one in counted.waves])


def _wave_line(book: _Book, wave: WaveTally) -> wire.WaveLine:
    outcomes, progress = book.outcomes(_wave(wave), COUNTRY), book.progress(_wave(wave), COUNTRY)
    return fill(
        wire.WaveLine, outcomes, number=wave.number, year=wave.year, progress=progress, closes_at=wave.closes_at
    )


def _wave_statistics(
    book: _Book, wave: WaveTally, province: Callable[[int], str], now: datetime
) -> wire.WaveStatistics:
    place = _wave(wave)
    return fill(
        wire.WaveStatistics,
        wave,
        computed_at=iso(now),
        progress=book.progress(place, COUNTRY),
        outcomes=book.outcomes(place, COUNTRY),
        provinces=[
            wire.ProvinceOfWave(
                f"{region:02d}", province(region), book.progress(place, region), book.outcomes(place, region)
            )
            for region in sorted(wave.regions)
        ],
    )


def _year(book: _Book, year: int, target: int) -> wire.YearView:
    counts = book.counts(f"year/{year}", COUNTRY)
    participants = counts.get(Count.CHOSEN, 0) - counts.get(Count.REVOKED, 0)
    share = round(participants / target, figures.DIGITS)
    return wire.YearView(year, target, participants, share, book.progress(f"year/{year}", COUNTRY))


class _Book:
    """The counts of every place and province, and which groups in them are withheld."""

    def __init__(self, counted: Counted, this_year: int) -> None:
        self._waves = counted.waves
        self.years = sorted({wave.year for wave in counted.waves} | {this_year})
        self._tables: dict[str, Tally] = {_wave(wave): _with_country(wave.regions) for wave in counted.waves}
        self._tables[ALL_WAVES] = _with_country(
            add([*(wave.regions for wave in counted.waves), counted.registered, _before(counted.history)])
        )
        for year in self.years:
            in_year = [self._tables[_wave(wave)][COUNTRY] for wave in counted.waves if wave.year == year]
            self._tables[f"year/{year}"] = add({COUNTRY: counts} for counts in in_year)
        self.regions = sorted(self._tables[ALL_WAVES].keys() - {COUNTRY})
        self.months = sorted(name for name in self.counts(ALL_WAVES, COUNTRY) if name.startswith(REGISTERED_IN))
        """The months in which anybody registered, by the names of their counts."""
        self._hidden = self._withheld()

    def counts(self, place: str, region: int) -> Counts:
        return self._tables[place].get(region, {})

    def people(self, name: str, region: int) -> int | None:
        """The people of a group that is counted by province only."""
        return self.counts(ALL_WAVES, region).get(name, 0) if self._shown(ALL_WAVES, region)(name) else None

    def progress(self, place: str, region: int) -> wire.Progress:
        return figures.progress(self.counts(place, region), self._shown(place, region))

    def outcomes(self, place: str, region: int) -> wire.Outcomes:
        return figures.outcomes(self.counts(place, region), self._shown(place, region))

    def totals(self, region: int) -> wire.Totals:
        """People since the start, before this system and in it."""
        before = [self.people(f"{BEFORE}/{name}", region) for name in (Count.RECIPIENTS, Count.GRADUATES)]
        here = [self.people(name, region) for name in (Count.RECIPIENTS, Count.GRADUATES)]
        both = [None if one is None or other is None else one + other for one, other in zip(before, here, strict=True)]
        return wire.Totals(wire.RecipientCounts(*before), wire.RecipientCounts(*here), wire.RecipientCounts(*both))

    def _shown(self, place: str, region: int) -> Shown:
        return lambda name: (name, place, region) not in self._hidden

    def _withheld(self) -> set[Cell]:
        sums = list(self._sums())
        cells = {
            cell: self.counts(cell[1], cell[2]).get(cell[0], 0) for one in sums for cell in (one.total, *one.parts)
        }
        for place, regions in self._tables.items():
            for region, counts in regions.items():
                # A month is no count of its own; only its scores are.
                cells |= {(month, place, region): people for month, people in figures.months(counts).items()}
        public = {(name, place, COUNTRY) for name in PUBLISHED_WITH_THE_DRAW for place in self._tables}
        unpublished = {(str(Count.POTENTIAL), ALL_WAVES, region) for region in (*self.regions, COUNTRY)}
        return withheld(cells, sums, public, unpublished)

    def _sums(self) -> Iterator[Sum[Cell]]:
        """Every sum that a reader can make."""
        places = [_wave(wave) for wave in self._waves]
        for name in map(str, GROUPS):
            yield from self._along(name, places)
            for year in self.years:
                parts = [(name, _wave(wave), COUNTRY) for wave in self._waves if wave.year == year]
                yield Sum((name, f"year/{year}", COUNTRY), parts)
            yield Sum((name, ALL_WAVES, COUNTRY), [(name, f"year/{year}", COUNTRY) for year in self.years])
        for name in (*NATIONAL_GROUPS, f"{BEFORE}/{Count.RECIPIENTS}", f"{BEFORE}/{Count.GRADUATES}"):
            yield Sum((name, ALL_WAVES, COUNTRY), [(name, ALL_WAVES, region) for region in self.regions])
        for region in (*self.regions, COUNTRY):
            states = (Count.REVOKED, Count.RECIPIENTS, Count.POTENTIAL)
            yield Sum((Count.CHOSEN, ALL_WAVES, region), [(str(name), ALL_WAVES, region) for name in states])
        yield Sum((Count.REGISTERED, ALL_WAVES, COUNTRY), [(name, ALL_WAVES, COUNTRY) for name in self.months])
        for month in figures.months(self.counts(ALL_WAVES, COUNTRY)):
            yield from self._along(month, [p for p in places if month in figures.months(self.counts(p, COUNTRY))])
        for place in (*places, ALL_WAVES):
            for region, counts in self._tables[place].items():
                yield Sum((Count.ANSWERED_1, place, region), [(m, place, region) for m in figures.months(counts)])

    def _along(self, name: str, places: list[str]) -> Iterator[Sum[Cell]]:
        """The sums of a group over provinces and over waves."""
        for place in (*places, ALL_WAVES):
            inner = sorted(self._tables[place].keys() - {COUNTRY})
            yield Sum((name, place, COUNTRY), [(name, place, region) for region in inner])
        for region in (*self.regions, COUNTRY):
            parts = [(name, place, region) for place in places if region in self._tables[place]]
            yield Sum((name, ALL_WAVES, region), parts)


def _wave(wave: WaveTally) -> str:
    return f"wave/{wave.number}"


def _with_country(regions: Tally) -> Tally:
    country: Counter[str] = Counter()
    for counts in regions.values():
        country.update(counts)
    return {**regions, COUNTRY: country}


def _before(history: Sequence[PastWave]) -> Tally:
    return add(
        {
            region: {f"{BEFORE}/{Count.RECIPIENTS}": past.recipients, f"{BEFORE}/{Count.GRADUATES}": past.graduates}
            for region, past in wave.regions.items()
        }
        for wave in history
    )
