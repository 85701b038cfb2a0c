"""Copies of the figures' files with a change, to be loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

from chalicelib.config import FOLDER


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """A folder with `service.toml` and `programmes/`, in which the first `old` of all files is `new`."""
    shutil.copy(FOLDER / "service.toml", tmp_path)
    shutil.copytree(FOLDER / "programmes", tmp_path / "programmes")
    for file in (tmp_path / "service.toml", tmp_path / "programmes/prakerja-2023.toml"):
        if old in (text := file.read_text("utf-8")):
            file.write_text(text.replace(old, new, 1), "utf-8")
            return tmp_path
    raise AssertionError(f"no file has {old!r}")
