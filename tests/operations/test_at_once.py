"""The rounds of calls that a person waits for. Here a round ends only when all its calls are under way."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Lock
from typing import Any

import pytest

from chalicelib.at_once import THREADS, at_once
from chalicelib.config import Programme
from tests.builders.aws.calls import Call as AwsCall
from tests.builders.aws.calls import wrap_calls
from tests.e2e import routes
from tests.e2e.gateway import DURING, Call, Gateway, serving_alone
from tests.e2e.refusals import SUCCESSES

FAILS_AFTER_S = 60
"""Only a call that comes alone, where others should be under way with it, waits so long."""

ROUNDS = {
    routes.ME: [["BatchGetItem", "GetItem", "GetItem", "Query"], ["Decrypt", "Decrypt", "GetItem"]],
    routes.REGISTER: [
        ["BatchGetItem"],
        ["GenerateDataKey", *["GenerateMac"] * 4],
        ["TransactWriteItems"],
    ],
}


@pytest.fixture(scope="module")
def gateway(programme: Programme) -> Iterator[Gateway]:
    with serving_alone(programme, exceptions_cached_s=3600) as gateway:
        yield gateway


@pytest.mark.parametrize("name", ROUNDS)
def test_a_request_makes_its_stated_number_of_rounds(gateway: Gateway, name: str) -> None:
    gateway.now = DURING
    call = of_one_chosen(gateway) if name == routes.ME else SUCCESSES[name](gateway)
    gateway.token(call.person)  # whose session is there; and a process keeps the keys of tokens
    rounds = [(sorted(operations), Barrier(len(operations), timeout=FAILS_AFTER_S)) for operations in ROUNDS[name]]
    made: list[str] = []
    counting = Lock()

    def together(original: AwsCall) -> AwsCall:
        def call(client: Any, operation: str, parameters: Any) -> Any:
            with counting:
                made.append(operation)
                place = len(made)
            for operations, barrier in rounds:
                if place <= len(operations):
                    barrier.wait()
                    break
                place -= len(operations)
            return original(client, operation, parameters)

        return call

    with pytest.MonkeyPatch.context() as patch:
        wrap_calls(patch, together)
        gateway.ok(call)
    for operations, _ in rounds:
        assert sorted(made[: len(operations)]) == operations
        del made[: len(operations)]
    assert made == []


def of_one_chosen(gateway: Gateway) -> Call:
    """Somebody who has been chosen, and has told where to be paid."""
    return Call(
        routes.ME,
        person=gateway.sent(Call(routes.ADDRESS, gateway.address(), person=gateway.chosen().registrant_id)).person,
    )


class Late(Exception):
    """What a call fails with."""


def test_of_several_failures_the_first_in_order_is_raised_after_all_have_ended() -> None:
    ended, both = list[str](), Barrier(2, timeout=FAILS_AFTER_S)

    def fails(name: str) -> None:
        if name != "first":
            both.wait()  # the caller's own has failed long before
        ended.append(name)
        raise Late(name)

    for given in (["first", "second", "third"], ["second", "third"]):
        ended.clear()
        works: Any = [lambda name=name: fails(name) for name in given]
        with pytest.raises(Late, match=given[0]):
            at_once(*works)
        assert sorted(ended) == sorted(given)


def test_results_come_in_order_from_several_threads() -> None:
    all_of_them = Barrier(THREADS + 1, timeout=FAILS_AFTER_S)

    def work(name: str) -> str:
        all_of_them.wait()
        return name

    works: Any = [lambda name=name: work(name) for name in "abcde"]
    assert at_once(*works) == ("a", "b", "c", "d", "e")
