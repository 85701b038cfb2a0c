"""Asks for a deletion, carries it out and looks at what is left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3

from chalicelib.accounts.items import DueDeletionItem
from chalicelib.config import Settings
from chalicelib.notices.store import NoticeItem
from chalicelib.privacy.erasure import TOKENS_LIVE
from chalicelib.privacy.rules import register
from chalicelib.waves.rules import WaveState
from chalicelib.waves.store import WaveItem
from tests.builders.aws.rights import rights_of
from tests.builders.lives import rows, young
from tests.builders.waves import WAVE
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway

A_MINUTE = timedelta(minutes=1)
STAYS = {kind for kind, kept in register().kept.items() if kept.stays}


def ask(gateway: Gateway, person: str) -> dict[str, Any]:
    return dict(gateway.ok(Call(routes.DELETE_ME, person=person)))


def refusal(gateway: Gateway, person: str) -> str:
    answer = gateway.send(Call(routes.DELETE_ME, person=person))
    assert (answer.status_code, answer.json_body["code"]) == (409, "not_deletable_yet")
    return str(answer.json_body["because"])


def run(gateway: Gateway, *, after: timedelta = timedelta()) -> bool:
    gateway.now += after
    with rights_of("erase_people"):
        return gateway.services.erasure.run(gateway.now, 800, lambda: 0)


def carry_out(gateway: Gateway, person: str) -> None:
    """All of it, from the request."""
    ask(gateway, person)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert run(gateway, after=TOKENS_LIVE + A_MINUTE)
    assert list(DueDeletionItem.query("DELETIONS")) == []


def told_of(person: str, kind: str) -> list[dict[str, Any]]:
    return [dict(one.facts) for one in NoticeItem.query(f"N#{person}") if one.kind == kind]


def in_wave(gateway: Gateway, state: WaveState) -> None:
    WaveItem("WAVES", f"{WAVE:06d}").update([WaveItem.state.set(state)])
    gateway.services.waves._waves_kept = None


def restore(cloud: Settings, before: list[tuple[str, dict[str, Any]]], only: str = "") -> None:
    """What an administrator does with a restored table: every row that is missing is copied."""
    client = boto3.client("dynamodb", cloud.region)
    there = {(table, row["pk"]["S"], row["sk"]["S"]) for table, row in rows(cloud)}
    for table, row in before:
        if (table, row["pk"]["S"], row["sk"]["S"]) not in there and only in ("", table):
            client.put_item(TableName=cloud.table(table), Item=row)


def about(cloud: Settings, person: str) -> set[str]:
    """The kinds of rows that are left about a person, as the register names them."""
    found = set()
    for table, row in rows(cloud):
        if person in str(row):
            kinds = [
                kind
                for kind, kept in register().kept.items()
                if kept.table == table and row["pk"]["S"].startswith(kept.key.partition("<")[0].rstrip())
            ]
            found.add(next((kind for kind in kinds if kind in STAYS), f"{table}: {row['pk']['S']} / {row['sk']['S']}"))
    return found


def secrets_of(before: list[tuple[str, dict[str, Any]]], person: str) -> set[str]:
    """What leads to a person: keyed hashes, wrapped keys, birth date and regency, as they were stored."""
    found = set[str]()
    for _, row in before:
        if person in row["pk"]["S"] or row.get("account_id", {}).get("S") == person:
            macs = ("kk_mac", "phone_mac", "name_mac", "account_mac")
            for name in ("wrapped_key", *macs, "birth_date", "regency", "answers"):
                found |= {str(next(iter(row[name].values())))} if name in row else set()
    return found
