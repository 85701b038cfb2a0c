"""What is kept about people: each kind of row with its source, purpose, ground and term. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from .. import tables
from ..figures.people import RetentionRules
from ..values import Hidden, Value
from ..vault import SealKind

Words = tuple[str, str]
"""The same in Indonesian and in English."""

Row = Mapping[str, Any]
"""A row of a table in DynamoDB's own form: `{"pk": {"S": "..."}}`."""


class Source(StrEnum):
    """Where it came from."""

    PERSON = "person"
    SYSTEM = "system"
    PARTNER = "partner"
    PROVIDER = "provider"
    ADMINISTRATOR = "administrator"


class Ground(StrEnum):
    """On what ground it may be kept (UU 27/2022, article 20, paragraph 2)."""

    CONSENT = "consent"
    AGREEMENT = "agreement"
    LEGAL_DUTY = "legal_duty"
    PUBLIC_SERVICE = "public_service"
    LEGITIMATE_INTEREST = "legitimate_interest"


LETTERS: Mapping[Ground, str] = {
    Ground.CONSENT: "a",
    Ground.AGREEMENT: "b",
    Ground.LEGAL_DUTY: "c",
    Ground.PUBLIC_SERVICE: "e",
    Ground.LEGITIMATE_INTEREST: "f",
}


def law(ground: Ground) -> str:
    """The place in the law, as it is cited in Indonesian."""
    return f"UU 27/2022 Pasal 20 ayat (2) huruf {LETTERS[ground]}"


class Kept(Value, frozen=True):
    """One kind of row: what of it is sealed and as what, what of it nobody is shown, and the record of its processing.

    What becomes of it when the person is erased: the row goes, or `stays` (of who was chosen only, or always) without
    the attributes that it `strips`; from a set of people (`leaves`) the person goes alone.

    `told_to`: of which attributes the instant says that somebody outside was given it or gave it, and who that is (a
    name among `lookers`); of rows with the attribute `told_if` only.

    `told`: what stays, in the words for a person who asks for the deletion; of kinds with a keyed hash of the NIK.

    `term` and `readers` are names in the register. `withheld` are keys and secrets, and who else had to do with it.
    """

    table: str
    key: str
    source: Source
    ground: Ground
    purpose: Words
    term: str
    readers: str
    sealed: Mapping[str, SealKind] = {}
    withheld: Sequence[str] = ()
    stays: Literal["always", "chosen"] | None = None
    strips: Sequence[str] = ()
    told: Words | None = None
    leaves: str = ""
    told_to: Mapping[str, str] = {}
    told_if: str = "pk"


class Restriction(Value, frozen=True):
    """What stops while a person has restricted what is done with their data, and what goes on by duty."""

    stops: Sequence[Words]
    goes_on: Sequence[Words]


class Register(Value, frozen=True):
    """The record of processing: by kind what is kept.

    `left_out`: by table and by the beginnings of both keys (`V#/VACANCY`) which rows no person is shown, and why.
    """

    terms: Mapping[str, Words]
    readers: Mapping[str, Words]
    kept: Mapping[str, Kept]
    left_out: Mapping[str, Mapping[str, str]]
    consents: Mapping[str, Words]
    """What follows from the withdrawal of each kind of consent."""
    restriction: Restriction
    lookers: Mapping[str, Words]
    """Who looks at what is kept of people, or changes it, as `GET /me/readers` names them."""


@cache
def register() -> Register:
    """`processing.toml`."""
    return msgspec.convert(tables.read(Path(__file__).with_name("processing.toml")), Register)


def term(kept: Kept, figures: RetentionRules) -> Words:
    """For how long a kind of row is kept, with the days of a stage."""
    days = msgspec.structs.asdict(figures)
    indonesian, english = register().terms[kept.term]
    return indonesian.format(**days), english.format(**days)


UNKNOWN = "unknown"
"""The kind of a row that a later release wrote, before this one came back."""


class Held(Hidden, frozen=True):
    """A row about a person, and its kind in the register; `table` if that is `UNKNOWN`. Its repr shows nothing.

    `shown`: what of it this person may see of that which is withheld from others.
    """

    kind: str
    row: Row
    table: str = ""
    shown: Sequence[str] = ()


def kept_of(held: Held) -> Kept:
    """What the register says of a row. Of an unknown one nothing is shown but where it is; erased it goes, except where
    books are kept.
    """
    if held.kind != UNKNOWN:
        return register().kept[held.kind]
    return Kept(
        table=held.table,
        key="",
        source=Source.SYSTEM,
        ground=Ground.PUBLIC_SERVICE,
        purpose=("Versi layanan ini tidak mengenalnya", "This release of the service does not know it"),
        term="erased",
        readers="nobody",
        withheld=tuple(held.row.keys() - {"pk", "sk"}),
        stays="always" if held.table == "payouts" else None,
    )


def stays(held: Held, *, chosen: bool) -> bool:
    """Whether a row stays when its person is erased. `chosen`: whether that person ever was."""
    kept = kept_of(held)
    return kept.stays == "always" or (kept.stays == "chosen" and chosen)


def known(table: str, kinds: Mapping[str, str], row: Row) -> Held:
    """A row with its kind, by how its sort key begins."""
    kind = kinds.get(row["sk"]["S"].partition("#")[0], UNKNOWN)
    return Held(kind, row, table if kind == UNKNOWN else "")


Part = Callable[[str, datetime], Iterator[Held]]
"""What one domain keeps about a person, by an account's id and the present; always in the same order."""


class Consent(Value, frozen=True):
    """A consent that a person gave, to `version` of a text or for one vacancy, and when they took it back."""

    id: str
    kind: str
    given_at: datetime
    withdrawn_at: datetime | None
    version: str | None = None
    vacancy_id: str | None = None
