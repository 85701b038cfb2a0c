"""`gelombang programme`: the files of programmes, explained, checked and compared; nothing deployed is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from chalicelib.clock import WIB, utc_now
from chalicelib.config import Programme, load_programme, programmes, read_programme
from chalicelib.figures.schemes import Payment, Scheme
from chalicelib.figures.waves import Once
from chalicelib.money import format_idr, rupiah
from chalicelib.waves.calendar import Calendar, PlannedWave

from ..options import example, json_option
from ..rows import Row
from ..terminal import show

FIGURES = "prod"
"""The stage whose figures are shown: one that changes none."""

DAYS_OF_A_MONTH = 31
"""The most days that can be attended in a month."""

DAY_S = 86_400


@click.group()
def programme() -> None:
    """The programmes that a stage can run, each a file as its decree says it (docs/programmes.md)."""


@example("programme list")
@programme.command("list")
@json_option
def list_programmes() -> None:
    """List the programmes that there are; `gelombang deploy --programme NAME` runs one."""
    show([_listed(name, load_programme(FIGURES, name)) for name in programmes()])


@example("programme check scholarship.toml")
@programme.command()
@json_option
@click.argument("which", metavar="FILE|NAME")
@click.option(
    "--year", type=click.IntRange(2000, 2999), help="The WIB year that is explained; else the first, or this."
)
def check(which: str, year: int | None) -> None:
    """Check a programme, and explain it: its waves of a year, who may take part, what a person gets and when, the cost.

    What contradicts itself is refused, each with its line and what would be right.
    """
    found = _programme(which)
    year = year or _year(found)
    waves = _waves(found, year)
    schemes = {one.version: one for one in [_scheme(found, wave) for wave in waves] or found.schemes}
    target = found.target(year)
    usual, highest = (max(_most(scheme, highest) for scheme in schemes.values()) for highest in (False, True))
    where_most = {"where_most_idr": highest, "year_where_most_idr": highest * target} if highest > usual else {}
    show(
        {
            "programme": which,
            "called": found.name.en,
            "year": year,
            "target": target,
            "waves_in_the_year": len(waves),
            "last_day": str(found.calendar.ends_on or "none"),
            "who_may_take_part": _who(found),
            "who_is_asked": _asked(found, schemes.values()),
            "reminders": _reminded(found, schemes.values()),
            "ceilings": _ceilings(found, schemes.values(), waves),
            "a_person_gets_at_most_idr": usual,
            "the_year_costs_at_most_idr": usual * target,
            **where_most,
            "waves": [_wave(found, wave) for wave in waves],
            "what_a_person_gets": [row for scheme in schemes.values() for row in _payments(found, scheme)],
            "pauses": [{"from": one.since, "until": one.until, "why": one.why_en} for one in found.calendar.pauses],
        }
    )


@example("programme diff prakerja-2023 new.toml")
@programme.command()
@json_option
@click.argument("before", metavar="FILE|NAME")
@click.argument("after", metavar="FILE|NAME")
def diff(before: str, after: str) -> None:
    """Show what a release changes for whom. What would change a promise is refused, with exit code 1.

    A person keeps the scheme of their wave: a version that was served is never changed, nor left out.
    """
    old, new = _programme(before), _programme(after)
    rows = [*_schemes(old, new), *_figures(old, new)]
    show(rows, "nothing changes")
    if any(str(row["for_whom"]).startswith(REFUSED) for row in rows):
        raise click.exceptions.Exit(1)


def _programme(which: str) -> Programme:
    return load_programme(FIGURES, which) if which in programmes() else read_programme(FIGURES, Path(which))


def _listed(name: str, found: Programme) -> Row:
    schemes = ", ".join(scheme.version for scheme in found.schemes)
    return {"programme": name, "called": found.name.en, "schemes": schemes, "waves": _rhythm(found)}


def _rhythm(found: Programme) -> str:
    rules = found.calendar
    return (
        f"{len(rules.waves)} by date" if rules.waves else f"every {rules.every_days} days for {rules.open_hours} hours"
    )


# The year


def _year(found: Programme) -> int:
    first = Calendar(found.calendar).next(datetime(2000, 1, 1, tzinfo=UTC))
    regular = not found.calendar.waves
    return utc_now().astimezone(WIB).year if regular or first is None else first.opens_at.astimezone(WIB).year


def _waves(found: Programme, year: int) -> list[PlannedWave]:
    start, end = (datetime(one, 1, 1, tzinfo=WIB) for one in (year, year + 1))
    return Calendar(found.calendar).between(start, end)


def _scheme(found: Programme, wave: PlannedWave) -> Scheme:
    return found.scheme(Calendar(found.calendar).regular_number(wave))


def _wave(found: Programme, wave: PlannedWave) -> Row:
    seats = "a share of what the year has left" if wave.quota is None else wave.quota
    times = {"opens_at": wave.opens_at, "closes_at": wave.closes_at}
    return {"wave": wave.number, **times, "seats": seats, "scheme": _scheme(found, wave).version}


def _who(found: Programme) -> str:
    rules = found.eligibility
    card = f"{rules.family_card_cap} of a family card" if rules.family_card_cap else "any number of a family card"
    ages = f"{rules.age_min} to {rules.age_max} years old on the last day of the wave"
    education = f"completed {' or '.join(rules.education)}; " if rules.education else ""
    return f"{ages}; {', '.join(rules.employment)}; {education}{_how_often(rules.once)}; {card}"


def _how_often(once: Once) -> str:
    if once == "lifetime":
        return "once in a lifetime"
    if once == "scheme":
        return "once under each scheme, and only after the last month of the place before"
    return f"again {once.days} days after the last day of the wave that chose them"


def _asked(found: Programme, schemes: Iterable[Scheme]) -> str:
    rules = found.surveys
    if not rules.questions:
        return "nobody: there are no surveys"
    paid = max(scheme.surveys for scheme in schemes)
    people = f"who was paid the first incentive, {paid} times at most; and once " if paid else ""
    return f"{people}{rules.comparison_size} of those not chosen in a wave; a survey is open for {_days(rules.open_s)}"


def _reminded(found: Programme, schemes: Iterable[Scheme]) -> str:
    if all(scheme.begins_at_award for scheme in schemes):
        return "none: nobody has a deadline to buy a training"
    before = " and ".join(_days(before) for before in found.notices.remind_before_s)
    return f"{before} before the deadline of the first training"


def _days(seconds: int) -> str:
    days = seconds / DAY_S
    return f"{days:g} day{'' if days == 1 else 's'}"


# The money


def _ceilings(found: Programme, schemes: Iterable[Scheme], waves: list[PlannedWave]) -> str:
    """For how many people the ceiling of a wave's payments of one kind is enough, and which waves choose more."""
    each = max((_each(one, highest=True) for scheme in schemes for one in scheme.payments), default=1)
    people = found.payouts.ceilings.envelope_idr // each
    more = [str(wave.number) for wave in waves if (wave.quota or 0) > people]
    enough = f"each payment is sent to {people:,} people of a wave"
    return f"{enough}; set a higher one for wave {', '.join(more)}, as more are chosen" if more else enough


def _payments(found: Programme, scheme: Scheme) -> Iterator[Row]:
    """Each row with the amount where no other is said, and where it is highest."""
    if scheme.training_idr:
        within = f"from being chosen on; the first training within {found.training.buy_within_days} days"
        yield _gets(scheme, "training balance", within, scheme.training_idr, scheme.training_idr, scheme.training_idr)
    for one in scheme.payments:
        usual, highest = (_each(one, highest) for highest in (False, True))
        each = usual if one.day_idr is None else one.day_idr
        yield _gets(scheme, one.kind.lower(), _when(found, one), each, usual * one.times, highest * one.times)


def _gets(scheme: Scheme, what: str, when: str, each: int, in_all: int, where_most: int) -> Row:
    amounts = {"each_idr": each, "in_all_at_most_idr": in_all, "where_most_idr": where_most}
    return {"scheme": scheme.version, "what": what, "when": when, **amounts}


def _when(found: Programme, payment: Payment) -> str:
    monthly = f", then monthly, {payment.times} times in all" if payment.times > 1 else ""
    if payment.trigger == "review":
        return f"after the first reviewed training{monthly}"
    if payment.trigger == "award":
        return f"when chosen{monthly}"
    if payment.trigger == "attendance":
        day = ", for each attended day" if payment.day_idr else ""
        return f"each month that a partner attests{day}, {payment.times} at most"
    days = " and ".join(_days(after) for after in found.surveys.after_s[: payment.times])
    return f"each answered survey, {days} after the first incentive"


def _each(payment: Payment, highest: bool) -> int:
    """One payment: where amounts are highest, or where no other amount is said; of a whole month if days are paid."""
    if payment.day_idr is not None:
        return payment.day_idr * DAYS_OF_A_MONTH
    regions: list[int] = [*payment.amounts_by_region.values()] if highest else []
    return max(payment.amount_idr or 0, *regions, 0)


def _most(scheme: Scheme, highest: bool) -> int:
    return scheme.training_idr + sum(_each(one, highest) * one.times for one in scheme.payments)


# What a release changes

REFUSED = "refused"
_FOR_WHOM = {
    "name": "everybody, as a word",
    "calendar": "waves that have not opened; a deployment refuses other times for one that is open",
    "eligibility": "who registers or joins after the release, and who is screened or awarded after it",
    "targets": "waves of that year that have not opened",
    "training": "purchases and courses after the release; deadlines that run stay",
    "payouts": "payments after the release; who is paid through what is gone must name another account",
    "notices": "reminders after the release",
    "surveys": "surveys that open after the release",
}


def _schemes(old: Programme, new: Programme) -> Iterator[Row]:
    before, after = ({one.version: one for one in found.schemes} for found in (old, new))
    for version, scheme in before.items():
        if version not in after:
            yield _changed(f"scheme {version}", _told(scheme), "left out", f"{REFUSED}: people hold it, so it stays")
        elif after[version] != scheme:
            whom = f"{REFUSED}: what was promised never changes; give the change another version"
            yield _changed(f"scheme {version}", _told(scheme), _told(after[version]), whom)
    for version, scheme in after.items():
        if version not in before:
            whom = f"people of waves from {scheme.first_wave} on; those of waves before keep their scheme"
            yield _changed(f"scheme {version}", "none", _told(scheme), whom)


def _told(scheme: Scheme) -> str:
    parts = [f"training {format_idr(rupiah(scheme.training_idr))}"] if scheme.training_idr else []
    for one in scheme.payments:
        each = one.day_idr if one.day_idr is not None else _each(one, highest=False)
        parts.append(f"{one.times} x {one.kind.lower()} of {format_idr(rupiah(each))} by {one.trigger}")
    return f"from wave {scheme.first_wave}: {', '.join(parts)}"


def _figures(old: Programme, new: Programme) -> Iterator[Row]:
    before, after = (dict(_flat(msgspec.to_builtins(found, str_keys=True))) for found in (old, new))
    for what in sorted(before.keys() | after.keys()):
        section = what.partition(".")[0]
        if before.get(what) != after.get(what) and section != "schemes":
            whom = _FOR_WHOM.get(section, "everybody, from the release on")
            yield _changed(what, before.get(what, "none"), after.get(what, "none"), whom)


def _flat(table: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each figure with its place; a wave, a pause or a bank is one."""
    for name, value in table.items():
        where = f"{path}.{name}" if path else name
        if isinstance(value, dict) and path != "payouts.codes" and where != "eligibility.once":
            yield from _flat(value, where)
        elif isinstance(value, dict):
            yield where, _in_words(value)
        elif isinstance(value, list | tuple) and any(isinstance(one, dict) for one in value):
            yield from ((f"{where}.{one.get('number', n)}", _in_words(one)) for n, one in enumerate(value))
        elif value not in (None, [], ()):
            yield where, value if isinstance(value, str | int) else ", ".join(map(str, value))


def _in_words(one: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in one.items() if value is not None and name != "number")


def _changed(what: str, before: object, after: object, whom: str) -> Row:
    return {"what": what, "before": before, "after": after, "for_whom": whom}
