"""The page that checks a draw in a browser: `public/verify.html` with this deployment's pinned values put into it.

The page is one file that also works alone, from a disk; it needs only the published files. It may run its own
scripts, known by their hashes, and ask this origin and the results for files, and nothing else.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from ..values import Value

if TYPE_CHECKING:
    from ..figures.waves import DrawRules
    from ..waves.wire import WaveView

FILE = Path(__file__).parents[1] / "draw/public/verify.html"

_EMPTY = '<script type="application/json" id="settings">{}</script>'
_SCRIPT = re.compile(r'<script id="([a-z]+)">(.*?)</script>', re.DOTALL)
_INLINE = re.compile(r'<(script|style)(?: id="[a-z]+")?>(.*?)</\1>', re.DOTALL)


class Page(Value, frozen=True):
    """A page or a script of one, and the Content-Security-Policy that it needs."""

    text: str
    policy: str


class VerifierPage:
    """Makes the page of any wave; reads the file once. `results_url`: the deployment's, without a slash at the end."""

    def __init__(self, rules: DrawRules, results_url: str, file: Path = FILE) -> None:
        self._html = file.read_text(encoding="utf-8")
        if self._html.count(_EMPTY) != 1:
            raise ValueError(f"{file.name} has no single place for the settings")
        self._policy = _policy(self._html, results_url)
        self._believed = believed(rules)

    def of(self, wave: WaveView) -> Page:
        """The page of a wave; before its files are published it says so."""
        settings: dict[str, Any] = {
            **self._believed,
            "wave": wave.number,
            "closes_at": wave.closes_at,
            "results_url": wave.results_url,
        }
        text = json.dumps(settings, separators=(",", ":")).replace("<", "\\u003c")
        return Page(self._html.replace(_EMPTY, _EMPTY.replace("{}", text)), self._policy)


def believed(rules: DrawRules) -> dict[str, Any]:
    """What a check of a draw takes as given: chains, the delay of the freeze, witnesses."""
    pinned = [chain for chain in rules.chains.values() if chain.production or chain is rules.pinned]
    return {
        "chains": list(map(msgspec.structs.asdict, pinned)),
        "freeze_delay_s": rules.freeze_delay_s,
        "witnesses": list(rules.witnesses.keys),
        "quorum": rules.witnesses.quorum,
    }


def scripts(file: Path = FILE) -> str:
    """The page's scripts that compute and read, without those that show."""
    found: dict[str, str] = dict(_SCRIPT.findall(file.read_text(encoding="utf-8")))
    return found["core"] + found["reading"]


def _policy(html: str, results_url: str) -> str:
    """What the page may do. The worker is made from the page's own script and has the same policy."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(html):
        hashes[kind].append(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'")
    results = urlsplit(results_url)
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(hashes['script'])}",
            f"style-src {' '.join(hashes['style'])}",
            f"connect-src 'self' {results.scheme}://{results.netloc}",
            "worker-src blob:",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
