"""Codes asked for and guessed at the same time: no more than one after the other."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from chalicelib.accounts.errors import CodeUsedUp, TooManyCodes, TooManyTries, WrongCode
from chalicelib.accounts.macs import Macs
from chalicelib.accounts.signing_in import codes
from chalicelib.accounts.signing_in.sign_ins import Proved, Started
from chalicelib.config import Programme, Settings
from chalicelib.vault import Vault
from tests.builders.accounts.sign_ins import SignInsWorld

from .conftest import Kms
from .together import ALWAYS, AT_ONCE, refusals, together

pytestmark = pytest.mark.dynamodb


@pytest.fixture
def signing(cloud: Settings, strict_programme: Programme, monkeypatch: pytest.MonkeyPatch) -> SignInsWorld:
    world = SignInsWorld(cloud, strict_programme)
    world.services.vault = Vault(Kms, cloud.mac_key, cloud.data_key)
    world.services.macs = Macs(Kms, cloud.contacts_key, cloud.codes_key)
    world.sent("first@example.org")  # what a process keeps
    return world


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counted: Counter[str] = Counter()
    same = codes.same
    monkeypatch.setattr(codes, "same", lambda expected, typed: counted.update([expected]) or same(expected, typed))
    return counted


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_a_code_is_compared_five_times_in_any_number_of_simultaneous_guesses(
    signing: SignInsWorld, compared, meet: int
):
    started = signing.sent()
    answers = together([partial(signing.judge, started, signing.wrong(started))] * (2 * AT_ONCE), meet)
    assert Counter(refusals(answers)) == {WrongCode: 5, CodeUsedUp: 2 * AT_ONCE - 5}
    assert compared == {signing.code(started): 5}


def test_a_contact_has_twenty_failures_in_any_number_of_simultaneous_sign_ins(signing: SignInsWorld, compared):
    begun = [signing.sent() for _ in range(signing.rules.codes_per_hour)]
    wrong = [(started, signing.wrong(started)) for started in begun]
    answers = together([partial(signing.judge, *each) for each in wrong * 5])
    assert Counter(refusals(answers)) == {WrongCode: 20, TooManyTries: 5}
    assert compared.total() == 20


def test_a_right_code_among_wrong_ones_is_accepted_or_too_late(signing: SignInsWorld):
    started = signing.sent()
    typed = [signing.wrong(started)] * (AT_ONCE - 1) + [signing.code(started)]
    *_, right = together([partial(signing.judge, started, code) for code in typed])
    assert isinstance(right, Proved | CodeUsedUp)


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_a_contact_gets_five_codes_an_hour_in_any_number_of_simultaneous_requests(signing: SignInsWorld, meet: int):
    signing.queued()
    answers = together([signing.start] * (2 * AT_ONCE), meet)
    begun = [answer for answer in answers if isinstance(answer, Started)]
    assert Counter(refusals(answers)) == {TooManyCodes: 2 * AT_ONCE - 5}
    assert sorted(one.sign_in.places[0].number for one in begun) == [1, 2, 3, 4, 5]
    assert len(signing.queued()) == 1, "one waiting message a contact"
