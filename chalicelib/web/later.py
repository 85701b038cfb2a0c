"""Modules that are imported when something of them is first used.

`app.py` declares every route with its types and refusals, and a process answers its first request by one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from ..values import Value


class Later(Value, frozen=True):
    """What stands under a name of a module that may not be imported yet."""

    module: str
    name: str

    def __call__(self, *given: Any, **named: Any) -> Any:
        return taken(self)(*given, **named)

    def __iter__(self) -> Iterator[Later]:
        """`(*SIGNED, VacancyClosed)` is written before it is known how many `SIGNED` are: see `taken_all`."""
        yield self


class Module:
    """A module by its full name. Each of its attributes is a `Later`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Later:
        return Later(self._name, name)


def domain(name: str, wire: str = "wire") -> tuple[Module, Module]:
    """What a domain refuses, and its structs for JSON."""
    return Module(f"chalicelib.{name}.errors"), Module(f"chalicelib.{name}.{wire}")


@cache
def taken(declared: Any) -> Any:
    """What was declared: itself, or what a `Later` stands for."""
    return getattr(import_module(declared.module), declared.name) if isinstance(declared, Later) else declared


def taken_all(declared: Any) -> tuple[Any, ...]:
    """The same of each, in which a `Later` may stand for several."""
    found = [taken(each) for each in declared]
    return tuple(part for each in found for part in (each if isinstance(each, tuple) else (each,)))
