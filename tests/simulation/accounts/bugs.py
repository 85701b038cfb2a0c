"""Planted bugs of accounts: plausible mistakes. The schedules must find each, or they prove nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from chalicelib.accounts import account_store, rules
from chalicelib.accounts.account_store import AccountStore
from chalicelib.accounts.contacts.changes import Changes
from chalicelib.accounts.contacts.recovery import Recoveries
from chalicelib.accounts.errors import CodeUsedUp, SessionExpired, UnknownSignIn
from chalicelib.accounts.items import SessionItem, account_pk, session_sk
from chalicelib.accounts.passkeys import passkeys
from chalicelib.accounts.passkeys import store as passkey_store
from chalicelib.accounts.passkeys.store import Passkey, PasskeyGuardItem
from chalicelib.accounts.sessions import sessions
from chalicelib.accounts.sessions.admission import Admission
from chalicelib.accounts.sessions.rules import SeenProofs, Session
from chalicelib.accounts.sessions.sessions import Sessions
from chalicelib.accounts.signing_in import budgets, codes, hour_keys, sign_ins
from chalicelib.accounts.signing_in.budgets import Budgets, Place, Tries
from chalicelib.accounts.signing_in.hour_keys import HourKeys
from chalicelib.accounts.signing_in.sign_ins import SignIns
from chalicelib.accounts.signing_in.store import SignIn, SignInStore
from chalicelib.accounts.tokens.tokens import Access, Tokens
from chalicelib.aws import dynamodb
from chalicelib.aws.attributes import item_of
from chalicelib.errors import DomainError
from chalicelib.notices import rules as notice_rules
from chalicelib.notices.rules import Notice
from chalicelib.notices.store import NoticeItem, NoticeStore

_count = itertools.count()
_try_codes, _take, _code = Budgets.try_codes, Budgets.take, codes.code
_issue, _budget_of, _use = Tokens.issue, budgets.budget_of, AccountStore.use


def _tries_not_limited(budgets_: Budgets, budget_id: str, places: Sequence[Place], now: datetime) -> Tries:
    try:
        return _try_codes(budgets_, budget_id, places, now)
    except CodeUsedUp:
        return Tries(tuple(0 for _ in places), 0)


def _tries_counted_by_reading(budgets_: Budgets, budget_id: str, places: Sequence[Place], now: datetime) -> Tries:
    """Reads how often a code was tried, and writes one more: two at once are one."""
    key = budgets._key(budget_id, places[-1].day)
    item = budgets.counters.read(key)
    names = [f"t{place.number}" for place in places]
    before = [budgets.counters.number(item, name) for name in names]
    if before[-1] >= budgets_._rules.code_tries:
        raise CodeUsedUp()
    sets = ", ".join(f"{name} = :{name}" for name in names)
    new = {f":{name}": tries + 1 for name, tries in zip(names, before, strict=True)}
    budgets.counters.write(key, f"SET {sets}", new)
    return Tries(tuple(new.values()), 0)


def _starts_not_limited(budgets_: Budgets, budget_id: str, sign_in_id: str, now: datetime) -> Any:
    try:
        return _take(budgets_, budget_id, sign_in_id, now)
    except DomainError:
        return Place(f"{now:%Y-%m-%d}", 1_000 + next(_count)), None


def _other_code_each_time(code_key: bytes, sending: int) -> str:
    return _code(code_key, sending + next(_count))


def _secret_not_compared(sign_ins_: SignIns, sign_in_id: str, _secret: str, now: datetime) -> SignIn:
    sign_in = sign_ins_.store.get(sign_in_id, now)
    if sign_in is None:
        raise UnknownSignIn()
    return sign_in


def _life_from_the_request(store: SignInStore, sign_in_id: str, sending: int, now: datetime) -> None:
    sign_in = store.get(sign_in_id, now)
    if sign_in is not None:
        _handed_over(store, sign_in_id, sending, sign_in.asked_at)


_handed_over = SignInStore.handed_over


def _every_code_alive(sign_in: SignIn, _lifetime: timedelta, _now: datetime) -> list[int]:
    return [number for number, at in enumerate(sign_in.sent, 1) if at is not None]


def _session_put_anyway(store: AccountStore, session: Session) -> bool:
    pk, sk = account_pk(session.account_id), session_sk(session.id)
    item_of(SessionItem, pk, sk, session, expires_at=session.started_at + timedelta(days=97)).save()
    return True


def _deleted_when_ended(store: AccountStore, account_id: str, session_id: str, now: datetime) -> bool:
    item = SessionItem(account_pk(account_id), session_sk(session_id))
    item.delete()
    return True


def _not_ended(store: AccountStore, account_id: str, session_id: str, now: datetime) -> bool:
    return True


def _read_lazily(store: AccountStore, account_id: str, session_id: str) -> Any:
    item = dynamodb.find(SessionItem, account_pk(account_id), session_sk(session_id), consistent=False)
    return account_store._session(account_id, item) if item else None, None


def _use_not_remembered(store: AccountStore, session: Session, proofs: SeenProofs, now: datetime) -> bool:
    return _use(store, session, proofs, session.last_used_at)


def _of_any_key(
    sessions_: Sessions, session: Session | None, proof: Any, now: datetime, refresh_hash: str | None = None
) -> None:
    if session is None or refresh_hash not in (None, session.refresh_hash):
        raise SessionExpired()


def _code_of_anybody(sessions_: Sessions, begun: Session, others: list[Session], now: datetime) -> Session:
    """Gives the session of a used code to whoever asks again."""
    if not sessions_._store.add_session(begun):
        return sessions_._store.session(begun.account_id, begun.id) or begun
    return begun


def _token_alone(admission: Admission, access_token: str, now: datetime) -> Access:
    return admission._tokens.verify(access_token, now)


def _token_for_a_day(tokens: Tokens, account: str, session: str, key: str | None, now: datetime, _s: int) -> str:
    return _issue(tokens, account, session, key, now, 86_400)


def _never_ends(session: Session, now: datetime, _rules: Any) -> bool:
    return session.ended_at is None


def _ends_by_time_only(session: Session, now: datetime, rules: Any) -> bool:
    return _alive(replace(session, ended_at=None), now, rules)


_alive = sessions.alive


def _own_key_of_the_hour(keys: HourKeys, now: datetime) -> tuple[str, Any]:
    """Does not look whether another process was first with the hour's key."""
    name = f"{now:%Y-%m-%dT%H}#{keys._shard}"
    if name not in keys._open and hour_keys.find(hour_keys.HourKeyItem, f"H#{name}", "KEY") is None:
        made = keys._vault.new_key(hour_keys._owner(name))
        item = hour_keys.HourKeyItem(f"H#{name}", "KEY", wrapped_key=made.wrapped, expires_at=now + timedelta(days=1))
        item.save()
        keys._keep(name, made)
    return name, keys.named(name)


def _challenge_not_used_up(store: AccountStore, session: Session) -> bool:
    return (_session_put_anyway if session.how == "passkey" else _add_session)(store, session)


_add_session = AccountStore.add_session


def _passkey_put_anyway(tx: Any, passkey: Passkey, gone: Passkey | None) -> None:
    """Does not look whether its id belongs to another account."""

    def put(leg: str, item: Any, condition: Any) -> None:
        tx.put(leg, item, None if leg == passkey_store.GUARD_LEG else condition)

    _put_passkey(SimpleNamespace(put=put, delete=tx.delete), passkey, gone)  # type: ignore[arg-type] # a double


_put_passkey = passkey_store.put


def _only_the_guard_deleted(tx: Any, passkey: Passkey) -> None:
    tx.delete(passkey_store.GUARD_LEG, PasskeyGuardItem(f"K#{passkey.id}", "PASSKEY"))


def _known_by_any_session(begun: Session, others: Sequence[Session]) -> bool:
    """Takes a device for known whose session was stored, even if nobody was told of it."""
    return begun.jkt is not None and any(one.jkt == begun.jkt and one.id != begun.id for one in others)


def _notice_moved_anyway(store: NoticeStore, notice: Notice, actions: list[Any]) -> bool:
    """Does not look whether another consumer has the notice."""
    NoticeItem(f"N#{notice.registrant_id}", notice.event).update(actions)
    return True


Bug = tuple[tuple[Any, str, Any], ...]
"""What is replaced: (module or class, name, what is there instead)."""

BUGS: dict[str, Bug] = {
    "tries not limited": ((Budgets, "try_codes", _tries_not_limited),),
    "tries counted by reading": ((Budgets, "try_codes", _tries_counted_by_reading),),
    "starts not limited": ((Budgets, "take", _starts_not_limited),),
    "one budget for all devices": ((sign_ins, "budget_of", lambda mac, _key: _budget_of(mac, None)),),
    "another code at each sending": ((codes, "code", _other_code_each_time),),
    "secret not compared": ((SignIns, "_own", _secret_not_compared),),
    "life of a code from the request": ((SignInStore, "handed_over", _life_from_the_request),),
    "old codes taken": ((SignIn, "sent_since", _every_code_alive),),
    "session put without a condition": ((AccountStore, "add_session", _session_put_anyway),),
    "session deleted at its end": ((AccountStore, "end", _deleted_when_ended),),
    "session not ended": ((AccountStore, "end", _not_ended),),
    "session read lazily": ((AccountStore, "session_and_recovery", _read_lazily),),
    "use not remembered": ((AccountStore, "use", _use_not_remembered),),
    "key of a proof not compared": ((Sessions, "_use", _of_any_key),),
    "proofs not remembered": ((sessions, "with_proof", lambda *_: ()),),
    "used code for anybody": ((Sessions, "_opened_once", _code_of_anybody),),
    "session of a random id": ((sessions, "derived_id", lambda *_: f"{next(_count):026d}".translate(_DIGITS)),),
    "session without an end": ((sessions, "alive", _never_ends),),
    "end of a session not looked at": ((sessions, "alive", _ends_by_time_only),),
    "any number of sessions": ((sessions, "beyond", lambda *_: []),),
    "session without a key not read": ((Admission, "admit", _token_alone),),
    "access token for a day": ((Tokens, "issue", _token_for_a_day),),
    "key of the hour not shared": ((HourKeys, "present", _own_key_of_the_hour),),
    "young session changes at once": ((rules, "takes_effect_at", lambda _session, now, _rules: now),),
    "contact that waits signs in": ((rules, "has_begun", lambda *_: True),),
    "cancelled change takes effect": ((Changes, "cancel", lambda *_: None),),
    "number trusted for ever": ((rules, "is_trusted", lambda *_: True),),
    "recovery not ended by use": ((Recoveries, "used", lambda *_: None),),
    "recovery never carried out": ((Recoveries, "taken_up", lambda *_: False),),
    "challenge not used up": ((AccountStore, "add_session", _challenge_not_used_up),),
    "passkey put without a condition": ((passkey_store, "put", _passkey_put_anyway),),
    "removed passkey still there": ((passkey_store, "delete", _only_the_guard_deleted),),
    "removal that waited never takes effect": ((Passkey, "gone", lambda *_: False),),
    "passkey that waits signs in": ((Passkey, "signs_in", lambda passkey, now: not passkey.gone(now)),),
    "cancelled passkey signs in": ((passkey_store, "undo", lambda *_: None),),
    "passkey from before a recovery": ((passkeys, "is_barred", lambda *_: False),),
    "device known by any session": ((sessions, "is_known", _known_by_any_session),),
    "first session told": ((sessions, "account_of", lambda _proved: ""),),
    "one contact told of a device": ((notice_rules, "TOLD_TO_ALL", frozenset()),),
    "notice sent by two": ((NoticeStore, "_update", _notice_moved_anyway),),
}
"""By what is wrong."""

_DIGITS = str.maketrans("0123456789", "abcdefghij")


@contextmanager
def planted(bug: str) -> Iterator[None]:
    """While this lasts, the code has the bug."""
    with ExitStack() as stack:
        for where, name, instead in BUGS[bug]:
            stack.enter_context(patch.object(where, name, instead))
        yield
