"""The payouts table in memory: what is in it, and what the oracle is told of each write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chalicelib.payouts.controls.limits import Ceiling, Pause
from chalicelib.payouts.controls.proposals import Proposal
from chalicelib.payouts.ledger.records import Event, StoredAttempt
from chalicelib.payouts.rules import Entitlement


@dataclass(frozen=True)
class Line:
    """An EVENT item: the line of history, with the attempt if it is a claim's."""

    event: Event
    attempt: StoredAttempt | None


Watch = Callable[[str, Entitlement | None], None]


@dataclass
class Table:
    """`watch` is called after each atomic write with the entitlement's id and its HEAD before."""

    heads: dict[str, Entitlement] = field(default_factory=dict)
    lines: dict[str, dict[int, Line]] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    ceilings: dict[str, Ceiling] = field(default_factory=dict)
    pause: Pause | None = None
    watch: Watch = lambda _id, _before: None

    def write(self, id_: str, head: Entitlement | None, lines: Iterable[tuple[int, Line]] = ()) -> None:
        """Put HEAD and lines at once."""
        before = self.heads.get(id_)
        if head is not None:
            self.heads[id_] = head
        history = self.lines.setdefault(id_, {})
        for seq, line in lines:
            history[seq] = line
        self.watch(id_, before)
