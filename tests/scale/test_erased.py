"""Of ten thousand people a thousand are erased on DynamoDB Local, a backup brings them back, and the replay takes them.

Then no stored byte leads to them: in tables, files, queues and logs. The draw verifies as before, the ledger is the
same row for row, and the statistics count the same places and payments.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace
from pynamodb.models import Model

from chalicelib.accounts.items import AccountItem, GuardItem, account_pk, contact_pk
from chalicelib.accounts.sessions.rules import KeptContact
from chalicelib.config import Settings
from chalicelib.notices.rules import Kind, NoticeState
from chalicelib.notices.store import NoticeItem
from chalicelib.privacy.rules import register
from chalicelib.registration.items import AddressItem, Guard, person_pk
from chalicelib.registration.records import Record
from chalicelib.registration.store import _profile, unique_pk
from chalicelib.vault import PersonKey
from chalicelib.waves.rules import BeneficiaryState
from chalicelib.wiring import Services
from tests.builders.lives import table_names
from tests.builders.people import registrant
from tests.builders.waves import ROUND, WAVE, WavesWorld

from .crowd import _ticket, awarded, names, paid, settled, write
from .functions import MANY, Function, Mails

pytestmark = pytest.mark.dynamodb

DAY = timedelta(days=1)
NOW = ROUND + 40 * DAY
QUOTA, ERASED = MANY // 5, MANY // 10
LEADS = {
    "wrapped_key", "phone_mac", "nik_mac", "account_mac", "kk_mac", "kk", "sealed", "contacts", "answers",
} | {name for kept in register().kept.values() for name in kept.strips}  # fmt: skip
"""What is stored of a person and must go. Of who was chosen the keyed hash of the NIK stays in its guard alone."""
BOOKS = ("waves", "payouts")
"""Tables in which an id stays that leads to nobody."""
_WORDS = re.compile(r"[A-Za-z0-9@.+_-]{8,}")
Row = dict[str, Any]
Key = tuple[str, str, str]


def typed(name: str) -> dict[str, str]:
    number = int(name.rpartition("-")[2])
    return {
        "nik": f"31740957089{number:05d}",
        "phone": f"+62812345{number:05d}",
        "mail": f"orang{number:05d}@example.org",
    }


def key_of(name: str) -> PersonKey:
    """A key of their own, without a call of KMS for each of ten thousand."""
    return PersonKey(os.urandom(184), name, AESGCM(sha256(f"key {name}".encode()).digest()), os.urandom)


def rows_of(name: str) -> Iterator[Model]:
    """What a registered person with an account has: sealed with a key of their own, whose wrapped form is stored."""
    own, mail = typed(name), sha256(f"mail {name}".encode()).hexdigest()
    key = key_of(name)
    macs = {"nik": sha256(own["nik"].encode()).hexdigest(), "phone": sha256(own["phone"].encode()).hexdigest()}
    who = registrant(name, nik_mac=macs["nik"], phone_mac=macs["phone"])
    yield _profile(Record(who, key.seal("person/1", json.dumps(own).encode()), key.wrapped, 1))
    account = sha256(f"account {name}".encode()).hexdigest()
    sealed = key.seal("person/1", b"0123")
    yield AddressItem(person_pk(name), "ADDRESS", version=1, sealed=sealed, account_mac=account, updated_at=ROUND)
    for kind, mac in (*macs.items(), ("account", account)):
        yield Guard(unique_pk(kind, mac), "UNIQUE", registrant=name)
    contact = KeptContact("a" * 26, mail, "email", key.seal("contact/1", own["mail"].encode()), ROUND)
    common = {"wrapped_key": os.urandom(184), "language": "id"}
    yield AccountItem(account_pk(name), "ACCOUNT", **common, created_at=ROUND, contacts=(contact,))
    guard = {"account_id": name, "kind": "email", "sealed": contact.sealed, "proved_at": ROUND}
    yield GuardItem(contact_pk(mail), "CONTACT", **common, **guard)
    told = {"kind": Kind.CHOSEN, "facts": {"wave": WAVE}, "state": NoticeState.SENT}
    times = {"created_at": ROUND, "updated_at": ROUND, "expires_at": NOW + 700 * DAY}
    yield NoticeItem(f"N#{name}", f"chosen/{WAVE}", **told, **times)


class Stored:
    """Every row of every table, as a backup has them."""

    def __init__(self, cloud: Settings) -> None:
        self._cloud, self._client = cloud, boto3.client("dynamodb", cloud.region)
        self.rows = dict(self._read())

    def _read(self) -> Iterator[tuple[Key, Row]]:
        for name in table_names():
            for page in self._client.get_paginator("scan").paginate(TableName=self._cloud.table(name)):
                yield from (((name, row["pk"]["S"], row["sk"]["S"]), row) for row in page["Items"])

    def put_back(self, now: Mapping[Key, Row]) -> None:
        """What is missing or otherwise by now, as when an administrator copies the rows of a restored table."""
        back = [(key[0], {"PutRequest": {"Item": row}}) for key, row in self.rows.items() if now.get(key) != row]
        for start in range(0, len(back), 25):
            asked: dict[str, list[Any]] = {}
            for table, put in back[start : start + 25]:
                asked.setdefault(self._cloud.table(table), []).append(put)
            while asked:
                asked = self._client.batch_write_item(RequestItems=asked)["UnprocessedItems"]


def leads_of(gone: set[str], chosen: set[str], rows: Mapping[Key, Row]) -> set[str | bytes]:
    """What leads to these people: what they typed, and hashes, keys and sealed values as they are stored."""
    leads: set[str | bytes] = {value for name in gone for value in typed(name).values()}
    for (_, pk, sk), row in rows.items():
        owner = row.get("account_id", {}).get("S") or (sk if pk.startswith("E#") else pk.partition("#")[2])
        if owner in gone:
            names = LEADS - {"nik_mac"} if owner in chosen else LEADS
            leads |= {value for field in names & row.keys() for value in row[field].values()}
    return leads


def values(row: Row) -> Iterator[str | bytes]:
    for one in row.values():
        for value in one.values():
            yield from value if isinstance(value, list) else [value]
    yield from f"{row['pk']['S']}#{row['sk']['S']}".split("#")


def outside(world: WavesWorld, mails: Mails) -> Iterator[str]:
    """Files but the list of the erased, and messages. No function writes to another bucket.

    A bank's file and a registry's questions are in none: commands make them of sealed rows.
    """
    for bucket in (world.settings.results_bucket, world.settings.reports_bucket):
        for page in world.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in page.get("Versions", ()):
                if not one["Key"].startswith("erasures/"):
                    found = world.s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
                    yield found["Body"].read().decode("latin-1")
    yield str(mails.taken)


def counted(services: Services, days: int) -> Any:
    while not services.tally_job.run(NOW + days * DAY, 800, lambda: 0):
        pass
    return services.statistics.country()


def test_a_thousand_of_ten_thousand_are_erased_restored_and_erased_again(
    world: WavesWorld,
    services: Services,
    mails: Mails,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    show: Callable[[str, Function], None],
) -> None:
    monkeypatch.setattr(services.vault, "open_key", lambda name, _: key_of(name))
    everybody = names(MANY)
    winners, others = settled(world, everybody, QUOTA)
    write(row for name in everybody for row in rows_of(name))
    places = services.waves.beneficiaries.of_many(winners)
    awarded([replace(one, state=BeneficiaryState.GRADUATED) for one in places])
    paid((WAVE, one, ROUND + 10 * DAY) for one in winners)
    gone = {*winners[: ERASED // 2], *others[: ERASED // 2]}
    before, count = Stored(services.settings), counted(services, 0)
    # Of this crowd a ticket, which stays, is the same as the hash of the family card: whether that went is seen below.
    leads = leads_of(gone, set(winners), before.rows) - {_ticket(name) for name in gone}
    assert len(leads) > 12 * ERASED
    took = [time.process_time()]

    def look(when: str) -> Mapping[Key, Row]:
        took.append(time.process_time())
        rows = Stored(services.settings).rows
        led = {key[1:]: leads & {*values(row)} for key, row in rows.items() if not leads.isdisjoint(values(row))}
        assert led == {}, when
        assert not any("kk" in row for key, row in rows.items() if key[2] in gone), when
        left = {
            key[0] if key[0] in BOOKS else key[1][:6] for key, row in rows.items() if not gone.isdisjoint(values(row))
        }
        assert left <= {*BOOKS, "U#nik#"}, when
        for text in (
            *outside(world, mails),
            *(str(vars(one)) for one in caplog.records if one.name.startswith("chalicelib")),
        ):
            assert leads.isdisjoint(_WORDS.findall(text)), when
        return rows

    with caplog.at_level(logging.INFO):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: services.erasure.erase(name, NOW), sorted(gone)))
        erased = look("after the erasure")
        before.put_back(erased)
        restored = Stored(services.settings).rows
        assert {key: restored[key] for key in before.rows} == before.rows, "the restore brings everybody back"
        took.append(time.process_time())
        assert services.erasure.replay(NOW).erased == ERASED
        after = look("after the restore")
    assert after.keys() == erased.keys()

    assert world.failed_checks(WAVE, tmp_path) == [], "the draw verifies"
    ledger = {key: row for key, row in before.rows.items() if key[0] == "payouts"}
    assert {key: row for key, row in after.items() if key[0] == "payouts"} == ledger, "so do the books"
    again = counted(services, 1)
    assert again.registered == count.registered - ERASED
    assert replace(again.progress, joined=count.progress.joined) == count.progress
    line = (
        f"erasure: {ERASED:,} of {MANY:,} people, {took[1] - took[0]:.0f} s of CPU; the replay "
        f"{took[3] - took[2]:.0f} s; {len(leads):,} values looked for in {len(after):,} rows"
    )
    show("erasure", SimpleNamespace(line=lambda _: line))
