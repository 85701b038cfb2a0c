"""What asking the civil registry may end in."""

from __future__ import annotations


class NoAnswer(Exception):
    """The registry has not answered, so nothing is known of the person: ask again later.

    `fact` is a short word for the log, without personal data. `passes`: it may well pass by itself; else somebody must
    look.
    """

    def __init__(self, fact: str, *, passes: bool = False) -> None:
        super().__init__(fact)
        self.fact = fact
        self.passes = passes
