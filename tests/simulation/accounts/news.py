"""What contacts hear of devices that their account did not know, and what must hold of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.ids import derived_id
from chalicelib.notices.rules import DOUBTS_MAX

from .people import Handset, Held
from .processes import SETTINGS

if TYPE_CHECKING:
    from .world import World

ACCOUNTS, NOTICES = SETTINGS.table("accounts"), SETTINGS.table("notices")


class News:
    """Is told of each message with a link, and of each session that was given to somebody."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._heard: Counter[tuple[str, str, str]] = Counter()
        """How often a contact was told of a session of an account."""
        self._introduced: set[tuple[str, str, str]] = set()
        """Of an account, the device of which a contact was told: its key's thumbprint, or the session's id."""
        self._opened: list[tuple[Handset, Held]] = []
        self._entered: defaultdict[str, set[str]] = defaultdict(set)
        """Of each handset, the accounts that it would have made by the codes that it entered."""

    def mailed(self, contact: str, token: str) -> None:
        """A contact was sent a link: at most once of each sign-in, and not of an account's first."""
        tables, oracle = self._world.cloud.tables, self._world.oracle
        link = tables.item(NOTICES, f"C#{sha256(token.encode()).hexdigest()}", "CHANGE")
        assert link is not None
        account, session_id = link["registrant_id"]["S"], link["change"]["S"]
        notice = tables.item(NOTICES, f"N#{account}", f"signed_in/{session_id}")
        if notice is None:
            return  # of a change
        oracle.seen["told of an unknown device"] += 1
        self._heard[account, session_id, contact] += 1
        session = tables.item(ACCOUNTS, f"A#{account}", f"SESSION#{session_id}") or {}
        self._introduced.add((account, session.get("jkt", {"S": session_id})["S"], contact))
        # Whoever does not know whether a mail went out sends it again.
        if self._heard[account, session_id, contact] > 1 + int(notice.get("doubts", {"N": "0"})["N"]):
            oracle.say(f"{contact} was told twice of one sign-in")
        made_by = (one.id for one in self._world.begun if derived_id("account/1", one.id) == account)
        if any(derived_id("session/1", sign_in_id) == session_id for sign_in_id in made_by):
            oracle.say(f"{contact} was told of the first sign-in of an account")

    def entering(self, by: Handset, sign_in_id: str) -> None:
        """Somebody enters a code, and may make an account by it."""
        self._entered[by.name].add(derived_id("account/1", sign_in_id))

    def opened(self, by: Handset, held: Held) -> None:
        """Somebody was given a session."""
        self._opened.append((by, held))

    def at_rest(self) -> None:
        """All messages were handed over: contacts that never moved were told of each device that got a session."""
        oracle = self._world.oracle
        for by, held in self._opened:
            always = {contact for (_, contact), account in oracle.account_of.items() if account == held.account}
            self.must_know(by, held, always - oracle.moved)

    def must_know(self, by: Handset, held: Held, contacts: Iterable[str]) -> None:
        """These contacts were told of a device, unless it made the account."""
        device = by.device.jkt if by.device else held.id
        untold = [one for one in contacts if (held.account, device, one) not in self._introduced]
        if untold and held.account not in self._entered[by.name] and not self._given_up(held):
            self._world.oracle.say(f"{untold[0]} was not told that {by.name} signed in")

    def _given_up(self, held: Held) -> bool:
        """Whether the session is deleted by now, or a mail of its account was in doubt too often."""
        tables = self._world.cloud.tables
        own = [item for (table, pk, _), item in tables.items.items() if (table, pk) == (NOTICES, f"N#{held.account}")]
        in_doubt = any(int(item.get("doubts", {"N": "0"})["N"]) >= DOUBTS_MAX for item in own)
        return in_doubt or tables.item(ACCOUNTS, f"A#{held.account}", f"SESSION#{held.id}") is None
