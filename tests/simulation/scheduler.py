"""One thread, many tasks: each runs until it calls a port, and dice decide which goes on then."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from greenlet import greenlet

from .ports import Died


class Task:
    """A run of service code. `deadline` is when its function is killed; `since` is the step at which its present
    message was begun, as the oracle needs to know what a worker could have seen."""

    def __init__(self, name: str, deadline: float, ended: Callable[[], None], since: int) -> None:
        self.name = name
        self.deadline = deadline
        self.ended = ended
        self.since = since
        self.fiber: Any = None


class Scheduler:
    """`stay`: how likely the running task goes on, so that some schedules switch at each call and others seldom."""

    def __init__(self, dice: random.Random, failed: Callable[[Task, Exception], None]) -> None:
        self._dice = dice
        self._failed = failed
        self._hub = greenlet.getcurrent()
        self._last: Task | None = None
        self.stay = 0.0
        self.step = 0
        self.tasks: list[Task] = []
        self.current: Task | None = None

    def start(
        self, name: str, work: Callable[[], Any], deadline: float = float("inf"), ended: Callable[[], None] = int
    ) -> None:
        """A new task; it begins when it is chosen. `ended` is called when it is over, however it ends."""
        task = Task(name, deadline, ended, self.step)
        task.fiber = greenlet(lambda: self._run(task, work))
        self.tasks.append(task)

    def pause(self) -> None:
        """Called within a task before each effect. Outside any task nothing else can run."""
        if self.current is not None:
            self._hub.switch()

    def resume(self) -> None:
        """Let one task go on to its next call."""
        task = self._last
        if task not in self.tasks or self._dice.random() >= self.stay:
            task = self._dice.choice(self.tasks)
        self._switch(task, task.fiber.switch)

    def kill_late(self, now: float) -> None:
        """A function does not outlive its time-out."""
        for task in [task for task in self.tasks if task.deadline <= now]:
            self._switch(task, lambda task=task: task.fiber.throw(Died))

    def finish(self) -> None:
        """Kill all that are left."""
        self.kill_late(float("inf"))

    def _switch(self, task: Task, go: Callable[[], Any]) -> None:
        self.step += 1
        self.current = self._last = task
        with suppress(Died):  # thrown into a task that has not begun, it comes back
            go()
        self.current = None
        if task.fiber.dead:
            self.tasks.remove(task)
            task.ended()

    def _run(self, task: Task, work: Callable[[], Any]) -> None:
        with suppress(Died):
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the oracle judges it
                self._failed(task, error)
