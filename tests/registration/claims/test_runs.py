"""The runs that settle claims: at once, cut off, many claims, and one that cannot be settled."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from chalicelib.aws import dynamodb
from chalicelib.registration.claims.service import MOST
from chalicelib.registration.items import CLAIMS, ClaimItem, Profile, person_pk
from chalicelib.registration.rules import Verification
from tests.builders.claims import DAY, MINE, OWNER, SQUATTER, THIRD


def test_of_two_runs_at_once_one_decides(town):
    town.says(SQUATTER, Verification.MISMATCH)
    town.people.register(OWNER, MINE, town.now)
    town.says(OWNER, Verification.VERIFIED)
    claims, transaction, other = town.services.nik_claims, town.services.nik_claims._transaction, []

    def meanwhile() -> dynamodb.Transaction:
        if not other:
            other.append(True)
            town.services.nik_claims.settle(town.of(OWNER).nik_mac, town.now)
        return transaction()

    claims._transaction = meanwhile
    claims.settle(town.of(OWNER).nik_mac, town.now)
    assert town.told(SQUATTER) == ["passes"]


def test_any_number_of_claims_shuts_nobody_out(town):
    """More than are read in a call, all with ids before the owner's."""
    people = [f"00000000-0000-4000-8000-{number:012}" for number in range(MOST + 10)]
    town.people.register(OWNER, MINE, town.now)
    for who in people:
        ClaimItem(CLAIMS, f"{town.of(OWNER).nik_mac}#{who}", registrant=who, made_at=town.now).save()
        item = Profile.get(person_pk(OWNER), "PROFILE")
        item.pk = person_pk(who)
        item.save()
    town.sees(OWNER)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    assert (town.holder(), town.of(OWNER).claimed_at) == (OWNER, None)


def test_a_run_that_ends_early_is_gone_on_with_by_the_next_one(town, monkeypatch):
    for mac in "abcd":
        ClaimItem(CLAIMS, f"{mac}#{THIRD}", registrant=THIRD, made_at=town.now).save()
    claims, done, passed = town.services.nik_claims, [], [0.0]

    def settle(mac: str, _: datetime) -> None:
        done.append(mac)
        passed[0] += 20

    monkeypatch.setattr(claims, "settle", settle)
    runs = [claims.run(town.now, 70, lambda: passed[0]) for _ in range(3)]
    assert (runs, done) == ([False, True, False], [*"ab", *"cd", *"ab"])


def test_one_nik_that_cannot_be_settled_holds_up_no_other(town, monkeypatch):
    town.people.register(OWNER, MINE, town.now)
    settle, done = town.services.nik_claims.settle, []
    for mac in ("0", "zz"):  # before and behind the owner's
        ClaimItem(CLAIMS, f"{mac}#{THIRD}", registrant=THIRD, made_at=town.now).save()

    def fails_at_first(mac: str, now: datetime) -> None:
        if mac == "0":
            raise RuntimeError("wrong row")
        done.append(mac)
        settle(mac, now)

    monkeypatch.setattr(town.services.nik_claims, "settle", fails_at_first)
    with pytest.raises(ExceptionGroup):
        town.services.nik_claims.run(town.now, 300)
    assert done == [town.of(OWNER).nik_mac, "zz"]
