"""A world for waves: the service and the step on moto, registrations in memory, a clock that tests move."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends
from msgspec.structs import replace

from admin.commands.draws.verify import pinned
from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.draw import beacon
from chalicelib.draw.errors import BeaconUnavailable
from chalicelib.draw.note import Chain, round_time
from chalicelib.ids import Randomness
from chalicelib.notices.store import NoticesTable
from chalicelib.registration.rules import Standing
from chalicelib.waves.award_queue import consume
from chalicelib.waves.entries import EntryItem, entry_item
from chalicelib.waves.places.revocation import Report
from chalicelib.waves.step import Transition
from chalicelib.waves.store import WavesTable
from chalicelib.wiring import Services
from local.sandbox.beacon import sign
from tests.builders.aws.calls import drained, wipe
from tests.builders.draws.files import write
from tests.builders.draws.verify_draw import verify
from tests.builders.people import Mailbox, People, card, registrant

WAVE = 145
OPENS = datetime(2026, 11, 27, 5, tzinfo=UTC)
CLOSES = datetime(2026, 11, 30, 17, tzinfo=UTC)
FREEZES = CLOSES + timedelta(seconds=16)
ROUND = FREEZES + timedelta(seconds=6)
"""The first wave after `T0`, by the calendar; it is frozen 16 seconds after its close, its beacon due 6 s later."""

PEOPLE = [f"person-{n}" for n in range(6)]


class Clock:
    """The instant that a test has come to; the bucket's clock is the same."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def seconds(self) -> float:
        return self.now.timestamp()

    def utcnow(self) -> datetime:
        return self.now.replace(tzinfo=None)


class DevelopmentBeacons:
    """The development chain without HTTP. Signs a round once it exists; silent while `silent`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.silent = False

    def fetch(self, chain: Chain, round_number: int) -> beacon.Beacon:
        if self.silent or self._clock.now < round_time(chain, round_number):
            raise BeaconUnavailable(round=round_number)
        return beacon.verify(chain, round_number, sign(round_number))


class Ticketed:
    """Unpredictable bytes that are the same in every test run: the nth call gives H(n)."""

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self, length: int) -> bytes:
        self._calls += 1
        return sha256(str(self._calls).encode()).digest()[:length]


class WavesWorld:
    """Everything a wave meets. `clock` moves only when a test moves it; the files of S3 have its time."""

    def __init__(self, cloud: Settings, programme: Programme, now: datetime, patch: pytest.MonkeyPatch) -> None:
        self.settings = cloud
        self.programme = programme
        self.clock = Clock(now)
        patch.setattr("moto.s3.models.utcnow", self.clock.utcnow)
        self.people = People(programme)
        self.mailbox = Mailbox()
        self.beacons = DevelopmentBeacons(self.clock)
        self.sns = boto3.client("sns", cloud.region)
        self.s3 = boto3.client("s3", cloud.region)
        self.randomness: Randomness = Ticketed()
        self._shared: dict[str, Any] = {
            "_client": {"sns": self.sns, "s3": self.s3}.__getitem__,
            "transaction": lambda: dynamodb.Transaction(cloud.region, sleep=lambda _: None),
        }
        services = self.wired()
        self.store, self.entries, self.publication = services._wave_store, services._entries, services._publication
        self._shared |= {"_wave_store": self.store, "_entries": self.entries, "_publication": self.publication}
        self.restart()
        self._announced = sns_backends[DEFAULT_ACCOUNT_ID][cloud.region].topics[cloud.announcements_topic]
        self.heard()

    def wired(self) -> Services:
        """The services as another function would have them, with nothing in memory, and the world's fakes set in."""
        services = Services(self.settings, self.programme, lambda: self.clock.now, self.randomness)
        fakes = {"registrations": self.people, "notices": self.mailbox, "beacons": self.beacons}
        vars(services).update(self._shared, **fakes)
        return services

    def expire(self, now: datetime, deadline_s: float = 60) -> Report:
        """Come to an instant and expire the places that are overdue there."""
        self.clock.now = now
        return self.wired().revocation.run(now, deadline_s, self.clock.seconds)

    def restart(self, **changes: Any) -> None:
        """Go on in other functions, with nothing in memory, and with these changes of the world."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.services = self.wired()
        self.waves, self.stepper = self.services.waves, self.services.stepper

    def join(self, *names: str, **changes: Any) -> None:
        """Register people, where that was not done, and let them join."""
        for name in names:
            if name not in self.people.by_id:
                self.people.add(registrant(name, **changes))
            self.waves.join(name, self.clock.now)

    def family(self, *names: str) -> None:
        """Let these have joined the wave with one family card, `card("family")`."""
        for name in names:
            self.people.add(replace(self.people.by_id[name], kk_mac=card("family")))
            entry_item(WAVE, name).update([EntryItem.kk.set(bytes.fromhex(card("family")))])

    def at(self, *instants: datetime) -> list[Transition]:
        """Come to each instant and take the step there; what the last one did."""
        for self.clock.now in instants:
            done = self.step()
        return done

    def step(self, deadline_s: float = 60) -> list[Transition]:
        return self.stepper.advance(self.clock.now, deadline_s, self.clock.seconds)

    def files(self, wave: int) -> dict[str, bytes]:
        """All that is published of a wave."""
        bucket, prefix = self.settings.results_bucket, f"draws/{wave}/"
        keys = [one["Key"] for one in self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
        return {key.removeprefix(prefix): self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def result(self, wave: int, name: str) -> Any:
        """A published JSON file."""
        return json.loads(self.files(wave)[name])

    def failed_checks(self, wave: int, folder: Path) -> list[str]:
        """The verifier's checks of a wave that do not hold, or could not be made."""
        write(folder, self.files(wave))
        note = self.publication.note(wave)
        record = self.store.wave(wave)
        assert note is not None
        assert record is not None
        weights = [word for region, weight in record.weights.items() for word in ("--weight", region, weight)]
        times = ["--closes-at", record.closes_at.isoformat(), "--seen-at", note.published_at.isoformat()]
        verdict = verify(folder, "--wave", wave, *times, *weights, *pinned(self.programme.draw), "--strict")
        failed = [check for check in verdict.checks if check["ok"] is False]
        unmade = [check for check in verdict.checks if check["ok"] is None and not verdict.ok]
        return [f"{check['name']}: {check['detail']}" for check in failed or unmade]

    def forget(self) -> None:
        """Make the table, the bucket and the people as they were at the beginning."""
        wipe(WavesTable, NoticesTable)
        bucket = self.settings.results_bucket
        versions = self.s3.list_object_versions(Bucket=bucket)
        for version in versions.get("Versions", []):
            self.s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        self.restart(people=People(self.programme), mailbox=Mailbox(), randomness=Ticketed())

    def heard(self) -> list[dict[str, Any]]:
        """What was announced since the last call."""
        messages = [json.loads(message) for _, message, *_ in self._announced.sent_notifications]
        self._announced.sent_notifications.clear()
        return messages

    def queued_awards(self) -> list[str]:
        """The bodies of the messages that were sent to the queue of awards since the last call, in any order."""
        return [message["Body"] for message in drained(self.settings.awards_queue_url)]

    def take_awards(self, *bodies: str, deadline_s: float = 60) -> list[str]:
        """Hand messages to the consumer; those that it reports as failed."""
        records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
        answer = consume(records, self.wired().award_batches, self.clock.now, deadline_s, self.clock.seconds)
        return [bodies[int(one["itemIdentifier"])] for one in answer["batchItemFailures"]]


def joined(world: WavesWorld) -> None:
    """After a first step six people join by the clock, one from another region. Four seats, two reserved."""
    world.step()
    world.waves.resize(WAVE, 4, 2, {31: 1, 32: 1}, world.clock.now)
    world.clock.now = OPENS + timedelta(seconds=1)
    world.join(*PEOPLE[:5])
    world.join(PEOPLE[5], region=32)


def outcome(world: WavesWorld) -> dict[str, Any]:
    """Everything that the wave leaves behind but the random card numbers."""
    beneficiaries = {one.registrant_id: one for one in world.waves.beneficiaries.of_many(world.people.by_id)}
    record = world.store.wave(WAVE)
    return {
        # The instant depends on the step that recorded it.
        "record": record and replace(record, settled_at=None),
        "draw": world.store.draws([WAVE]),
        "year": world.store.allotted(2026),
        "files": world.files(WAVE),
        "outcomes": {one.registrant_id: one.outcome for one in world.entries.candidates(WAVE)},
        "beneficiaries": {name: (one.wave, one.seat, one.scheme) for name, one in beneficiaries.items()},
        "in_registration": {
            name for name, person in world.people.by_id.items() if person.standing is Standing.BENEFICIARY
        },
    }


def with_target(programme: Programme, target: int) -> Programme:
    """The programme with so many participants a year."""
    return msgspec.structs.replace(programme, targets={"default": target})
