"""The passkeys that people and a thief make, sign in with and remove; and what must hold of them after each answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from chalicelib.accounts.errors import PasskeyRefused
from chalicelib.accounts.passkeys.wire import CreationOptions, PasskeyForm, PasskeyView, UsedPasskey
from chalicelib.accounts.wire import PasskeySignIn, SessionForm, SessionOpened
from chalicelib.clock import parse_iso
from chalicelib.ids import derived_id
from chalicelib.wiring import Services
from tests.builders.accounts.passkeys import BOUND, SYNCED, Passkey, b64

from .people import THIEF, Handset, Held, subject

if TYPE_CHECKING:
    from .world import World


@dataclass
class Gone:
    """From when on a passkey must not sign in, by an answer at `step`; `unless` somebody has cancelled changes since.

    `unless` counts the cancellations so far. None: nothing brings it back.
    """

    at: datetime
    step: int
    unless: int | None


@dataclass
class Owned:
    """A passkey. `contact` is that of the session by which it was added."""

    key: Passkey
    owner: str
    account: str
    contact: str
    earliest: datetime
    """From when on it may sign in: at once, or when the session that added it would be old enough."""
    begins: datetime | None = None
    """From when on it signs in, as an answer said."""
    adding: int = 0
    """Requests under way that add it."""
    leaving: bool = False
    """Somebody has asked to remove it, or to cancel what it waits for, so it need not sign in any more."""
    may_end: datetime | None = None
    """From when on it may have ended, by any of the sessions that asked to remove it."""
    gone: Gone | None = None

    def works(self, at: datetime) -> bool:
        """Whether it must sign in."""
        return self.begins is not None and self.begins <= at and not self.leaving


class Passkeys:
    """Each request is told what it answered, and says to the oracle what is wrong."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._oracle = world.oracle
        self.all: list[Owned] = []
        self.heard: list[tuple[Owned, str, SessionForm]] = []
        """Sign-ins that opened a session, word for word, with their challenges."""
        self._used: set[str] = set()
        self._cancels: Counter[str] = Counter()
        self._cancelling: Counter[str] = Counter()

    def of(self, owner: str) -> list[Owned]:
        """Those that a person has not asked to remove."""
        return [one for one in self.all if one.owner == owner and not one.leaving]

    def make(self, by: Handset, held: Held, like: bytes | None = None) -> None:
        """`POST /me/passkeys/options`, then `POST /me/passkeys`. `like`: the id of another passkey."""
        now = self._world.now
        request = by.asks("POST", "/me/passkeys/options", now, held.access_token)

        def work(services: Services) -> CreationOptions:
            return services.passkeys.options(services.sessions.require(held.account, held.id, request, now), now)

        def answered(options: CreationOptions | None, *_: object) -> None:
            if options is not None:
                self._made(by, held, options.challenge, like)

        self._world.request(f"{by.name} asks to add a passkey", work, answered)

    def _made(self, by: Handset, held: Held, challenge: str, like: bytes | None) -> None:
        dice = self._world.dice
        bound = dice.random() < 0.3
        name = like or dice.randbytes(16)
        key = Passkey(user=held.account, id=name, flags=BOUND if bound else SYNCED, count=int(bound))
        one = Owned(key, by.owner, held.account, held.contact, self._oracle.begins_with(held))
        one.leaving = self._cancelling[held.account] > 0  # what is under way may cancel this, too
        self.all.append(one)
        form = msgspec.convert({"credential": key.made(challenge), "device": "phone"}, PasskeyForm)
        for _ in range(dice.choice([1, 1, 2])):
            self._add(by, held, one, form)

    def _add(self, by: Handset, held: Held, one: Owned, form: PasskeyForm) -> None:
        now = self._world.now
        request = by.asks("POST", "/me/passkeys", now, held.access_token)
        one.adding += 1

        def work(services: Services) -> PasskeyView:
            session = services.sessions.require(held.account, held.id, request, now)
            return services.passkeys.add(session, form, now)[0]

        def answered(view: PasskeyView | None, _error: Exception | None, _step: int) -> None:
            one.adding -= 1
            if view is None:
                return
            self._oracle.seen["passkey added" + (" for later" if view.valid_from else "")] += 1
            one.begins = parse_iso(view.valid_from) if view.valid_from else now
            if one.begins < one.earliest:
                self._oracle.say(f"{by.name} added a passkey by a young session, and it signs in too early")
            others = [other for other in self.all if other.key.id == one.key.id and other.account != one.account]
            if any(other.works(now) for other in others):
                self._oracle.say(f"{by.name} added a passkey that belongs to another account")

        self._world.request(f"{by.name} adds a passkey", work, answered)

    def sign_in(self, by: Handset, one: Owned, *, user: str | None = None) -> None:
        """`POST /passkey-challenges`, then `POST /sessions`. `user`: the account that is named instead of its own."""
        now = self._world.now

        def answered(challenge: str | None, *_: object) -> None:
            if challenge is None:
                return
            one.key.count += one.key.count > 0
            one.key.user = user or one.account
            said = msgspec.convert(one.key.used(challenge), UsedPasskey)
            form = SessionForm(passkey=PasskeySignIn(credential=said, device="phone"))
            for _ in range(self._world.dice.choice([1, 1, 1, 2])):
                self.enter(by, one, challenge, form)

        self._world.request(
            f"{by.name} asks for a challenge", lambda services: services.passkeys.challenge(now).challenge, answered
        )

    def enter(self, by: Handset, one: Owned, challenge: str, form: SessionForm) -> None:
        """`POST /sessions`."""
        now = self._world.now
        request = by.asks("POST", "/sessions", now)
        self._oracle.maybe_opened[by.owner].add(challenge)

        def answered(opened: SessionOpened | None, error: Exception | None, step: int) -> None:
            by.refusal = error
            if opened is not None:
                account, token = subject(opened.access_token), opened.access_token
                held = Held(opened, account, one.contact, challenge, token, self._world.now)
                self._opened(by, one, held, now, step)
                by.held = held
                self.heard.append((one, challenge, form))
            elif isinstance(error, PasskeyRefused) and by.owner == one.owner != THIEF and one.works(now):
                # Of uses at the same time, a counter refuses those that come late.
                self._oracle.say(f"{by.name} has a passkey, and it was refused") if not one.key.count else None

        self._world.request(f"{by.name} signs in by a passkey", lambda s: s.sessions.open(form, request, now), answered)

    def _opened(self, by: Handset, one: Owned, held: Held, asked_at: datetime, step: int) -> None:
        say = self._oracle.say
        self._oracle.seen["session opened by a passkey"] += 1
        if held.sign_in_id in self._used:
            say(f"a used challenge opened another session, of {by.name}")
        self._used.add(held.sign_in_id)
        if held.account != one.account:
            say(f"a passkey of {one.owner} opened an account that it was not added to")
        if asked_at < one.earliest:
            say(f"a passkey of {one.owner} signed in before it may")
        gone, cancels = one.gone, self._cancels[one.account]
        if gone and gone.at <= asked_at and gone.step < step and gone.unless in {None, cancels}:
            say(f"a passkey of {one.owner} signed in after it was removed")
        self._oracle.begun(by, held, asked_at, stolen=by.owner != one.owner)
        self._oracle.lives_with(by.owner, held.account)

    def remove(self, by: Handset, held: Held, one: Owned) -> None:
        """`DELETE /me/passkeys/{id}`."""
        world, now = self._world, self._world.now
        request = by.asks("DELETE", "/me/passkeys/id", now, held.access_token)
        # What is under way, and adds it or cancels its removal, may come after this.
        sure, cancels = one.adding == 0, self._cancels[held.account]
        alone = self._cancelling[held.account] == 0
        one.leaving = True
        one.may_end = min(ends for ends in (one.may_end, self._oracle.begins_with(held)) if ends is not None)

        def work(services: Services) -> PasskeyView:
            session = services.sessions.require(held.account, held.id, request, now)
            return services.passkeys.remove(session, derived_id("passkey/1", b64(one.key.id)), now)

        def answered(view: PasskeyView | None, _error: Exception | None, _step: int) -> None:
            if view is None or view.valid_until is None:
                return
            ends = parse_iso(view.valid_until)
            self._oracle.seen["passkey removed" + (" for later" if ends > now else "")] += 1
            waits = view.valid_from is not None and parse_iso(view.valid_from) > now
            if not waits and one.may_end is not None and ends < one.may_end:
                self._oracle.say(f"{by.name} removed a passkey by a young session, and it ends too early")
            if sure and (ends <= now or alone):
                one.gone = Gone(ends, world.scheduler.step, None if ends <= now else cancels)

        world.request(f"{by.name} removes a passkey", work, answered)

    def cancelling(self, account: str) -> Callable[[bool], None]:
        """Somebody cancels every change of an account. Returns what is to be called with whether it was answered."""
        now = self._world.now
        self._cancels[account] += 1
        self._cancelling[account] += 1
        new = [one for one in self.all if one.account == account and (one.begins is None or one.begins > now)]
        waiting = [one for one in new if one.begins is not None and not one.adding]
        for one in new:
            one.leaving = True

        def answered(done: bool) -> None:
            self._cancelling[account] -= 1
            for one in waiting if done else ():
                one.gone = Gone(now, self._world.scheduler.step, None)

        return answered

    def barring(self, account: str) -> list[Owned]:
        """A recovery is about to bar the passkeys of an account; returns them."""
        own = [one for one in self.all if one.account == account]
        for one in own:
            one.leaving = True
        return own
