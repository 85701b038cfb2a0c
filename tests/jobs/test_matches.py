"""Matches: which vacancies an alumnus sees, in which order and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.jobs.errors import NotGraduated
from chalicelib.jobs.rules import MatchPlace
from chalicelib.jobs.wire import MatchQuery, PageQuery
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.jobs import PARTNER, Market, application, open_market
from tests.conftest import T0

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FIRST = PageQuery()


def test_matches_are_ranked_paged_and_give_their_reason(market: Market) -> None:
    person = market.people.add("siti", "programming", "english", "sales", region=31)
    three = market.post(reference="a", skills=("programming", "english", "sales"), province="64")
    near_old = market.post(T0, reference="b", skills=("programming", "english"))
    near_new = market.post(T0 + SECOND, reference="c", skills=("sales", "english", "welding"))
    remote = market.post(T0 + HOUR / 2, reference="d", skills=("sales", "english"), province=None)
    far = market.post(T0 + HOUR / 2, reference="e", skills=("sales", "english"), province="64")
    market.post(reference="f", skills=("welding",))
    expired = market.post(reference="g", skills=("sales",), closes_at=T0 + HOUR)
    closed = market.post(reference="h", skills=("sales",))
    market.jobs.close(PARTNER, closed, T0)
    best = [three, near_new, near_old, remote, far]
    assert market.matched(person) == best
    assert expired in [one.vacancy.vacancy_id for one in market.jobs.matches(person, MatchQuery(), T0).matches]

    first = market.jobs.matches(person, MatchQuery(limit=2), T0 + HOUR)
    assert [(one.reason.shared_skills, one.reason.place) for one in first.matches] == [
        (["english", "programming", "sales"], MatchPlace.ELSEWHERE),
        (["english", "sales"], MatchPlace.PROVINCE),
    ]
    # What happens between two pages shifts nothing: the last one shown closes, and a better one is posted.
    market.jobs.close(PARTNER, near_new, T0)
    market.post(reference="i", skills=("programming", "english", "sales"))
    assert market.matched(person, limit=2, cursor=first.next_cursor) == [near_old, remote]
    last = market.jobs.matches(person, MatchQuery(limit=3, cursor=first.next_cursor), T0 + HOUR)
    assert (len(last.matches), last.next_cursor) == (3, None)


def test_matches_are_exact_among_the_newest_of_each_skill(empty: Settings, programme: Programme) -> None:
    market = open_market(empty, programme, newest_per_skill=2)
    person = market.people.add("siti", "sales", "english")
    market.post(T0, reference="old", skills=("sales",))
    both = market.post(T0 + SECOND, reference="both", skills=("sales", "english"), province="64")
    newer = [market.post(T0 + n * SECOND, reference=f"new-{n}", skills=("sales",)) for n in (2, 3)]
    # Two newer ones ask for sales; its other skill still finds it, and it still counts for both.
    assert market.matched(person) == [both, newer[1], newer[0]]


def test_who_has_not_graduated_sees_no_market(market: Market) -> None:
    vacancy = market.post()
    market.people.add("active", "programming", state=BeneficiaryState.ACTIVE)
    market.people.add("revoked", "programming", state=BeneficiaryState.REVOKED)
    for person in ("active", "revoked", "stranger"):
        with pytest.raises(NotGraduated):
            market.jobs.matches(person, MatchQuery(), T0)
        with pytest.raises(NotGraduated):
            market.jobs.apply(person, application(vacancy), T0)
        assert market.jobs.applications(person, FIRST, T0).applications == []
    nothing = market.people.add("untaught")
    assert market.matched(nothing) == []
