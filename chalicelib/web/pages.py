"""The pages for people: a document each, and the modules in `browser/` as browsers load them (docs/pages.md).

A module's address is its path in `browser/` below the name of what that folder and the citizen's page contain as a
whole, so a browser keeps it for good. The citizen's page has a worker that checks draws, by the scripts of the page
that checks a draw (`verify.html`).
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import asdict

from ..errors import NotFound
from ..values import Value
from . import verifier_page

if TYPE_CHECKING:
    from ..config import Programme, Settings

FOLDER = Path(__file__).parent / "browser"
COMMON = ("vendored/preact.js", "common/core.js", "common/net.js", "common/parts.js", "common/frame.js")


class Document(Value, frozen=True):
    """A page with a folder in `browser/`: its `main.js` starts it, its `style.css` is added to the common one.

    `description` is for search engines and previews of links, in both languages. `modules` are those that the first
    screen needs beside `main.js` and the common ones. `tells` are the settings that it is told beside its addresses.
    """

    title: str
    description: str
    modules: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()


DOCUMENTS = {
    "citizen": Document(
        "Gelombang",
        "Daftar, gabung gelombang, pilih pelatihan dan lihat pembayaran. "
        "Register, join a wave, choose training and see payments.",
        ("citizen/home.js",),
        ("worker", "offline", "age_min", "age_max", "may_work_as", "education", "draw", "issuers"),
    ),
    "dashboard": Document(
        "Apa hasil program - Gelombang",
        "Angka program: target tahun ini, gelombang, hasil survei, pembayaran, provinsi. "
        "The programme in figures: the year's target, waves, survey results, payments, provinces.",
        tuple(f"dashboard/{name}.js" for name in ("outcomes", "plot", "plots", "programme", "words")),
    ),
    "draws": Document(
        "Undian - Gelombang",
        "Setiap gelombang: keadaan, komitmen, hasil, saksi. Each wave: how far it is, commitment, result, witnesses.",
    ),
    "status": Document(
        "Keadaan layanan - Gelombang",
        "Apakah layanan berjalan baik, dan apa yang terlambat. Whether the service is well, and what is late.",
    ),
    "docs": Document(
        "API - Gelombang",
        "Panduan dan referensi API. The guide to the API, and its reference.",
        ("docs/markdown.js", "docs/schema.js"),
        ("guide", "partners_guide"),
    ),
}
"""By the name of the folder."""
WORKER = "citizen/worker.js"
SERVICE_WORKER = "citizen/sw.js"
KEPT = ("vendored/preact.js", "common/", "citizen/", "screens/")
"""How the paths begin of what the service worker keeps: all that the citizen's page uses."""


def without_comments(text: str) -> str:
    """A module as it is sent: comments are for who reads the source."""
    return re.sub(r"^ *(//|/?\*).*\n", "", text, flags=re.MULTILINE)


class Pages:
    """Makes the pages of a deployment. Reads the folder once; what is made of it is the same for everybody."""

    def __init__(self, programme: Programme, settings: Settings, folder: Path = FOLDER) -> None:
        files = {f"{file.parent.name}/{file.name}": file.read_text("utf-8") for file in folder.glob("*/*.js")}
        self._texts = {path: without_comments(text) for path, text in files.items()}
        self._texts[WORKER] = verifier_page.scripts() + self._texts[WORKER]
        self._frame = (folder / "common/page.html").read_text("utf-8")
        self._styles = {file.parent.name: file.read_text("utf-8") for file in folder.glob("*/style.css")}
        self._guides = {file.stem: file.read_text("utf-8") for file in folder.glob("docs/*.md")}
        self._programme = programme
        self._settings = settings
        self._base = urlsplit(settings.public_url).path + "/"
        self._results = _origin(settings.results_url)
        self._made: dict[str, verifier_page.Page] = {}
        self.build = ""
        # The service worker keeps the citizen's page too: one that is told something else is another build.
        kept = repr((sorted(self._texts.items()), self._make("citizen", DOCUMENTS["citizen"])))
        self.build = sha256(kept.encode()).hexdigest()[:16]

    def page(self, name: str) -> verifier_page.Page:
        """A page by the name of its folder."""
        if name not in self._made:
            self._made[name] = self._make(name, DOCUMENTS[name])
        return self._made[name]

    def _make(self, name: str, document: Document) -> verifier_page.Page:
        style = self._styles["common"] + self._styles.get(name, "")
        first = (*COMMON, *document.modules)
        told: dict[str, Any] = {one: self._told[one] for one in ("base", "url", *document.tells)}
        parts = {
            "title": escape(document.title),
            "description": escape(document.description),
            "style": style,
            "preload": "\n".join(f'<link rel="modulepreload" href="{self._at(path)}">' for path in first),
            "settings": json.dumps(told, separators=(",", ":")).replace("<", "\\u003c"),
            "main": self._at(f"{name}/main.js"),
        }
        html = re.sub(rf"\{{({'|'.join(parts)})\}}", lambda part: parts[part[1]], self._frame)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        asked = ["'self'", *(_origin(one["token_url"]) for one in told.get("issuers", ()))]
        policy = [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'sha256-{digest}'",
            f"connect-src {' '.join(asked)}",
            "worker-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types gelombang",
        ]
        return verifier_page.Page(html, "; ".join(policy))

    def script(self, path: str) -> verifier_page.Page:
        """A module by its path, and what it may do if it runs by itself. Raises `NotFound`."""
        text = self._texts.get(path)
        if text is None or path == SERVICE_WORKER:
            raise NotFound()
        return verifier_page.Page(text, f"default-src 'none'; connect-src 'self' {self._results}")

    @property
    def service_worker(self) -> verifier_page.Page:
        """The script that keeps the citizen's page for when there is no signal; it may fetch the page's own files."""
        kept = sorted(path for path in self._texts if path.startswith(KEPT) and path not in {SERVICE_WORKER, WORKER})
        told = {"build": self.build, "page": self._base, "files": [self._at(path) for path in kept]}
        text = f"const kept = {json.dumps(told)};\n{self._texts[SERVICE_WORKER]}"
        return verifier_page.Page(text, "default-src 'none'; connect-src 'self'")

    def _at(self, path: str) -> str:
        return f"{self._base}assets/{self.build}/{path}"

    @property
    def _told(self) -> dict[str, object]:
        """All that a page may be told of its stage, by name."""
        eligible, draw = self._programme.eligibility, self._programme.draw
        return {
            "base": self._base,
            "url": self._settings.public_url,
            "worker": self._at(WORKER),
            "offline": True,
            "age_min": eligible.age_min,
            "age_max": eligible.age_max,
            "may_work_as": eligible.employment,
            "education": eligible.education,
            "draw": verifier_page.believed(draw),
            "issuers": [
                {"name": one.name, "issuer": one.issuer, "client": one.audience, "acr": known.acr, **asdict(known.page)}
                for one in self._programme.accounts.issuers
                if (known := one.presence) and known.page
            ],
            "guide": self._guides["guide"],
            "partners_guide": self._guides["partners"],
        }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
