"""Vacancies, which of them match a person and in which order, and applications. Pure: no AWS, no present time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from ..errors import DomainError, raise_together
from ..figures.benefits import JobRules
from ..ids import derived_id
from ..values import Value
from .errors import ClosingTimeOutOfRange, ConsentIncomplete, SalaryRangeReversed, UnknownSkill

SHARED = ("name", "phone", "certificates")
"""What an application shares with the partner: all of it, or there is no application."""


class Offer(Value, frozen=True):
    """What a partner says of a vacancy, and may change. `province` is its code (31), None for remote work.

    `closes_at` is in whole seconds and exclusive: the first instant at which nobody can apply any more.
    """

    title: str
    employer: str
    province: int | None
    skills: frozenset[str]
    salary_min_idr: int
    salary_max_idr: int
    closes_at: datetime
    description: str = ""


class Vacancy(Value, frozen=True):
    """A posted vacancy. `posted_as` is the digest of the first offer; `version` grows with each write.

    `posted_at` (whole seconds) stays when the offer changes, so that no change makes a vacancy newer. `closed_at` is
    set when the partner closes it, once and for good.
    """

    id: str
    partner_id: str
    partner_name: str
    reference: str
    posted_as: str
    offer: Offer
    posted_at: datetime
    version: int = 1
    closed_at: datetime | None = None


class Listing(Value, frozen=True):
    """What the lists of skills keep of a vacancy: all that its rank depends on."""

    vacancy_id: str
    skills: frozenset[str]
    province: int | None
    posted_at: datetime
    closes_at: datetime


class Application(Value, frozen=True):
    """One person's application to one vacancy. `consented_at` is when they agreed to share `SHARED` with its partner.

    From `withdrawn_at` on the partner sees nothing of it.
    """

    registrant_id: str
    vacancy_id: str
    consented_at: datetime
    withdrawn_at: datetime | None = None


class JobCounts(Value, frozen=True):
    """The market at one instant. `applications`: all ever made, withdrawn ones too."""

    open_vacancies: int
    vacancies: int
    applications: int


Rank = tuple[int, int, int, str]


class MatchPlace(StrEnum):
    """Where a vacancy is, as seen from a person's province; in the order of preference."""

    PROVINCE = "province"
    REMOTE = "remote"
    ELSEWHERE = "elsewhere"


class Match(Value, frozen=True):
    """A vacancy that asks for something a person has learned, and why it is where it is in their list."""

    listing: Listing
    shared: frozenset[str]
    place: MatchPlace

    @property
    def rank(self) -> Rank:
        """Ascending is best first: more shared skills, the nearer place, the newer; the id makes the order total."""
        posted_s = int(self.listing.posted_at.timestamp())
        return (-len(self.shared), list(MatchPlace).index(self.place), -posted_s, self.listing.vacancy_id)


def vacancy_id(partner_id: str, reference: str) -> str:
    """The id of a vacancy, derived, so that a posting that comes twice writes the same item."""
    return derived_id("vacancy/v1", partner_id, reference)


def application_id(vacancy: str, registrant_id: str) -> str:
    """What a partner calls an application. It differs for each vacancy, so that nobody can be followed by it."""
    return derived_id("application/v1", vacancy, registrant_id)


def digest(offer: Offer) -> str:
    """A short name of an offer's facts: equal offers have equal ones."""
    place = "remote" if offer.province is None else offer.province
    salary = (offer.salary_min_idr, offer.salary_max_idr)
    closes = int(offer.closes_at.timestamp())
    said = (offer.title, offer.employer, place, *salary, closes, *sorted(offer.skills))
    # Vacancies were posted before they could have a description.
    return derived_id("offer/v2", offer.description, *said) if offer.description else derived_id("offer/v1", *said)


def dated(instant: datetime, one_id: str) -> str:
    """`<13 digits of Unix milliseconds>#<id>`: a key that sorts by time."""
    return f"{int(instant.timestamp()) * 1000 + instant.microsecond // 1000:013d}#{one_id}"


def check_offer(offer: Offer, skills: Collection[str], now: datetime, rules: JobRules, skew: timedelta) -> None:
    """Raises the first that holds of `UnknownSkill`, `SalaryRangeReversed`, `ClosingTimeOutOfRange`, with the others.

    A partner's clock may be ahead of ours by `skew`; a vacancy that has closed already is never posted.
    """
    wrong: list[DomainError] = []
    wrong += [
        UnknownSkill(skill=skill, allowed=sorted(skills)) for skill in sorted(offer.skills) if skill not in skills
    ]
    wrong += [SalaryRangeReversed()] if offer.salary_min_idr > offer.salary_max_idr else []
    in_time = now < offer.closes_at <= now + skew + timedelta(days=rules.open_days_max)
    wrong += [] if in_time else [ClosingTimeOutOfRange(days=rules.open_days_max)]
    raise_together(wrong)


def check_consent(share: Collection[str]) -> None:
    """Raises `ConsentIncomplete`, naming the first thing that is not shared."""
    for thing in SHARED:
        if thing not in share:
            raise ConsentIncomplete(missing=thing)


def is_open(vacancy: Vacancy, now: datetime) -> bool:
    """Whether the vacancy takes applications at this instant."""
    return vacancy.closed_at is None and now < vacancy.offer.closes_at


def listing(vacancy: Vacancy) -> Listing:
    """A vacancy as it stands in the lists of its skills."""
    offer = vacancy.offer
    return Listing(vacancy.id, offer.skills, offer.province, vacancy.posted_at, offer.closes_at)


def match(listed: Listing, skills: frozenset[str], province: int) -> Match | None:
    """How a vacancy suits a person of these skills and this province; None if it asks for nothing they have learned."""
    shared = listed.skills & skills
    if not shared:
        return None
    if listed.province is None:
        return Match(listed, shared, MatchPlace.REMOTE)
    return Match(listed, shared, MatchPlace.PROVINCE if listed.province == province else MatchPlace.ELSEWHERE)


def ranked(listings: Iterable[Listing], skills: frozenset[str], province: int, now: datetime) -> list[Match]:
    """The matches among these, best first, each vacancy once (it is on the list of each of its skills)."""
    still_open = {one.vacancy_id: one for one in listings if now < one.closes_at}
    matches = (match(one, skills, province) for one in still_open.values())
    return sorted((one for one in matches if one is not None), key=lambda one: one.rank)
