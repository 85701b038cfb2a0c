"""What the public is told in the end, against what the diaries know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..players.crowd import Diary
from .played import Played

FEWEST = 10
"""A figure about fewer people is not published."""

WORKS = {"employee", "self_employed", "business_owner", "freelance"}

Figure = tuple[str, Any, int, int]
"""A name, what is published, what it must be, and how many people it is about."""


def differences(played: Played) -> Iterator[str]:
    for name, published, known, people in (*_progress(played), *_outcomes(played), *_cases(played)):
        if published != known and not (published is None and 0 < people < FEWEST):
            yield f"statistics: {name} is {published}, and the diaries know {known}"


def _progress(played: Played) -> Iterator[Figure]:
    counts, statistics = played.counts, played.statistics
    progress = statistics["progress"]
    # Who lost a place had been chosen as well.
    ever = counts["chosen"] + counts["revoked"]
    completed = sum(bool(diary.completed) for diary in played.diaries)
    rewarded = sum(any(p["state"] == "paid" for p in diary.payouts) for diary in played.diaries)
    recipients = statistics["totals"]["this_system"]
    yield "registered", statistics["registered"], counts["registered"], counts["registered"]
    yield "joined", progress["joined"], counts["joined"], counts["joined"]
    yield "chosen", progress["chosen"], ever, ever
    yield "revoked", progress["revoked"], counts["revoked"], counts["revoked"]
    yield "completed", progress["completed"], completed, completed
    yield "graduates", progress["graduates"], completed, completed
    yield "paid", progress["paid"], rewarded, rewarded
    yield "rupiah paid", progress["paid_idr"], played.told_idr, rewarded
    yield "recipients", recipients["recipients"], counts["chosen"], counts["chosen"]
    (year,) = statistics["years"]
    yield "participants of the year", year["participants"], counts["chosen"], counts["chosen"]


def _outcomes(played: Played) -> Iterator[Figure]:
    outcomes = played.statistics["outcomes"]
    paid, compared = (
        [d for d in played.diaries if d.surveys and bool(d.surveys[0]["amount_idr"]) == paid] for paid in (True, False)
    )
    for name, asked in (("survey_1_response", paid), ("comparison_response", compared)):
        yield from _share(name, outcomes[name], _answered(asked), asked)
    for name, asked in (("working", paid), ("comparison_working", compared)):
        before = [d for d in _answered(asked) if d.answers and d.answers["employment_before"] == "unemployed"]
        now = [d for d in before if d.answers and d.answers["employment_now"] in WORKS]
        yield from _share(name, outcomes[name], now, before)
    answered = _answered(paid)
    capital = [d for d in answered if d.answers and "business_capital" in d.answers["incentive_use"]]
    yield from _share("business_capital", outcomes["business_capital"], capital, answered)
    said, score = played.recommendations, outcomes["net_promoter"]
    yield "net promoter answers", score["answers"], len(said), len(said)
    yield "net promoter score", _whole(score["score"]), played.counts["nps"], len(said)
    satisfied = [month for month in outcomes["satisfaction"] if month["answers"]]
    yield "satisfaction answers", sum(month["answers"] for month in satisfied) or None, len(said), len(said)
    incentives = played.counts["paid"]
    yield "days to payment of", outcomes["days_to_payment"]["people"], incentives, incentives


def _cases(played: Played) -> Iterator[Figure]:
    """Cases are no people: they are shown however few they are."""
    market, helpdesk = played.statistics["job_market"], played.statistics["grievances"]
    yield "vacancies", market["vacancies"], len(played.applicants), 0
    yield "applications", market["applications"], sum(bool(d.applied) for d in played.diaries), 0
    yield "grievances", helpdesk["answered"], sum(len(d.grievances) for d in played.diaries), 0
    yield "open grievances", helpdesk["open"] + helpdesk["escalated"], 0, 0


def _share(name: str, published: Mapping[str, Any], some: Sequence[Diary], of: Sequence[Diary]) -> Iterator[Figure]:
    # A response is about those who answered as well as about those who were asked.
    people = min(len(of), len(some) or len(of)) if name.endswith("response") else len(of)
    yield f"{name} numerator", published["numerator"], len(some), people
    yield f"{name} denominator", published["denominator"], len(of), people
    if of and published["share"] is not None:
        within = published["lower"] <= len(some) / len(of) <= published["upper"]
        yield f"{name} within its interval", within, True, 0


def _answered(asked: Sequence[Diary]) -> list[Diary]:
    return [diary for diary in asked if diary.answers]


def _whole(score: float | None) -> int | None:
    return None if score is None else round(score)
