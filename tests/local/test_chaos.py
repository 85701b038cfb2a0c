"""The chaos run: which processes are killed, when it gives up, and which differences it finds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.clock import utc_now
from chalicelib.config import Programme, Settings
from chalicelib.money import rupiah
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import Entitlement, Kind, State, entitlement_id
from chalicelib.wiring import Services
from local.chaos import payees
from local.chaos.killer import Killer, workers
from local.chaos.payees import Aftermath, differences
from local.sandbox.provider import Sandbox
from tests.builders.payouts.world import AnyCode
from tests.conftest import T0


def process(proc: Path, pid: str, *command: str) -> None:
    (proc / pid).mkdir(parents=True)
    (proc / pid / "cmdline").write_bytes("\0".join(command).encode() + b"\0")


def test_the_processes_of_one_cloud_are_found_by_their_folder(tmp_path: Path) -> None:
    proc, cloud = tmp_path / "proc", tmp_path / "cloud"
    process(proc, "12", "python3", f"{cloud}/tmp/ministack-lambda-gelombang-local-sweep_payouts-ab3_x9zz/_worker.py")
    process(proc, "11", "python3", f"{cloud}/tmp/ministack-lambda-gelombang-local-pay-abcd1234/_worker.py")
    process(proc, "13", "python3", f"{tmp_path}/other/tmp/ministack-lambda-gelombang-local-pay-abcd1234/_worker.py")
    process(proc, "14", "python3", "-m", "ministack")
    (proc / "15").mkdir()  # it ended while one looked
    (proc / "self").mkdir()
    assert workers(cloud, "local", proc) == {11: "pay", 12: "sweep_payouts"}


def test_only_listed_functions_are_killed_and_only_after_some_work() -> None:
    killed, work = list[int](), [0]
    killer = Killer(lambda: {1: "pay", 2: "advance"}, {"pay"}, 1, lambda: work[0], (3, 3), kill=killed.append)
    for expected in (0, 0, 0, 1, 1, 1, 2):
        killer.look()
        assert len(killed) == expected
        work[0] += 1
    assert set(killed) == {1}
    assert killer.kills == {"pay": 2}


def test_without_a_process_to_kill_the_next_look_kills() -> None:
    alive, killed, work = dict[int, str](), list[int](), [0]
    killer = Killer(lambda: alive, {"pay"}, 1, lambda: work[0], (1, 1), kill=killed.append)
    work[0] += 1
    killer.look()
    alive[7] = "pay"
    killer.look()
    assert killed == [7]


def test_a_process_that_ended_by_itself_is_not_counted() -> None:
    def gone(_pid: int) -> None:
        raise ProcessLookupError

    killer = Killer(lambda: {1: "pay"}, {"pay"}, 1, lambda: 0, (0, 0), kill=gone)
    killer.look()
    assert not killer.kills


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_kills_the_same(seed: int) -> None:
    def victims() -> list[int]:
        killed, work = list[int](), [0]
        killer = Killer(
            lambda: dict.fromkeys(range(50), "pay"), {"pay"}, seed, lambda: work[0], (1, 5), kill=killed.append
        )
        for _ in range(50):
            killer.look()
            work[0] += 1
        return killed

    assert victims() == victims()
    assert len(victims()) >= 10


def test_whoever_is_owed_may_be_paid_at_once_and_nobody_waits_to_be_told(cloud: Settings, programme: Programme) -> None:
    services: Any = Services(cloud, programme)
    with Sandbox("chaos") as provider:
        services.providers = AnyCode(Xendit(provider.url, 20, lambda: ""))
        owed = payees.invent(12, 54, services)
        payees.register(owed, services, provider.books, lambda *_: None)
        found = [services.address_book.payee(each.beneficiary.registrant_id, utc_now()) for each in owed]
    assert {programme.payouts.kinds[each.address.code] for each in found} == {"bank", "wallet"}


AMOUNT = 600_000


def payee(number: int, *, unpayable: bool = False) -> Any:
    return SimpleNamespace(
        entitlement_id=entitlement_id(143, f"p{number}", Kind.INCENTIVE),
        person=SimpleNamespace(number=number),
        channel="ID_BNI",
        account_number=f"{number:010}",
        unpayable=unpayable,
    )


def entitlement(number: int, state: State, n: int = 1) -> Entitlement:
    id_ = entitlement_id(143, f"p{number}", Kind.INCENTIVE)
    return Entitlement(id_, f"p{number}", 143, Kind.INCENTIVE, rupiah(AMOUNT), state, n, 3, None, T0, T0)


def line(number: int, n: int, status: str) -> dict[str, Any]:
    return {
        "reference_id": f"{entitlement_id(143, f'p{number}', Kind.INCENTIVE)}-{n}",
        "channel_code": "ID_BNI",
        "account_number": f"{number:010}",
        "status": status,
        "moved_idr": AMOUNT if status == "SUCCEEDED" else 0,
    }


@pytest.fixture
def after() -> Aftermath:
    """Two were paid, one of them at the second attempt; one cannot be."""
    return Aftermath(
        payees=[payee(1), payee(2), payee(3, unpayable=True)],
        amount_idr=AMOUNT,
        ledger=[entitlement(1, State.PAID), entitlement(2, State.PAID, 2), entitlement(3, State.HELD, 3)],
        books={
            "payouts": [
                line(1, 1, "SUCCEEDED"),
                line(2, 1, "FAILED"),
                line(2, 2, "SUCCEEDED"),
                *(line(3, n, "FAILED") for n in (1, 2, 3)),
            ]
        },
        kills=Counter(pay=2),
        faults=Counter({"send timeout_after": 1, "webhook lost": 1, "webhook twice": 1}),
        received_again=1,
        dead_letters=0,
    )


def with_lines(after: Aftermath, *lines: dict[str, Any]) -> Aftermath:
    return replace(after, books={"payouts": [*after.books["payouts"], *lines]})


def test_equal_books_give_no_difference_and_the_figures_are_printed(after: Aftermath) -> None:
    assert list(differences(after)) == []
    assert list(after.lines()) == [
        "payouts: 3, paid 2, refused by the account 1",
        "attempts: 6, failed at the provider 4",
        "processes killed: 2 (pay 2)",
        "faults of the provider: 3 (send timeout_after 1, webhook lost 1, webhook twice 1)",
        "messages received more than once: 1, given up: 0",
        "rupiah: ledger 1200000, provider 1200000",
    ]


def test_every_difference_is_found(after: Aftermath) -> None:
    assert list(differences(with_lines(after, line(1, 2, "SUCCEEDED")))) == [
        "rupiah: ledger 1200000, provider 1800000",
        "person 1: rupiah moved: provider 1200000, expected 600000",
    ], "who was paid twice under two references"
    [twice] = differences(with_lines(after, line(1, 1, "FAILED")))
    assert twice.endswith("-1 was accepted 2 times"), "two payouts of one reference, though the second failed"
    for changed, found in (
        (replace(after, books={"payouts": after.books["payouts"][1:]}), "person 1: rupiah moved: provider 0, expected"),
        (with_lines(after, line(9, 1, "SUCCEEDED")), "600000 rupiah moved to an account of nobody's"),
        (
            replace(after, ledger=[entitlement(1, State.HELD), *after.ledger[1:]]),
            "person 1: state: ledger HELD, expected",
        ),
        (replace(after, ledger=after.ledger[:2]), "entitlements: "),
    ):
        assert any(each.startswith(found) for each in differences(changed)), found


@pytest.mark.parametrize(
    ("quiet", "what"),
    [
        ({"kills": Counter()}, "process was killed"),
        ({"faults": Counter({"webhook lost": 1, "webhook twice": 1})}, "sending timed out after it was accepted"),
        ({"faults": Counter({"send timeout_after": 1, "webhook twice": 1})}, "webhook was lost"),
        ({"faults": Counter({"send timeout_after": 1, "webhook lost": 1})}, "webhook came twice"),
        ({"received_again": 0}, "message was received more than once"),
    ],
)
def test_a_run_without_one_kind_of_mishap_fails(quiet: dict[str, Any], what: str, after: Aftermath) -> None:
    assert list(differences(replace(after, **quiet))) == [f"no {what}: nothing was shown"]
