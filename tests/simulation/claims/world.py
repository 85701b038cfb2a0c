"""The real services of registration and of the civil registry over AWS in memory, and a registry with outages."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace
from pynamodb.exceptions import PynamoDBException

from bench.aws.expressions import Item, holds
from chalicelib.civil_registry import service as asking
from chalicelib.civil_registry.errors import NoAnswer
from chalicelib.civil_registry.registry import CivilRecord, Said
from chalicelib.civil_registry.service import Judge, Verifier, consume
from chalicelib.config import Programme
from chalicelib.errors import DomainError
from chalicelib.payouts.ledger import records as ledger_partitions
from chalicelib.registration import service, store, verifications
from chalicelib.registration.claims import service as claims
from chalicelib.registration.items import Profile
from chalicelib.registration.rules import Registrant
from chalicelib.wiring import Services
from tests.conftest import T0

from ..accounts.cloud import Cloud
from ..accounts.processes import PROGRAMME, SETTINGS
from ..oracle import Violation
from ..ports import MemoryQueue, Nature, Scheduler, Task

FUNCTION_S = 300
_UNSETTLED = ("unsettled_shard", "updated_at")
CLAIMS_WAIT = timedelta(seconds=PROGRAMME.eligibility.nik_claim_wait_s)


class RegistryCloud(Cloud):
    """Also the queue of the registry, and the index of who is to be asked about."""

    def __init__(self, nature: Nature, dice: random.Random, clock: Callable[[], datetime]) -> None:
        super().__init__(nature, dice, clock)
        self.registry = MemoryQueue(nature, dice)
        self.written = 0
        """How many writes there were."""

    def _answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        self.written += operation not in {"GetItem", "BatchGetItem", "Query"}
        return super()._answer(operation, asked)

    def _send(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - SQS's own names
        if "registry" in QueueUrl:
            self.registry.put([entry["MessageBody"] for entry in Entries])
            return {}
        if "payout" in QueueUrl:
            return {}  # a worker looks at the ledger itself
        return super()._send(QueueUrl, Entries)

    def _unsent(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["IndexName"] not in {"unverified", "unsettled"}:
            return super()._unsent(asked)
        shard, at = ("unverified_shard", "ask_from") if asked["IndexName"] == "unverified" else _UNSETTLED
        own = [item for item in self.tables.items.values() if shard in item and at in item]
        found = [item for item in own if holds(asked, item, "KeyConditionExpression")]
        return {"Items": found, "Count": len(found), "ScannedCount": len(found)}


class Registry:
    """What is true of people, by NIK. While it is down it gives no answer."""

    source = "sim"

    def __init__(self, pause: Callable[[], None]) -> None:
        self._pause = pause
        self.people: dict[str, CivilRecord] = {}
        self.down = False

    def find(self, niks: Sequence[str]) -> list[Said]:
        self._pause()
        if self.down:
            raise NoAnswer("http_503", passes=True)
        return [self.people.get(nik) for nik in niks]


class World:
    """`note` is told what happens; `wrong` is what must not have."""

    def __init__(self, dice: random.Random, note: Callable[[str], None], programme: Programme = PROGRAMME) -> None:
        self.dice, self.note = dice, note
        self.now = T0
        self.wrong: list[str] = []
        self.scheduler = Scheduler(dice, self._failed)
        self.nature = Nature(dice, self.scheduler.pause, note)
        self.cloud = RegistryCloud(self.nature, dice, lambda: self.now)
        settings = replace(SETTINGS, registry_url="https://registry.invalid")
        self.services = Services(settings, programme, clock=lambda: self.now, randomness=dice.randbytes)
        self.registry = Registry(self.scheduler.pause)
        self.drawing: set[str] = set()
        """Whom a closed wave has yet to decide about."""
        self.awaiting: set[str] = set()
        """Whom the wave that gives places has yet to decide about."""
        services = self.services
        judge = Judge(
            services.registration_store, services.verifications, services.vault, PROGRAMME.registry, lambda: self.now
        )
        self._verifier = Verifier(judge, self.registry, int)
        self.waves = SimpleNamespace(
            in_draw=lambda who, _now: who in self.drawing | self.awaiting,
            join_too=lambda *_: None,
            given=lambda _: None,
        )
        services.nik_claims._entries = lambda: self.waves
        services.registry_sweep._first = SimpleNamespace(queue=lambda *_: None)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The cloud is there. One partition of the index is as good as eight, and greenlets know no threads."""
        with ExitStack() as stack:
            stack.enter_context(self.cloud.installed())
            stack.enter_context(patch.object(service, "at_once", lambda *calls: [call() for call in calls]))
            for module in (store, verifications, claims):
                stack.enter_context(patch.object(module, "UNVERIFIED", 1))
            stack.enter_context(patch.object(asking, "UNVERIFIED_SHARDS", ["00"]))
            stack.enter_context(patch.object(ledger_partitions, "SHARDS", 1))
            yield

    def start(self, name: str, work: Callable[[], Any]) -> None:
        """Something that a person or a schedule begins; it may die anywhere."""
        self.scheduler.start(name, work, self.now.timestamp() + FUNCTION_S)

    def later(self, passed: timedelta) -> None:
        self.now += passed
        self.note(f"+ {passed}")
        self.scheduler.kill_late(self.now.timestamp())

    def ask(self) -> None:
        """Messages of the queue reach the consumer; who is not acknowledged comes again."""
        batch = self.cloud.registry.take(self.dice.choice([1, 1, 2, 5]))
        if not batch:
            return
        lost = list(batch)

        def work() -> None:
            records = [{"messageId": one.id, "body": one.body} for one in batch]
            failed = {one["itemIdentifier"] for one in consume(records, self._verifier)["batchItemFailures"]}
            lost[:] = [one for one in batch if one.id in failed or self.dice.random() < self.nature.rate / 2]

        self.scheduler.start(
            "ask", work, self.now.timestamp() + FUNCTION_S, lambda: self.cloud.registry.give_back(lost)
        )

    def sweep(self) -> None:
        """As the function `sweep_registry`."""
        now = self.now
        self.start(
            "sweep", lambda: (self.services.nik_claims.run(now, FUNCTION_S), self.services.registry_sweep.run(now))
        )

    def run(self) -> None:
        """Whatever was begun comes to its end."""
        while self.scheduler.tasks:
            self.scheduler.resume()

    def profiles(self) -> dict[str, Registrant]:
        """Every registration as it is now, by account; nobody's call."""
        found = self.rows("R#", "PROFILE")
        return {pk[2:]: store.registrant_of(pk[2:], Profile.from_raw_data(item)) for (pk, _), item in found.items()}

    def holders(self) -> dict[str, str]:
        """Who holds each NIK, by its keyed hash."""
        return {pk[6:]: item["registrant"]["S"] for (pk, _), item in self.rows("U#nik#", "UNIQUE").items()}

    def claims(self) -> set[tuple[str, str]]:
        """The list of claims: keyed hash and registrant."""
        found = self.rows("CLAIMS", "").keys()
        return {(sk.partition("#")[0], sk.partition("#")[2]) for _, sk in found}

    def told(self, who: str, news: str) -> list[datetime]:
        """When somebody was told a piece of news of a claim."""
        rows = self.rows(f"N#{who}", f"nik_claim/{news}/").values()
        return sorted(datetime.fromisoformat(item["created_at"]["S"]) for item in rows)

    def fail(self, what: str) -> None:
        self.wrong.append(what)
        raise Violation(what)

    def rows(self, pk: str, sk: str) -> dict[tuple[str, str], Item]:
        """The items whose keys begin so; nobody's call."""
        items = self.cloud.tables.items.items()
        return {(key[1], key[2]): item for key, item in items if key[1].startswith(pk) and key[2].startswith(sk)}

    def _failed(self, task: Task, error: Exception) -> None:
        self.note(f"{task.name}: {type(error).__name__} {error}")
        each = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        expected = (DomainError, PynamoDBException, ClientError, BotoCoreError)
        self.wrong += [f"{task.name} ended by {one!r}" for one in each if not isinstance(one, expected)]
