"""The waves table: records, the calendar's exceptions, the seats of a year, results of draws.

Entries are in `entries.py`, beneficiaries in `places/beneficiaries.py`; all are items of the one table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ..aws.admin_acts import Act, ActColumns, Journal
from ..aws.attributes import EnumAttribute, InstantAttribute, JsonAttribute, WholeAttribute, item_of
from ..aws.dynamodb import LegsFailed, Transaction, find, get_batch, rows_of, save_if, update_if
from ..aws.table import Table
from ..draw.selection import DrawResult
from ..structs import fill
from ..values import Value
from .calendar import CalendarException, Changes, Pause, PlannedWave
from .rules import NEXT, AwardedBatch, Wave, WaveState


class Halt(Value, frozen=True):
    """What the public is to be told, once, of a pause or the end. `wave` is the last that had closed before it."""

    event: str
    wave: int
    facts: Mapping[str, str | None]
    id: str = ""


class WavesTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class WaveItem(WavesTable):
    """`WAVES` / number in 6 digits. One partition: waves are few, small and rarely written, and listed by one query."""

    state = EnumAttribute(WaveState)
    opens_at = InstantAttribute()
    closes_at = InstantAttribute()
    quota = WholeAttribute()
    reserved = WholeAttribute()
    weights = JsonAttribute[dict[int, int]](dict[int, int])
    note = UnicodeAttribute(null=True)
    chosen = WholeAttribute(null=True)
    announced = EnumAttribute(WaveState, null=True)
    closing_told = BooleanAttribute(null=True)
    waiting_told = BooleanAttribute(null=True)
    settled_at = InstantAttribute(null=True)
    revoked_count = WholeAttribute(null=True, attr_name="revoked")
    barred_count = WholeAttribute(null=True, attr_name="barred")
    passed_count = WholeAttribute(null=True, attr_name="passed")
    award_batches = WholeAttribute(null=True)
    award_sends = WholeAttribute(null=True)
    awards_sent_at = InstantAttribute(null=True)
    witnesses = UnicodeSetAttribute(null=True)
    extended = WholeAttribute(null=True)
    extended_at = InstantAttribute(null=True)
    extension_told = WholeAttribute(null=True)
    scheme = UnicodeAttribute(null=True)
    audit_closed_at = InstantAttribute(null=True)


class ExceptionsItem(WavesTable):
    """`CALENDAR` / `EXCEPTIONS`: all changes in one item, so that a change is one conditional write."""

    version = WholeAttribute()
    exceptions = JsonAttribute[tuple[CalendarException, ...]](tuple[CalendarException, ...])
    pauses = JsonAttribute[tuple[Pause, ...]](tuple[Pause, ...], null=True)
    ends_at = InstantAttribute(null=True)
    ended = JsonAttribute[tuple[Pause, ...]](tuple[Pause, ...], null=True)


class HaltItem(WavesTable):
    """`HALTS` / version of the changes in 9 digits, `#`, number: what to tell the public of a pause or the end."""

    event = UnicodeAttribute()
    wave = WholeAttribute()
    facts = JsonAttribute[Mapping[str, str | None]](dict[str, str | None])
    told = BooleanAttribute(null=True)


class ActItem(WavesTable, ActColumns):
    """What an administrator changed of the calendar."""


class StartItem(WavesTable):
    """`CALENDAR` / `START`: when this system began; waves that had closed by then are not its own."""

    started_at = InstantAttribute()


class YearItem(WavesTable):
    """`YEAR#<year>` / `SEATS`: the seats that its waves hold together."""

    allotted = WholeAttribute()


class DrawItem(WavesTable):
    """`WAVE#<number>` / `DRAW`: the seed and the cut-offs. Not in the record, which every list of waves reads."""

    draw = JsonAttribute[DrawResult](DrawResult)


class AwardedItem(WavesTable):
    """`WAVE#<number>` / `AWARDED#<batch, 6 digits>`: a batch of winners that was decided ahead of the walk."""

    decided = WholeAttribute()
    chosen = WholeAttribute()


class WaveStore:
    """Reads, all consistent, and conditional writes. `transaction` makes a new, empty transaction."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self._transaction = transaction
        self._read: dict[str, tuple[dict[str, Any], Wave]] = {}
        self.journal = Journal(ActItem)

    # The calendar

    def changes(self) -> tuple[int, Changes]:
        """What administrators have changed of the calendar, and its version (0: nothing was ever changed)."""
        item = find(ExceptionsItem, "CALENDAR", "EXCEPTIONS")
        if item is None:
            return 0, Changes()
        return item.version, Changes(item.exceptions, item.pauses or (), item.ends_at, item.ended or ())

    def replace_changes(
        self,
        version: int,
        changes: Changes,
        now: datetime,
        act: Act | None = None,
        extended: PlannedWave | None = None,
        halts: Sequence[Halt] = (),
    ) -> bool:
        """Write the changes that were derived from `version`, with who made them and what is to be told of them.

        An open wave that was `extended` has its new close in its record by the same transaction. False if `version` is
        no longer the present one, or that wave is no longer open.
        """
        item = ExceptionsItem(
            "CALENDAR",
            "EXCEPTIONS",
            version=version + 1,
            exceptions=changes.waves,
            pauses=changes.pauses or None,
            ends_at=changes.ends_at,
            ended=changes.ended or None,
        )
        before = ExceptionsItem.version == version if version else ExceptionsItem.pk.does_not_exist()
        try:
            with self._transaction() as tx:
                tx.put("exceptions", item, before)
                if extended is not None:
                    tx.update(
                        "wave",
                        WaveItem("WAVES", f"{extended.number:06d}"),
                        [
                            WaveItem.closes_at.set(extended.closes_at),
                            WaveItem.extended.add(1),
                            WaveItem.extended_at.set(now),
                            WaveItem.closing_told.remove(),
                        ],
                        WaveItem.state == WaveState.OPEN,
                    )
                for n, halt in enumerate(halts):
                    tx.put(f"halt {n}", item_of(HaltItem, "HALTS", f"{version + 1:09d}#{n}", halt))
                if act is not None:
                    self.journal.add_to(tx, act)
        except LegsFailed:
            # The answer to a write may be lost; then the client library's retry meets its own first write.
            return self.changes() == (version + 1, changes)
        return True

    def halts(self) -> list[Halt]:
        """What the public was not told yet of pauses and the end, in the order of the changes."""
        return [
            fill(Halt, item, id=item.sk)
            for item in HaltItem.query("HALTS", filter_condition=HaltItem.told.does_not_exist(), consistent_read=True)
        ]

    def halt_told(self, halt: Halt) -> None:
        HaltItem("HALTS", halt.id).update([HaltItem.told.set(True)])

    def started_at(self) -> datetime | None:
        """When this system began; None before its first step."""
        item = find(StartItem, "CALENDAR", "START")
        return item.started_at if item else None

    def start(self, now: datetime) -> datetime:
        """Begin now, unless it was begun before; returns when it began."""
        started = self.started_at()
        if started is not None:
            return started
        save_if(StartItem("CALENDAR", "START", started_at=now), StartItem.pk.does_not_exist())
        return self.start(now)

    # Records

    def waves(self) -> list[Wave]:
        """Every wave that has a record, in order of opening."""
        return sorted(map(self._of_row, rows_of(WaveItem, "WAVES")), key=lambda wave: wave.opens_at)

    def _of_row(self, row: dict[str, Any]) -> Wave:
        """A wave; made anew only if its row has changed, as every job reads all of them in each of its runs."""
        known = self._read.get(row["sk"]["S"])
        if known is None or known[0] != row:
            known = self._read[row["sk"]["S"]] = row, _wave(WaveItem.from_raw_data(row))
        return known[1]

    def wave(self, number: int) -> Wave | None:
        item = find(WaveItem, "WAVES", f"{number:06d}")
        return _wave(item) if item else None

    def allotted(self, year: int) -> int:
        """The seats that the waves of a year hold together."""
        item = find(YearItem, f"YEAR#{year}", "SEATS")
        return item.allotted if item else 0

    def open(self, wave: Wave, year: int, allotted: int) -> bool:
        """Record a wave, OPEN, and take its seats from the year.

        False, and nothing was written, if it has a record or the year's seats are no longer `allotted`.
        """
        unchanged = YearItem.allotted == allotted
        try:
            with self._transaction() as tx:
                tx.put("wave", _item(wave), WaveItem.pk.does_not_exist())
                tx.update(
                    "year",
                    YearItem(f"YEAR#{year}", "SEATS"),
                    [YearItem.allotted.set(allotted + wave.quota)],
                    unchanged if allotted else unchanged | YearItem.allotted.does_not_exist(),
                )
        except LegsFailed:
            return False
        return True

    def step(self, wave: Wave, to: WaveState, note: str | None = None) -> bool:
        """Record the next state; False if another did. `note` is what FROZEN commits to."""
        if NEXT[wave.state] is not to:
            raise ValueError(f"{wave.state} is not followed by {to}")
        noted = [WaveItem.note.set(note)] if note is not None else []
        # A wave that was extended since it was read is not closed at its old close.
        return self._update(wave, [WaveItem.state.set(to), *noted], WaveItem.closes_at == wave.closes_at)

    def settle(self, wave: Wave, year: int, chosen: int, now: datetime) -> bool:
        """Record that `chosen` seats were taken, and give the others back to the year; False if another did."""
        try:
            with self._transaction() as tx:
                tx.update(
                    "wave",
                    WaveItem("WAVES", f"{wave.number:06d}"),
                    [
                        WaveItem.state.set(WaveState.SETTLED),
                        WaveItem.chosen.set(chosen),
                        WaveItem.settled_at.set(now),
                    ],
                    WaveItem.state == wave.state,
                )
                tx.update("year", YearItem(f"YEAR#{year}", "SEATS"), [YearItem.allotted.add(chosen - wave.quota)])
        except LegsFailed:
            return False
        return True

    def announced(self, wave: Wave) -> None:
        """Record that the public was told of the state that `wave` is in; nothing if it has moved on meanwhile."""
        self._update(wave, [WaveItem.announced.set(wave.state)])

    def closing_told(self, wave: Wave) -> None:
        """As `announced`: the public was told that an open wave is about to close, then."""
        self._update(wave, [WaveItem.closing_told.set(True)], WaveItem.closes_at == wave.closes_at)

    def extension_told(self, wave: Wave) -> None:
        """As `announced`: the public was told of the close that `wave` has."""
        self._update(wave, [WaveItem.extension_told.set(wave.extended)])

    def waiting_told(self, wave: Wave) -> None:
        """As `announced`: the public was told that a draw waits for its beacon."""
        self._update(wave, [WaveItem.waiting_told.set(True)])

    def witnessed(self, number: int, witness: str) -> None:
        """Record that a witness signed the note of a frozen wave in time."""
        item = WaveItem("WAVES", f"{number:06d}")
        update_if(item, [WaveItem.witnesses.add({witness})], WaveItem.note.exists())

    # Draws

    def put_draw(self, number: int, draw: DrawResult) -> None:
        """Keep the result of a draw. It follows from what is published, so writing it twice writes the same."""
        DrawItem(f"WAVE#{number}", "DRAW", draw=draw).save()

    def draw(self, number: int) -> DrawResult:
        return DrawItem.get(f"WAVE#{number}", "DRAW", consistent_read=True).draw

    def draws(self, numbers: Iterable[int]) -> dict[int, DrawResult]:
        """The results of the draws of these waves, as far as they are drawn."""
        keys = {f"WAVE#{number}": number for number in numbers}
        items = get_batch(DrawItem, [(pk, "DRAW") for pk in keys])
        return {keys[item.pk]: item.draw for item in items}

    # Awards ahead of the walk

    def awards_sent(self, wave: Wave, batches: int, now: datetime) -> None:
        """Record that the winners of a wave were queued in so many batches; nothing if it is no longer DRAWN."""
        sent = WaveItem.awards_sent_at.set(now)
        self._update(wave, [WaveItem.award_batches.set(batches), WaveItem.award_sends.add(1), sent])

    def put_awarded(self, number: int, batch: int, awarded: AwardedBatch) -> None:
        """Record that a batch is decided. A second time writes the same."""
        AwardedItem(f"WAVE#{number}", f"{_AWARDED}{batch:06d}", decided=awarded.decided, chosen=awarded.chosen).save()

    def awarded(self, number: int) -> dict[int, AwardedBatch]:
        """The batches of a wave that are recorded as decided, by their number from 1; one query."""
        found = AwardedItem.query(f"WAVE#{number}", AwardedItem.sk.startswith(_AWARDED), consistent_read=True)
        return {int(item.sk.removeprefix(_AWARDED)): fill(AwardedBatch, item) for item in found}

    def _update(self, wave: Wave, actions: list[Action], also: Condition | None = None) -> bool:
        same = WaveItem.state == wave.state
        return update_if(WaveItem("WAVES", f"{wave.number:06d}"), actions, same if also is None else same & also)


def _wave(item: WaveItem) -> Wave:
    return fill(Wave, item, number=int(item.sk))


_AWARDED = "AWARDED#"


def _item(wave: Wave) -> WaveItem:
    return WaveItem(
        "WAVES",
        f"{wave.number:06d}",
        state=wave.state,
        opens_at=wave.opens_at,
        closes_at=wave.closes_at,
        quota=wave.quota,
        reserved=wave.reserved,
        weights=wave.weights,
        scheme=wave.scheme,
    )
