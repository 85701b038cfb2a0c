"""The term of accounts that nobody uses: their people are told that they will be deleted, and then they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from ..clock import iso
from ..figures.people import RetentionRules
from .deletions import Deletions
from .personal_data import last_used, of_account

How = Literal["unregistered", "unchosen"]

READ = "pk,sk,created_at"
"""The attributes that `UnusedAccounts.end` reads of a row."""


class UnusedAccounts:
    """`how_far` gives those of a hundred accounts whose person did not register, or was never chosen; `under_way` what
    of a person is not at its end, `stays` what an erasure leaves of their NIK.
    """

    def __init__(
        self,
        deletions: Deletions,
        figures: RetentionRules,
        how_far: Callable[[Collection[str]], Mapping[str, How]],
        under_way: Callable[[str], str | None],
        stays: Callable[[str, datetime], Sequence[str]],
    ) -> None:
        self._deletions = deletions
        self._terms: Mapping[How, timedelta] = {
            "unregistered": timedelta(days=figures.unregistered_days),
            "unchosen": timedelta(days=figures.unchosen_days),
        }
        self._how_far = how_far
        self._under_way = under_way
        self._stays = stays

    def end(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> Counter[str]:
        """Begin to delete the accounts among these rows that were not used for so long; returns how many `accounts`.

        One that has a session was used of late. For each hundred others two batch gets; for each that may be past its
        term a query and a batch get, and to begin what `Deletions.lapse` costs.
        """
        gone, signed_in = Counter[str](), {row["pk"]["S"] for row in rows if row["sk"]["S"].startswith("SESSION#")}
        until = iso(now - min(self._terms.values()))  # instants are compared as they are stored: there are many
        old = [
            row["pk"]["S"].removeprefix("A#")
            for row in rows
            if row["sk"]["S"] == "ACCOUNT" and row["pk"]["S"] not in signed_in and row["created_at"]["S"] <= until
        ]
        for start in range(0, len(old), 100):
            for account_id, how in self._how_far(old[start : start + 100]).items():
                gone["accounts"] += self._lapses(account_id, self._terms[how], now)
        return gone

    def _lapses(self, account_id: str, term: timedelta, now: datetime) -> bool:
        held = list(of_account(account_id, now))
        used_at = last_used(held)
        if used_at + term > now or any(one.kind == "deletion" for one in held) or self._under_way(account_id):
            return False
        self._deletions.lapse(account_id, used_at, now, self._stays(account_id, now))
        return True
