"""Mails: everyone was told what concerns them, once, and nobody anything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..players.crowd import Diary
from .played import Played

_AS_IT_HAPPENS = {"purchase_deadline", "survey_deadline"}
"""Whether somebody is reminded depends on how long they take."""


def differences(played: Played) -> Iterator[str]:
    for diary in played.diaries:
        owed, got = due(diary), Counter(diary.mails)
        for kind in _AS_IT_HAPPENS:
            del got[kind]
        if diary.reminded:
            # Whoever set an address before the mail about it was written is not sent it.
            got["payment_failed"] = min(got["payment_failed"], owed["payment_failed"])
        if +got != owed:
            yield f"person {diary.person.number} was mailed {dict(got)}, and due are {dict(owed)}"


def due(diary: Diary) -> Counter[str]:
    """How many mails of each kind concern this person."""
    states = Counter(payout["state"] for payout in diary.payouts)
    held = diary.chosen or diary.revoked
    return +Counter(
        {
            "chosen": int(held),
            # Whoever got a place later had been told at first that there was none.
            "not_chosen": int(diary.receipt is not None and (not held or diary.substitute)),
            "revoked": int(diary.revoked),
            "paid": states["paid"],
            "payment_failed": states["account_refused"],
            "survey_open": len(diary.surveys),
            "grievance_answered": sum(each["state"] == "ANSWERED" for each in diary.grievances),
        }
    )
