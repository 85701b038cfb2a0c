"""The JSON of what is kept about a person, and of their consents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ..figures.people import RetentionRules
from ..structs import fill
from .rules import Consent, Ground, Source, Words, law, register, term

PAGE_MAX = 100
"""Rows of a page: the longest has some 10 KB, so a page stays below a megabyte."""

PARTS = (
    "accounts",
    "sign_ins",
    "registrations",
    "waves",
    "payouts",
    "training",
    "jobs",
    "helpdesk",
    "outcomes",
    "notices",
)
"""The domains that keep something about a person, in the order in which it is shown."""

DataCursor = Annotated[str, Meta(pattern=rf"^({'|'.join(PARTS)})(\.[a-z2-7]{{26}})?$")]
"""A part, and the record after which the page begins."""


class DataQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of what is kept."""

    cursor: DataCursor | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_MAX


class Bilingual(Struct, frozen=True):
    """The same in Indonesian and in English."""

    id: str
    en: str


class Stays(Struct, frozen=True):
    """What is kept of the caller's NIK after the deletion: what and why, on what ground of the law, and until when."""

    what: Bilingual
    ground: Ground
    law: str
    until: Bilingual


class DataRecord(Struct, frozen=True):
    """One row that is kept about the caller, with why it is and for how long."""

    record_id: str
    kind: str
    kept_in: str
    content: Mapping[str, Any]
    withheld: list[str]
    source: Source
    purpose: Bilingual
    ground: Ground
    law: str
    retention: Bilingual
    readers: Bilingual
    expires_at: datetime | None


class DataPage(Struct, frozen=True):
    """A page of what is kept about the caller. `opened_from`: until then, what is sealed is withheld from this session,
    which is too young.
    """

    records: list[DataRecord]
    opened_from: datetime | None
    next_cursor: str | None


class ConsentView(Struct, frozen=True):
    """A consent that the caller gave: to what, since when, and until when."""

    consent_id: str
    kind: Literal["registration", "job_application"]
    version: str | None
    vacancy_id: str | None
    given_at: datetime
    withdrawn_at: datetime | None
    what_follows: Bilingual


class ConsentQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the consents."""

    cursor: Annotated[str, Meta(pattern=r"^[a-z_]{1,40}(-[a-z2-7]{26})?$")] | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_MAX


class ConsentList(Struct, frozen=True):
    """The consents of the caller, those taken back too; that of the registration comes first."""

    consents: list[ConsentView]
    next_cursor: str | None


class ReaderQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the readers."""

    cursor: Annotated[str, Meta(pattern=r"^[a-z2-7]{26}$")] | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_MAX


class ReaderView(Struct, frozen=True):
    """Somebody who looked at what is kept about the caller, or changed it."""

    reader_id: str
    at: datetime
    reader: Literal["administrator", "partner", "provider", "registry"]
    reader_words: Bilingual
    name: str | None
    act: str
    reason: str | None
    outcome: str | None


class ReaderList(Struct, frozen=True):
    """Who looked at what is kept about the caller, or changed it; the newest first."""

    readers: list[ReaderView]
    next_cursor: str | None


class RestrictionForm(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether what is kept about the caller is to be restricted from now on."""

    restricted: bool


class RestrictionView(Struct, frozen=True):
    """Since when what is kept about the caller is restricted, if it is; what stops then, and what goes on."""

    restricted_at: datetime | None
    stops: list[Bilingual]
    goes_on: list[Bilingual]


def restriction_view(since: datetime | None) -> RestrictionView:
    words = register().restriction
    return RestrictionView(since, list(map(bilingual, words.stops)), list(map(bilingual, words.goes_on)))


def stays_view(kinds: Iterable[str], figures: RetentionRules) -> list[Stays]:
    """What is told of rows of these kinds, which stay."""
    found = [register().kept[kind] for kind in kinds]
    return [
        Stays(bilingual(kept.told), kept.ground, law(kept.ground), bilingual(term(kept, figures)))
        for kept in found
        if kept.told is not None
    ]


def bilingual(words: Words) -> Bilingual:
    return Bilingual(*words)


def consent_view(consent: Consent) -> ConsentView:
    follows = bilingual(register().consents[consent.kind])
    return fill(ConsentView, consent, consent_id=consent.id, what_follows=follows)
