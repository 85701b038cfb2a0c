"""Only processes that run a function of this very cloud are found, and only those that may die are killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.killer import GRACE_S, Killer, workers


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


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_functions_that_may_die_are_killed_and_none_before_it_has_had_time_to_start() -> None:
    alive, killed, clock = {1: "pay", 2: "advance"}, list[int](), Clock()
    killer = Killer(lambda: dict(alive), {"pay"}, 1, (0, 0), kill=killed.append, clock=clock)
    killer.strike()
    assert killed == []
    clock.now += GRACE_S
    alive[3] = "pay"
    killer.strike()
    assert killed == [1]
    assert killer.kills == {"pay": 1}


def test_one_that_has_ended_by_itself_is_not_counted() -> None:
    def gone(_pid: int) -> None:
        raise ProcessLookupError

    clock = Clock()
    killer = Killer(lambda: {1: "pay"}, {"pay"}, 1, (0, 0), kill=gone, clock=clock)
    killer.strike()
    clock.now += GRACE_S
    killer.strike()
    assert not killer.kills


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_kills_the_same(seed: int) -> None:
    def victims() -> list[int]:
        killed, clock = list[int](), Clock()
        killer = Killer(lambda: dict.fromkeys(range(50), "pay"), {"pay"}, seed, (0, 0), kill=killed.append, clock=clock)
        for _ in range(10):
            killer.strike()
            clock.now += GRACE_S
        return killed

    assert victims() == victims()
    assert len(victims()) == 9
