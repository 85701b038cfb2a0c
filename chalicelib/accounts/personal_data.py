"""What the tables of accounts and of sign-ins keep about a person (docs/privacy.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pynamodb.attributes import UTCDateTimeAttribute

from ..aws.dynamodb import get_rows, rows_of
from ..privacy.rules import Held, Row, known
from .items import AccountsTable, account_pk, contact_pk
from .signing_in.budgets import KEPT, KnownDevice, budget_of
from .signing_in.items import SignInsTable

_KINDS = {
    "ACCOUNT": "account",
    "SESSION": "session",
    "CHANGE": "account_change",
    "DELETION": "deletion",
    "RECOVERY": "recovery",
    "PASSKEY": "passkey",
}
_USED = ("created_at", "proved_at", "started_at", "last_used_at")


def of_account(account_id: str, _now: datetime) -> Iterator[Held]:
    """The account with all that belongs to it, then its guards. One query and at most one batch get."""
    guards = list[tuple[str, str]]()
    for row in rows_of(AccountsTable, account_pk(account_id)):
        held = known("accounts", _KINDS, row)
        yield held
        if held.kind == "account":
            guards += [(contact_pk(mac), "CONTACT") for mac in _macs(row)]
            guards += [(f"I#{row['subject_mac']['S']}", "ISSUER")] if "subject_mac" in row else []
        elif held.kind == "passkey":
            guards.append((f"K#{row['id']['S']}", "PASSKEY"))
    found = get_rows(AccountsTable, guards, None)
    names = {"CONTACT": "contact", "ISSUER": "issuer", "PASSKEY": "passkey_guard"}
    for row in sorted(found, key=lambda one: str(one["pk"]["S"])):
        if row["account_id"]["S"] == account_id:  # a removed contact may be another's by now
            yield Held(names[row["sk"]["S"]], row)


def last_used(held: Iterable[Held]) -> datetime:
    """When an account was last used, as its rows (`of_account`) say: made, signed in to, or a session of it used."""
    used = (row["S"] for one in held for name in _USED if (row := one.row.get(name)) is not None)
    return max(map(instant, used))


def instant(text: str) -> datetime:
    """An instant as the rows of an account have it."""
    read: datetime = UTCDateTimeAttribute().deserialize(text)  # type: ignore[no-untyped-call]  # untyped in pynamodb
    return read


def of_sign_ins(account_id: str, now: datetime) -> Iterator[Held]:
    """How often codes went to the contacts of the account and were tried, in the days for which that is kept.

    One query, and a batch get for each 100 days of a contact and a device.
    """
    macs, devices = list[str](), set[str]()
    for row in rows_of(AccountsTable, account_pk(account_id)):
        if row["sk"]["S"] == "ACCOUNT":
            macs = _macs(row)
        elif row["sk"]["S"].startswith("SESSION#") and "jkt" in row:
            devices.add(row["jkt"]["S"])
    known = [(mac, KnownDevice(mac, key)) for mac in macs for key in sorted(devices)]
    budgets = [budget_of(mac, device) for mac, device in [*((mac, None) for mac in macs), *known]]
    days = [(now - timedelta(days=back)).date().isoformat() for back in range(KEPT.days + 2)]
    keys = [(f"B#{budget}", day) for budget in budgets for day in days]
    found = get_rows(SignInsTable, keys, None)
    for row in sorted(found, key=lambda one: (one["pk"]["S"], one["sk"]["S"])):
        yield Held("code_budget", row)


def _macs(account: Row) -> list[str]:
    return [one["mac"] for one in json.loads(account["contacts"]["S"])]
