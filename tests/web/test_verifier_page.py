"""The page that checks a draw, as it is served: its size, its settings, and what it may do."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from chalicelib.config import load_programme
from chalicelib.waves.rules import WaveState
from chalicelib.waves.wire import WaveView
from chalicelib.web.verifier_page import FILE, VerifierPage

HTML = FILE.read_text(encoding="utf-8")
SCRIPTS = dict(re.findall(r'<script id="(core|reading|page)">(.*?)</script>', HTML, re.DOTALL))
RULES = load_programme("prod").draw


def view(results_url: str | None = "https://results.example/draws/54/") -> WaveView:
    return WaveView(
        number=54,
        state=WaveState.SETTLED,
        opens_at="2023-06-02T05:00:00Z",
        closes_at="2023-06-05T17:00:00Z",
        quota=5,
        entries=9,
        chosen=5,
        results_url=results_url,
        beacon=None,
        waiting_for=None,
        draw_due_at="2023-06-05T17:45:00Z",
        locked_at="2023-06-05T17:15:00Z",
        note_sha256="00" * 32,
        witnesses=[],
        settled_at="2023-06-05T18:00:00Z",
    )


def settings_of(html: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="settings">(.*?)</script>', html, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_the_page_is_one_small_file_without_external_resources():
    assert len(gzip.compress(HTML.encode(), mtime=0)) < 60_000
    assert re.findall(r"""(?:src|href)=["']?(?!#|data:)[^"'\s>]+""", HTML) == []
    assert re.findall(r"@import|url\(|importScripts|\beval\(|innerHTML|document\.write", HTML) == []


def test_the_page_gets_the_wave_and_the_pinned_facts_of_the_stage():
    told = settings_of(VerifierPage(RULES, "https://results.example").of(view()).text)
    assert told["wave"] == 54
    assert told["closes_at"] == "2023-06-05T17:00:00Z"
    assert told["results_url"] == "https://results.example/draws/54/"
    assert told["freeze_delay_s"] == RULES.freeze_delay_s
    assert [chain["hash"] for chain in told["chains"]] == [RULES.pinned.hash]
    assert (told["witnesses"], told["quorum"]) == (list(RULES.witnesses.keys), RULES.witnesses.quorum)


def test_before_the_freeze_the_page_has_no_results():
    assert settings_of(VerifierPage(RULES, "https://results.example").of(view(None)).text)["results_url"] is None


def test_only_a_stage_with_the_development_chain_accepts_it():
    local = load_programme("local").draw
    chains = {
        stage: {
            chain["production"]
            for chain in settings_of(VerifierPage(rules, "http://127.0.0.1").of(view()).text)["chains"]
        }
        for stage, rules in (("prod", RULES), ("local", local))
    }
    assert chains == {"prod": {True}, "local": {True, False}}


def test_no_setting_can_end_the_script_element():
    html = VerifierPage(RULES, "https://results.example").of(view("</script><script>alert(1)")).text
    assert settings_of(html)["results_url"] == "</script><script>alert(1)"
    assert html.count("<script") == HTML.count("<script")


def test_the_page_may_run_its_scripts_and_fetch_only_from_here_and_the_results():
    policy = VerifierPage(RULES, "https://results.example:444/some/path").of(view()).policy
    said = dict(one.split(" ", 1) for one in policy.split("; "))
    hashes = {f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in SCRIPTS.values()}
    assert set(said.pop("script-src").split()) == hashes
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", said.pop("style-src"))
    assert said == {
        "default-src": "'none'",
        "connect-src": "'self' https://results.example:444",
        "worker-src": "blob:",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_a_file_without_a_place_for_the_settings_is_refused(tmp_path: Path):
    (tmp_path / "page.html").write_text("<p>")
    with pytest.raises(ValueError, match="no single place"):
        VerifierPage(RULES, "https://results.example", tmp_path / "page.html")


def test_no_name_is_given_to_two_functions():
    """JavaScript lets the later one win, in silence."""
    for text in SCRIPTS.values():
        names = re.findall(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", text, re.M)
        assert len(names) == len(set(names))


def test_every_check_and_failure_of_the_specification_is_in_both_languages():
    draw = (Path(__file__).parent.parent.parent / "docs/draw.md").read_text()
    section = draw.split("## 10. What a verifier checks")[1].split("\n## ")[0]
    failures = {" ".join(name.split()) for name in re.findall(r"\*([a-z][a-z\s-]+)\*", section)} - {
        "not checked",
        "not made here",
    }
    told = SCRIPTS["page"].split("const FAILURES = {")[1].split("};")[0]
    assert {name.strip('"') for name in re.findall(r'("[a-z -]+"|\b[a-z]+): "', told)} == failures
    steps = SCRIPTS["core"].split("const STEPS = [")[1].split("const NEED_LISTS")[0]
    shown = SCRIPTS["page"].split("const CHECKS = {")[1].split("\n};")[0]
    for name in re.findall(r'\["([a-z -]+)", \w+\]', steps):
        assert re.search(rf'^  "?{name}"?: \[', shown, re.M), name
