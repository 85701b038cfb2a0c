"""The notice writer: results, deadlines and payments are told to everyone concerned, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib import notice_writer
from chalicelib.aws.job_progress import Cursors
from chalicelib.clock import iso
from chalicelib.notice_writer import NoticeWriter
from chalicelib.notices.rules import Kind
from chalicelib.notices.service import decode_message
from chalicelib.notices.store import TellingCursor, TellingProgress
from chalicelib.payouts.ledger.records import News
from chalicelib.payouts.rules import Hold
from chalicelib.payouts.rules import Kind as Purpose
from chalicelib.payouts.rules import State as Paid
from chalicelib.registration.rules import Registrant
from chalicelib.waves.rules import NOT_DRAWN, Beneficiary, BeneficiaryState, Deadline, Result, Wave, WaveState
from chalicelib.wiring import Services
from tests.builders.notices import PostOffice
from tests.builders.people import registrant
from tests.builders.places import settled
from tests.builders.waves import OPENS, PEOPLE, WAVE, WavesWorld
from tests.conftest import T0

DAY = timedelta(days=1)
BUY_BY = T0 + 15 * DAY


class Happened:
    """What waves and payouts have to tell, in memory; `dies` says after how many pages the run ends."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Result]] = {}
        self.chosen: dict[str, Beneficiary] = {}
        self.shards: dict[str, str] = {}
        self.lines: dict[str, list[News]] = {}
        self.dies: int | None = None

    def records(self) -> list[Wave]:
        times = {"opens_at": T0 - 4 * DAY, "closes_at": T0 - DAY, "quota": 10, "reserved": 0, "weights": {}}
        return [Wave(60, WaveState.SETTLED, **times), Wave(61, WaveState.DRAWN, **times)]

    def results(self, wave: int, shard: str, after: str, limit: int) -> list[Result]:
        assert wave == 60, "only what is settled is told"
        self._live()
        return [one for one in self.entries.get(shard, []) if one.registrant_id > after][:limit]

    @property
    def beneficiaries(self) -> Any:
        return self

    def of_many(self, registrant_ids: Iterable[str]) -> list[Beneficiary]:
        return [self.chosen[one] for one in registrant_ids if one in self.chosen]

    def at_many(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Beneficiary]:
        return {(who, wave): self.chosen[who] for who, wave in keys if who in self.chosen}

    def potential(self, shard: str, until: datetime) -> Iterator[Deadline]:
        for one in sorted(self.chosen.values(), key=lambda one: one.buy_by):
            if shard == self.shards.get(one.registrant_id, "00") and one.buy_by <= until:
                yield Deadline(one.registrant_id, one.buy_by)

    def next_opening(self, now: datetime) -> datetime:
        return now + 7 * DAY

    def news(self, shard: str, after: str, until: datetime, limit: int) -> list[News]:
        self._live()
        return [line for line in self.lines.get(shard, []) if line.key > after and line.at <= until][:limit]

    def die(self, *_: Any) -> None:
        raise RuntimeError("the function ends here")

    def _live(self) -> None:
        if self.dies is not None:
            self.dies -= 1
            if self.dies < 0:
                self.die()


def beneficiary(
    name: str, state: BeneficiaryState = BeneficiaryState.POTENTIAL, wave: int = 60, buy_by: datetime = BUY_BY
) -> Beneficiary:
    return Beneficiary(name, wave, f"card-{name}", "2023", "open", state, T0, 31, buy_by)


def line(n: int, state: Paid, latest: Paid | None = None, hold: Hold | None = None) -> News:
    at = T0 + timedelta(minutes=n)
    key = f"{at:%Y-%m-%dT%H:%M:%SZ}|{n}"
    return News(f"pay{n}", f"person-{n}", 60, Purpose.INCENTIVE, 600_000, state, at, latest or state, hold, key)


class Queue:
    """A queue that is always empty, whose messages are kept here; it may end the function once."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.dies = False

    def send(self, bodies: list[str]) -> None:
        if bodies and self.dies:
            self.dies = False
            raise RuntimeError("the function ends here")
        self.bodies += bodies

    def waiting(self) -> int:
        return 0


class World:
    def __init__(self, cloud: Any, programme: Any) -> None:
        self.office = PostOffice(cloud, programme)
        self.happened = Happened()
        self.programme = programme
        self.unconfirmed: set[str] = set()  # or erased
        self.people: dict[str, Registrant] = {}
        self.writer = NoticeWriter(
            programme,
            self.happened,
            self.happened,
            self.office.services.notices,
            Cursors(TellingCursor),
            TellingProgress(),
            lambda people: {one: self.people.get(one, registrant(one)) for one in {*people} - self.unconfirmed},
        )

    def run(self, now: datetime, deadline_s: float = 60) -> None:
        self.office.now = now
        self.writer.run(now, deadline_s)

    def told(self) -> list[str]:
        """The events whose messages waited; they are dealt with (NO_ADDRESS)."""
        messages = self.office.receive()
        assert self.office.deliver(messages) == []
        return [decode_message(each["body"]).event for each in messages]


@pytest.fixture
def world(cloud, programme) -> World:
    return World(cloud, programme)


def test_each_of_300_results_is_told_once_though_the_job_keeps_dying(world, monkeypatch):
    monkeypatch.setattr(notice_writer, "PAGE", 25)
    monkeypatch.setattr("chalicelib.notices.rules.SHARDS", 2)  # moto takes its time for each query of an index
    monkeypatch.setattr("chalicelib.notices.store.SHARDS", 2)
    names = [f"person-{n:03d}" for n in range(300)]
    for shard, own in (("00", names[:120]), ("07", names[120:121]), ("63", names[121:])):
        world.happened.entries[shard] = [Result(one, None if one[-1] == "7" else NOT_DRAWN) for one in own]
    world.happened.chosen = {one: beneficiary(one) for one in names if one[-1] == "7"}

    queue = Queue()
    world.office.services.notices._queue = queue

    # It dies between a notice and its message; before a page, several times; then it has the time it needs.
    queue.dies = True
    with pytest.raises(RuntimeError):
        world.run(T0)
    assert queue.bodies == []
    later = T0 + timedelta(seconds=world.programme.notices.requeue_after_s + 1)
    for n, pages in enumerate((3, 2, 70)):
        world.happened.dies = 16 + pages  # the news of payments are 16 reads
        with pytest.raises(RuntimeError):
            world.run(later + timedelta(seconds=n))
    world.happened.dies = None
    for n in (4, 5):
        world.run(later + timedelta(seconds=n))

    assert len(queue.bodies) == len(set(queue.bodies)) == 300
    assert Counter(decode_message(body).event for body in queue.bodies) == {"chosen/60": 30, "not_chosen/60": 270}
    notice = world.office.store.notice("person-007", "chosen/60")
    assert notice.kind is Kind.CHOSEN
    assert notice.facts == {"wave": 60, "training_idr": 3_500_000, "buy_by": "2026-12-09T03:00:00Z"}


def test_a_person_without_a_purchase_is_reminded_once_at_each_mark(world, caplog):
    caplog.set_level("INFO", "chalicelib.notice_writer")
    world.happened.chosen = {"siti": beneficiary("siti"), "budi": beneficiary("budi", BeneficiaryState.ACTIVE)}
    before = world.programme.notices.remind_before_s
    marks = [BUY_BY - timedelta(seconds=each) for each in before]
    world.run(T0)
    assert world.told() == [], "too early"
    assert [one.message for one in caplog.records if one.message == "notices_written"] == []

    for mark in marks:
        for minutes in (0, 0, 5, 9):
            world.run(mark + timedelta(seconds=minutes / 10))
    assert world.told() == [f"purchase_deadline/60/{each}" for each in before]
    assert [one.count for one in caplog.records if one.message == "notices_written"] == [1] * len(before)
    later = BUY_BY + 15 * DAY
    world.happened.chosen["siti"] = replace(beneficiary("siti", buy_by=later), put_off_at=BUY_BY)
    for each in before:
        world.run(later - timedelta(seconds=each))
    assert world.told() == [f"purchase_deadline/60/{each}/{iso(later)}" for each in before], "anew for the new deadline"
    world.run(later + DAY)
    assert world.told() == []
    world.happened.chosen = {"ani": beneficiary("ani", wave=59, buy_by=later + 9 * DAY)}
    world.run(later + 9 * DAY - timedelta(seconds=1))
    assert world.told() == [f"purchase_deadline/59/{min(before)}"], "after days without a run: what still matters"


def test_who_may_not_buy_yet_is_reminded_of_what_comes_when_they_may_and_of_a_later_deadline(world):
    world.happened.chosen = {"siti": beneficiary("siti")}
    world.unconfirmed = {"siti"}
    first, last = (timedelta(seconds=each) for each in world.programme.notices.remind_before_s)
    world.run(BUY_BY - first)
    assert world.told() == []
    world.unconfirmed.clear()
    for minutes in (0, 5):
        world.run(BUY_BY - last + timedelta(minutes=minutes))
    assert world.told() == [f"purchase_deadline/60/{last.total_seconds():.0f}"]
    later = BUY_BY + 15 * DAY
    world.happened.chosen = {"siti": replace(beneficiary("siti", buy_by=later), put_off_at=BUY_BY)}
    world.run(later - first)
    assert world.told() == [f"purchase_deadline/60/{first.total_seconds():.0f}/{iso(later)}"]


def test_a_reminder_names_the_deadline_that_holds_though_nobody_has_written_it_down(world):
    """From the registry's answer on there is the whole time: 75 seconds."""
    first, last = (timedelta(seconds=each) for each in world.programme.notices.remind_before_s)
    far, near = BUY_BY + timedelta(seconds=25), BUY_BY + timedelta(seconds=5)
    for name, until in (("siti", far), ("budi", near)):
        world.happened.chosen[name] = beneficiary(name)
        world.people[name] = registrant(name, confirmed_at=until - timedelta(seconds=75))
    world.run(near - first)
    assert world.told() == [f"purchase_deadline/60/{first.total_seconds():.0f}/{iso(near)}"]
    assert world.office.store.notice("siti", f"purchase_deadline/60/{first.total_seconds():.0f}/{iso(far)}") is None
    world.happened.chosen = {"siti": replace(beneficiary("siti", buy_by=far), put_off_at=BUY_BY)}
    world.run(far - last)
    assert world.told() == [f"purchase_deadline/60/{last.total_seconds():.0f}/{iso(far)}"]


def test_a_whole_wave_is_reminded_though_every_run_dies_early(cloud, programme, monkeypatch):
    monkeypatch.setattr(notice_writer, "PAGE", 1)
    before = 5 * DAY
    figures = replace(programme.notices, remind_before_s=(int(before.total_seconds()),))
    world = World(cloud, replace(programme, notices=figures))
    names = [f"person-{n}" for n in range(12)]
    world.happened.chosen = {one: beneficiary(one) for one in names}
    world.happened.shards = {one: f"{n // 2:02d}" for n, one in enumerate(names)}
    find, asked = world.happened.of_many, []

    def dying(registrant_ids):
        asked.append(registrant_ids)
        return find(registrant_ids) if len(asked) <= 5 else world.happened.die()

    monkeypatch.setattr(world.happened, "of_many", dying)
    for n in range(8):
        asked.clear()
        with suppress(RuntimeError):
            world.run(BUY_BY - before + n * timedelta(minutes=15))
    assert asked == [], "the last run has nothing left to do"
    assert len(world.told()) == len(names)


def test_the_next_run_skips_people_already_reminded(world, monkeypatch):
    names = [f"person-{n}" for n in range(3)]
    world.happened.chosen = {one: beneficiary(one) for one in names}
    find, asked = world.happened.of_many, []

    def asking(registrant_ids):
        asked.extend(registrant_ids)
        return find(asked)

    monkeypatch.setattr(world.happened, "of_many", asking)
    mark = BUY_BY - timedelta(seconds=world.programme.notices.remind_before_s[0])
    for n in range(3):
        world.run(mark + n * timedelta(seconds=1))
    assert asked == names
    assert len(world.told()) == len(names)


def test_a_payment_is_told_once_in_its_final_state(world, monkeypatch):
    world.happened.lines = {
        "03": [line(1, Paid.PAID), line(2, Paid.HELD, hold=Hold.NO_ADDRESS), line(3, Paid.CANCELLED)],
        "11": [line(4, Paid.HELD, Paid.PAID), line(5, Paid.PAID, Paid.REVERSED), line(6, Paid.REVERSED)],
    }
    for _ in range(3):
        world.run(T0 + timedelta(hours=1))

    assert sorted(world.told()) == [
        "paid/pay1",
        "payment_failed/pay2/no_address",
        "payment_failed/pay3/cancelled",
        "payment_failed/pay6/reversed",
    ]
    notice = world.office.store.notice("person-2", "payment_failed/pay2/no_address")
    assert notice.facts == {"for": "INCENTIVE", "amount_idr": 600_000, "reason": "no_address"}
    monkeypatch.setattr(world.office.store, "add", world.happened.die)
    world.run(T0 + timedelta(hours=1, minutes=5))  # what was told is not gone through again


def test_a_held_payment_is_told_with_its_present_reason(world):
    """Whose address is there by now is not asked for one, though the line was written when it was missing."""
    holds = [Hold.NO_ADDRESS, Hold.UNVERIFIED, Hold.EXCLUDED, Hold.ADMIN, Hold.ACCOUNT_REFUSED]
    world.happened.lines = {"03": [line(n, Paid.HELD, hold=hold) for n, hold in enumerate(holds, 1)]}
    world.run(T0 + timedelta(hours=1))

    refused = f"payment_failed/pay5/account_refused/{iso(T0 + timedelta(minutes=5))}"
    told = ["payment_failed/pay1/no_address", "payment_failed/pay2/unverified", refused]
    assert sorted(world.told()) == told, "each refusal of an account is told"
    assert world.office.store.notice("person-2", "payment_failed/pay2/unverified").facts["reason"] == "unverified"


def test_a_run_without_time_leaves_the_work_to_the_next(world):
    world.happened.entries["00"] = [Result("siti", NOT_DRAWN)]
    world.run(T0, deadline_s=notice_writer.PAGE_S - 1)
    assert world.told() == []
    world.run(T0)
    assert world.told() == ["not_chosen/60"]


def test_everyone_of_a_real_wave_is_told_their_result(cloud, programme, monkeypatch):
    waves = WavesWorld(cloud, programme, T0, monkeypatch)
    settled(waves, 2, *PEOPLE)
    services = Services(cloud, programme, clock=lambda: waves.clock.now)
    for _ in range(2):
        services.notice_writer.run(waves.clock.now, 60)

    chosen = {name for name in PEOPLE if waves.waves.beneficiaries.of(name)}
    told = {
        name: [event for event in ("chosen", "not_chosen") if services.mailboxes.notice(name, f"{event}/{WAVE}")]
        for name in PEOPLE
    }
    assert told == {name: ["chosen" if name in chosen else "not_chosen"] for name in PEOPLE}
    agenda = services.agenda(OPENS)
    assert f"UID:wave-{WAVE}@gelombang.example" in agenda
    assert services.feed().count("<entry>") == 5
