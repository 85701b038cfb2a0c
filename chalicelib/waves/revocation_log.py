"""Each wave's log of revoked places: in which order they are passed on, and how far that and the telling have come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition

from ..dynamo import LegsFailed, Transaction, is_condition_failure
from .beneficiaries import BeneficiaryStore
from .rules import Beneficiary, State, Wave
from .store import WaveItem, WavesTable, YearItem


class RevokedItem(WavesTable):
    """`WAVE#<number>` / `REVOKED#<line, 8 digits>`: whose place it was; never changed."""

    registrant_id = UnicodeAttribute()


class RevocationLog:
    """The lines of a wave are numbered from 1 without a gap; `revoked` of its record is the last one's number."""

    def __init__(self, transaction: Callable[[], Transaction], beneficiaries: BeneficiaryStore) -> None:
        self._transaction = transaction
        self._beneficiaries = beneficiaries

    def enter(self, beneficiary: Beneficiary, wave: Wave, now: datetime) -> bool:
        """Revoke a place and write it down as the wave's next line, both or neither.

        False, and nothing was written, if the person is not POTENTIAL and overdue, or if the wave has more lines than
        `wave` says.
        """
        seq = wave.revoked + 1
        line = RevokedItem(_pk(wave), _sk(seq), registrant_id=beneficiary.registrant_id)
        try:
            with self._transaction() as tx:
                self._beneficiaries.revoke(tx, beneficiary, seq, now)
                tx.put("line", line, RevokedItem.pk.does_not_exist())
                tx.update("wave", _record(wave), [WaveItem.revoked.set(seq)], _is(WaveItem.revoked, wave.revoked))
        except LegsFailed:
            return False
        return True

    def lines(self, wave: Wave, after: int = 0) -> list[str]:
        """The registrants of a wave's lines behind the first `after`, up to the last that `wave` knows of, in order."""
        if after >= wave.revoked:
            return []
        lines = RevokedItem.sk.between(_sk(after + 1), _sk(wave.revoked))
        return [item.registrant_id for item in RevokedItem.query(_pk(wave), lines, consistent_read=True)]

    def barred(self, wave: Wave, seq: int) -> None:
        """Record that registration and the people know of the first `seq` lines. It never goes back."""
        try:
            _record(wave).update(
                [WaveItem.barred.set(seq)], condition=WaveItem.barred.does_not_exist() | (WaveItem.barred < seq)
            )
        except UpdateError as error:
            if not is_condition_failure(error):
                raise

    def passed_on(self, wave: Wave, year: int, seq: int, chosen: int) -> bool:
        """Record that the first `seq` lines are passed on, and that `chosen` seats are taken.

        Seats that nobody was left for go back to the year. False, and nothing was written, if `wave` is not up to date.
        """
        try:
            with self._transaction() as tx:
                tx.update(
                    "wave",
                    _record(wave),
                    [WaveItem.passed.set(seq), WaveItem.chosen.set(chosen)],
                    (WaveItem.state == State.SETTLED.value) & _is(WaveItem.passed, wave.passed),
                )
                tx.update(
                    "year", YearItem(f"YEAR#{year}", "SEATS"), [YearItem.allotted.add(chosen - (wave.chosen or 0))]
                )
        except LegsFailed:
            return False
        return True


def _is(counter: NumberAttribute, count: int) -> Condition:
    return (counter == count) if count else counter.does_not_exist()


def _record(wave: Wave) -> WaveItem:
    return WaveItem("WAVES", f"{wave.number:06d}")


def _pk(wave: Wave) -> str:
    return f"WAVE#{wave.number}"


def _sk(seq: int) -> str:
    return f"REVOKED#{seq:08d}"
