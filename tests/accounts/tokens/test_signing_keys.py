"""The signing key of each day: made once, published ahead, revoked, and read rarely."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from chalicelib.accounts.tokens.signing_keys import ASK_AGAIN, CACHED, OVERLAP
from chalicelib.errors import Unavailable
from tests.builders.accounts.accounts import KeysInMemory, Kms, process

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BUSY = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "GenerateDataKeyPairWithoutPlaintext")
FORBIDDEN = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "Decrypt")


@pytest.fixture
def store():
    return KeysInMemory()


@pytest.fixture
def kms():
    return Kms()


def kids(keys) -> list[str]:
    return [key.kid for key in keys]


def test_a_days_key_is_made_when_first_needed_and_unwrapped_once_a_process(store, kms):
    keys = process(store, kms)
    for _ in range(3):
        kid, private = keys.current(NOON)
    assert (kid, private.is_private) == ("2026-11-29.1", True)
    assert kms.asked == ["make", "open"]
    other = process(store, kms)
    assert other.current(NOON)[0] == kid
    assert kms.asked == ["make", "open", "open"]
    [key] = store.of(NOON.date())
    assert b"PRIVATE" not in key.wrapped
    assert set(key.public_jwk) == {"kty", "crv", "x", "y"}


def test_two_processes_that_make_a_days_key_at_once_use_the_first(store, kms):
    first, second = process(store, kms), process(store, kms)
    make = kms.generate_data_key_pair_without_plaintext

    def overtaken(**asked):
        kms.generate_data_key_pair_without_plaintext = make
        first.current(NOON)
        return make(**asked)

    kms.generate_data_key_pair_without_plaintext = overtaken
    kid, key = second.current(NOON)
    assert (kid, key.thumbprint()) == (first.current(NOON)[0], first.current(NOON)[1].thumbprint())
    assert kms.asked.count("make") == 2
    assert kids(store.of(NOON.date())) == ["2026-11-29.1"]


def test_the_next_days_key_is_published_an_hour_before_and_verified_until_the_day_after(store, kms):
    keys = process(store, kms)
    assert kids(keys.published(MIDNIGHT - OVERLAP - SECOND)) == ["2026-11-29.1"]
    both = ["2026-11-29.1", "2026-11-30.1"]
    assert kids(keys.published(MIDNIGHT - OVERLAP)) == both
    assert keys.current(MIDNIGHT - SECOND)[0] == "2026-11-29.1"
    assert keys.current(MIDNIGHT)[0] == "2026-11-30.1"
    assert kids(keys.published(MIDNIGHT)) == both
    assert keys.verifying("2026-11-30.1", MIDNIGHT - SECOND), "another process may be ahead"
    late = MIDNIGHT + timedelta(days=1) - SECOND
    assert keys.verifying("2026-11-29.1", late)
    assert keys.verifying("2026-11-29.1", late + SECOND) is None
    assert keys.verifying("2026-11-29.1", late + SECOND, days=400), "device tokens live longer"


def test_a_key_that_is_missing_at_midnight_is_made_then(store, kms):
    keys = process(store, kms)
    keys.current(NOON)
    assert keys.verifying("2026-11-30.1", MIDNIGHT - SECOND) is None
    assert keys.current(MIDNIGHT)[0] == "2026-11-30.1"
    assert keys.verifying("2026-11-30.1", MIDNIGHT)


def test_a_process_finds_a_new_key_within_a_second(store, kms):
    ours, theirs = process(store, kms), process(store, kms)
    assert ours.verifying("2026-11-29.1", NOON) is None
    kid, key = theirs.current(NOON)
    assert ours.verifying(kid, NOON) is None
    day, known = ours.verifying(kid, NOON + ASK_AGAIN)
    assert (day, known.thumbprint(), known.is_private) == (NOON.date(), key.thumbprint(), False)


def test_unknown_keys_cause_few_reads(store, kms):
    keys = process(store, kms)
    keys.current(NOON)
    store.reads = 0
    for number in range(2, 200):
        assert keys.verifying(f"2026-11-29.{number}", NOON + timedelta(milliseconds=number)) is None
    assert store.reads == 0
    for tenth in range(100):
        keys.verifying("2026-11-29.7", NOON + timedelta(seconds=tenth / 10))
    assert store.reads == 9


@pytest.mark.parametrize(
    "kid",
    ["", "2026-11-29", "2026-11-29.0", "2026-11-29.01", "2026-13-29.1", "2026-11-29.1\n", "x" * 500, "٢026-11-29.1"],
)
def test_a_malformed_key_id_is_not_looked_up(store, kms, kid):
    assert process(store, kms).verifying(kid, NOON) is None
    assert store.reads == 0


@pytest.mark.parametrize("kid", ["2026-11-27.1", "2026-12-01.1", "0001-01-01.1", "9999-12-31.1"])
def test_a_key_of_another_day_is_not_looked_up(store, kms, kid):
    assert process(store, kms).verifying(kid, NOON) is None
    assert store.reads == 0


def test_rotating_makes_a_new_key_and_revokes_all_others_of_access_tokens(store, kms):
    keys, other = process(store, kms), process(store, kms)
    for now in (NOON - timedelta(days=2), NOON - timedelta(days=1), MIDNIGHT - SECOND):
        keys.current(now)
    now = MIDNIGHT - SECOND
    assert other.verifying("2026-11-29.1", now)
    assert keys.rotate(now).kid == "2026-11-29.2"
    stood = {key.kid: key.revoked_at for key in store.kept.values()}
    assert stood.pop("2026-11-27.1") is None, "it signs device tokens at most"
    assert stood == {"2026-11-28.1": now, "2026-11-29.1": now, "2026-11-30.1": now, "2026-11-29.2": None}
    assert keys.current(now)[0] == "2026-11-29.2"
    assert other.verifying("2026-11-29.1", now + CACHED - SECOND), "for so long it believes what it has read"
    assert other.verifying("2026-11-29.1", now + CACHED) is None
    assert other.current(now + CACHED)[0] == "2026-11-30.2", "tomorrow's was revoked too"
    assert kids(other.published(now + CACHED)) == ["2026-11-29.2", "2026-11-30.2"]


def test_rotating_again_keeps_the_first_time_of_revocation(store, kms):
    keys = process(store, kms)
    keys.current(NOON)
    keys.rotate(NOON)
    keys.rotate(NOON + SECOND)
    assert [key.revoked_at for key in keys.of_last_days(NOON)] == [NOON, NOON + SECOND, None]


def test_a_busy_kms_is_unavailable_but_an_unwrapped_key_still_signs(store, kms):
    keys = process(store, kms)
    kms.failure = BUSY
    with pytest.raises(Unavailable):
        keys.current(NOON)
    assert store.kept == {}
    kms.failure = None
    keys.current(NOON)
    kms.failure = BUSY
    assert keys.current(NOON + CACHED)[0] == "2026-11-29.1"
    with pytest.raises(Unavailable):
        process(store, kms).current(NOON)
    assert process(store, kms).verifying("2026-11-29.1", NOON), "no key is opened to verify"


def test_a_wrong_call_to_kms_raises_its_own_error(store, kms):
    kms.failure = FORBIDDEN
    with pytest.raises(ClientError):
        process(store, kms).current(NOON)


def test_making_the_next_days_key_fails_no_request_and_is_tried_once_a_minute(store, kms):
    keys, late = process(store, kms), MIDNIGHT - OVERLAP
    keys.current(NOON)
    kms.failure, kms.asked = BUSY, []
    for tenth in range(100):
        assert keys.current(late + timedelta(seconds=tenth / 10))[0] == "2026-11-29.1"
    assert kms.asked == ["make"]
    kms.failure = None
    keys.current(late + CACHED)
    assert kids(store.of(MIDNIGHT.date())) == ["2026-11-30.1"]
