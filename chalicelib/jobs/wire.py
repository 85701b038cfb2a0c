"""The JSON of the job market: what partners and alumni send and are shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from .. import typed_text
from ..clock import iso
from ..structs import fill
from ..training.rules import Certificate
from ..training.wire import Id
from .rules import SHARED, Application, MatchPlace, Offer, Rank, Vacancy, application_id, is_open

# `(?!\n)$`: Python's `$` alone would also match before a line feed at the end.
REFERENCE = typed_text.OWN_NUMBER
NAME = typed_text.Field(
    partial(typed_text.name, longest=120),
    (
        "satu baris dengan huruf, paling banyak 120 karakter, tanpa emoji",
        "a line with letters, at most 120 characters, no emoji",
    ),
)
Reference = Annotated[
    str, Meta(description=f"The partner's own name of the vacancy, one for each vacancy: {REFERENCE.right[1]}.")
]
Line = Annotated[str, Meta(description=f"{NAME.right[1]}.")]
Province = Annotated[str, Meta(pattern=r"^[0-9]{2}(?!\n)$", description="The province's code, such as 31.")]
Skill = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,40}(?!\n)$", description="A tag of the programme's list.")]
Skills = Annotated[tuple[Skill, ...], Meta(min_length=1, max_length=10)]
Description = Annotated[str, Meta(max_length=2000, description="What the work is, in the partner's words.")]
Rupiah = Annotated[int, Meta(ge=0, le=1_000_000_000, description="Whole rupiah a month.")]
Instant = Annotated[datetime, Meta(tz=True, description="With its offset from UTC; counted in whole seconds.")]
_NEXT = "The `next_cursor` of the page before; none for the first page."
Cursor = Annotated[str, Meta(pattern=r"^[0-9]{13}\.[a-z2-7]{26}(?!\n)$", description=_NEXT)]
MatchCursor = Annotated[str, Meta(pattern=r"^[0-9]{1,2}\.[0-2]\.[0-9]{1,10}\.[a-z2-7]{26}(?!\n)$", description=_NEXT)]


class OfferForm(typed_text.Typed, frozen=True, forbid_unknown_fields=True):
    """A vacancy as its partner describes it; `province` null: remote work. `closes_at` is exclusive."""

    title: Line
    employer: Line
    province: Province | None
    skills: Skills
    salary_min_idr: Rupiah
    salary_max_idr: Rupiah
    closes_at: Instant
    description: Description = ""

    checks: ClassVar = {"title": NAME, "employer": NAME}


class PostingForm(OfferForm, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new vacancy, under a reference of the partner's own."""

    reference: Reference

    checks: ClassVar = OfferForm.checks | {"reference": REFERENCE}


class ApplicationForm(Struct, frozen=True, forbid_unknown_fields=True):
    """An application: what of myself I agree to share with the partner who posted the vacancy; it takes all three."""

    vacancy_id: Id
    share: Annotated[tuple[Literal["name", "phone", "certificates"], ...], Meta(max_length=3)]


class PageQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of a list."""

    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 20


class MatchQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of my matches."""

    cursor: MatchCursor | None = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 20


class ApplicantQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of a vacancy's applicants; each of them is unsealed for the answer, so a page is short."""

    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=20)] = 10


class VacancyView(Struct, frozen=True):
    """A vacancy as anybody is shown it. `partner` posted it and is who an application is shared with."""

    vacancy_id: str
    title: str
    employer: str
    partner: str
    province: str | None
    skills: list[str]
    salary_min_idr: int
    salary_max_idr: int
    posted_at: str
    closes_at: str
    open: bool
    description: str


class VacancyList(Struct, frozen=True):
    """A page of the vacancies to which one may apply, those that close first coming first."""

    vacancies: list[VacancyView]
    next_cursor: str | None


class PostingView(VacancyView, frozen=True):
    """A vacancy as its partner is shown it; `closed_at` is set once the partner has closed it."""

    reference: str
    closed_at: str | None


class PostingList(Struct, frozen=True):
    """A partner's vacancies, newest first."""

    vacancies: list[PostingView]
    next_cursor: str | None


class Reason(Struct, frozen=True):
    """Why a vacancy is where it is: what it asks for and I have learned, and whether it is in my province."""

    shared_skills: list[str]
    place: MatchPlace


class MatchView(Struct, frozen=True):
    """A vacancy that suits me, with the reason."""

    vacancy: VacancyView
    reason: Reason


class MatchList(Struct, frozen=True):
    """Open vacancies, best first: by the number of shared skills, then place, then newest."""

    matches: list[MatchView]
    next_cursor: str | None


class ApplicationView(Struct, frozen=True):
    """My application: to which vacancy, what it shares, since when and until when (null: it still does)."""

    application_id: str
    vacancy: VacancyView
    shared: list[str]
    consented_at: str
    withdrawn_at: str | None


class ApplicationList(Struct, frozen=True):
    """My applications, newest first."""

    applications: list[ApplicationView]
    next_cursor: str | None


class CertificateView(Struct, frozen=True):
    """A training that an applicant has completed."""

    course: str
    provider: str
    certificate_number: str
    completed_at: str


class ApplicantView(Struct, frozen=True):
    """Who applied, as far as they agreed to share it. `application_id` is another one for each vacancy."""

    application_id: str
    consented_at: str
    name: str
    phone: str
    certificates: list[CertificateView]


class ApplicantList(Struct, frozen=True):
    """The applicants of one vacancy, first to apply first; who withdrew is not among them."""

    applicants: list[ApplicantView]
    next_cursor: str | None


def offer(form: OfferForm, province: int | None) -> Offer:
    """The offer of a form. Its closing time keeps its offset: the last year has no UTC form."""
    closes_at = form.closes_at.replace(microsecond=0)
    return fill(Offer, form, province=province, skills=frozenset(form.skills), closes_at=closes_at)


def vacancy_view(vacancy: Vacancy, now: datetime) -> VacancyView:
    province = vacancy.offer.province
    return fill(
        VacancyView,
        vacancy.offer,
        vacancy_id=vacancy.id,
        partner=vacancy.partner_name,
        province=None if province is None else f"{province:02d}",
        skills=sorted(vacancy.offer.skills),
        posted_at=iso(vacancy.posted_at),
        open=is_open(vacancy, now),
    )


def posting_view(vacancy: Vacancy, now: datetime) -> PostingView:
    closed_at = iso(vacancy.closed_at) if vacancy.closed_at else None
    return fill(PostingView, vacancy_view(vacancy, now), reference=vacancy.reference, closed_at=closed_at)


def application_view(application: Application, vacancy: Vacancy, now: datetime) -> ApplicationView:
    return fill(
        ApplicationView,
        application,
        application_id=application_id(vacancy.id, application.registrant_id),
        vacancy=vacancy_view(vacancy, now),
        shared=list(SHARED),
    )


def applicant_view(key: str, name: str, phone: str, certificates: Iterable[Certificate]) -> ApplicantView:
    """The applicant as the partner sees them; `key` is `<consented at, ms>#<application>`."""
    consented_ms, _, application = key.partition("#")
    return ApplicantView(
        application_id=application,
        consented_at=iso(datetime.fromtimestamp(int(consented_ms) / 1000, UTC)),
        name=name,
        phone=phone,
        certificates=[
            CertificateView(one.title, one.provider_name, one.certificate_number, iso(one.completed_at))
            for one in certificates
        ],
    )


def cursor(key: str) -> str:
    """A list's key `<time>#<id>` in a form that needs no quoting in a URL."""
    return key.replace("#", ".")


def key(cursor: str | None) -> str | None:
    return cursor and cursor.replace(".", "#")


def match_cursor(rank: Rank) -> str:
    """Where a page of a person's matches ended: the rank itself, so that nothing posted or closed since shifts it."""
    shared, place, posted_s, vacancy = rank
    return f"{-shared}.{place}.{-posted_s}.{vacancy}"


def rank(cursor: str) -> Rank:
    shared, place, posted_s, vacancy = cursor.split(".")
    return -int(shared), int(place), -int(posted_s), vacancy
