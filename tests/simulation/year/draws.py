"""A draw is verified by the published program, with what an outsider knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from admin.commands.draws.verify import pinned
from tests.builders.draws.verify_draw import verify_files


def wrong_with_draw(world: Any, wave: Any) -> Iterator[str]:
    """What is wrong with the files of a settled wave, in words that follow its number."""
    prefix = f"draws/{wave.number}/"
    bucket = world.services.settings.results_bucket
    found = {
        key[1].removeprefix(prefix): file
        for key, file in world.cloud.files.written.items()
        if key[0] == bucket and key[1].startswith(prefix)
    }
    seen_at = found["note.txt"][1]
    if seen_at > wave.closes_at + timedelta(minutes=30):
        yield f" was frozen at {seen_at}"
    known = ("--wave", wave.number, "--closes-at", wave.closes_at.isoformat(), "--seen-at", seen_at.isoformat())
    verdict = verify_files(
        {name: file[0] for name, file in found.items()}, *known, *pinned(world.programme.draw), wave=wave.number
    )
    if not verdict.ok or verdict.failures:
        yield f": the draw does not verify: {verdict.failures}"
