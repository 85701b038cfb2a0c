"""A registration stays below 1 KB, beyond which each write of it costs two units, in a transaction four."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from bench.aws.endpoint import WRITE_UNIT_BYTES, item_size
from chalicelib.ids import derived_id
from chalicelib.registration.records import Record
from chalicelib.registration.rules import PersonalData, Standing, Verification
from chalicelib.registration.store import _profile, record_of
from tests.builders.people import registrant
from tests.conftest import T0

AT = T0 + timedelta(milliseconds=123)
WRAPPED, SEALING = bytes(184), bytes(1 + 12 + 16)
"""A data key as KMS wraps it; and what sealing adds."""
MACS = {"nik_mac": "0" * 64, "kk_mac": "0" * 64, "phone_mac": "0" * 64, "name_mac": "0" * 32}
CONFIRMED = {"verification": Verification.VERIFIED, "verification_source": "dci", "verified_at": AT, "confirmed_at": AT}
PLACE = {"beneficiary_wave": 60, "chosen_on": AT.date(), "ended_on": date(2027, 6, 24), "schemes": frozenset({"2023"})}


@pytest.mark.parametrize(
    ("said", "takes", "name_most"),
    [({}, 934, 120), (CONFIRMED, 943, 111), (CONFIRMED | PLACE | {"standing": Standing.BENEFICIARY}, 1010, 44)],
    ids=["asked about", "confirmed", "chosen"],
)
def test_a_registration_takes_one_write_unit(said: dict[str, Any], takes: int, name_most: int) -> None:
    who = registrant(derived_id("account/1", "s"), registered_at=AT, updated_at=AT, **MACS, **said)
    person = PersonalData("3174095708950001", "3174091203180002", "Raden Ayu Siti Aminah Kusumawa", "+6281234567890")
    sealed = SEALING + msgspec.json.encode(person)
    kept = Record(who, sealed, WRAPPED, 2, None if said else AT)
    item = _profile(kept)
    size = item_size(item.serialize())
    assert (size, len(person.name) + WRITE_UNIT_BYTES - size) == (takes, name_most)
    assert record_of(who.id, item) == msgspec.structs.replace(kept, ask_from=None)
