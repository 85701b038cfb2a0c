"""Adding, using and removing passkeys with the real services."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec
import pytest

from chalicelib.accounts.errors import ChallengeExpired, MalformedPasskey, PasskeyKnown, PasskeyRefused, TooManyPasskeys
from chalicelib.accounts.items import RecoveryItem, account_pk
from chalicelib.accounts.passkeys.store import passkeys_of
from chalicelib.accounts.passkeys.wire import UsedPasskey
from chalicelib.accounts.rules import Recovery, RecoveryState
from chalicelib.accounts.sessions.rules import Account
from chalicelib.aws.attributes import item_of
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound
from tests.builders.accounts.contacts import EMAIL, OTHER_EMAIL, WAIT, Household
from tests.builders.accounts.passkeys import BOUND, PRESENT, Passkey, b64, unb64

YOUNG = timedelta(hours=71)


class House(Household):
    """People with passkeys."""

    def used(self, passkey: Passkey, challenge: str | None = None) -> tuple[str, str]:
        """Whose it is, and the id of the challenge."""
        asked = challenge or self.services.passkeys.challenge(self.now).challenge
        return self.services.passkeys.signed_in(msgspec.convert(passkey.used(asked), UsedPasskey), self.now)

    def refused(self, passkey: Passkey, challenge: str | None = None) -> bool:
        with pytest.raises((PasskeyRefused, ChallengeExpired)) as error:
            self.used(passkey, challenge)
        return error.type is PasskeyRefused

    def kept(self, account: Account) -> list[str]:
        """The ids of an account's passkeys, as its owner sees them."""
        return [one.passkey_id for one in self.services.passkeys.of(self.session(account), self.now).passkeys]


@pytest.fixture
def house(cloud: Settings, strict_programme: Programme) -> House:
    return House(cloud, strict_programme)


@pytest.fixture
def siti(house: House) -> Account:
    return house.account("siti", EMAIL)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_a_passkey_is_added_and_names_its_account_ever_after(house, siti, algorithm):
    passkey = Passkey(algorithm)
    view = house.added(house.session(siti), passkey)
    assert (view.device, view.backed_up, view.last_used_at, view.valid_from) == ("phone", True, None, None)
    uses = [house.used(passkey) for _ in range(3)]
    assert {account for account, _ in uses} == {siti.id}
    assert len({challenge for _, challenge in uses}) == 3
    [kept] = house.services.passkeys.of(house.session(siti), house.now).passkeys
    assert kept.last_used_at is not None
    assert house.told(siti) == ['account_changed {"change":"passkey_added"}']


def test_the_options_ask_for_what_is_checked(house, siti):
    passkey, session = Passkey(), house.session(siti)
    house.added(session, passkey)
    options = msgspec.to_builtins(house.services.passkeys.options(session, house.now))
    assert options["rp"]["id"] == "gelombang.example"
    assert unb64(options["user"]["id"]).decode() == siti.id
    assert {one["alg"] for one in options["pubKeyCredParams"]} == {-7, -8, -257}
    assert options["excludeCredentials"] == [{"id": b64(passkey.id), "type": "public-key"}]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    asked = msgspec.to_builtins(house.services.passkeys.challenge(house.now))
    assert (asked["rpId"], asked["userVerification"]) == ("gelombang.example", "required")
    assert "allowCredentials" not in asked, "no account is known before one signs"


def test_a_challenge_is_good_for_its_purpose_its_account_and_five_minutes(house, siti):
    passkey, session = Passkey(), house.session(siti)
    budi = house.session(house.account("budi", OTHER_EMAIL))
    for wrong in (
        house.services.passkeys.challenge(house.now).challenge,
        house.challenge(budi),
        b64(b"no token of ours"),
        b64(b"\xff\xfe"),
        b64(house.services.access_tokens.nonce(house.now).encode()),
        b64(house.services.access_tokens.issue(siti.id, session.id, None, house.now, 300).encode()),
    ):
        with pytest.raises(ChallengeExpired):
            house.added(session, passkey, wrong)
    mine = house.challenge(session)
    house.added(session, passkey, mine)
    assert not house.refused(passkey, mine)

    asked = house.services.passkeys.challenge(house.now).challenge
    house.now += timedelta(seconds=299)
    house.used(passkey, asked)
    house.now += timedelta(seconds=1)
    assert not house.refused(passkey, asked)


def test_adding_a_passkey_again_gives_the_same_one_and_one_notice(house, siti):
    passkey, session = Passkey(), house.session(siti)
    challenge = house.challenge(session)
    assert house.added(session, passkey, challenge) == house.added(session, passkey, challenge)
    assert len(house.told(siti)) == len(passkeys_of(siti.id)) == 1


def test_a_credential_id_belongs_to_one_account(house, siti):
    passkey, thief = Passkey(), house.account("thief", OTHER_EMAIL)
    house.added(house.session(siti), passkey)
    copy = Passkey(id=passkey.id)
    with pytest.raises(PasskeyKnown):
        house.added(house.session(thief), copy)
    assert house.refused(copy)
    assert house.used(passkey)[0] == siti.id
    assert house.told(thief) == []


def test_a_passkey_with_another_accounts_user_handle_opens_neither(house, siti):
    mine, theirs = Passkey(), Passkey()
    budi = house.account("budi", OTHER_EMAIL)
    house.added(house.session(siti), mine)
    house.added(house.session(budi), theirs)
    theirs.user = siti.id
    assert house.refused(theirs)
    theirs.id = mine.id
    assert house.refused(theirs)
    for handle in ("", "x", "é" * 13, "a" * 26, f"{siti.id} ", siti.id.upper()):
        mine.user = handle
        asked = house.services.passkeys.challenge(house.now).challenge
        said = mine.used(asked)
        said["response"]["userHandle"] = b64(handle.encode())
        with pytest.raises(PasskeyRefused):
            house.services.passkeys.signed_in(msgspec.convert(said, UsedPasskey), house.now)


def test_without_verification_nothing_is_added_and_nobody_signs_in(house, siti):
    session = house.session(siti)
    with pytest.raises(MalformedPasskey):
        house.added(session, Passkey(flags=PRESENT))
    passkey = Passkey(flags=BOUND)
    house.added(session, passkey)
    passkey.flags = PRESENT
    assert house.refused(passkey)
    passkey.flags = BOUND
    assert house.used(passkey)[0] == siti.id


def test_a_counter_that_goes_back_is_refused_and_rings(house, siti, caplog):
    passkey = Passkey(count=7, flags=BOUND)
    house.added(house.session(siti), passkey)
    passkey.count = 9
    house.used(passkey)
    caplog.set_level(logging.WARNING)
    for count in (9, 8, 1, 0):
        passkey.count = count
        assert house.refused(passkey)
    rung = [record for record in caplog.records if record.message == "passkey_counter_went_back"]
    assert len(rung) == 4
    assert siti.id not in str([vars(record) for record in rung])
    passkey.count = 10
    assert house.used(passkey)[0] == siti.id


def test_a_request_that_is_sent_twice_is_refused_and_does_not_ring(house, siti, caplog):
    passkey = Passkey(count=1, flags=BOUND)
    house.added(house.session(siti), passkey)
    passkey.count, asked = 2, house.services.passkeys.challenge(house.now).challenge
    house.used(passkey, asked)
    caplog.set_level(logging.WARNING)
    assert not house.refused(passkey, asked)
    assert caplog.records == []


def test_a_counter_that_is_always_0_is_accepted(house, siti):
    passkey = Passkey()
    house.added(house.session(siti), passkey)
    assert {house.used(passkey)[0] for _ in range(3)} == {siti.id}
    passkey.count = 1
    house.used(passkey)
    passkey.count = 0
    assert house.refused(passkey)


def test_the_backup_state_is_stored_and_backup_eligibility_never_changes(house, siti):
    passkey = Passkey(flags=BOUND | 8)
    view = house.added(house.session(siti), passkey)
    assert not view.backed_up
    passkey.flags = BOUND | 8 | 16
    house.used(passkey)
    assert passkeys_of(siti.id)[0].backed_up
    passkey.flags = BOUND
    assert house.refused(passkey)


def test_an_eleventh_passkey_is_refused_until_one_is_removed(house, siti):
    session = house.session(siti)
    first = house.added(session, Passkey())
    for _ in range(9):
        house.added(session, Passkey())
    with pytest.raises(TooManyPasskeys):
        house.added(session, Passkey())
    assert house.services.passkeys.remove(session, first.passkey_id, house.now).valid_until == iso(house.now)
    house.added(session, Passkey())
    assert len(house.kept(siti)) == len({one.slot for one in passkeys_of(siti.id)}) == 10


def test_a_young_session_adds_a_passkey_that_signs_in_three_days_later(house, siti):
    passkey = Passkey()
    view = house.added(house.session(siti, YOUNG), passkey)
    assert view.valid_from is not None
    assert [(one.change, one.subject) for one in house.pending(siti)] == [("passkey_added", view.passkey_id)]
    assert [line.partition(" ")[0] for line in house.told(siti)] == ["account_changing"]
    assert house.refused(passkey)
    house.now += WAIT - timedelta(seconds=1)
    assert house.refused(passkey)
    house.now += timedelta(seconds=1)
    assert house.used(passkey)[0] == siti.id


def test_a_passkey_that_waits_can_be_cancelled_by_the_change_or_removed(house, siti):
    first, second = Passkey(), Passkey()
    house.added(house.session(siti, YOUNG), first)
    [change] = house.pending(siti)
    house.services.changes.cancel(siti.id, change.change_id, house.now)
    assert passkeys_of(siti.id) == []
    view = house.added(house.session(siti, YOUNG), second)
    assert house.services.passkeys.remove(house.session(siti, YOUNG), view.passkey_id, house.now).valid_until == iso(
        house.now
    )
    assert (passkeys_of(siti.id), house.pending(siti)) == ([], [])
    house.now += WAIT
    assert house.refused(first)
    assert house.refused(second)


def test_a_passkey_is_removed_at_once_by_an_old_session(house, siti):
    passkey = Passkey()
    view = house.added(house.session(siti), passkey)
    assert house.services.passkeys.remove(house.session(siti), view.passkey_id, house.now).valid_until == iso(house.now)
    assert house.refused(passkey)
    assert passkeys_of(siti.id) == []
    assert sorted(house.told(siti))[1:] == ['account_changed {"change":"passkey_removed"}']
    with pytest.raises(NotFound):
        house.services.passkeys.remove(house.session(siti), view.passkey_id, house.now)


def test_a_young_session_removes_a_passkey_three_days_later_unless_that_is_cancelled(house, siti):
    passkey, young = Passkey(), house.session(siti, YOUNG)
    view = house.added(house.session(siti), passkey)
    first = house.services.passkeys.remove(young, view.passkey_id, house.now)
    assert first.valid_until == iso(house.now + WAIT)
    house.now += timedelta(hours=1)
    assert house.services.passkeys.remove(house.session(siti, YOUNG), view.passkey_id, house.now) == first
    [change] = house.pending(siti)
    house.services.changes.cancel(siti.id, change.change_id, house.now)
    house.now += WAIT
    assert house.used(passkey)[0] == siti.id

    house.services.passkeys.remove(house.session(siti, YOUNG), view.passkey_id, house.now)
    house.now += WAIT - timedelta(seconds=1)
    house.used(passkey)
    house.now += timedelta(seconds=1)
    assert house.refused(passkey)
    assert house.kept(siti) == []
    other = Passkey()
    house.added(house.session(siti), other)
    assert [one.slot for one in passkeys_of(siti.id)] == [0], "in the place of the one that is gone"
    assert house.used(other)[0] == siti.id
    house.added(house.session(house.account("budi", OTHER_EMAIL)), passkey)  # nobody's any more


def test_an_old_session_removes_at_once_a_passkey_that_a_young_one_marked(house, siti):
    passkey = Passkey()
    view = house.added(house.session(siti), passkey)
    house.services.passkeys.remove(house.session(siti, YOUNG), view.passkey_id, house.now)
    assert house.services.passkeys.remove(house.session(siti), view.passkey_id, house.now).valid_until == iso(house.now)
    assert house.refused(passkey)


def test_a_passkey_of_somebody_else_cannot_be_removed(house, siti):
    passkey = Passkey()
    view = house.added(house.session(siti), passkey)
    with pytest.raises(NotFound):
        house.services.passkeys.remove(house.session(house.account("budi", OTHER_EMAIL)), view.passkey_id, house.now)
    assert house.used(passkey)[0] == siti.id


def test_a_passkey_from_before_a_recovery_is_barred_and_one_from_after_it_is_not(house, siti):
    before, after = Passkey(), Passkey()
    house.added(house.session(siti), before)
    house.now += timedelta(days=8)
    recovery = Recovery("r", RecoveryState.DONE, "new", "mac", "maker", "note", house.now, house.now, house.now)
    item_of(RecoveryItem, account_pk(siti.id), "RECOVERY", recovery).save()
    assert house.refused(before)
    house.added(house.session(siti), after)
    assert house.used(after)[0] == siti.id


def test_a_challenge_reads_and_writes_nothing_of_accounts(house, monkeypatch):
    """After the day's signing key is known, nobody can make us work by asking for challenges."""
    house.services.passkeys.challenge(house.now)
    monkeypatch.setattr("chalicelib.aws.dynamodb.call", lambda *asked: pytest.fail(str(asked)))
    assert house.services.passkeys.challenge(house.now).challenge
