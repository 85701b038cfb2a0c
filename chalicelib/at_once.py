"""Waits of one request that do not depend on each other, all at the same time.

A thread costs less than a trip to AWS, and several trips of one request are its time. Where one batch can read it all,
that is better still: each call costs CPU too. All have ended when this returns, whatever became of them, so nothing is
under way when Lambda freezes the process, and none takes longer than they would one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")

THREADS = 3
"""Besides the caller's own, as many as any request has use for; a client of AWS keeps ten connections."""


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, "at-once")


@overload
def at_once(a: Callable[[], A], b: Callable[[], B], c: Callable[[], C], /) -> tuple[A, B, C]: ...
@overload
def at_once(a: Callable[[], A], b: Callable[[], B], c: Callable[[], C], d: Callable[[], D], /) -> tuple[A, B, C, D]: ...
def at_once(*work: Callable[[], Any]) -> tuple[Any, ...]:
    """What each gives, the first of them done by the caller's thread; not for use by what is done at once itself.

    If several fail, the failure of the first in the order given is raised, as if they had come one after the other.
    """
    first, *others = work
    begun = [_pool().submit(each) for each in others]
    try:
        done = first()
    finally:
        wait(begun)
    return (done, *(each.result() for each in begun))
