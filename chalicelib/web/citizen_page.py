"""The citizen's page: a document, and modules that browsers load as they are in `citizen/` (docs/pages.md).

The modules' addresses name what the whole room contains, so a browser keeps them for good. A worker checks draws, by
the scripts of the page that checks a draw (`verify.html`).
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import NotFound
from . import verifier_page

if TYPE_CHECKING:
    from ..config import Programme, Settings

ROOM = Path(__file__).parent / "citizen"
FIRST = ("main.js", "preact.js", "core.js", "net.js", "parts.js", "home.js")
"""What the first screen needs; a screen's own module is loaded with it."""
WORKER = "worker.js"


class CitizenPage:
    """Makes the page of a deployment. Reads the room once; what is made of it is the same for everybody."""

    def __init__(self, programme: Programme, settings: Settings, room: Path = ROOM) -> None:
        self._texts = {file.name: file.read_text(encoding="utf-8") for file in sorted(room.glob("*.js"))}
        self._texts[WORKER] = verifier_page.scripts() + self._texts[WORKER]
        self._document = (room / "index.html").read_text(encoding="utf-8")
        self._style = (room / "style.css").read_text(encoding="utf-8")
        self.build = sha256(repr(sorted(self._texts.items())).encode()).hexdigest()[:16]
        self._programme = programme
        self._settings = settings
        self._base = urlsplit(settings.public_url).path + "/"
        results = urlsplit(settings.results_url)
        self._results = f"{results.scheme}://{results.netloc}"

    @cached_property
    def page(self) -> verifier_page.Page:
        """The document, and the Content-Security-Policy that it needs."""
        parts = {
            "style": self._style,
            "preload": "\n".join(f'<link rel="modulepreload" href="{self._at(name)}">' for name in FIRST[1:]),
            "settings": json.dumps(self._told(), separators=(",", ":")).replace("<", "\\u003c"),
            "main": self._at(FIRST[0]),
        }
        html = re.sub(r"\{(style|preload|settings|main)\}", lambda part: parts[part[1]], self._document)
        digest = b64encode(sha256(self._style.encode()).digest()).decode()
        policy = [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'sha256-{digest}'",
            "connect-src 'self'",
            "worker-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types gelombang",
        ]
        return verifier_page.Page(html, "; ".join(policy))

    def script(self, name: str) -> verifier_page.Page:
        """A module by its name, and what it may do if it runs by itself. Raises `NotFound`."""
        text = self._texts.get(name)
        if text is None or name == "sw.js":
            raise NotFound()
        return verifier_page.Page(text, f"default-src 'none'; connect-src 'self' {self._results}")

    @property
    def service_worker(self) -> verifier_page.Page:
        """The script that keeps the page for when there is no signal; it may fetch the page's own files."""
        names = [name for name in self._texts if name not in {"sw.js", WORKER}]
        told = {"build": self.build, "page": self._base, "files": [self._at(name) for name in names]}
        text = f"const kept = {json.dumps(told)};\n{self._texts['sw.js']}"
        return verifier_page.Page(text, "default-src 'none'; connect-src 'self'")

    def _at(self, name: str) -> str:
        return f"{self._base}assets/{self.build}/{name}"

    def _told(self) -> dict[str, object]:
        eligible, draw = self._programme.eligibility, self._programme.draw
        return {
            "base": self._base,
            "url": self._settings.public_url,
            "worker": self._at(WORKER),
            "offline": True,
            "age_min": eligible.age_min,
            "age_max": eligible.age_max,
            "draw": verifier_page.believed(draw),
        }
