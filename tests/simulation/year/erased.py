"""A tenth of the people of a year is erased; a restore brings them back, and the replay takes them away again.

Then no stored byte leads to them: in tables, files, queues, announcements and logs. The draws verify as before, and the
statistics count the same places and payments.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec

from chalicelib.privacy.rules import register

from .life import Life
from .people import Person

STAYS = {kind for kind, kept in register().kept.items() if kept.stays}
OF_PLACES = (
    "joined",
    "chosen",
    "potential",
    "revoked",
    "recipients",
    "completed",
    "graduates",
    "paid",
    "paid_idr",
)
ENDED = ("REVOKED", "GRADUATED")
"""States of a place of which no partner has anything to report any more."""
_LEADS = {"wrapped_key", "phone_mac", "account_mac", "kk_mac", "kk", "answers"} | {
    name for kept in register().kept.values() for name in (*kept.sealed, *kept.strips)
} - {"contacts", "sealed_body", "narrative"}
"""What is stored of a person and must go. What the books keep sealed is noise without the wrapped key."""
_WORDS = re.compile(r"[A-Za-z0-9@.+/=_-]{8,}")
Key = tuple[str, str, str]


def erase_a_tenth(life: Life) -> int:
    """Erase them, restore, and look for them everywhere; faults are the oracle's. Returns how many were erased."""
    world, services, logged = life.world, life.world.services, list[str]()
    may = [one for one in sorted(life.people) if services.under_way(one) is None]
    chosen = [one for one in may if life.people[one].chosen and life.oracle.places[one].state in ENDED]
    may = [one for one in may if one in chosen or not life.people[one].chosen]
    # Half of them had a place if as many had one, as far more is kept of these.
    gone = {*chosen[: len(life.people) // 20], *sorted(set(may) - set(chosen))}
    gone = {*sorted(gone, key=lambda one: (not life.people[one].chosen, one))[: len(life.people) // 10]}
    for one in sorted(gone):
        life.people[one].alive = False
        services.delete_me(SimpleNamespace(account_id=one, id="s" * 26), world.clock())
    before = {key: msgspec.msgpack.encode(item) for key, item in world.cloud.tables.rows.items()}
    leads = _leads(life, gone, before)
    with _logs_to(logged):
        for _ in range(7):
            day = world.now.date() + timedelta(days=1)
            world.begin_day(day)
            world.until(datetime.combine(day + timedelta(days=1), time(), UTC))
        gone -= _kept(life, gone)
        _look(life, gone, leads, logged, before, "after the erasure")
        _restore(life, gone, before)
        services.erasure.replay(world.clock())
    _look(life, gone, leads, logged, before, "after the restore")
    for wave in services._wave_store.waves():
        if wave.settled_at is not None:
            life.oracle._settled(wave)
    _count(life)
    return len(gone)


def _count(life: Life) -> None:
    """A new round counts of each wave what it did before of everything that does not follow from people's answers."""
    world, services = life.world, life.world.services
    for _ in range(2):  # the round that was under way, and a new one
        world.until(world.now + timedelta(hours=1))
        while not services.tally_job.run(world.clock(), 800, world._seconds):
            pass
    for number, whole in services._tally_store.wholes().items():
        if number.isdigit() and services._wave_store.wave(int(number)).settled_at is not None:
            theirs = sum(map(Counter, whole.regions.values()), Counter[str]())
            mine = sum(life.oracle.of_wave(int(number)).values(), Counter[str]())
            wrong = {name: (theirs[name], mine[name]) for name in OF_PLACES if theirs[name] != mine[name]}
            if wrong:
                life.oracle.fail(f"after the erasure wave {number} is counted {wrong}")


def _kept(life: Life, asked: set[str]) -> set[str]:
    """Who was not erased after all: something of theirs came up in the meantime."""
    return asked - set(life.world.services.erasure._erased.all())


def _leads(life: Life, gone: set[str], before: dict[Key, bytes]) -> dict[str, set[str | bytes]]:
    """By person what leads to them: what they typed, hashes and wrapped keys of it, as they are stored."""
    rules, table = life.world.programme.eligibility, life.world.services.settings.table
    leads: dict[str, set[str | bytes]] = {one: {one, *_typed(life.people[one], rules)} for one in gone}
    families = Counter(person.family for person in life.people.values())
    for (name, pk, _), raw in before.items():
        item = msgspec.msgpack.decode(raw)
        owner = next((item[field]["S"] for field in ("account_id", "registrant") if "S" in item.get(field, {})), "")
        one = owner or pk.partition("#")[2]
        if one not in gone or name == table("payouts"):
            continue
        shared = {"kk_mac", "kk"} if families[life.people[one].family] > 1 else set()
        for field in _LEADS - shared:
            if field in item:
                leads[one] |= set(item[field].values())
    return leads


def _typed(person: Person, rules: Any) -> Iterator[str]:
    form = person.form(rules)
    yield from (form.nik, form.phone, f"orang{person.number}@example.org")


def _restore(life: Life, gone: set[str], before: dict[Key, bytes]) -> None:
    """Every row and attribute that went is there again, as when an administrator copies rows of a restored table."""
    rows = life.world.cloud.tables.rows
    rows.watch, watch = lambda _key, _before, _after: None, rows.watch
    for key, raw in before.items():
        item = msgspec.msgpack.decode(raw)
        if gone & {*_texts(item), *key[1].split("#"), *key[2].split("#")}:
            rows[key] = item | rows.get(key, {})
    rows.watch = watch


def _look(
    life: Life,
    gone: set[str],
    leads: dict[str, set[str | bytes]],
    logged: list[str],
    before: dict[Key, bytes],
    when: str,
) -> None:
    """Nothing is left that leads to them; their id is where something stays by the record of processing alone."""
    world, stage = life.world, life.world.services.settings.table("")
    secrets = {lead: one for one in gone for lead in leads[one] - {one}}
    for (name, pk, sk), item in world.cloud.tables.rows.items():
        texts = {*_texts(item), *pk.split("#"), *sk.split("#")}
        for _ in secrets.keys() & texts:
            life.oracle.fail(f"{when} {name} still has a lead to somebody, in {pk.partition('#')[0]} / {sk[:8]}")
        # An id that leads to nobody may stay where the record of processing says why no person is shown such rows.
        left_out = any(
            pk.startswith(key.partition("/")[0]) for key in register().left_out.get(name.removeprefix(stage), ())
        )
        # A job may still write a notice, which is sent to nobody and goes after 30 days (docs/privacy.md).
        left_out |= pk.startswith("N#") and name.endswith("-notices") and (name, pk, sk) not in before
        if gone & texts and not left_out and _kind(name.removeprefix(stage), pk, sk) not in STAYS:
            life.oracle.fail(f"{when} {name} still names somebody, in {pk.partition('#')[0]} / {sk[:8]}")
    outside = [
        *logged,
        *map(json.dumps, world.cloud.announced),
        *(one for some in world.cloud.queues.values() for one in some),
    ]
    # All files of all buckets. A bank's file and a registry's questions are in none: commands make them of sealed rows.
    for (_, key), (body, _, _) in world.cloud.files.written.items():
        outside.append(body.decode("latin-1") if not key.startswith("erasures/") else "")
    for text in outside:
        words = set(_WORDS.findall(text))
        if (secrets.keys() | gone) & words:
            life.oracle.fail(f"{when} a file, a message or a log leads to somebody: {text[:60]}")


def _kind(table: str, pk: str, sk: str) -> str:
    fitting = {
        len(start): kind
        for kind, kept in register().kept.items()
        if kept.table == table
        for start in [kept.key.partition("<")[0]]
        if f"{pk} / {sk}".startswith(start)
    }
    kinds = [
        k for k, kept in register().kept.items() if kept.table == table and pk.startswith(kept.key.partition("<")[0])
    ]
    return next((kind for kind in kinds if kind in STAYS), fitting[max(fitting)] if fitting else "")


def _texts(item: dict[str, Any]) -> Iterator[str | bytes]:
    for value in item.values():
        [(form, plain)] = value.items()
        if form == "SS":
            yield from plain
        elif isinstance(plain, bytes):
            yield plain
        elif isinstance(plain, str):
            yield plain
            yield from _WORDS.findall(plain) if plain[:1] in "[{" else ()


class _logs_to:  # noqa: N801 - used as a function
    """Everything that is logged goes into a list meanwhile."""

    def __init__(self, logged: list[str]) -> None:
        self._handler = logging.Handler()
        self._handler.emit = lambda record: logged.append(str(vars(record)))  # type: ignore[method-assign]

    def __enter__(self) -> None:
        logging.disable(logging.NOTSET)
        logging.getLogger("chalicelib").addHandler(self._handler)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("chalicelib").removeHandler(self._handler)
        logging.disable(logging.CRITICAL)
