"""Every personal field, every reader: whoever is answered a field of a person leaves a line in `GET /me/readers`.

A person with every kind of row is looked at by each command of the administration and each route of partners. Every
answer, with its files and to its end, is searched for the value of each field that they see in `GET /me/data`. Each
approval is asked for twice: by who proposed, and by another person.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from admin.commands.administered import COMMANDS
from chalicelib.config import Programme, Settings
from chalicelib.privacy.rules import register
from chalicelib.privacy.wire import ReaderQuery, ReaderView
from local.sandbox.provider import Sandbox
from tests.builders.payouts.bank import with_bank
from tests.e2e.gateway import Gateway, serving
from tests.privacy.looks import Administration, Life, others, partners

Field = tuple[str, str]
"""The kind of a row and the name of what is in it."""

SHARED = {
    "because", "before", "category", "change", "code", "consent_version", "course_id", "decision", "device",
    "education", "employment", "group", "how", "incentive_use", "kind", "language", "lists", "open_shard", "outcome",
    "partner_id", "partner_name", "rail", "reason", "refused_kinds", "regency", "registered_shard", "roster_shard",
    "said_in", "scheme", "schemes", "seat", "session_id", "shared", "skills", "standing", "state", "title",
    "unsettled_shard", "version", "what",
}  # fmt: skip
"""Fields whose values are words that many share: they say something of somebody beside a value that is theirs alone."""

REFUSED = {
    "PUT /partners/vacancies/{vacancy_id}": "vacancy_closed",
    "account recover approve": "contact_taken",
    "attended_month.reported_at": "time_too_early",
    "course reject": "catalogue_not_proposed",
    "draw hand-in": "unknown_wave",
    "draw progress": "unknown_wave",
    "draw witness add": "unknown_wave",
    "exclusion reject": "retraction_begun",
    "payout plan approve": "nothing_to_continue",
    "payout plan continue": "nothing_to_continue",
    "payout plan reject": "nothing_to_continue",
    "payout plan stop": "nothing_to_come",
    "payout reverse": "payout_not_now",
    "payout write-off": "payout_not_now",
    "roster reject": "no_roster_proposed",
    "statistics show": "unknown_wave",
    "wave extend": "wave_not_open",
}
"""For what this life, or its wave, has not come so far, and why. All else is answered."""

OWN = {
    "account recover approve": "recovery_by_same_person",
    "course approve": "payout_same_person",
    "exclusion approve": "retraction_same_person",
    "partner approve": "payout_same_person",
    "payout approve": "payout_same_person",
    "payout export approve": "payout_same_person",
    "payout plan approve": "nothing_to_continue",
    "registration approve": "correction_same_person",
    "registry approve": "registry_batch_same_person",
    "registry export": "registry_batch_same_person",
    "roster approve": "roster_by_same_person",
}
"""Each approval, and what whoever proposed it is told; another person's is answered."""

ONE_FOR_ALL = {("recovery", "contact_mac"), ("session", "jkt")}
"""Everybody of a test has one contact and one device."""

UNSEEN = {"payout ledger", "payout reconcile"}
"""Show payments by ids alone, as they are compared with the provider's books: no line could be read among so many."""

READERS = {
    "nobody": set[str](),
    "administrators": {"administrator"},
    "auditors": {"administrator"},
    "registration": {"administrator", "registry", "partner"},
    "payers": {"administrator"},
    "partner": {"partner"},
    "employer": {"partner"},
}
"""By the readers that the record of processing names: whose looks may be found."""


@pytest.fixture
def gateway(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with (
        Sandbox("readers") as provider,
        serving(replace(cloud, fsp_url=provider.url), with_bank(programme)) as gateway,
    ):
        for name, module in list(sys.modules.items()):
            if name.startswith("admin.") and hasattr(module, "utc_now"):
                monkeypatch.setattr(module, "utc_now", gateway.clock)
        yield gateway


class Fields:
    """The values that are a person's alone, as they see them in `GET /me/data`."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.values, self.names = defaultdict[Field, set[str]](set), set[str]()
        for record in records:
            for name, value in _leaves(record["content"]):
                self.names.add(name)
                if isinstance(value, str) and name not in SHARED and not _INSTANT.fullmatch(value):
                    self.values[record["kind"], name].add(value)

    def shown_in(self, answer: str) -> set[Field]:
        """The fields of which an answer has a value."""
        return {field for field, values in self.values.items() if any(value in answer for value in values)}

    def same(self, field: Field) -> set[str]:
        """The kinds of rows that have a value of this field, too."""
        mine = self.values[field]
        return {kind for (kind, _), values in self.values.items() if any(a in b for a in mine for b in values)}


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:?00)")


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else ((name, one) for one in value):
            yield from _leaves(one, key)
    else:
        yield name, value


def readers(gateway: Gateway, person: str) -> Iterator[ReaderView]:
    """As `GET /me/readers` shows them; a command has ended the session by which it could be sent."""
    query: ReaderQuery | None = ReaderQuery()
    while query is not None:
        page = gateway.services.readers.of(person, query, gateway.now)
        yield from page.readers
        query = ReaderQuery(page.next_cursor) if page.next_cursor else None


def unnamed(fields: Fields, readers_of: dict[Field, set[str]]) -> dict[Field, set[str]]:
    """Readers whom the record of processing does not name, of this kind or of another that has the value, too."""
    found = dict[Field, set[str]]()
    for field, who in readers_of.items():
        named = set().union(*(READERS[register().kept[kind].readers] for kind in fields.same(field)))
        if not field[1].endswith("_id") and who - named:  # ids name a person only to who may look them up
            found[field] = who - named
    return found


def test_whoever_is_answered_a_field_of_a_person_leaves_a_line(gateway: Gateway) -> None:
    assert READERS.keys() == register().readers.keys()
    life = Life(gateway)
    fields = Fields(life.records)
    assert {one["kind"] for one in life.records} == register().kept.keys(), "every field is searched"
    assert SHARED - fields.names == set()
    for look in others(life):
        assert fields.shown_in(look.answer) <= ONE_FOR_ALL, look.act
    administration = Administration(life)
    looks = [*partners(life), *administration.looks()]
    assert administration.own == OWN
    assert {look.act: look.code for look in looks if look.code} == REFUSED
    assert {look.act for look in looks} >= COMMANDS.keys()

    found = list(readers(gateway, life.person))
    lines = {(one.reader, one.act, one.reason) for one in found}
    of_other = {(one.reader, one.act, one.reason) for one in readers(gateway, life.other)}
    assert {"registration show", "account recover propose"} <= {act for _, act, _ in of_other}
    readers_of = defaultdict[Field, set[str]](set)
    for look in looks:
        if life.other in look.answer and look.act not in {*UNSEEN, "journal show"}:  # which shows lines by ids
            assert (look.reader, look.act, look.reason) in of_other, look.act
        if look.act in UNSEEN:
            assert fields.shown_in(look.answer.replace(life.person, "")) <= {("payout_event", "key")}
        elif shown := fields.shown_in(look.answer):
            assert (look.reader, look.act, look.reason) in lines, (look.act, shown)
            for field in shown:
                readers_of[field].add(look.reader)
    assert len(readers_of) > 20
    assert {("registration", "nik"), ("financial_address", "account_number")} <= readers_of.keys(), "files are opened"

    assert unnamed(fields, readers_of) == {}
    for kind, kept in register().kept.items():
        for attribute, who in kept.told_to.items():
            told = {one.reader for one in found if one.act == f"{kind}.{attribute}"}
            assert told == {who} or kind in ("registration", "financial_address"), (kind, attribute)
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
