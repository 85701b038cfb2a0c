"""The rules of sessions, without AWS: which session is alive, which of too many ends, which proof was used before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.accounts.errors import InvalidDpopProof, TooManyRequests
from chalicelib.accounts.sessions.rules import (
    PROOFS_KEPT,
    PROOFS_MAX,
    SeenProofs,
    Session,
    alive,
    beyond,
    ends_at,
    with_proof,
)
from chalicelib.config import Programme
from tests.conftest import T0

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
KEYED = Session("account", "session", "thumbprint", "phone", "email", T0, T0, "hash")
KEYLESS = replace(KEYED, jkt=None, refresh_hash=None)


def test_a_session_with_a_key_lives_ninety_days_from_its_last_use(programme: Programme) -> None:
    used = replace(KEYED, last_used_at=T0 + 80 * DAY)
    for session, until in ((KEYED, T0 + 90 * DAY), (used, T0 + 170 * DAY)):
        assert ends_at(session, programme.accounts) == until
        assert alive(session, until - SECOND, programme.accounts)
        assert not alive(session, until, programme.accounts)


def test_a_session_without_a_key_lives_a_day_however_it_is_used(programme: Programme) -> None:
    used = replace(KEYLESS, last_used_at=T0 + DAY - SECOND)
    assert alive(used, T0 + DAY - SECOND, programme.accounts)
    assert not alive(used, T0 + DAY, programme.accounts)


def test_an_ended_session_is_never_alive(programme: Programme) -> None:
    assert not alive(replace(KEYED, ended_at=T0), T0, programme.accounts)


def test_the_nine_last_used_sessions_remain_beside_the_newest(programme: Programme) -> None:
    others = [replace(KEYED, id=f"{n:02d}", last_used_at=T0 + n * SECOND) for n in range(12)]
    newest = replace(KEYED, id="new", last_used_at=T0 - DAY)
    ended = replace(KEYED, id="ended", ended_at=T0)
    over = replace(KEYED, id="over", last_used_at=T0 - 90 * DAY)
    now = T0 + 20 * SECOND
    assert {one.id for one in beyond([*others, ended, over, newest], newest, now, programme.accounts)} == {
        "00", "01", "02",
    }  # fmt: skip
    assert beyond([*others[:9], ended, over, newest], newest, now, programme.accounts) == []


def test_a_proof_is_stored_for_longer_than_it_is_valid() -> None:
    seen = with_proof((), "one", T0)
    for later in (timedelta(), timedelta(minutes=6)):
        with pytest.raises(InvalidDpopProof, match="used"):
            with_proof(seen, "one", T0 + later)
    assert len(with_proof(seen, "two", T0 + PROOFS_KEPT - SECOND)) == 2
    assert len(with_proof(seen, "two", T0 + PROOFS_KEPT)) == 1


def test_stored_proofs_never_exceed_a_write_unit() -> None:
    seen: SeenProofs = ()
    for number in range(PROOFS_MAX):
        seen = with_proof(seen, f"proof-{number}", T0 + number * SECOND)
    assert len(str(seen)) < 600
    with pytest.raises(TooManyRequests):
        with_proof(seen, "another", T0 + PROOFS_KEPT - SECOND)
    assert len(with_proof(seen, "another", T0 + PROOFS_KEPT)) == PROOFS_MAX
