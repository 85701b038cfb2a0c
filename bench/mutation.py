"""Checks that the tests notice changes to the code that moves or judges money: `make mutation`, docs/mutation.md.

mutmut makes the changes, one at a time. Each changed program is a mutant, and a failing test kills it. mutmut's own
loop starts pytest anew for every mutant and runs the tests in no particular order. Here one session collects the tests
once, and records which functions each test reaches and what it costs. Then it forks for every mutant, and the child
runs the tests that reach the changed function, cheapest first. Results are stored where mutmut stores them, so
`mutmut show NAME` and `mutmut browse` work.

    python -m bench.mutation [MODULE ...]       all modules of pyproject.toml, or some (`rules worker`)
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from mutmut.__main__ import create_mutants
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import (
    change_cwd,
    copy_also_copy_files,
    copy_src_dir,
    setup_source_paths,
    walk_mutatable_files,
)
from mutmut.utils.format_utils import mangled_name_from_mutant_name

LEAST_KILLED_PERCENT = 90
BUDGET_S = 10.0
"""A mutant has survived when it passes tests of so many seconds, though costlier tests might have killed it. These are
seconds of CPU, so that other work on the machine does not change which tests are run."""
SLACK = 8.0
"""A mutant's tests may take so many times as long as without it. More is a time-out: the mutant loops endlessly."""
NO_TESTS = 33  # mutmut's exit code for a mutant that no test reaches


class Loop:
    """The pytest plugin that runs the mutants. It stores the results in `files`."""

    def __init__(self, files: list[SourceFileMutationData], cores: int) -> None:
        self._files = files
        self._cores = cores
        self._failed = False
        self._running: dict[int, tuple[SourceFileMutationData, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember that a test failed; a child stops at its first failure."""
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Replaces pytest's own loop: run all tests once without a mutant, then those of each mutant."""
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        reached, costs = self._survey(session)
        if self._failed:
            raise session.Interrupted("a test fails without any mutant")
        session.config.pluginmanager.unregister(name="terminalreporter")
        print()
        gc.collect()
        gc.freeze()  # otherwise every child's first garbage collection would copy all of the memory
        for file in self._files:
            for number, name in enumerate(file.exit_code_by_key, 1):
                print(f"\r{file.path}: mutant {number} of {len(file.exit_code_by_key)}   ", end="", flush=True)
                self._play(session, file, name, _in_order(reached.get(mangled_name_from_mutant_name(name), []), costs))
            while self._running:
                self._reap()
            with change_cwd(".."):
                file.save()
        return True

    def _survey(self, session: pytest.Session) -> tuple[dict[str, list[pytest.Item]], dict[pytest.Item, float]]:
        """The tests that reach each function, and the cost of each test in seconds of CPU."""
        set_mutant_under_test("stats")
        reached: dict[str, list[pytest.Item]] = {}
        costs = {}
        for item in session.items:
            state()._stats.clear()
            started = time.process_time()
            _run(session, item)
            costs[item] = time.process_time() - started
            for function in state()._stats:
                reached.setdefault(function, []).append(item)
        return reached, costs

    def _play(
        self, session: pytest.Session, file: SourceFileMutationData, name: str, tests: list[tuple[pytest.Item, float]]
    ) -> None:
        if not tests:
            file.exit_code_by_key[name] = NO_TESTS
            return
        if len(self._running) == self._cores:
            self._reap()
        if child := os.fork():
            self._running[child] = file, name
            return
        # A fork has no threads of the parent's pool. Work given to the pool would wait until the time-out and count as
        # killed.
        sys.modules["chalicelib.at_once"]._pool.cache_clear()
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        # By default both signals end a process, so nobody needs to watch for a time-out.
        limit_s = 5.0 + SLACK * sum(cost for _, cost in tests)
        signal.setitimer(signal.ITIMER_PROF, limit_s)
        signal.setitimer(signal.ITIMER_REAL, 60.0 + 5 * limit_s)  # for a child that only sleeps
        os._exit(self._verdict(session, name, [test for test, _ in tests]))

    def _verdict(self, session: pytest.Session, name: str, tests: Iterable[pytest.Item]) -> int:
        set_mutant_under_test(name)
        try:
            for test in tests:
                _run(session, test)
                if self._failed:
                    return 1
        except BaseException:  # noqa: BLE001 - any exception means that a test noticed the mutant
            return 3
        return 0

    def _reap(self) -> None:
        child, status = os.wait()
        file, name = self._running.pop(child)
        killer = -os.waitstatus_to_exitcode(status)
        file.exit_code_by_key[name] = 36 if killer in {signal.SIGPROF, signal.SIGALRM} else -killer


def _run(session: pytest.Session, item: pytest.Item) -> None:
    # Only the session's fixtures stay set up, so that any test may be next.
    session.config.hook.pytest_runtest_protocol(item=item, nextitem=session)


def _in_order(tests: list[pytest.Item], costs: dict[pytest.Item, float]) -> list[tuple[pytest.Item, float]]:
    """The tests to run, cheapest first. A case counts its cheaper cases too, as they find much the same."""
    together: dict[str, float] = {}
    places = {}
    for test in sorted(tests, key=costs.__getitem__):
        function = test.nodeid.partition("[")[0]
        places[test] = together[function] = together.get(function, 0.0) + costs[test]
    chosen: list[tuple[pytest.Item, float]] = []
    left_s = BUDGET_S
    for test in sorted(tests, key=places.__getitem__):
        left_s -= costs[test]
        if left_s < 0 and chosen:
            break
        chosen.append((test, costs[test]))
    return chosen


def _plant(modules: list[str], cores: int) -> list[SourceFileMutationData]:
    """Write the modules' mutants into `mutants/`, and return them."""
    set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(cores)
    files = []
    for path in walk_mutatable_files():
        if not modules or path.stem in modules:
            files.append(SourceFileMutationData(path=path))
            files[-1].load()
    return files


def _report(files: list[SourceFileMutationData]) -> float:
    """Print the figures of each module, and the names of what was not killed. Returns the percentage killed."""
    total: Counter[str] = Counter()
    left: list[str] = []
    print(f"{'':36}{'mutants':>9}{'killed':>9}{'time-out':>10}{'survived':>10}{'no test':>9}")
    for file in sorted(files, key=lambda file: str(file.path)):
        verdicts = {name: status_by_exit_code[code] for name, code in file.exit_code_by_key.items()}
        left += [f"{name}: {verdict}" for name, verdict in verdicts.items() if verdict not in {"killed", "timeout"}]
        _print_row(str(file.path), Counter(verdicts.values()))
        total += Counter(verdicts.values())
    _print_row("total", total)
    print("\nnot killed (python -m mutmut show NAME):\n" + "\n".join(left))
    return 100 * (total["killed"] + total["timeout"]) / total.total()


def _print_row(name: str, counts: Counter[str]) -> None:
    killed, late, survived, untested = (counts[verdict] for verdict in ("killed", "timeout", "survived", "no tests"))
    percent = 100 * (killed + late) / max(1, counts.total())
    print(f"{name:36}{counts.total():9,}{killed:9,}{late:10,}{survived:10,}{untested:9,}{percent:7.1f}%")


def main(modules: list[str]) -> int:
    """Returns the exit code: 1 if too few mutants were killed, 2 if the tests do not pass without one."""
    started = time.monotonic()
    cores = len(os.sched_getaffinity(0))
    files = _plant(modules, cores)
    # Hypothesis need not shrink a failure, and must try the same examples in every run.
    settings.register_profile("mutation", phases=(Phase.explicit, Phase.generate), derandomize=True, database=None)
    settings.load_profile("mutation")
    set_mutant_under_test("")
    arguments = ["--rootdir=.", *config().pytest_add_cli_args, *config().pytest_add_cli_args_test_selection]
    plugin: Any = Loop(files, cores)
    with change_cwd("mutants"):
        code = pytest.main(arguments, [plugin])
    if code:
        print("the tests do not run without mutants")
        return 2
    percent = _report(files)
    print(f"\n{percent:.1f}% killed, in {(time.monotonic() - started) / 60:.0f} minutes on {cores} cores")
    return 0 if percent >= LEAST_KILLED_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
