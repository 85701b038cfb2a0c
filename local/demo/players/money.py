"""Those to whom money is due look how far it is."""

from __future__ import annotations

from .crowd import Crowd, Diary
from .joining import set_address

FINAL = {"paid", "account_refused", "under_review", "returned"}
"""What a payout says when it will not move any more by itself for days."""


def read_payouts(crowd: Crowd, step: str) -> int:
    """Let those who wait for money look, and set an address that is missing; returns how many still wait."""

    def read(diary: Diary) -> None:
        diary.payouts = crowd.call(diary, "GET", "/me/payouts").expect(200).body["payouts"]
        if diary.needs_address and not diary.reminded:
            set_address(crowd, diary)
            diary.reminded = True

    due = [d for d in crowd.diaries if d.due]
    crowd.each("", [d for d in due if not settled(d)], read)
    waiting = sum(not settled(d) for d in due)
    if step:
        crowd.progress(step, len(due) - waiting, len(due))
    return waiting


def settled(diary: Diary) -> bool:
    """Whether everything that is due to this person has come to its end."""
    return len(diary.payouts) == len(diary.due) and all(payout["state"] in FINAL for payout in diary.payouts)
