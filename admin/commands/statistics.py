"""`gelombang statistics`: what the last count published, as tables."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import Console
from rich.table import Table

from chalicelib.money import Rupiah, format_idr
from chalicelib.outcomes.statistics_wire import (
    FEWEST,
    Outcomes,
    Progress,
    Province,
    ProvinceOfWave,
    Share,
    Statistics,
    WaveStatistics,
)

from ..deployment import stages
from ..terminal import stage_option, table, wib

WITHHELD = "·"
NOTE = f"{WITHHELD} withheld: fewer than {FEWEST} people, or their number would follow; or a share of nobody"
WIDTH = 140
"""Columns of a terminal that shows every table without cutting; a narrower one wraps its lines."""

_COUNTED_AT = "%Y-%m-%d %H:%M WIB"
_LEFT = ("", "province", "of")
_PROGRESS = (*Progress.__struct_fields__[:-1], "rupiah")


@click.group()
def statistics() -> None:
    """What became of the programme, as anybody can read it."""


@statistics.command()
@stage_option
@click.option("--wave", "number", type=click.IntRange(min=1), help="One wave by province, instead of the whole.")
def show(stage: str, number: int | None) -> None:
    """Show the published statistics; new ones are counted every hour."""
    published = stages.load(stage).services.statistics
    console = Console(width=WIDTH)
    if number is None:
        _country(console, published.country())
    else:
        _wave(console, published.wave(number))


def _country(console: Console, found: Statistics) -> None:
    if found.computed_at is None:
        console.print("nothing has been counted yet")
        return
    console.print(f"counted {wib(found.computed_at, _COUNTED_AT)}; {_number(found.registered)} registered")
    people = table("", "recipients", "graduates", left=_LEFT)
    for name, part in (
        ("before this system", found.totals.before_this_system),
        ("this system", found.totals.this_system),
        ("since the start", found.totals.since_the_start),
    ):
        people.add_row(name, _number(part.recipients), _number(part.graduates))
    console.print(people)
    years = table("year", "target", "participants", "of target", *_PROGRESS, left=_LEFT)
    for year in found.years:
        share = f"{year.share_of_target:.1%}"
        years.add_row(
            str(year.year), _number(year.target), _number(year.participants), share, *_progress(year.progress)
        )
    console.print(years)
    console.print(_outcomes(found.outcomes))
    console.print(_months(found.outcomes))
    waves = table("wave", "year", *_PROGRESS, left=_LEFT)
    for wave in found.waves:
        waves.add_row(str(wave.number), str(wave.year), *_progress(wave.progress))
    console.print(waves)
    console.print(_provinces(found.provinces))
    market, cases = found.job_market, found.grievances
    console.print(
        f"job market: {market.open_vacancies} open of {market.vacancies} vacancies, {market.applications} applications"
    )
    taken = f"{cases.open} open, {cases.escalated} escalated, {cases.answered} answered"
    console.print(f"grievances: {taken}, {cases.overdue} overdue")
    console.print(NOTE)


def _wave(console: Console, found: WaveStatistics) -> None:
    console.print(f"wave {found.number} of {found.year}, counted {wib(found.computed_at, _COUNTED_AT)}")
    progress = table(*_PROGRESS, left=_LEFT)
    progress.add_row(*_progress(found.progress))
    console.print(progress)
    console.print(_outcomes(found.outcomes))
    console.print(_months(found.outcomes))
    console.print(_provinces(found.provinces))
    console.print(NOTE)


def _progress(progress: Progress) -> Iterable[str]:
    *people, paid_idr = (getattr(progress, name) for name in Progress.__struct_fields__)
    return [*map(_number, people), WITHHELD if paid_idr is None else format_idr(Rupiah(paid_idr))]


def _outcomes(outcomes: Outcomes) -> Table:
    made = table("", "of", "value", "95% interval", left=_LEFT)
    for name, share in (
        ("formerly unemployed, now working or in business", outcomes.working),
        ("the same of those not chosen", outcomes.comparison_working),
        ("incentive used as business capital", outcomes.business_capital),
        ("answered survey 1", outcomes.survey_1_response),
        ("answered survey 2", outcomes.survey_2_response),
        ("answered, of those not chosen", outcomes.comparison_response),
    ):
        made.add_row(name, _of(share), _percent(share.share), _between(share.lower, share.upper, 100, "%"))
    gap = outcomes.working_difference
    points = WITHHELD if gap.difference is None else f"{100 * gap.difference:+.1f} points"
    made.add_row("difference of the first two", "", points, _between(gap.lower, gap.upper, 100, ""))
    nps = outcomes.net_promoter
    score = WITHHELD if nps.score is None else f"{nps.score:+.1f}"
    made.add_row("net promoter score (-100 to 100)", _number(nps.answers), score, _between(nps.lower, nps.upper, 1, ""))
    days = outcomes.days_to_payment
    mean = WITHHELD if days.mean_days is None else f"{days.mean_days:.1f} days"
    made.add_row("from completion to payment", _number(days.people), mean, "")
    return made


def _months(outcomes: Outcomes) -> Table:
    made = table("month", "answers", "satisfaction (1 to 5)", "satisfied", left=_LEFT)
    for month in outcomes.satisfaction:
        mean = WITHHELD if month.mean is None else f"{month.mean:.2f}"
        made.add_row(month.month, _number(month.answers), mean, _percent(month.satisfied.share))
    return made


def _provinces(provinces: Iterable[Province | ProvinceOfWave]) -> Table:
    made = table("province", *_PROGRESS, "now working", "NPS", left=_LEFT)
    for one in provinces:
        working, score = one.outcomes.working, one.outcomes.net_promoter.score
        nps = WITHHELD if score is None else f"{score:+.0f}"
        made.add_row(f"{one.code} {one.name}", *_progress(one.progress), _percent(working.share), nps)
    return made


def _number(value: int | None) -> str:
    return WITHHELD if value is None else f"{value:,}"


def _of(share: Share) -> str:
    return WITHHELD if share.denominator is None else f"{share.numerator:,} of {share.denominator:,}"


def _percent(value: float | None) -> str:
    return WITHHELD if value is None else f"{value:.1%}"


def _between(lower: float | None, upper: float | None, times: int, unit: str) -> str:
    return "" if lower is None or upper is None else f"{times * lower:.1f}{unit} to {times * upper:.1f}{unit}"
