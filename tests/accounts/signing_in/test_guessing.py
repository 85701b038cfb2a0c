"""The limits of guessing codes: one after the other, over many sign-ins, and many at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.accounts.errors import CodeUsedUp, TooManyCodes, TooManyTries, UnknownSignIn, WrongCode
from chalicelib.accounts.signing_in import codes
from chalicelib.accounts.signing_in.sign_ins import Started
from chalicelib.errors import DomainError
from tests.builders.accounts.sign_ins import ADDRESS, SignInsWorld


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each code was compared with what somebody typed."""
    counted: Counter[str] = Counter()
    same = codes.same

    def counting(expected: str, typed: str) -> bool:
        counted[expected] += 1
        return same(expected, typed)

    monkeypatch.setattr(codes, "same", counting)
    return counted


def answers(signing: SignInsWorld, started: Started, times: int, code: str | None = None) -> list[str]:
    """What each try is answered with."""
    typed = signing.wrong(started) if code is None else code
    return [answer(lambda: signing.judge(started, typed)) for _ in range(times)]


def answer(act: Callable[[], object]) -> str:
    try:
        act()
    except DomainError as error:
        return error.code
    return "right"


def test_after_five_tries_even_the_right_code_is_refused(signing: SignInsWorld, compared):
    started = signing.sent()
    left = []
    for _ in range(5):
        with pytest.raises(WrongCode) as wrong:
            signing.judge(started, signing.wrong(started))
        left.append(wrong.value.facts["tries_left"])
    assert left == [4, 3, 2, 1, 0]
    assert answers(signing, started, 3, signing.code(started)) == ["code_used_up"] * 3
    assert compared == {signing.code(started): 5}


def test_another_code_gives_five_more_tries_but_none_for_the_earlier_one(signing: SignInsWorld, compared):
    started = signing.sent()
    answers(signing, started, 4)
    signing.later(60)
    signing.sign_ins.again(started.sign_in.id, started.secret, ADDRESS, signing.now)
    signing.hand_over(started, 2)
    assert answers(signing, started, 6) == ["wrong_code"] * 5 + ["code_used_up"]
    assert compared == {signing.code(started, 1): 5, signing.code(started, 2): 5}


def test_a_contact_has_twenty_failures_a_day_over_many_sign_ins(signing: SignInsWorld, compared):
    said: Counter[str] = Counter()
    for _ in range(3):
        for _ in range(signing.rules.codes_per_hour):
            try:
                started = signing.sent()
            except TooManyTries:
                said["not even begun"] += 1
                continue
            said.update(answers(signing, started, 3))
        signing.later(3600)
    # Seven sign-ins: six with three failures, one with two.
    assert said == {"wrong_code": 20, "too_many_tries": 1, "not even begun": 8}
    assert compared.total() == 20


def test_after_twenty_failures_only_a_known_device_can_enter_the_code(signing: SignInsWorld):
    theirs, own = signing.sent(), signing.sent(device_key="own")
    for _ in range(4):
        answers(signing, signing.sent(), 5)
    with pytest.raises(TooManyTries) as refused:
        signing.judge(theirs, signing.code(theirs))
    assert refused.value.facts == {"retry_after_s": 21 * 3600}  # T0 is 03:00 UTC
    assert signing.judge(own, signing.code(own))
    for started in (signing.sent(device_key="own"), signing.sent("budi@example.org")):
        assert signing.judge(started, signing.code(started))
    signing.later(21 * 3600)
    tomorrow = signing.sent()
    assert signing.judge(tomorrow, signing.code(tomorrow))


def test_a_failure_is_taken_back_once_though_its_write_is_made_twice(signing: SignInsWorld) -> None:
    started = signing.sent()
    budgets, budget = signing.sign_ins.budgets, started.sign_in.budget_id
    [place] = started.sign_in.places
    for _ in range(3):
        tries = budgets.try_codes(budget, [place], signing.now)
    for _ in range(2):
        budgets.forgive(budget, place, 3)
    assert budgets.try_codes(budget, [place], signing.now).failures == tries.failures
    budgets.forgive(budget, place, 4)
    assert budgets.try_codes(budget, [place], signing.now).failures == tries.failures


def test_right_codes_are_no_failures(signing: SignInsWorld):
    for _ in range(4):
        for _ in range(5):
            started = signing.sent()
            assert signing.judge(started, signing.code(started))
        signing.later(3600)
    [row] = signing.rows("B#")
    assert row["failures"] == {"N": "1"}  # the first of the day is not taken back


@pytest.mark.parametrize("sign_ins", [1, 5])
def test_simultaneous_tries_do_not_exceed_the_limit(signing: SignInsWorld, compared, sign_ins):
    begun = [signing.sent() for _ in range(sign_ins)]
    wrong = [signing.wrong(started) for started in begun]
    for started in begun:
        signing.sign_ins.contact(started.sign_in)  # what a process keeps
    with ThreadPoolExecutor(8) as threads:
        tries = [
            threads.submit(answer, lambda started=started, code=code: signing.judge(started, code))
            for _ in range(12)
            for started, code in zip(begun, wrong, strict=True)
        ]
        said = Counter(each.result() for each in tries)
    assert said["wrong_code"] == min(20, 5 * sign_ins)
    assert compared.total() == min(20, 5 * sign_ins)
    assert max(compared.values()) <= 5
    assert said["wrong_code"] + said["code_used_up"] + said["too_many_tries"] == 12 * sign_ins


def test_codes_around_midnight_count_their_tries_on_their_own_day(signing: SignInsWorld, compared):
    signing.later(21 * 3600 - 30)
    started = signing.sent()
    signing.later(60)
    signing.sign_ins.again(started.sign_in.id, started.secret, ADDRESS, signing.now)
    signing.hand_over(started, 2)
    assert answers(signing, started, 6) == ["wrong_code"] * 5 + ["code_used_up"]
    assert compared == {signing.code(started, 2): 5}


def test_a_flooded_contact_gets_five_codes_an_hour_and_twenty_a_day(signing: SignInsWorld):
    own, before = signing.sent(device_key="own"), signing.sent()
    began = 1
    retry_after = set()
    for _ in range(21):
        for _ in range(10):
            try:
                signing.start()
                began += 1
            except TooManyCodes as error:
                retry_after.add(error.facts["retry_after_s"])
        assert began <= signing.rules.codes_per_day
        if began == 5:
            # Who has a code gets in, and so does who comes from a device that the contact knows.
            assert signing.judge(before, signing.code(before))
            assert signing.judge(own, signing.code(own))
            assert signing.start(device_key="own")
        signing.later(3600)
    assert began == signing.rules.codes_per_day
    assert retry_after == {3600 * hours for hours in range(1, 19)}


def test_a_code_is_accepted_for_its_own_sign_in_only(signing: SignInsWorld):
    mine, theirs = signing.sent(), signing.sent()
    with pytest.raises(WrongCode):
        signing.judge(theirs, signing.code(mine))
    with pytest.raises(UnknownSignIn):
        signing.sign_ins.judge(mine.sign_in.id, theirs.secret, signing.code(mine), signing.now)


def test_refused_tries_cost_one_write_and_send_nothing(signing: SignInsWorld):
    started = signing.sent()
    answers(signing, started, 5)
    before = signing.rows()
    with pytest.raises(CodeUsedUp):
        signing.judge(started, signing.wrong(started))
    assert signing.rows() == before
