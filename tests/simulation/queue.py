"""SQS in memory: at least once, in any order, at any time; and what it gives up goes to the dead-letter queue."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.payouts.wire import encode_message

from .ports import SQS, Nature, Port


@dataclass
class Message:
    """`receives`: how often it was handed out."""

    id: str
    body: str
    receives: int = 0


@dataclass
class MemoryQueue:
    """In place of `PayoutQueue`, and what Lambda does for it. The real queue's figures: 5 receives, 5 a batch."""

    nature: Nature
    dice: random.Random
    waiting: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    sent: int = 0

    def send(self, ids: Sequence[str]) -> None:
        """The port that the services have."""
        if ids:
            names = ",".join(id_[:4] for id_ in ids)
            self.nature.call(Port.ENQUEUE, f"enqueue {names}", lambda: self.put([encode_message(i) for i in ids]), SQS)

    def backlog(self) -> int:
        """The port that the services have."""
        return len(self.waiting)

    def put(self, bodies: Sequence[str]) -> None:
        """Messages from anybody."""
        for body in bodies:
            self.sent += 1
            self.waiting.append(Message(f"m{self.sent}", body))

    def take(self, at_most: int) -> list[Message]:
        """Any messages, in any order."""
        taken = self.dice.sample(self.waiting, min(at_most, len(self.waiting)))
        for message in taken:
            self.waiting.remove(message)
            message.receives += 1
        return taken

    def give_back(self, messages: Sequence[Message]) -> None:
        """Not deleted: it comes again, unless it has come too often."""
        for message in messages:
            (self.waiting if message.receives < 5 else self.dead).append(message)

    def redrive(self) -> None:
        """What an operator does with the dead-letter queue."""
        for message in self.dead:
            message.receives = 0
        self.waiting += self.dead
        self.dead = []
