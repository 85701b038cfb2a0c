"""Sessions: opening them by a code, a passkey or an ID token, refreshing and ending them.

The writes are separate. A request may die between any two of them, and the same request again finishes them. The id of
a session follows from its sign-in and can be stored only once, so a code opens one session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime

from ...errors import NotFound, Unavailable
from ...figures.people import AccountRules
from ...ids import Randomness, derived_id, system_randomness
from ...notices.service import NoticeService
from ..account_store import AccountStore
from ..errors import CodeUsed, SessionExpired
from ..rules import Recovery
from ..signing_in.sign_ins import Proved, SignIns
from ..tokens.dpop import Proof, Proofs
from ..tokens.tokens import Tokens
from ..wire import SessionForm, SessionList, SessionOpened, SessionRefreshed, session_view
from .openings import MoreProof, Openings, account_of
from .rules import ProofRequest, Session, alive, beyond, ends_at, is_known, with_proof
from .ways import Way, Ways

TRIES = 4
"""How often a request is tried when other requests of the same contact or session come first."""

_REFRESH_TOKEN = re.compile(r"([a-z2-7]{26})\.([a-z2-7]{26})\.([A-Za-z0-9_-]{43})")


class Sessions:
    """All methods also raise `Unavailable` when AWS is late or busy."""

    def __init__(  # noqa: PLR0913 - what a session is made of, and the ways to begin one
        self,
        store: AccountStore,
        sign_ins: SignIns,
        openings: Openings,
        tokens: Tokens,
        proofs: Proofs,
        figures: AccountRules,
        randomness: Randomness = system_randomness,
        *,
        ways: Ways,
        notices: NoticeService,
    ) -> None:
        self._store = store
        self._sign_ins = sign_ins
        self._openings = openings
        self._ways = ways
        self._notices = notices
        self._tokens = tokens
        self._proofs = proofs
        self._figures = figures
        self._randomness = randomness

    def open(self, form: SessionForm, request: ProofRequest, now: datetime) -> SessionOpened:
        """`POST /sessions`. A client without a proof has no key, so its session is short and cannot be refreshed."""
        jkt = self._proved(request, now).jkt if request.headers else None
        if form.code is None:
            return self._open_by(self._ways.way(form, now), jkt, now)
        entered = form.code
        proved = self._sign_ins.judge(entered.sign_in_id, entered.secret, entered.code, now)
        session, secret = self.open_by_code(proved, jkt, now, form)
        device_token = self._tokens.issue_device(proved.contact_mac, jkt, now) if jkt else None
        new = session.account_id == account_of(proved)
        return self._answer(session, secret, now, new_account=new, device_token=device_token)

    def open_by_code(
        self, proved: Proved, jkt: str | None, now: datetime, more: MoreProof | None = None
    ) -> tuple[Session, bytes | None]:
        """The session of a sign-in whose code was right, and its refresh secret.

        The first sign-in of a contact makes its account. The same device gets the same session again. Raises
        `CodeUsed`, and what `Openings.account_by` raises.
        """
        session_id = derived_id("session/1", proved.sign_in_id)
        # It follows from the key of the code, so a repeat gives the same, and from the device's key, so no other can.
        secret = _derived_secret(proved.code_key, f"refresh/{session_id}/{jkt}") if jkt else None
        account_id, others = self._openings.account_by(proved, more, jkt, now)
        refresh_hash = _hash(secret) if secret else None
        begun = Session(account_id, session_id, jkt, proved.device, proved.contact.kind, now, now, refresh_hash)
        session = self._opened_once(begun, others, now)
        self._tell(session, others, new_account=account_id == account_of(proved))
        return session, secret

    def _open_by(self, way: Way, jkt: str | None, now: datetime) -> SessionOpened:
        """Open a session without a code. If the answer is lost, the person signs in again."""
        secret = self._randomness(32) if jkt else None
        refresh_hash = _hash(secret) if secret else None
        session_id = derived_id(f"session/{way.how}", way.once)
        begun = Session(way.account_id, session_id, jkt, way.device, way.how, now, now, refresh_hash)
        held = self._store.of(way.account_id)
        self._openings.still_used(way.account_id, held.recovery)
        if not self._store.add_session(begun):
            raise way.used()
        self._end_too_many(held.sessions, begun, now)
        self._tell(begun, held.sessions, new_account=way.new_account)
        return self._answer(begun, secret, now, new_account=way.new_account)

    def _answer(
        self,
        session: Session,
        secret: bytes | None,
        now: datetime,
        *,
        new_account: bool = False,
        device_token: str | None = None,
    ) -> SessionOpened:
        """The answer to a client whose session was opened."""
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
        """`POST /sessions/refreshes`: a new access token. Raises `SessionExpired`, `InvalidDpopProof`."""
        proof = self._proved(request, now)
        parts = _REFRESH_TOKEN.fullmatch(refresh_token)
        if parts is None:
            raise SessionExpired()
        account_id, session_id, secret = parts.groups()
        session, recovery = self._kept(account_id, session_id, now)
        self._use(session, proof, now, _hash(base64.urlsafe_b64decode(f"{secret}=")))
        self._openings.still_used(account_id, recovery)
        access_token = self._tokens.issue(account_id, session_id, proof.jkt, now, self._figures.access_token_s)
        return SessionRefreshed(access_token=access_token, expires_in_s=self._figures.access_token_s)

    def require(self, account_id: str, session_id: str, request: ProofRequest, now: datetime) -> Session:
        """The session of a request, for routes that must refuse an ended session or a stolen token at once.

        A session with a key must prove it for this very request. Raises `SessionExpired`, `InvalidDpopProof`.
        """
        session, recovery = self._kept(account_id, session_id, now)
        if session is None:
            raise SessionExpired()
        if session.jkt is None:
            self._openings.still_used(account_id, recovery)
            return session
        proof = self._proved(request, now)
        if proof.jkt != session.jkt:
            raise SessionExpired()
        self._openings.still_used(account_id, recovery)
        if request.method != "GET":  # a GET changes nothing, so its proof need not be stored
            self._use(session, proof, now)
        return session

    def of(self, session: Session, now: datetime) -> SessionList:
        """`GET /me/sessions`: the sessions that are alive, the last used first."""
        sessions = self._store.of(session.account_id).sessions
        going_on = [one for one in sessions if alive(one, now, self._figures)]
        going_on.sort(key=lambda one: one.last_used_at, reverse=True)
        return SessionList([session_view(one, self._figures, current=one.id == session.id) for one in going_on])

    def end(self, account_id: str, session_id: str, now: datetime) -> None:
        """`DELETE /me/sessions/{id}`; a repeat is no error. Raises `NotFound` if the account has no such session."""
        if not self._store.end(account_id, session_id, now) and self._store.session(account_id, session_id) is None:
            raise NotFound()

    def end_all(self, account_id: str, now: datetime) -> None:
        """`DELETE /me/sessions`: end every session, that of the request too."""
        for one in self._store.of(account_id).sessions:
            if one.ended_at is None:
                self._store.end(account_id, one.id, now)

    def _opened_once(self, begun: Session, others: list[Session], now: datetime) -> Session:
        """Store a new session. If it is there already, it must be the same. Ends the sessions over the limit."""
        if not self._store.add_session(begun):
            kept = self._alive(begun.account_id, begun.id, now)
            if kept is None or (kept.jkt, kept.refresh_hash) != (begun.jkt, begun.refresh_hash):
                raise CodeUsed()
            begun = kept
        self._end_too_many(others, begun, now)
        return begun

    def _tell(self, begun: Session, others: list[Session], *, new_account: bool) -> None:
        """Tell every contact of an existing account about a device that it did not know. A repeat is told once."""
        if not new_account and not is_known(begun, others):
            self._notices.tell_sign_in(begun.account_id, begun.id)

    def _end_too_many(self, others: list[Session], begun: Session, now: datetime) -> None:
        for one in beyond(others, begun, now, self._figures):
            self._store.end(one.account_id, one.id, now)

    def _alive(self, account_id: str, session_id: str, now: datetime) -> Session | None:
        return self._kept(account_id, session_id, now)[0]

    def _kept(self, account_id: str, session_id: str, now: datetime) -> tuple[Session | None, Recovery | None]:
        """A session if it is alive, and the last recovery of its account."""
        session, recovery = self._store.session_and_recovery(account_id, session_id)
        return session if session and alive(session, now, self._figures) else None, recovery

    def _use(self, session: Session | None, proof: Proof, now: datetime, refresh_hash: str | None = None) -> None:
        """Store that a session was used by this proof of its key. A given hash must be that of its refresh token."""
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


def _derived_secret(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")


def _hash(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")
