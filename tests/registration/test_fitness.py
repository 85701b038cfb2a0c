"""Asking of many at once who may no longer take part gives what asking of each gives, in two calls."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pynamodb.exceptions import GetError

from chalicelib.aws.dynamodb_protocol import Wire
from chalicelib.errors import DomainError
from chalicelib.registration.errors import (
    Excluded,
    ExcludedOccupation,
    InFormalEducation,
    NotRegistered,
    OverAge,
    UnderAge,
)
from chalicelib.registration.items import Profile, person_pk
from chalicelib.registration.rules import Employment, Standing
from chalicelib.registration.store import RegistrationStore
from tests.builders.aws_calls import wrap_calls
from tests.builders.registration import other_form
from tests.conftest import T0

DAY = date(2026, 11, 30)


@pytest.fixture
def people(cloud, service):
    """Eight people, each with another fate by now."""
    store = RegistrationStore(cloud.region)
    names = ["fit", "police", "student", "young", "old", "excluded", "chosen", "revoked"]
    for number, name in enumerate(names, 1):
        service.register(name, other_form(number), T0)

    def change(name: str, **values: object) -> None:
        item = Profile(person_pk(name), "PROFILE")
        item.update([getattr(Profile, attribute).set(value) for attribute, value in values.items()])

    change("police", employment=Employment.POLICE)
    change("student", employment=Employment.STUDENT)
    change("young", birth_date=date(2008, 12, 1))
    change("old", birth_date=date(1961, 11, 30))
    store.exclude(service.registrant("excluded").nik_mac, "police/2026-11/2026-11-01")
    store.exclude(service.registrant("police").nik_mac, "police/2026-11/2026-11-01")
    service.set_standing("chosen", Standing.BENEFICIARY, 144)
    service.set_standing("revoked", Standing.REVOKED)
    return service


def test_each_has_the_reason_that_they_would_be_refused_with(people):
    expected = {
        "police": ExcludedOccupation,
        "student": InFormalEducation,
        "young": UnderAge,
        "old": OverAge,
        "excluded": Excluded,
        "chosen": Standing.BENEFICIARY,
        "revoked": Standing.REVOKED,
        "nobody": NotRegistered,
    }
    assert people.unfit([*expected, "fit"], DAY) == expected
    assert people.unfit(["young", "old"], date(2026, 12, 1)) == {"old": OverAge}, "the day given counts"
    assert people.unfit(["young", "old"], date(2026, 11, 29)) == {"young": UnderAge}
    people.check_still_eligible(people.registrant("fit"), DAY)
    for name in ("police", "student", "young", "old", "excluded"):
        with pytest.raises(DomainError) as caught:
            people.check_still_eligible(people.registrant(name), DAY)
        assert type(caught.value) is expected[name]


def test_two_calls_are_made_and_nothing_is_read_but_what_is_needed(people, monkeypatch):
    made: list[tuple[str, Any]] = []

    def watched(original):
        def call(client, operation, parameters):
            made.append((operation, parameters["RequestItems"]))
            return original(client, operation, parameters)

        return call

    wrap_calls(monkeypatch, watched)
    people.unfit(["fit", "excluded", "police"], DAY)
    assert [operation for operation, _ in made] == ["BatchGetItem", "BatchGetItem"]
    [profiles], [exclusions] = (asked.values() for _, asked in made)
    assert profiles["ProjectionExpression"] == "pk,employment,birth_date,nik_mac,standing"
    assert (len(profiles["Keys"]), len(exclusions["Keys"])) == (3, 2)
    assert profiles["ConsistentRead"] is exclusions["ConsistentRead"] is True
    made.clear()
    assert people.unfit(["nobody"], DAY) == {"nobody": NotRegistered}
    assert len(made) == 1


def test_what_cannot_be_read_is_not_taken_for_withdrawn(people, monkeypatch):
    from botocore.exceptions import ReadTimeoutError

    def broken(*_: Any) -> Any:
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(Wire, "call", broken)
    with pytest.raises(GetError):
        people.unfit(["fit"], DAY)
