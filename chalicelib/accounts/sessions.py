"""Sessions: begun by a code, kept alive by a device's key, ended by their owner.

No two writes here happen together, so each order of them is one that may be cut off anywhere, and asked for again. The
id of the session follows from the sign-in: writing it down once is what makes a code work once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime

from ..config import AccountRules
from ..errors import NotFound, Unavailable
from ..ids import Randomness, derived_id, random_id, system_randomness
from ..structs import fill
from ..vault import Vault
from . import rules
from .account_store import AccountStore
from .dpop import Proof, Proofs
from .errors import CodeUsed, SessionExpired
from .session_rules import (
    Account,
    ContactGuard,
    How,
    KeptContact,
    ProofRequest,
    Session,
    alive,
    beyond,
    ends_at,
    with_proof,
)
from .sign_ins import Proved, SignIns
from .tokens import Tokens
from .wire import SessionForm, SessionList, SessionOpened, SessionRefreshed, session_view

TRIES = 4
"""How often a request decides again when another one of the same contact or session came first."""

_REFRESH_TOKEN = re.compile(r"([a-z2-7]{26})\.([a-z2-7]{26})\.([A-Za-z0-9_-]{43})")


class Sessions:
    """Raises `Unavailable`, too, when AWS is late or busy."""

    def __init__(
        self,
        store: AccountStore,
        sign_ins: SignIns,
        vault: Vault,
        tokens: Tokens,
        proofs: Proofs,
        figures: AccountRules,
        randomness: Randomness = system_randomness,
    ) -> None:
        self._store = store
        self._sign_ins = sign_ins
        self._vault = vault
        self._tokens = tokens
        self._proofs = proofs
        self._figures = figures
        self._randomness = randomness

    def open(self, form: SessionForm, request: ProofRequest, now: datetime) -> SessionOpened:
        """`POST /sessions`. A client that sends no proof has no key: its session is short, and is not refreshed."""
        jkt = self._proved(request, now).jkt if request.headers else None
        entered = form.code
        proved = self._sign_ins.judge(entered.sign_in_id, entered.secret, entered.code, now)
        session, secret = self.open_by_code(proved, jkt, now)
        device_token = self._tokens.issue_device(proved.contact_mac, jkt, now) if jkt else None
        new = session.account_id == _account_of(proved)
        return self.opened(session, secret, now, new_account=new, device_token=device_token)

    def open_by_code(self, proved: Proved, jkt: str | None, now: datetime) -> tuple[Session, bytes | None]:
        """The session of a sign-in whose code was right, and its refresh secret.

        The account is made at the first one. The same device that asks again has the same session. Raises `CodeUsed`.
        """
        session_id = derived_id("session/1", proved.sign_in_id)
        # From the key of the code, so that a repeat gives the same one; from the device's key, so that no other does.
        secret = _derived_secret(proved.code_key, f"refresh/{session_id}/{jkt}") if jkt else None
        account_id, others = self._account_by(proved, now)
        refresh_hash = _hash(secret) if secret else None
        begun = Session(account_id, session_id, jkt, proved.device, proved.contact.kind, now, now, refresh_hash)
        return self._opened_once(begun, others, now), secret

    def open_otherwise(
        self, account_id: str, how: How, device: str, jkt: str | None, now: datetime
    ) -> tuple[Session, bytes | None]:
        """A session by something else than a code, and its refresh secret. A lost answer is a new session."""
        secret = self._randomness(32) if jkt else None
        refresh_hash = _hash(secret) if secret else None
        begun = Session(account_id, random_id(self._randomness), jkt, device, how, now, now, refresh_hash)
        return self._opened_once(begun, self._store.of(account_id)[1], now), secret

    def opened(
        self,
        session: Session,
        secret: bytes | None,
        now: datetime,
        *,
        new_account: bool = False,
        device_token: str | None = None,
    ) -> SessionOpened:
        """What a client is told of a session that began."""
        left_s = int((ends_at(session, self._figures) - now).total_seconds())
        lifetime_s = self._figures.access_token_s if session.jkt else left_s
        return SessionOpened(
            access_token=self._tokens.issue(session.account_id, session.id, session.jkt, now, lifetime_s),
            expires_in_s=lifetime_s,
            session_id=session.id,
            refresh_token=f"{session.account_id}.{session.id}.{_text(secret)}" if secret else None,
            device_token=device_token,
            new_account=new_account,
        )

    def refresh(self, refresh_token: str, request: ProofRequest, now: datetime) -> SessionRefreshed:
        """`POST /sessions/refreshes`: another access token. Raises `SessionExpired`, `InvalidDpopProof`."""
        proof = self._proved(request, now)
        parts = _REFRESH_TOKEN.fullmatch(refresh_token)
        if parts is None:
            raise SessionExpired()
        account_id, session_id, secret = parts.groups()
        session = self._alive(account_id, session_id, now)
        self._use(session, proof, now, _hash(base64.urlsafe_b64decode(f"{secret}=")))
        access_token = self._tokens.issue(account_id, session_id, proof.jkt, now, self._figures.access_token_s)
        return SessionRefreshed(access_token=access_token, expires_in_s=self._figures.access_token_s)

    def require(self, account_id: str, session_id: str, request: ProofRequest, now: datetime) -> Session:
        """The session of a request to a route that must know at once when one was ended, or was stolen.

        A session that has a key proves it for this very request. Raises `SessionExpired`, `InvalidDpopProof`.
        """
        session = self._alive(account_id, session_id, now)
        if session is None:
            raise SessionExpired()
        if session.jkt is None:
            return session
        proof = self._proved(request, now)
        if proof.jkt != session.jkt:
            raise SessionExpired()
        if request.method != "GET":  # a look changes nothing, so its proof need not be remembered
            self._use(session, proof, now)
        return session

    def of(self, session: Session, now: datetime) -> SessionList:
        """`GET /me/sessions`: those that are alive, the one used last first."""
        _, sessions = self._store.of(session.account_id)
        going_on = [one for one in sessions if alive(one, now, self._figures)]
        going_on.sort(key=lambda one: one.last_used_at, reverse=True)
        return SessionList([session_view(one, self._figures, current=one.id == session.id) for one in going_on])

    def end(self, account_id: str, session_id: str, now: datetime) -> None:
        """`DELETE /me/sessions/{id}`; again is no error. Raises `NotFound` if the account has no such session."""
        if not self._store.end(account_id, session_id, now) and self._store.session(account_id, session_id) is None:
            raise NotFound()

    def end_all(self, account_id: str, now: datetime) -> None:
        """`DELETE /me/sessions`: every one, that of the request too."""
        for one in self._store.of(account_id)[1]:
            if one.ended_at is None:
                self._store.end(account_id, one.id, now)

    def _account_by(self, proved: Proved, now: datetime) -> tuple[str, list[Session]]:
        """The account of a contact that was proved, with its sessions; made, or made whole, where it is not."""
        mac = proved.contact_mac
        for _ in range(TRIES):
            guard = self._store.guard(mac)
            if guard is not None and not rules.has_ended(guard, now):
                if not self._store.prove(mac, guard.account_id, now):
                    continue  # it has just gone to another account
                account, sessions = self._store.of(guard.account_id)
                if account is None:  # who made the guard died before the account
                    self._store.add_account(_account(mac, guard))
                return guard.account_id, sessions
            made = self._new_guard(proved, now)
            if self._store.add_guard(mac, made, in_place_of=guard):
                self._store.add_account(_account(mac, made))
                return made.account_id, []
            # Another sign-in of this contact was first.
        raise Unavailable()

    def _new_guard(self, proved: Proved, now: datetime) -> ContactGuard:
        account_id = _account_of(proved)
        key = self._vault.new_key(account_id)
        sealed = key.seal("contact/1", proved.contact.value.encode())
        return ContactGuard(account_id, proved.contact.kind, sealed, key.wrapped, proved.language, proved_at=now)

    def _opened_once(self, begun: Session, others: list[Session], now: datetime) -> Session:
        """Write a session down, unless it is there; then it must be the same one. Ends those that are too many."""
        if not self._store.add_session(begun):
            kept = self._alive(begun.account_id, begun.id, now)
            if kept is None or (kept.jkt, kept.refresh_hash) != (begun.jkt, begun.refresh_hash):
                raise CodeUsed()
            begun = kept
        for one in beyond(others, begun, now, self._figures):
            self._store.end(one.account_id, one.id, now)
        return begun

    def _alive(self, account_id: str, session_id: str, now: datetime) -> Session | None:
        session = self._store.session(account_id, session_id)
        return session if session and alive(session, now, self._figures) else None

    def _use(self, session: Session | None, proof: Proof, now: datetime, refresh_hash: str | None = None) -> None:
        """Remember that a session was used by this proof, of its key. With a hash the refresh token must be its own."""
        for _ in range(TRIES):
            if session is None or session.jkt != proof.jkt or refresh_hash not in (None, session.refresh_hash):
                raise SessionExpired()
            if self._store.use(session, with_proof(session.proofs, proof.jti, now), now):
                return
            session = self._alive(session.account_id, session.id, now)
        raise Unavailable()

    def _proved(self, request: ProofRequest, now: datetime) -> Proof:
        token = request.access_token
        return self._proofs.verify(request.headers, request.method, request.path, now, access_token=token)


def _account_of(proved: Proved) -> str:
    """The id of the account that a sign-in makes, if there is none."""
    return derived_id("account/1", proved.sign_in_id)


def _account(mac: str, guard: ContactGuard) -> Account:
    """The account as its first contact's guard has it."""
    contact = fill(KeptContact, guard, id=rules.contact_id(guard.account_id, mac), mac=mac)
    return Account(guard.account_id, guard.wrapped_key, guard.language, guard.proved_at, (contact,))


def _derived_secret(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")


def _hash(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")
