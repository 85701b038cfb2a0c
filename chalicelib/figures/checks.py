"""What figures may not say together: a table of rules, each with what is said and what would be right.

A rule is the place, whether it holds, and the sentence if it does not; `{p...}` in it is a value of the programme.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from ..clock import WIB, iso
from ..config import LONGEST_REQUEST_S, Programme
from ..registration.rules import Education, Employment
from ..waves.calendar import LAST, Calendar, PlannedWave, end_of
from .schemes import Scheme
from .waves import CalendarRules

AGES = (17, 120)
"""A KTP is issued at 17: before that nobody has the NIK card and account to be paid."""

YEARS = range(2000, LAST.year + 1)
"""Which years a calendar may name."""


class Fault(NamedTuple):
    """Where (`eligibility.age_min`, `schemes[1].payments`), and what is wrong there and would be right."""

    where: str
    wrong: str


def faults(programme: Programme) -> list[Fault]:
    """All that a programme's figures contradict; empty if they hold together."""
    found = [Fault(where, says.format(p=programme)) for where, holds, says in _RULES if not holds(programme)]
    return [*found, *(fault for check in _CHECKS for fault in check(programme))]


_RULES: tuple[tuple[str, Callable[[Programme], bool], str], ...] = (
    (
        "targets",
        lambda p: "default" in p.targets,
        "has no `default`, the participants of a year that has no line of its own: add `default = 1_000_000`",
    ),
    (
        "draw.chain",
        lambda p: p.draw.chain in p.draw.chains,
        "is {p.draw.chain}, which is none of [draw.chains]: name one of them",
    ),
    (
        # A request accepted in the last millisecond must have written its entry, or ended, before the list is read.
        "draw.freeze_delay_s",
        lambda p: p.draw.freeze_delay_s > LONGEST_REQUEST_S,
        f"is {{p.draw.freeze_delay_s}}, and the longest request lasts {LONGEST_REQUEST_S} s: say more than that",
    ),
    (
        "eligibility.age_min",
        lambda p: p.eligibility.age_min <= p.eligibility.age_max,
        "is {p.eligibility.age_min}, above age_max, {p.eligibility.age_max}: the lowest age comes first",
    ),
    (
        "eligibility.age_min",
        lambda p: AGES[0] <= p.eligibility.age_min,
        f"is {{p.eligibility.age_min}}, and nobody below {AGES[0]} has a KTP to register with: say {AGES[0]} or more",
    ),
    (
        "eligibility.age_max",
        lambda p: p.eligibility.age_max <= AGES[1],
        f"is {{p.eligibility.age_max}}: say at most {AGES[1]}, which leaves nobody out",
    ),
    (
        "eligibility.employment",
        lambda p: set(p.eligibility.employment) <= set(Employment),
        f"has what nobody can register as: there are {', '.join(Employment)}",
    ),
    (
        "eligibility.education",
        lambda p: set(p.eligibility.education) <= set(Education),
        f"has what nobody can register with: there are {', '.join(Education)}",
    ),
    (
        "payouts.codes",
        lambda p: bool(p.payouts.codes),
        "is empty, so nobody could be paid: name a bank or wallet with its provider, such as "
        '`BNI = {{ kind = "bank", rail = "xendit-v2" }}`',
    ),
    (
        "surveys.after_s",
        lambda p: list(p.surveys.after_s) == sorted(set(p.surveys.after_s)),
        "is {p.surveys.after_s}, not in order of time: each survey opens later than the one before",
    ),
    (
        "surveys.remind_before_s",
        lambda p: not p.surveys.open_s or p.surveys.remind_before_s < p.surveys.open_s,
        "is {p.surveys.remind_before_s}, and a survey is open for {p.surveys.open_s} s: remind later than it opens",
    ),
    (
        "accounts.sign_in_lifetime_s",
        lambda p: (
            p.accounts.sign_in_lifetime_s
            >= p.accounts.code_lifetime_s + p.accounts.sendings * p.accounts.code_again_after_s
        ),
        "is {p.accounts.sign_in_lifetime_s} and ends before its last code does: say at least code_lifetime_s + "
        "sendings x code_again_after_s",
    ),
    (
        "accounts.access_token_s",
        lambda p: p.accounts.access_token_s <= min(p.accounts.keyless_lifetime_s, p.accounts.session_lifetime_s),
        "is {p.accounts.access_token_s}, above a session's life: say no more than that",
    ),
    (
        "accounts.codes_per_hour",
        lambda p: p.accounts.codes_per_hour <= p.accounts.codes_per_day,
        "is {p.accounts.codes_per_hour}, above codes_per_day, {p.accounts.codes_per_day}: a day has all its hours",
    ),
    (
        "accounts.sms.price_idr",
        lambda p: p.accounts.sms.price_idr <= p.accounts.sms.day_stop_idr,
        "is {p.accounts.sms.price_idr}, above accounts.sms.day_stop_idr, {p.accounts.sms.day_stop_idr}: no SMS could "
        "be sent",
    ),
    (
        "accounts.issuers",
        lambda p: _differ(one.name for one in p.accounts.issuers),
        "has one name twice: give each issuer its own",
    ),
    (
        "retention.tickets_days",
        lambda p: p.retention.tickets_days * 86_400 > p.surveys.comparison_after_s,
        "is {p.retention.tickets_days}, and the comparison group is drawn from tickets "
        "{p.surveys.comparison_after_s} s after a wave is settled: say more days than that",
    ),
    (
        "retention.evidence_days",
        lambda p: p.retention.evidence_days <= p.retention.grievances_days,
        "is {p.retention.evidence_days}, above grievances_days, {p.retention.grievances_days}: evidence goes no later "
        "than its appeal",
    ),
    (
        "notices.channels",
        lambda p: _differ(one.name for one in p.notices.channels),
        "has one name twice: give each channel its own",
    ),
    (
        "notices.channels",
        lambda p: all((one.kind == "telegram") == one.to.startswith(("@", "-")) for one in p.notices.channels),
        "has a channel with the wrong kind of `to`: of Telegram it is @name or a number, of any other an address",
    ),
    (
        "schemes",
        lambda p: _differ(one.version for one in p.schemes),
        "has two with one version: what was promised under a version never changes, so a change is a new version",
    ),
    (
        "schemes",
        lambda p: _differ(one.first_wave for one in p.schemes),
        "has two with one first_wave: a wave has one scheme",
    ),
    (
        "schemes",
        lambda p: min(one.first_wave for one in p.schemes) <= p.calendar.first_wave,
        "begins after the first wave, {p.calendar.first_wave}: the first scheme's first_wave is that or less",
    ),
)


def _differ(names: Iterable[object]) -> bool:
    told = list(names)
    return len(set(told)) == len(told)


def _calendar(programme: Programme) -> Iterator[Fault]:
    rules = programme.calendar
    if wrong := [*_years(rules)]:
        yield from wrong
        return
    if not rules.waves:
        if rules.first_opens_at is None:
            yield Fault("calendar", "has no waves: say first_opens_at, every_days and open_hours, or a list of `waves`")
        elif not (rules.every_days and rules.open_hours):
            yield Fault("calendar", "says when the first wave opens, and needs every_days and open_hours too")
        elif rules.open_hours > rules.every_days * 24:
            hours = rules.every_days * 24
            yield Fault("calendar.open_hours", f"is {rules.open_hours}, so that waves overlap: at most {hours} hours")
    elif rules.every_days or rules.open_hours:
        yield Fault("calendar.waves", "is a list, so leave out every_days and open_hours")
    else:
        yield from _listed(rules)
    for n, pause in enumerate(rules.pauses):
        if pause.until <= pause.since:
            yield Fault(
                f"calendar.pauses[{n}]", f"ends {iso(pause.until)}, before it begins: `until` comes after `from`"
            )


def _listed(rules: CalendarRules) -> Iterator[Fault]:
    first = rules.waves[0].number
    if rules.first_wave != first:
        yield Fault("calendar.first_wave", f"is {rules.first_wave}, and the list begins with {first}: say {first}")
    for n, wave in enumerate(rules.waves):
        where, named = f"calendar.waves[{n}]", f"is wave {wave.number}"
        if wave.closes_at <= wave.opens_at:
            yield Fault(
                where, f"{named}, which closes at {iso(wave.closes_at)}, before it opens: closes_at comes later"
            )
        if rules.first_opens_at is None and any(one.since <= wave.opens_at < one.until for one in rules.pauses):
            yield Fault(where, f"{named}, which opens in a pause: move it, or end the pause before")
        if rules.first_opens_at is None and rules.ends_on and wave.opens_at >= end_of(rules.ends_on):
            yield Fault(where, f"{named}, which opens after ends_on, {rules.ends_on}: move one of the two")
    for n, (one, other) in enumerate(pairwise(rules.waves), 1):
        where = f"calendar.waves[{n}]"
        if other.number <= one.number:
            yield Fault(where, f"is wave {other.number} after wave {one.number}: numbers ascend, each is used once")
        if other.opens_at < one.closes_at:
            still = f"while wave {one.number} is open until {iso(one.closes_at)}"
            yield Fault(where, f"is wave {other.number}, which overlaps: it opens {iso(other.opens_at)}, {still}")


def _schemes(programme: Programme) -> Iterator[Fault]:
    for scheme in programme.schemes:
        where = f"schemes[{programme.schemes.index(scheme)}]"
        if scheme.surveys and not programme.surveys.questions:
            yield Fault(f"{where}.payments", "pays surveys, and nobody is asked: add [surveys]")
        elif scheme.surveys > len(programme.surveys.after_s):
            waits = len(programme.surveys.after_s)
            yield Fault(
                f"{where}.payments",
                f"pays {scheme.surveys} surveys, more surveys than surveys.after_s says when they open: {waits}",
            )
        yield from _unearned(scheme, where)
        if not scheme.begins_at_award and (missing := _missing_of(programme.training, _TAUGHT)):
            yield Fault(where, f"pays people who take a training, and [training] does not say {missing}: say it")


def _surveys(programme: Programme) -> Iterator[Fault]:
    """A programme without surveys says nothing of them; a stage may say when they would open."""
    rules = programme.surveys
    if (rules.questions or rules.open_s or rules.remind_before_s) and (missing := _missing_of(rules, _ASKING)):
        yield Fault("surveys", f"does not say {missing}: say it, or leave the section out, and nobody is asked")


_TAUGHT = ("buy_within_days", "cancel_within_s", "course_hours_min")
_ASKING = ("questions", "after_s", "open_s", "remind_before_s")


def _missing_of(section: object, names: Iterable[str]) -> str:
    return " and ".join(name for name in names if not getattr(section, name))


def _unearned(scheme: Scheme, where: str) -> Iterator[Fault]:
    """A payment whose trigger never comes."""
    if not scheme.training_idr and any(one.trigger == "review" for one in scheme.payments):
        yield Fault(
            f"{where}.payments",
            "waits for the review of a training, and training_idr is 0: nobody could buy one. "
            "Say training_idr, or let the trigger be `award` or `attendance`",
        )


def _instants(rules: CalendarRules) -> Iterator[tuple[str, datetime | date]]:
    """Each instant and day of a calendar, with its place."""
    yield from ((f"calendar.{name}", said) for name in ("first_opens_at", "ends_on") if (said := getattr(rules, name)))
    for n, wave in enumerate(rules.waves):
        yield from ((f"calendar.waves[{n}]", said) for said in (wave.opens_at, wave.closes_at))
    for n, pause in enumerate(rules.pauses):
        yield from ((f"calendar.pauses[{n}]", said) for said in (pause.since, pause.until))


def _years(rules: CalendarRules) -> Iterator[Fault]:
    for where, said in _instants(rules):
        if said.year not in YEARS:
            yield Fault(where, f"says {said:%Y-%m-%d}: say a year from {min(YEARS)} to {max(YEARS)}")


def _once(programme: Programme) -> Iterator[Fault]:
    once = programme.eligibility.once
    if once == "lifetime":
        return
    for scheme in programme.schemes:
        lasts = scheme.lasts_days + (0 if scheme.begins_at_award else programme.training.buy_within_days or 0)
        if once != "scheme" and once.days <= lasts:
            yield Fault(
                "eligibility.once",
                f"is {once.days} days, and scheme {scheme.version} may pay for {lasts}: say more than that",
            )


def _statistics(programme: Programme) -> Iterator[Fault]:
    days, surveys = programme.statistics.final_after_days, programme.surveys
    for n, scheme in enumerate(programme.schemes):
        months = 31 * max(scheme.incentives - 1, 0)
        asked = surveys.after_s[: scheme.surveys][-1:]
        answers = -(-(asked[0] + surveys.open_s) // 86_400) if asked else 0
        last = (programme.training.buy_within_days or 0) + max(months, answers)
        if last >= days:
            yield Fault(
                f"schemes[{n}].payments",
                f"may still pay {last} days after an award, and a wave is counted for {days} days "
                "(statistics.final_after_days): end earlier, or count for longer",
            )


def _targets(programme: Programme) -> Iterator[Fault]:
    """Of the years with a line of their own: whether waves open in them. Of each year: whether its seats suffice."""
    rules = programme.calendar
    if not (rules.waves or (rules.first_opens_at and rules.every_days)) or any(_years(rules)):
        return
    calendar = Calendar(rules)
    # By the year of opening, as the seats are taken. A list that a stage moves has its waves in other years.
    for year in sorted({one.opens_at.astimezone(WIB).year for one in rules.waves if not rules.first_opens_at}):
        name = str(year) if str(year) in programme.targets else "default"
        seats = sum(wave.quota or 0 for wave in _of_year(calendar, year))
        if seats > (target := programme.targets.get(name, seats)):
            wrong = f"is {target}, and the quotas of the waves of {year} add up to {seats}: say at least that"
            yield Fault(f"targets.{name}", wrong)
    for name in sorted(programme.targets.keys() - {"default"}):
        where, target = f"targets.{name}", programme.targets[name]
        if not name.isdecimal() or int(name) not in YEARS:
            yield Fault(where, "is no year: say `default` or a year of four digits")
            continue
        start = datetime(int(name), 1, 1, tzinfo=WIB).astimezone(UTC)
        # A stage that moves the calendar out of everybody's life has no waves to compare.
        shifted = rules.first_opens_at and rules.first_opens_at > start + timedelta(days=366 * 50)
        if not _of_year(calendar, int(name)) and not shifted:
            yield Fault(where, f"is {target}, which no wave can give: no wave opens in {name}")


def _of_year(calendar: Calendar, year: int) -> list[PlannedWave]:
    return calendar.between(datetime(year, 1, 1, tzinfo=WIB), datetime(year + 1, 1, 1, tzinfo=WIB))


def _bank_files(programme: Programme) -> Iterator[Fault]:
    for name, code in programme.payouts.codes.items():
        if code.rail == "bank-file":
            if not code.bic:
                yield Fault(f"payouts.codes.{name}", "is paid by bank file, and so needs a bic, such as BNINIDJA")
            if programme.payouts.bank_file is None:
                yield Fault(f"payouts.codes.{name}", "is paid by bank file, which needs payouts.bank_file")


_CHECKS = (_calendar, _schemes, _surveys, _once, _statistics, _targets, _bank_files)
