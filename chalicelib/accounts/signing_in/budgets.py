"""Budgets: how many codes a contact may get, how often they may be tried, and which sign-in waits for a code.

`B#<budget>` / `<UTC day>`: `codes`, `h00` to `h23` (codes by hour), `failures`, `t<place>` (tries of a code),
`f<place>x<try>` (a right one, whose failure was taken back), `waiting`
and `waiting_since`. A contact has one budget that everybody shares, and one for each device that it knows. The
conditional write that uses a limit also counts it, so many requests at once get no more than one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ...clock import iso, parse_iso
from ...figures.people import AccountRules
from ...ids import derived_id
from ...values import Value
from ..errors import CodeUsedUp, TooManyCodes, TooManyTries
from . import counters

KEPT = timedelta(days=3)
"""How long a budget is kept after its day began."""


class Place(Value, frozen=True):
    """The place of a code: its budget's UTC day and its number on that day, from 1. Its tries are counted there."""

    day: str
    number: int

    def __str__(self) -> str:
        return f"{self.day}/{self.number}"


def parse_place(text: str) -> Place:
    """The inverse of `str(place)`."""
    day, _, number = text.partition("/")
    return Place(day, int(number))


class Tries(Value, frozen=True):
    """How often each code was tried, and how often any code of its contact. Both count the present try."""

    of_codes: tuple[int, ...]
    failures: int


class KnownDevice(Value, frozen=True):
    """A device with this key (thumbprint) that has signed in with this contact before, and sends this request."""

    contact_mac: str
    key: str


def budget_of(contact_mac: str, device: KnownDevice | None) -> str:
    """The budget of a contact for a device that it knows, or for all others (None)."""
    return derived_id("budget/1", contact_mac, device.key if device else "")


class Budgets:
    """The budgets. Every method is one write or one read of one item."""

    def __init__(self, rules: AccountRules) -> None:
        self._rules = rules

    def take(self, budget_id: str, sign_in_id: str, now: datetime) -> tuple[Place, datetime | None]:
        """Count a code, and let this sign-in wait for it instead of another one of the same budget.

        Returns the code's place, and since when the budget already had a sign-in waiting. Raises `TooManyCodes` or
        `TooManyTries`.
        """
        rules, day, hour = self._rules, f"{now:%Y-%m-%d}", f"h{now:%H}"
        limits = (("codes", rules.codes_per_day), (hour, rules.codes_per_hour), ("failures", rules.contact_failures))
        old, done = counters.write(
            _key(budget_id, day),
            f"ADD codes :one, {hour} :one SET waiting = :it, waiting_since = if_not_exists(waiting_since, :now), "
            "expires_at = :gone",
            {
                **{f":{name}": limit for name, limit in limits},
                **{":one": 1, ":it": sign_in_id, ":now": iso(now), ":gone": int((now + KEPT).timestamp())},
            },
            " AND ".join(counters.below(name, f":{name}") for name, _ in limits),
        )
        codes = counters.number(old, "codes")
        if done:
            since = parse_iso(old["waiting_since"]["S"]) if "waiting_since" in old else None
            if old.get("waiting") == {"S": sign_in_id} and old["waiting_since"] == {"S": iso(now)}:
                since = None  # this very write set it, and its first answer was lost; nothing is queued yet
            return Place(day, codes + 1), since
        if counters.number(old, "failures") >= rules.contact_failures:
            raise TooManyTries(retry_after_s=_until_next_day(now))
        whole_day = codes >= rules.codes_per_day
        raise TooManyCodes(retry_after_s=_until_next_day(now) if whole_day else _until_next_hour(now))

    def waiting(self, budget_id: str, day: str) -> str | None:
        """The sign-in that waits for a code, None if none does."""
        item = counters.read(_key(budget_id, day))
        return item["waiting"]["S"] if "waiting" in item else None

    def served(self, budget_id: str, day: str, sign_in_id: str) -> bool:
        """End the wait of a sign-in. Returns False if another one waits instead by now."""
        key = _key(budget_id, day)
        return counters.write(key, "REMOVE waiting, waiting_since", {":it": sign_in_id}, "waiting = :it")[1]

    def not_queued(self, budget_id: str, sign_in_id: str, now: datetime) -> None:
        """Undo that a sign-in waits, as its message could not be queued. The code's place is not used again."""
        change = f"REMOVE waiting, waiting_since ADD h{now:%H} :back"
        counters.write(_key(budget_id, f"{now:%Y-%m-%d}"), change, {":it": sign_in_id, ":back": -1}, "waiting = :it")

    def try_codes(self, budget_id: str, places: Sequence[Place], now: datetime) -> Tries:
        """Count a try of each of some codes of one day. The last one decides whether another try is allowed.

        A right code counts as a failure too, until `forgive`. Raises `CodeUsedUp` or `TooManyTries`. After these, or
        any other error of the write, no code may be compared.
        """
        names, rules = [f"t{place.number}" for place in places], self._rules
        new, done = counters.write(
            _key(budget_id, places[-1].day),
            "ADD failures :one, " + ", ".join(f"{name} :one" for name in names),
            {":one": 1, ":tries": rules.code_tries, ":failures": rules.contact_failures},
            f"{counters.below(names[-1], ':tries')} AND {counters.below('failures', ':failures')}",
            returns="ALL_NEW",
        )
        if done:
            return Tries(tuple(counters.number(new, name) for name in names), counters.number(new, "failures"))
        if counters.number(new, names[-1]) >= rules.code_tries:
            raise CodeUsedUp()
        raise TooManyTries(retry_after_s=_until_next_day(now))

    def forgive(self, budget_id: str, place: Place, nth_try: int) -> None:
        """Take back the failure that was counted for a right code, at this try of the code at this place.

        A repeat, whose first answer was lost, changes nothing.
        """
        done = f"f{place.number}x{nth_try}"
        values: counters.Values = {":back": -1, ":yes": 1}
        change, once = f"ADD failures :back SET {done} = :yes", f"attribute_not_exists({done})"
        counters.write(_key(budget_id, place.day), change, values, once)


def _key(budget_id: str, day: str) -> tuple[str, str]:
    return f"B#{budget_id}", day


def _until_next_hour(now: datetime) -> int:
    return 3600 - now.minute * 60 - now.second


def _until_next_day(now: datetime) -> int:
    return _until_next_hour(now) + 3600 * (23 - now.hour)
