"""Which fields differ by the registry's word is told after proof of presence, and to nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.privacy.wire import DataQuery
from chalicelib.registration.records import with_nik
from chalicelib.registration.rules import PersonalData, Registrant, Verification, unverified
from chalicelib.registration.wire import CorrectionForm, registration_view
from local.sandbox.registry import Person
from tests.builders.claims import DAY, MINE, OWNER, Town
from tests.builders.people import registrant
from tests.builders.registration import SITI, form, other_form
from tests.civil_registry.asking import KNOWN, WHO, Stage
from tests.conftest import T0

PERSON = PersonalData(SITI.nik, SITI.kk, SITI.name, "+6281234567890")
SEEN = replace(registrant("siti"), verification=Verification.MISMATCH, differs=frozenset({"name", "kk"}), present_at=T0)


@pytest.mark.parametrize(
    ("who", "named"),
    [
        (SEEN, ("kk", "name")),
        (replace(SEEN, present_at=None), ()),
        (replace(SEEN, claimed_at=T0), ()),
        (replace(SEEN, contested_at=T0), ()),
        (with_nik(SEEN, "another"), ()),
        (unverified(SEEN), ()),
        (replace(SEEN, verification=Verification.UNKNOWN_NIK, differs=frozenset()), ()),
    ],
    ids=["present", "not", "claims", "contested", "another NIK", "corrected", "unknown NIK"],
)
def test_what_differs_is_named_to_whose_nik_it_is_proven_to_be(who: Registrant, named: tuple[str, ...]):
    assert registration_view(who, PERSON).differs == named


def data(stage: Stage, who: str = WHO) -> tuple[dict[str, Any], list[str]]:
    """What `GET /me/data` has of a registration, and what it withholds."""
    kept = stage.services.export.page(who, DataQuery(limit=100), stage.now, stage.now).records
    [record] = [one for one in kept if one.kind == "registration"]
    return record.content, record.withheld


def named(stage: Stage) -> tuple[str, ...]:
    """What `GET /me` names, which is what `GET /me/data` does."""
    view = stage.services.registrations.me(WHO).registration
    content, withheld = data(stage)
    assert content.get("differs", []) == list(view.differs)
    assert ("differs" in withheld) is (view.present_at is None)
    return view.differs


def sees(stage: Stage, presence: str) -> None:
    stage.now += timedelta(minutes=1)
    corrections = stage.services.corrections
    corrections.propose(WHO, CorrectionForm(presence=presence), "maker", "seen with the card", stage.now)
    corrections.approve(WHO, "checker", stage.now)


def test_what_differs_is_named_after_presence_alone(stage):
    stage.asked(form(name="Budi Santoso", province="32", regency="3273"))
    assert named(stage) == ()
    sees(stage, "proven")
    assert named(stage) == ("name", "province")
    sees(stage, "")
    assert named(stage) == ()
    sees(stage, "proven")

    stage.register(form(province="32", regency="3273"))
    assert (stage.shown(), named(stage)) == ("PENDING", ()), "corrected, and not answered yet"
    stage.deliver(stage.queued())
    assert (stage.shown(), named(stage)) == ("DIFFERS", ("province",))
    told = stage.told()

    stage.now += timedelta(days=90)
    stage.registry.people = {SITI.nik: replace(KNOWN, kk="3174091203180009", province="32")}
    record = stage.services.registration_store.record(WHO)
    stage.services.verifications.ask([(WHO, record.version)])
    stage.deliver(stage.queued())
    assert (named(stage), stage.told()) == (("kk",), told), "by its latest word, of which no mail tells"

    stage.registry.people = {SITI.nik: KNOWN}
    assert (stage.asked(), named(stage)) == (Verification.VERIFIED, ())


DIFFERENT: list[dict[str, Any] | None] = [
    {"name": "Budi Santoso"},
    {"birth_date": "1995-08-18"},
    {"kk": "3174091203180009"},
    {"province": "32"},
    {"name": "Budi Santoso", "birth_date": "1995-08-18", "province": "32"},
    None,
]


def test_who_has_not_proven_presence_cannot_tell_one_difference_from_another(stage):
    forms = [other_form(number) for number in range(1, len(DIFFERENT) + 1)]
    people: list[Person] = [
        replace(KNOWN, nik=given.nik, **changes)
        for given, changes in zip(forms, DIFFERENT, strict=True)
        if changes is not None
    ]
    stage.registry.people = {one.nik: one for one in people}
    seen = set[object]()
    for number, given in enumerate(forms):
        who = f"siti-{number}"
        stage.register(given, who)
        stage.deliver(stage.queued())
        view, (content, withheld) = stage.services.registrations.me(who).registration, data(stage, who)
        seen.add((view.verification, view.differs, *sorted(content), "withheld", *withheld))
    assert len(seen) == 1
    assert next(iter(seen))[:2] == ("DIFFERS", ())


def test_a_nik_that_passes_takes_no_name_of_a_field_with_it(cloud, programme):
    town = Town(cloud, programme)
    town.people.register(OWNER, MINE, town.now)
    record = town.services.registration_store.record(OWNER)
    differs = frozenset({"name"})
    town.services.verifications.keep(record, Verification.MISMATCH, "dci", town.now, differs=differs)
    town.sees(OWNER)
    town.run()
    assert town.people.me(OWNER).registration.differs == ()
    town.run(DAY + timedelta(minutes=1))
    owner = town.of(OWNER)
    assert (town.holder(), owner.verification, owner.differs) == (OWNER, Verification.PENDING, frozenset())
