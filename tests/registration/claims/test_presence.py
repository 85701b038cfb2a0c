"""Proof of presence, by an office or the national ID, for whoever made the code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from chalicelib.accounts.errors import IdTokenRefused
from chalicelib.accounts.sessions.issuers import Issuers, hashed
from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.privacy.wire import ReaderQuery
from chalicelib.registration.claims.presence import LIVES, Presence
from chalicelib.registration.errors import NotRegistered, PresenceCodeUnknown, PresenceOfAnother
from chalicelib.registration.items import PresenceItem, person_pk
from chalicelib.registration.wire import CorrectionForm, OwnCorrectionForm, PresenceForm, SignedInForm
from chalicelib.wiring import Services
from tests.builders.accounts.issuers import NATIONAL, Server, token
from tests.builders.registration import SITI, form, guards, other_form, rows
from tests.conftest import T0

HOLDER, OWNER = "squatter-1", "owner-1"
OFFICE, OTHER = "o" * 26, "q" * 26
SECOND = timedelta(seconds=1)


class Counter:
    """Somebody holds Siti's NIK, and Siti claims it and stands before an office."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        self.services = Services(settings, programme, lambda: T0)
        self.people = self.services.registrations
        self.people.register(HOLDER, SITI, T0)
        self.people.register("another-1", other_form(7), T0)
        self.people.register(OWNER, form(phone="0812-9999-0001", claim_nik=True), T0)

    @property
    def presence(self) -> Presence:
        return self.services.presence

    def code(self, who: str = OWNER, now: datetime = T0) -> str:
        return self.presence.code(who, now).presence_code

    def reads(
        self, code: str, office: str = OFFICE, nik: str = SITI.nik, reference: str = "A-1"
    ) -> Callable[..., bool]:
        report = PresenceForm(nik=nik, presence_code=code, reference=reference)

        def read(now: datetime = T0) -> bool:
            view, new = self.presence.attest(office, report, now)
            assert view.masked_name == "S*** A*****"  # of whose code it is, each time
            return new

        return read

    def proven(self, who: str) -> datetime | None:
        return self.people.registrant(who).present_at


@pytest.fixture
def counter(cloud: Settings, programme: Programme) -> Counter:
    return Counter(cloud, programme)


def test_an_office_proves_presence_for_who_showed_the_code_once_and_the_nik_comes_back(counter, cloud):
    read = counter.reads(counter.code().lower())
    assert (read(T0 + SECOND), read(T0 + 2 * SECOND), read(T0 + timedelta(days=1))) == (True, False, False)
    assert (counter.proven(OWNER), counter.proven(HOLDER)) == (T0 + SECOND, None)
    assert counter.people.me(OWNER).registration.present_at == T0 + SECOND
    [look] = counter.services.readers.of(OWNER, ReaderQuery(), T0).readers
    assert (look.reader, look.act) == ("partner", "POST /partners/presences")
    for after in (T0, T0 + timedelta(hours=25)):
        counter.services.nik_claims.run(after, 300)
    assert set(guards(cloud, "nik").values()) == {OWNER, "another-1"}


@pytest.mark.parametrize("how", ["two take it back", "the NIK changes"])
def test_a_proof_that_counts_no_more_is_forgotten(counter, how):
    counter.reads(counter.code())()
    assert dynamodb.find(PresenceItem, person_pk(OWNER), "PRESENCE").proven_at == T0
    if how == "the NIK changes":
        changed = counter.people.with_changes(OWNER, OwnCorrectionForm(nik=other_form(9).nik))
        counter.people.register(OWNER, changed, T0)
    else:
        counter.services.corrections.propose(OWNER, CorrectionForm(presence=""), "maker", "a wrong report", T0)
        counter.services.corrections.approve(OWNER, "checker", T0)
    assert (counter.proven(OWNER), dynamodb.find(PresenceItem, person_pk(OWNER), "PRESENCE")) == (None, None)


@pytest.mark.parametrize(
    "refused",
    [
        lambda counter: counter.reads("A" * 16)(),
        lambda counter: counter.reads(counter.code(), nik=other_form(7).nik)(),  # a card of another
        lambda counter: counter.reads(counter.code(), nik=other_form(8).nik)(),  # of nobody who registered
        lambda counter: counter.reads(counter.code())(T0 + LIVES),
        lambda counter: (counter.code(), counter.reads(counter.code()), counter.code())[1](),  # replaced since
    ],
)
def test_no_other_card_code_or_time_proves_anything(counter, refused):
    with pytest.raises(PresenceCodeUnknown):
        refused(counter)
    assert (counter.proven(OWNER), counter.proven(HOLDER)) == (None, None)


def test_a_used_code_says_nothing_under_another_reference_or_to_another_office(counter):
    code = counter.code()
    assert counter.reads(code)()
    for again in (counter.reads(code, OTHER), counter.reads(code, reference="A-2")):
        with pytest.raises(PresenceCodeUnknown):
            again(T0 + SECOND)
    assert counter.proven(OWNER) == T0
    assert counter.reads(counter.code(now=T0 + SECOND), OTHER)(T0 + 2 * SECOND)  # with a new code anybody may
    assert counter.proven(OWNER) == T0 + 2 * SECOND


def signed_in(counter: Counter, code: str, now: datetime = T0, who: str = OWNER, **said: object) -> bool:
    """The national ID says who has just signed in, for this code."""
    at = int(now.timestamp())
    said = {"nik": SITI.nik, "acr": "high", "auth_time": at, "iat": at, "exp": at + 300, "nonce": hashed(code)} | said
    counter.presence._nik_of = Issuers([NATIONAL], Server().fetch).nik
    form = SignedInForm(issuer=NATIONAL.name, token=token(**said), presence_code=code)
    return counter.presence.sign_in(who, form, now)[1]


def test_the_national_ids_sign_in_proves_presence_for_who_made_the_code_once(counter):
    code = counter.code()
    assert (signed_in(counter, code), signed_in(counter, code, T0 + SECOND)) == (True, False)
    assert (counter.proven(OWNER), counter.proven(HOLDER)) == (T0, None)
    with pytest.raises(PresenceCodeUnknown):  # what an office would report is another proof
        counter.reads(code)()


@pytest.mark.parametrize(
    ("sign", "refusal"),
    [
        (lambda counter, code: signed_in(counter, code, nik=other_form(7).nik), PresenceOfAnother),
        (lambda counter, code: signed_in(counter, code, nonce=hashed("another")), IdTokenRefused),
        (lambda counter, code: signed_in(counter, code, acr="low"), IdTokenRefused),
        (lambda counter, code: signed_in(counter, code, T0 + LIVES), PresenceCodeUnknown),
        (lambda counter, code: signed_in(counter, code, who="another-1"), PresenceCodeUnknown),
        (lambda counter, code: (counter.code(), signed_in(counter, code)), PresenceCodeUnknown),
    ],
)
def test_a_sign_in_for_another_nik_code_account_or_time_proves_nothing(counter, sign, refusal):
    code = counter.code()
    with pytest.raises(refusal):
        sign(counter, code)
    assert {counter.proven(who) for who in (OWNER, HOLDER, "another-1")} == {None}


@pytest.mark.parametrize("meanwhile", ["another code", "another NIK"])
def test_what_changes_between_the_look_and_the_write_proves_nothing(counter, meanwhile):
    read = counter.reads(counter.code())

    def change(*_: str) -> None:
        if meanwhile == "another code":
            counter.code()
        else:
            counter.people.register(OWNER, other_form(3), T0 + SECOND)

    counter.services.presence._seen = change
    with pytest.raises(PresenceCodeUnknown):
        read(T0 + SECOND)
    assert counter.proven(OWNER) is None


def test_a_code_is_kept_by_its_hash_and_only_of_who_is_registered(counter, cloud):
    code = counter.code()
    [row] = [one for one in rows(cloud, f"R#{OWNER}") if one["sk"]["S"] == "PRESENCE"]
    assert code not in str(row)
    with pytest.raises(NotRegistered):
        counter.code("nobody")
