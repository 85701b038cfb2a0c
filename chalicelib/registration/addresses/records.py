"""A financial address as it is kept, sealed; and how it is opened."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from ...values import Value
from ...vault import PersonKey
from ..records import Record, person_of
from ..rules import AddressCheck, FinancialAddress


class AddressRecord(Value, frozen=True):
    """A financial address as stored; `version` as in `Record`."""

    sealed: bytes
    account_mac: str
    version: int
    updated_at: datetime
    check: AddressCheck | None = None
    pay_from: datetime | None = None
    full_wait: Literal[True] | None = None
    """Set where nobody may shorten the wait."""
    named: int | None = None
    """How often the person's name was changed since this version was given; None: never."""


class UnpayableHolder(Value, frozen=True):
    """The person who has an account that they cannot be paid to, and the version of their address that was checked."""

    registrant_id: str
    version: int


def address_of(key: PersonKey, record: Record, kept: AddressRecord) -> FinancialAddress:
    """A financial address, opened, with what is known of it."""
    address = msgspec.json.decode(key.unseal("address/1", kept.sealed), type=FinancialAddress)
    return replace(
        address,
        version=kept.version,
        check=kept.check,
        pay_from=kept.pay_from,
        owner_name=person_of(key, record).name,
        named=kept.named,
    )
