"""The people who use the services of accounts, and what their phones ask for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from unittest.mock import patch

from chalicelib.accounts import rules
from chalicelib.accounts.contacts.contact import parse_contact
from chalicelib.accounts.errors import InvalidToken, SessionExpired
from chalicelib.accounts.rules import RecoveryState
from chalicelib.accounts.sessions.rules import ProofRequest, Session
from chalicelib.accounts.signing_in import codes, hour_keys
from chalicelib.accounts.tokens.signing_keys import ASK_AGAIN
from chalicelib.accounts.wire import (
    ContactForm,
    ContactView,
    EnteredCode,
    SessionForm,
    SessionList,
    SessionOpened,
    SignInStart,
)
from chalicelib.wiring import Services

from .news import News
from .oracle import Oracle
from .passkeys import Passkeys
from .people import Handset, Held, Message, Waiting, device, subject
from .processes import SETTINGS, Processes

T = TypeVar("T")

ADMINISTRATORS = ("arn:aws:iam::1:user/hana", "arn:aws:iam::1:user/joko")


@dataclass(frozen=True)
class Sent:
    """A request that uses a session, as it went over the wire."""

    by: Handset
    held: Held
    request: ProofRequest
    refreshes: bool = False


class World(Processes):
    """Everything of one schedule. `note` is told what happens."""

    def __init__(self, dice: random.Random, note: Callable[[str], None]) -> None:
        super().__init__(dice, note, lambda name, error: self.oracle.unexpected(name, error))
        self.oracle = Oracle(self)
        self.passkeys = Passkeys(self)
        self.news = News(self)
        self.cloud.delivered, self.cloud.noticed = self._delivered, self.news.mailed
        self.handsets: list[Handset] = []
        self.readers: dict[str, str] = {}
        """Who reads a mailbox or has a number now."""
        self.messages: list[Message] = []
        self.begun: list[Waiting] = []
        self.sent: list[Sent] = []
        """Requests that change something, and that somebody may have heard. A look may be repeated for five minutes."""
        self.told: dict[str, str] = {}
        """Sign-ins whose code its reader tells somebody, by their ids: who was told."""
        self.asked_by: Counter[tuple[str, str, str]] = Counter()
        """What a handset may have taken of its own budget for a contact on a day: starts and tries."""
        self._made: dict[str, tuple[str, int]] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The cloud is there, and the oracle sees which codes are made and compared."""
        code, same, named = codes.code, codes.same, self.cloud.kms.named

        def watched_code(code_key: bytes, sending: int) -> str:
            made = _Tagged(code(code_key, sending))
            made.of = self._made[made] = named[code_key], sending
            return made

        def watched_same(expected: str, typed: str) -> bool:
            if isinstance(expected, _Tagged):
                self.oracle.comparing(expected.of)
            return same(expected, typed)

        with (
            self.cloud.installed(),
            patch.object(codes, "code", watched_code),
            patch.object(codes, "same", watched_same),
            patch.object(hour_keys, "SHARDS", 1),  # so that two processes race for the same key
        ):
            yield

    def handset(self, owner: str, *, keyless: bool = False) -> Handset:
        """A new one."""
        number = len(self.handsets)
        made = Handset(f"{owner}/{number}", owner, None if keyless else device(number))
        self.handsets.append(made)
        return made

    def reader(self, contact: str) -> str:
        return self.readers[contact]

    def was_told(self, by: Handset, waiting: Waiting) -> bool:
        """Whether the reader of a mailbox has told this person the code of that sign-in."""
        return self.told.get(waiting.id) == by.owner

    def is_telling(self, waiting: Waiting) -> bool:
        return waiting.id in self.told

    def right_code(self, sign_in_id: str, sending: int = 1) -> str:
        """The code as KMS would let anybody derive it, who may."""
        key = self.cloud.kms.generate_mac(SETTINGS.codes_key, f"sign-in/1\0{sign_in_id}".encode())["Mac"]
        return str(_CODE(key, sending))

    def is_written_down(self, message: Message) -> bool:
        """Whether a code counts as handed over."""
        item = self.cloud.tables.item(SETTINGS.table("sign-ins"), f"S#{message.sign_in_id}", "SIGN_IN")
        return item is not None and f"sent_{message.sending}" in item

    def is_used_up(self, message: Message) -> bool:
        """Whether a code was tried as often as it may be: also by requests that died, and by writes made twice."""
        item = self.cloud.tables.item(SETTINGS.table("sign-ins"), f"S#{message.sign_in_id}", "SIGN_IN") or {}
        if f"place_{message.sending}" not in item:
            return False
        day, _, number = item[f"place_{message.sending}"]["S"].partition("/")
        budget = self.cloud.tables.item(SETTINGS.table("sign-ins"), f"B#{item['budget_id']['S']}", day) or {}
        return int(budget.get(f"t{number}", {"N": "0"})["N"]) >= self.rules.code_tries

    def begin(self, by: Handset, contact: str, told: Callable[[Waiting], None] | None = None) -> None:
        """`POST /sign-ins`."""
        now, known = self.now, contact in by.tokens and by.device is not None
        if known:
            self.asked_by[by.name, contact, f"{now:%F}"] += 1
            self.asked_by[by.name, contact, f"{now:%F %H}"] += 1
        form = SignInStart(contact=contact, device="phone", device_token=by.tokens.get(contact) if known else None)
        source = f"192.0.{len(by.owner)}.7"
        request = by.asks("POST", "/sign-ins", now)
        proof = request.headers, request.method, request.path

        def work(services: Services) -> Waiting:
            device = services.known_device(form.device_token, lambda: proof, now)
            started = services.sign_ins.start(form, source, now, device)
            self.oracle.promised(contact, known, now)
            return Waiting(started.sign_in.id, started.secret, contact, now, known)

        def answered(waiting: Waiting | None, _error: Exception | None, _step: int) -> None:
            if waiting is not None:
                by.waiting.append(waiting)
                self.begun.append(waiting)
                if told is not None:
                    told(waiting)

        self.request(f"{by.name} begins with {contact}", work, answered)

    def again(self, by: Handset, waiting: Waiting) -> None:
        """`POST /sign-ins/{id}/codes`."""
        now = self.now
        source = f"192.0.{len(by.owner)}.7"
        self.asked_by[by.name, waiting.contact, f"{now:%F}"] += 1
        self.asked_by[by.name, waiting.contact, f"{now:%F %H}"] += 1
        self.request(
            f"{by.name} asks for another code",
            lambda services: services.sign_ins.again(waiting.id, waiting.secret, source, now),
            lambda *_: None,
        )

    def enter(self, by: Handset, waiting: Waiting, code: str, *, fresh: bool = False) -> None:
        """`POST /sessions`."""
        now = self.now
        self.asked_by[by.name, waiting.contact, f"{now:%F} tries"] += 1
        form = SessionForm(code=EnteredCode(sign_in_id=waiting.id, secret=waiting.secret, code=code), fresh=fresh)
        request = by.asks("POST", "/sessions", now)
        self.news.entering(by, waiting.id)
        right = [m for m in self.messages if m.sign_in_id == waiting.id and m.code == code]
        # A code that was not written down as handed over is not valid yet; if its consumer died, it comes again.
        known = [m for m in right if self.is_written_down(m)]
        if right:
            self.oracle.maybe_opened[self.reader(waiting.contact)].add(waiting.id)

        def answered(opened: SessionOpened | None, error: Exception | None, step: int) -> None:
            by.refusal = error
            if opened is not None:
                held = self.holds(by, waiting, opened)
                self.oracle.opened(by, waiting, code, held, now, step)
                by.held = held
                if opened.device_token:
                    by.tokens[waiting.contact] = opened.device_token
            elif error is not None:
                self.oracle.code_refused(by, waiting, known, error, now)

        self.request(f"{by.name} enters {code}", lambda services: services.sessions.open(form, request, now), answered)

    def refresh(self, by: Handset, held: Held) -> None:
        """`POST /sessions/refreshes`."""
        if held.opened.refresh_token is not None:
            self._send(Sent(by, held, by.asks("POST", "/sessions/refreshes", self.now), refreshes=True))

    def use(self, by: Handset, held: Held, method: str) -> None:
        """A route that reads the session at each call."""
        self._send(Sent(by, held, by.asks(method, "/me/contacts", self.now, held.access_token)))

    def replay(self, sent: Sent, by: Handset) -> None:
        """A request once more, by whoever heard it: its proof is the old one."""
        self._send(Sent(by, sent.held, sent.request, refreshes=sent.refreshes), replayed=True)

    def admit(self, by: Handset, held: Held) -> None:
        """Any other route: the authorizer looks at the token alone."""
        now = self.now

        def answered(access: Any, error: Exception | None, step: int) -> None:
            if access is not None:
                self.oracle.admitted(held.id, held.token_at, now, step)
            # A process that looked for keys within that time need not know the newest yet.
            elif isinstance(error, InvalidToken) and ASK_AGAIN <= now - held.token_at < timedelta(seconds=200):
                self.oracle.use_refused(by, held.id, SessionExpired(), now, "token")

        self.request(
            f"{by.name} shows its token", lambda services: services.admission.admit(held.access_token, now), answered
        )

    def sign_out(self, by: Handset, held: Held, session_id: str | None) -> None:
        """`DELETE /me/sessions/{id}`, or all of them."""
        now = self.now
        path = "/me/sessions" + (f"/{session_id}" if session_id else "")
        request = by.asks("DELETE", path, now, held.access_token)
        ids = [session_id] if session_id else self.oracle.of(held.account)
        self.oracle.ending(ids)
        self.oracle.all_ending[held.account] += session_id is None

        def work(services: Services) -> bool:
            services.sessions.require(held.account, held.id, request, now)
            if session_id is None:
                services.sessions.end_all(held.account, now)
            else:
                services.sessions.end(held.account, session_id, now)
            return True

        def answered(done: bool | None, _error: Exception | None, _step: int) -> None:
            if session_id is None:
                self.oracle.ending(self.oracle.of(held.account))  # those that began meanwhile, too
                self.oracle.all_ending[held.account] -= 1
            if done:
                self.oracle.ended(ids, now, self.scheduler.step)

        self.request(f"{by.name} ends {session_id or 'every session'}", work, answered)

    def add_contact(self, by: Handset, held: Held, waiting: Waiting, code: str) -> None:
        """`POST /me/contacts`."""
        now = self.now
        request = by.asks("POST", "/me/contacts", now, held.access_token)
        form = ContactForm(code=EnteredCode(sign_in_id=waiting.id, secret=waiting.secret, code=code))
        self.oracle.adding(held, waiting.contact, waiting.id)

        def work(services: Services) -> ContactView:
            session = services.sessions.require(held.account, held.id, request, now)
            return services.contacts.add(session, form, now)[0]

        def answered(view: ContactView | None, _error: Exception | None, _step: int) -> None:
            if view is not None:
                self.oracle.contact_added(by, held, waiting.contact, view, now)

        self.request(f"{by.name} adds {waiting.contact}", work, answered)

    def remove_contact(self, by: Handset, held: Held, contact: str) -> None:
        """`DELETE /me/contacts/{id}`."""
        now = self.now
        request = by.asks("DELETE", "/me/contacts/id", now, held.access_token)
        self.oracle.removing(held, contact)

        def work(services: Services) -> ContactView:
            session = services.sessions.require(held.account, held.id, request, now)
            contact_id = rules.contact_id(held.account, services.macs.contact(parse_contact(contact)))
            return services.contacts.remove(session, contact_id, now)

        def answered(view: ContactView | None, _error: Exception | None, _step: int) -> None:
            if view is not None:
                self.oracle.contact_removed(held, contact, view, now)

        self.request(f"{by.name} removes {contact}", work, answered)

    def cancel_changes(self, by: Handset, held: Held) -> None:
        """`GET /me/changes`, and `DELETE` of each."""
        now = self.now
        request = by.asks("DELETE", "/me/changes/id", now, held.access_token)
        passkeys_cancelled = self.passkeys.cancelling(held.account)

        def work(services: Services) -> bool:
            session = services.sessions.require(held.account, held.id, request, now)
            for change in services.changes.pending(session.account_id, now):
                services.changes.cancel(session.account_id, change.id, now)
            return True

        def answered(done: bool | None, _error: Exception | None, _step: int) -> None:
            passkeys_cancelled(done is True)
            if done:
                self.oracle.changes_cancelled(held.account)

        self.request(f"{by.name} cancels every change", work, answered)

    def list_sessions(self, account: str, told: Callable[[SessionList], None]) -> None:
        """`GET /me/sessions` of an account, for who counts them."""
        now = self.now
        asks = Session(account, "", None, "other", "email", now, now, None)
        self.request(
            "sessions are listed",
            lambda services: services.sessions.of(asks, now),
            lambda listed, *_: told(listed) if listed is not None else None,
        )

    def sweep(self) -> None:
        """The scheduled function looks for notices that were lost."""
        self.request("notices are swept", lambda services: services.notices.sweep(), lambda *_: None)

    def propose(self, account: str, new_account: str) -> None:
        """An administrator has looked at documents."""
        now = self.now
        self.request(
            "an administrator proposes a recovery",
            lambda services: services.recoveries.propose(account, new_account, ADMINISTRATORS[0], "KTP", now),
            lambda *_: None,
        )

    def approve(self, account: str) -> None:
        """Another one agrees."""
        now = self.now

        def work(services: Services) -> Any:
            seen = services.recoveries.get(account)
            return services.recoveries.approve(account, ADMINISTRATORS[1], now, seen) if seen else None

        self.request("another one approves it", work, lambda *_: None)

    def recovers(self, account: str) -> bool:
        """Whether a recovery of this account waits for its day."""
        found = self.processes[0].recoveries.get(account)
        return found is not None and found.state is RecoveryState.WAITING

    def _send(self, sent: Sent, *, replayed: bool = False) -> None:
        now, by, held, request = self.now, sent.by, sent.held, sent.request
        what = ("refresh" if sent.refreshes else f"{request.method} of the session") + (" replayed" if replayed else "")

        def work(services: Services) -> str:
            if sent.refreshes:
                return str(services.sessions.refresh(held.opened.refresh_token or "", request, now).access_token)
            services.sessions.require(held.account, held.id, request, now)
            return ""

        def answered(token: str | None, error: Exception | None, step: int) -> None:
            if token is not None:
                if request.headers and (sent.refreshes or request.method != "GET"):
                    self.oracle.proved(request.headers[0], what)
                self.oracle.refreshed(by, held.id, now, step, what)
                if token and by.held is held:
                    held.access_token, held.token_at = token, now
            elif error is not None:
                self.oracle.use_refused(by, held.id, error, now, what)

        if not replayed and (sent.refreshes or request.method != "GET"):
            self.sent.append(sent)
        self.request(f"{by.name}: {what}", work, answered)

    def holds(self, by: Handset, waiting: Waiting, opened: SessionOpened) -> Held:
        """What a phone keeps of an answer."""
        return Held(opened, subject(opened.access_token), waiting.contact, waiting.id, opened.access_token, self.now)

    def codes_of(self, waiting: Waiting) -> list[str]:
        """What has come for a sign-in, the last code last."""
        return [message.code for message in self.messages if message.sign_in_id == waiting.id]

    def newest(self, contact: str) -> Message | None:
        """The last code in a mailbox."""
        own = [message for message in self.messages if message.contact == contact]
        return own[-1] if own else None

    def _delivered(self, contact: str, code: str) -> None:
        sign_in_id, sending = self._made.get(code, ("nobody's", 0))
        self.messages.append(Message(contact, code, sign_in_id, sending, self.now))
        self.note(f"  {contact} gets {code}")


class _Tagged(str):
    """A code that knows which one it is."""

    of: tuple[str, int]


_CODE = codes.code
