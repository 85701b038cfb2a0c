"""Only processes that run a function of this very cloud are found, and only those that may die are killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.chaos.killer import Killer, workers


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


def test_only_functions_that_may_die_are_killed_and_only_after_some_work() -> None:
    killed, work = list[int](), [0]
    killer = Killer(lambda: {1: "pay", 2: "advance"}, {"pay"}, 1, lambda: work[0], (3, 3), kill=killed.append)
    for expected in (0, 0, 0, 1, 1, 1, 2):
        killer.look()
        assert len(killed) == expected
        work[0] += 1
    assert set(killed) == {1}
    assert killer.kills == {"pay": 2}


def test_where_there_is_nobody_to_kill_the_next_one_is() -> None:
    alive, killed, work = dict[int, str](), list[int](), [0]
    killer = Killer(lambda: alive, {"pay"}, 1, lambda: work[0], (1, 1), kill=killed.append)
    work[0] += 1
    killer.look()
    alive[7] = "pay"
    killer.look()
    assert killed == [7]


def test_one_that_has_ended_by_itself_is_not_counted() -> None:
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
