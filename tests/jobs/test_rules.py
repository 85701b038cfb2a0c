"""The job market's decisions: what a vacancy may say, which one suits a person, and in which order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from msgspec.structs import replace

from bench.aws.endpoint import item_size
from chalicelib.errors import Malformed, UnknownField
from chalicelib.figures.benefits import JobRules
from chalicelib.jobs import rules, wire
from chalicelib.jobs.errors import ClosingTimeOutOfRange, ConsentIncomplete, SalaryRangeReversed, UnknownSkill
from chalicelib.jobs.rules import Listing, Vacancy
from chalicelib.jobs.store import entries
from chalicelib.web import decoding
from tests.builders.jobs import ALL, CLOSES, offer, posting
from tests.conftest import T0

RULES = JobRules(open_days_max=180, newest_per_skill=1000)
SKILLS = {"programming", "sales", "english", "web_development"}
SECOND = timedelta(seconds=1)
SKEW = timedelta(minutes=5)
MOST = 1500
"""The configuration allows no more of a skill's list to be read."""


def listing(
    name: str, *skills: str, province: int | None = 31, age_s: int = 0, closes_at: datetime = CLOSES
) -> Listing:
    return Listing(name * 26, frozenset(skills), province, T0 - age_s * SECOND, closes_at)


def names(matches: list[rules.Match]) -> str:
    return "".join(match.listing.vacancy_id[0] for match in matches)


def test_more_shared_skills_come_first_then_the_place_then_the_newest():
    mine = frozenset({"programming", "sales", "english"})
    listings = [
        listing("g", "sales", province=64),
        listing("c", "sales", age_s=5),
        listing("e", "sales", province=None, age_s=9),
        listing("a", "programming", "sales", "english", province=64, age_s=99),
        listing("d", "sales", age_s=6),
        listing("b", "programming", "sales", "welding", province=64, age_s=50),
        listing("f", "sales", province=64, age_s=-1),
        listing("x", "welding"),
    ]
    for _ in range(20):
        random.shuffle(listings)
        assert names(rules.ranked(listings, mine, 31, T0)) == "abcdefg"


def test_a_vacancy_on_several_lists_is_matched_once_and_an_expired_one_not_at_all():
    mine = frozenset({"programming", "sales"})
    twice = listing("a", "programming", "sales")
    last_second = listing("b", "sales", closes_at=T0 + SECOND)
    expired = listing("c", "sales", closes_at=T0)
    assert names(rules.ranked([twice, expired, twice, last_second], mine, 31, T0)) == "ab"


def test_the_order_is_total_and_a_cursor_continues_in_it():
    choose = random.Random(3)
    mine = frozenset({"programming", "sales", "english"})
    listings = []
    for n in range(300):
        skills, place = choose.sample(sorted(SKILLS), choose.randint(1, 4)), choose.choice([None, 31, 64])
        posted_at = T0 - choose.randint(0, 3) * SECOND
        listings.append(Listing(rules.vacancy_id("p", str(n)), frozenset(skills), place, posted_at, CLOSES))
    ranks = [match.rank for match in rules.ranked(listings, mine, 31, T0)]
    assert ranks == sorted(set(ranks))
    for rank in ranks:
        assert wire.rank(msgspec.convert(wire.match_cursor(rank), wire.MatchCursor)) == rank
    assert decoding.query(None, wire.MatchQuery).cursor is None


def test_an_offer_is_refused_for_its_first_error():
    wrong = {
        "skills": (frozenset({"programming", "juggling"}), UnknownSkill),
        "salary_max_idr": (4_999_999, SalaryRangeReversed),
        "closes_at": (T0, ClosingTimeOutOfRange),
    }
    while wrong:
        changed = offer(**{name: value for name, (value, _) in wrong.items()})
        with pytest.raises(next(iter(wrong.values()))[1]):
            rules.check_offer(changed, SKILLS, T0, RULES, SKEW)
        wrong.pop(next(iter(wrong)))
    rules.check_offer(offer(), SKILLS, T0, RULES, SKEW)


def test_a_vacancy_closes_after_now_and_within_the_days_that_are_allowed():
    last = T0 + timedelta(days=180)
    for closes_at in (T0 + SECOND, last, last + SKEW):
        rules.check_offer(offer(closes_at=closes_at), SKILLS, T0, RULES, SKEW)
    for closes_at in (
        T0,
        last + SKEW + SECOND,
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=2))),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=7))),
    ):
        described = wire.offer(posting(closes_at=closes_at), 31)
        rules.digest(described)
        with pytest.raises(ClosingTimeOutOfRange):
            rules.check_offer(described, {*SKILLS}, T0, RULES, SKEW)


def test_a_vacancy_is_open_until_its_closing_second_or_until_it_is_closed():
    vacancy = Vacancy("v", "p", "Kerja Jaya", "LOK-1", "", offer(closes_at=T0), T0 - timedelta(days=1))
    assert rules.is_open(vacancy, T0 - timedelta(milliseconds=1))
    assert not rules.is_open(vacancy, T0)
    assert not rules.is_open(replace(vacancy, closed_at=T0 - SECOND), T0 - SECOND)


@pytest.mark.parametrize("missing", ALL)
def test_an_application_shares_all_three_or_is_refused(missing):
    with pytest.raises(ConsentIncomplete) as refused:
        rules.check_consent([thing for thing in ALL if thing != missing])
    assert refused.value.facts == {"missing": missing}
    rules.check_consent(ALL)


def test_equal_offers_have_one_digest_and_any_other_fact_changes_it():
    changes = {
        "title": "Pengembang",
        "employer": "PT Mundur",
        "province": None,
        "skills": frozenset({"programming", "sales"}),
        "salary_min_idr": 5_000_001,
        "salary_max_idr": 8_000_001,
        "closes_at": CLOSES + SECOND,
    }
    digests = [rules.digest(offer()), *(rules.digest(offer(**{name: value})) for name, value in changes.items())]
    assert len(set(digests)) == len(changes) + 1
    wib = CLOSES.astimezone(timezone(timedelta(hours=7)))
    assert rules.digest(offer(closes_at=wib)) == digests[0]


def test_keys_sort_as_their_times_do():
    instants = [datetime(2001, 9, 9, 1, 46, 39, tzinfo=UTC), T0, T0 + timedelta(milliseconds=1), T0 + SECOND]
    keys = [rules.dated(instant, name) for instant, name in zip(instants, "dcba", strict=True)]
    assert keys == sorted(keys)
    assert wire.key(wire.cursor(keys[1])) == keys[1]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"title": " \t "}, Malformed),
        ({"title": "x" * 121}, Malformed),
        ({"province": "3"}, Malformed),
        ({"province": "DKI"}, Malformed),
        ({"skills": []}, Malformed),
        ({"skills": ["sales"] * 11}, Malformed),
        ({"salary_min_idr": -1}, Malformed),
        ({"salary_max_idr": 1.5}, Malformed),
        ({"closes_at": "2026-12-24T03:00:00"}, Malformed),
        ({"reference": "LOK+1"}, Malformed),
        ({"remote": True}, UnknownField),
    ],
)
def test_a_malformed_posting_is_refused(changes, refusal):
    sent = msgspec.to_builtins(posting()) | changes
    with pytest.raises(refusal):
        decoding.body(msgspec.json.encode(sent), wire.PostingForm)


def test_the_programme_of_every_stage_has_skills_that_a_vacancy_may_ask_for(programme):
    for skill in programme.skills:
        assert msgspec.convert(skill, wire.Skill) == skill


def test_the_newest_vacancies_of_a_skill_fit_into_one_page(programme):
    longest = sorted(programme.skills, key=len)[-10:]
    vacancy = Vacancy("v" * 26, "p" * 26, "", "LOK-1", "", offer(skills=frozenset(longest)), T0)
    items = [entry.serialize() for entry in entries(vacancy).values()]
    assert len(items) == 11
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"open_days_max": 180, "newest_per_skill": MOST + 1}, JobRules)
    assert MOST * max(item_size(item) for item in items) < 1024 * 1024
