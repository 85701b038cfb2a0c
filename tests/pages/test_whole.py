"""Anybody checks a whole wave in the browser, and every fraud is named there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders.draws.files import published_draw, random_lists

from .conftest import FILES, Open, Site

RESULT = json.loads(FILES["result.json"])


def check_all(window) -> None:
    window.page.locator("#whole").click()


def test_a_good_wave_passes_in_both_languages(visit: Open, site: Site):
    window = visit(site.page())
    window.page.get_by_role("button", name="Periksa seluruh gelombang").click()
    assert window.verdict() == "good"
    checks = window.checks()
    assert {name for name, ok in checks.items() if ok != "true"} == {"shares of the regions"}
    assert checks["hashes by WebCrypto"] == "true"
    assert len(checks) == 30
    assert "Undian gelombang 61 cocok dengan yang diumumkan" in window.page.locator("#verdict").inner_text()
    window.page.get_by_role("button", name="English").click()
    assert "The draw of wave 61 follows from what is published" in window.page.locator("#verdict").inner_text()


@pytest.mark.parametrize(("locale", "named"), [("id-ID", "batas salah (wrong cut-off)"), ("en-GB", "wrong cut-off")])
def test_a_wrong_cut_off_is_named(visit: Open, site: Site, locale: str, named: str):
    cutoff = RESULT["open"]["cutoff"].encode()
    site.results.files["result.json"] = FILES["result.json"].replace(cutoff, b"f" + cutoff[1:])
    window = visit(site.page(), locale=locale)
    check_all(window)
    assert window.failures() == {"wrong cut-off"}
    assert named in window.page.locator("[data-check=cut-offs]").inner_text()
    assert window.page.locator("[data-check=cut-offs]").get_attribute("data-failure") == "wrong cut-off"


def test_without_one_file_the_page_checks_the_rest(visit: Open, site: Site):
    window = visit(site.page())
    window.page.route("**/draws/61/result.json", lambda route: route.abort())
    check_all(window)
    assert window.failures() == {"missing"}
    assert window.checks()["roots of the lists"] == "true"
    window.errors.clear()  # what the browser says of an answer that broke off


@pytest.mark.parametrize("name", ["leaves/12.bin", "nodes/99.bin"])
def test_a_list_of_a_region_without_a_row_is_noticed(visit: Open, site: Site, name: str):
    site.results.files[name] = bytes(32)
    window = visit(site.page())
    check_all(window)
    assert window.failures() == {"malformed"}


def test_a_list_is_read_no_further_than_its_first_leaf_out_of_order(visit: Open, site: Site):
    leaves = FILES["leaves/31.bin"]
    site.results.files["leaves/31.bin"] = leaves[:64] + leaves[32:64] + leaves[96:]
    site.results.files["leaves/32.bin"] = FILES["leaves/32.bin"][:-32] + bytes(32)
    window = visit(site.page())
    check_all(window)
    assert window.failures() == {"duplicate leaf", "list not ascending"}
    assert window.checks()["cut-offs"] == window.checks()["substitutions"] == "null"


def test_a_slow_file_is_given_up_at_the_time_limit(visit: Open, site: Site):
    """Set to one second here, in which nothing at all comes, however long the machine takes."""

    def with_limit(route: Any) -> None:
        page = route.fetch()
        body = page.text().replace('id="settings">{', 'id="settings">{"time_limit_s":1,')
        route.fulfill(response=page, body=body)

    window = visit(site.page())
    window.page.route(site.page(), with_limit)
    window.page.reload()
    window.page.route("**/draws/61/**", lambda _: None)  # never answered
    check_all(window)
    window.page.locator("#status").filter(has_text="tidak dapat dibaca").wait_for()
    window.errors.clear()


def test_markup_in_a_hostile_publication_is_shown_as_text(visit: Open, site: Site):
    site.results.files["note.txt"] = b"<img src=x onerror=alert(1)>"
    site.results.files["removals.json"] = b'{"removed":[{"reason":"<b>","entries":1}]}\n'
    window = visit(site.page())
    check_all(window)
    assert "malformed" in window.failures()
    assert window.page.locator("#result img, #result b").count() == 0


def test_the_page_answers_while_it_checks(visit: Open, site: Site):
    """200,000 leaves: the work is done in a worker, and what is still to come is shown."""
    lists = random_lists(61, {31: 150_000, 32: 50_000})
    site.results.files = published_draw(61, lists, {32: 50}, 5_000)
    window = visit(site.page())
    window.page.evaluate(
        """() => {
            window.turns = 0;
            setInterval(() => { window.turns += document.querySelector("progress") ? 1 : 0; }, 10);
        }"""
    )
    check_all(window)
    assert window.verdict() == "good"
    assert window.page.evaluate("window.turns") > 10, "the page had its turns while the worker checked"
