"""Every refusal that the application knows."""

from __future__ import annotations

import importlib
import pkgutil

import chalicelib
from chalicelib.errors import DomainError


def every_error() -> list[type[DomainError]]:
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)
    found: list[type[DomainError]] = []
    waiting = [DomainError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            waiting.append(child)
            if "code" in vars(child) and child.__module__.startswith("chalicelib."):
                found.append(child)
    return sorted(set(found), key=lambda error: error.code)
