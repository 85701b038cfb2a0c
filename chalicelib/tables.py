"""Reading the TOML files of this package: figures, words, questionnaires."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec


def read(file: Path) -> dict[str, Any]:
    """The content of a TOML file. A deployed package has the same as JSON instead, without the wait for a TOML parser.

    There dates are text; `msgspec.convert` takes both. Raises `ValueError` if it is no TOML.
    """
    if is_packed(file):
        return msgspec.json.decode(file.with_suffix(".json").read_bytes(), type=dict[str, Any])
    import tomllib

    return tomllib.loads(file.read_text("utf-8"))


def is_packed(file: Path) -> bool:
    """Whether this is a deployed package, which has a file as JSON."""
    return file.with_suffix(".json").exists()
