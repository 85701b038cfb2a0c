"""Makes independent calls of one request at the same time.

Most of a request's time is waiting for AWS, and a thread costs less than one call. One batch that reads everything is
better still, as each call costs CPU too. All calls have ended when this returns, also after errors. So none is under
way when Lambda freezes the process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")

THREADS = 4
"""Threads besides the caller's own: as many as any request needs. A client of AWS keeps ten connections open."""


@cache
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(THREADS, "at-once")


@overload
def at_once(a: Callable[[], A], b: Callable[[], B], c: Callable[[], C], /) -> tuple[A, B, C]: ...
@overload
def at_once(a: Callable[[], A], b: Callable[[], B], c: Callable[[], C], d: Callable[[], D], /) -> tuple[A, B, C, D]: ...
@overload
def at_once(
    a: Callable[[], A], b: Callable[[], B], c: Callable[[], C], d: Callable[[], D], e: Callable[[], E], /
) -> tuple[A, B, C, D, E]: ...
def at_once(*work: Callable[[], Any]) -> tuple[Any, ...]:
    """Call all functions at once, the first in the caller's thread; returns their results. Do not nest it.

    If several fail, the error of the first in the given order is raised, as if they had been called one by one.
    """
    from concurrent.futures import wait

    first, *others = work
    begun = [_pool().submit(each) for each in others]
    try:
        done = first()
    finally:
        wait(begun)
    return (done, *(each.result() for each in begun))
