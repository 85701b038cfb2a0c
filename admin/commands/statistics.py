"""`gelombang statistics`: what the last count published, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
import msgspec

from chalicelib.clock import parse_iso
from chalicelib.outcomes.statistics_wire import (
    FEWEST,
    Outcomes,
    Progress,
    Province,
    ProvinceOfWave,
    Ratio,
    Statistics,
    WaveStatistics,
)

from ..desk import EVERYONE, Administered, Desk
from ..options import example
from ..rows import Marked, Row

WITHHELD = "·"
NOTE = f"{WITHHELD} withheld: fewer than {FEWEST} people, or their number would follow; or a share of nobody"
_LEFT_OUT = Marked(WITHHELD, right=True)


@click.group()
def statistics() -> None:
    """What became of the programme, as anybody can read it."""


@example("statistics show --wave 54")
@statistics.command("show", cls=Administered, sets=EVERYONE)
@click.option("--wave", "number", type=click.IntRange(min=1), help="One wave by province, instead of the whole.")
def show_statistics(desk: Desk, number: int | None) -> None:
    """Show the published statistics; new ones are counted every hour. JSON is as they are published."""
    published = desk.services.statistics
    found = published.country() if number is None else published.wave(number)
    if found.computed_at is None:
        desk.show([], "nothing has been counted yet", for_programs=msgspec.to_builtins(found))
        return
    shown = _country(found) if isinstance(found, Statistics) else _wave(found)
    desk.show({"note": NOTE} | shown, for_programs=msgspec.to_builtins(found))


def _country(found: Statistics) -> dict[str, object]:
    totals = {
        "before this system": found.totals.before_this_system,
        "this system": found.totals.this_system,
        "since the start": found.totals.since_the_start,
    }
    market, cases = found.job_market, found.grievances
    return {
        "counted_at": parse_iso(str(found.computed_at)),
        "registered": _known(found.registered),
        "vacancies": market.vacancies,
        "open_vacancies": market.open_vacancies,
        "job_applications": market.applications,
        "grievances_open": cases.open,
        "grievances_escalated": cases.escalated,
        "grievances_answered": cases.answered,
        "grievances_overdue": cases.overdue,
        "totals": [
            {"of": name, "recipients": _known(part.recipients), "graduates": _known(part.graduates)}
            for name, part in totals.items()
        ],
        "years": [
            {
                "year": year.year,
                "target": _known(year.target),
                "participants": _known(year.participants),
                "of_target": _right(f"{year.share_of_target:.1%}"),
            }
            | _progress(year.progress)
            for year in found.years
        ],
        "registrations": [{"month": one.month, "registered": _known(one.registered)} for one in found.registrations],
        **_outcomes(found.outcomes),
        "waves": [{"wave": wave.number, "year": wave.year} | _progress(wave.progress) for wave in found.waves],
        "provinces": _provinces(found.provinces),
    }


def _wave(found: WaveStatistics) -> dict[str, object]:
    about = {"wave": found.number, "year": found.year, "counted_at": parse_iso(str(found.computed_at))}
    provinces = {"provinces": _provinces(found.provinces)}
    return about | _progress(found.progress) | _outcomes(found.outcomes) | provinces


def _progress(progress: Progress) -> dict[str, object]:
    return {name: _known(getattr(progress, name)) for name in Progress.__struct_fields__}


def _outcomes(outcomes: Outcomes) -> dict[str, object]:
    shares = {
        "formerly unemployed, now working or in business": outcomes.working,
        "the same of those not chosen": outcomes.comparison_working,
        "incentive used as business capital": outcomes.business_capital,
        "answered survey 1": outcomes.survey_1_response,
        "answered survey 2": outcomes.survey_2_response,
        "answered, of those not chosen": outcomes.comparison_response,
    }
    rows = [
        _outcome(name, _of(share), _percent(share.share), _between(share.lower, share.upper, 100, "%"))
        for name, share in shares.items()
    ]
    gap, nps, days = outcomes.working_difference, outcomes.net_promoter, outcomes.days_to_payment
    points = _unless_withheld(gap.difference, lambda found: f"{100 * found:+.1f} points")
    rows.append(_outcome("difference of the first two", None, points, _between(gap.lower, gap.upper, 100, "")))
    score = _unless_withheld(nps.score, lambda found: f"{found:+.1f}")
    interval = _between(nps.lower, nps.upper, 1, "")
    rows.append(_outcome("net promoter score (-100 to 100)", _known(nps.answers), score, interval))
    mean = _unless_withheld(days.mean_days, lambda found: f"{found:.1f} days")
    rows.append(_outcome("from completion to payment", _known(days.people), mean, None))
    months = [
        {
            "month": month.month,
            "answers": _known(month.answers),
            "satisfaction_1_to_5": _unless_withheld(month.mean, lambda found: f"{found:.2f}"),
            "satisfied": _percent(month.satisfied.share),
        }
        for month in outcomes.satisfaction
    ]
    return {"outcomes": rows, "satisfaction": months}


def _outcome(name: str, of: object, value: Marked, interval: str | None) -> Row:
    return {"what": name, "of": of, "value": value, "95%_interval": interval}


def _provinces(provinces: Iterable[Province | ProvinceOfWave]) -> list[Row]:
    return [
        {"province": f"{one.code} {one.name}"}
        | _progress(one.progress)
        | {
            "now_working": _percent(one.outcomes.working.share),
            "nps": _unless_withheld(one.outcomes.net_promoter.score, lambda found: f"{found:+.0f}"),
        }
        for one in provinces
    ]


def _known(value: int | None) -> int | Marked:
    return _LEFT_OUT if value is None else value


def _right(text: str) -> Marked:
    return Marked(text, right=True)


def _unless_withheld(value: float | None, written: Callable[[float], str]) -> Marked:
    return _LEFT_OUT if value is None else _right(written(value))


def _of(share: Ratio) -> Marked:
    return _LEFT_OUT if share.denominator is None else _right(f"{share.numerator:,} of {share.denominator:,}")


def _percent(value: float | None) -> Marked:
    return _unless_withheld(value, lambda found: f"{found:.1%}")


def _between(lower: float | None, upper: float | None, times: int, unit: str) -> str | None:
    return None if lower is None or upper is None else f"{times * lower:.1f}{unit} to {times * upper:.1f}{unit}"
