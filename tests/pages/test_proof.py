"""A person checks their own receipt, with clicks and typed text."""

from __future__ import annotations

import json
import re

import pytest

from chalicelib.draw.leaves import leaf
from chalicelib.draw.selection import Selection

from .conftest import FILES, LISTS, NOT_FROZEN, WAVE, Answer, Open, Site, receipt, unavailable

RESULT = json.loads(FILES["result.json"])
SUBSTITUTIONS = json.loads(FILES["substitutions.json"])
SELECTION = Selection(LISTS, {11: 5, 31: 20, 32: 10}, 400, bytes.fromhex(RESULT["seed"]))
SEATS = dict(SELECTION.winners())
NUMBERS = {
    leaf(WAVE, region, n.to_bytes(32, "big")): (n, region)
    for region, of in {11: 40, 31: 10_000, 32: 300}.items()
    for n in range(of)
}
GONE = {bytes.fromhex(row["out"]) for row in SUBSTITUTIONS}
CAME = {bytes.fromhex(row["in"]) for row in SUBSTITUTIONS}


def kept(which) -> str:
    """The receipt of the first for whom this holds."""
    number, region = next(NUMBERS[one] for one in sorted(NUMBERS) if which(one))
    return receipt(number, region)


CHOSEN_OPEN = kept(lambda one: SEATS.get(one) == "open" and one not in GONE)
CHOSEN_RESERVED = kept(lambda one: SEATS.get(one) == "32" and one not in GONE)
NOT_CHOSEN = kept(lambda one: one not in SEATS and one not in CAME)
PASSED_ON = kept(lambda one: one in GONE and one in SEATS)
MOVED_UP = kept(lambda one: one in CAME and one not in GONE)


@pytest.mark.parametrize(
    ("kept", "kind", "indonesian", "english"),
    [
        (CHOSEN_OPEN, "good", "Undian memberi Anda kursi terbuka.", "The draw gave you an open seat."),
        (CHOSEN_RESERVED, "good", "kursi yang disisihkan untuk provinsi 32", "a seat reserved for province 32"),
        (NOT_CHOSEN, "wait", "Bukti Anda cocok: Anda tidak terpilih", "Your proof holds: you were not chosen"),
        (PASSED_ON, "wait", "kartu keluarga sudah punya dua penerima", "the family card has its two beneficiaries"),
        (MOVED_UP, "good", "Anda orang berikutnya", "you were next in line"),
    ],
    ids=["open", "reserved", "not chosen", "passed on", "moved up"],
)
def test_the_outcome_of_an_entry_is_shown_in_both_languages(visit: Open, site: Site, kept, kind, indonesian, english):
    window = visit(site.page())
    assert window.check(kept) == kind
    assert indonesian in window.page.locator("#verdict").inner_text()
    assert window.page.locator("html").get_attribute("lang") == "id"
    checks = window.checks()
    assert "false" not in checks.values()
    assert {name for name, ok in checks.items() if ok == "null"} == {"shares of the regions"}
    window.page.get_by_role("button", name="English").click()
    assert english in window.page.locator("#verdict").inner_text()
    assert window.page.locator("html").get_attribute("lang") == "en"
    assert window.page.title() == "Check the draw of wave 61 · Gelombang"


def test_an_application_that_never_answers_is_not_waited_for(visit: Open, site: Site):
    """The files say the same."""
    window = visit(site.page())
    window.page.route("**/proof?*", lambda _: None)
    assert window.check(CHOSEN_OPEN) == "good"
    assert "nodes/31.bin" in {name for name, _ in site.results.asked}


def test_a_browser_in_another_language_shows_english(visit: Open, site: Site):
    assert visit(site.page(), locale="de-DE").page.get_by_role("button", name="Check my proof").is_visible()


def test_the_ticket_leaves_the_browser_in_no_request(visit: Open, site: Site):
    window = visit(site.page())
    window.check(CHOSEN_OPEN)
    ticket, own = json.loads(CHOSEN_OPEN)["ticket"], json.loads(CHOSEN_OPEN)["leaf"]
    assert any(f"/entries/{own}/proof?region=" in url for url, _ in window.requests)
    assert not any(ticket in everything for _, everything in window.requests)
    assert site.results.asked
    assert not any(name.startswith("leaves/") for name, _ in site.results.asked), "the path came from the application"


def test_a_receipt_may_be_opened_from_a_file(visit: Open, site: Site, tmp_path):
    file = tmp_path / "receipt.json"
    file.write_text(CHOSEN_OPEN)
    window = visit(site.page())
    with window.page.expect_file_chooser() as chooser:
        window.page.get_by_label("Buka berkas tanda terima").click()
    chooser.value.set_files(file)
    assert window.verdict() == "good"


def test_the_result_has_the_focus_when_it_is_there(visit: Open, site: Site):
    window = visit(site.page())
    window.check(CHOSEN_OPEN)
    assert window.page.evaluate("document.activeElement.id") == "result-title"
    assert "Selesai: Bukti Anda cocok: Anda terpilih" in window.page.locator("#status").inner_text()


@pytest.mark.parametrize(
    "text", ["", "tiket", "{}", "[1]", "null", receipt(1, ticket="ab"), receipt(1, region="31"), receipt(1, format="x")]
)
def test_a_malformed_receipt_is_reported_at_its_field(visit: Open, site: Site, text: str):
    window = visit(site.page())
    window.paste(text)
    assert "Ini bukan tanda terima" in window.page.get_by_role("alert").inner_text()
    assert window.page.evaluate("document.activeElement.id") == "receipt"
    assert window.page.locator("#receipt").get_attribute("aria-invalid") is not None
    assert window.page.locator("#result").is_hidden()


def test_a_receipt_of_another_wave_is_not_checked_here(visit: Open, site: Site):
    window = visit(site.page())
    window.paste(receipt(1, wave=60))
    assert "gelombang 60" in window.page.get_by_role("alert").inner_text()


@pytest.mark.parametrize(
    ("locale", "named"), [("id-ID", "tidak ada di daftar (not on the list)"), ("en-GB", "not on the list")]
)
def test_a_dropped_entry_is_noticed(visit: Open, site: Site, locale: str, named: str):
    window = visit(site.page(), locale=locale)
    assert window.check(receipt(10_001)) == "bad"
    assert window.failures() == {"not on the list"}
    assert named in window.page.locator("#verdict").inner_text()
    assert "removals.json" in window.page.locator("#verdict").inner_text()
    assert window.checks()["on the list"] == "false"


def test_without_the_application_the_page_reads_parts_of_the_files(visit: Open, site: Site):
    site.proofs.instead = unavailable
    window = visit(site.page())
    assert window.check(CHOSEN_OPEN) == "good"
    assert window.checks()["nodes of the own list"] == "true"
    parts = [span for name, span in site.results.asked if name == "leaves/31.bin"]
    assert 1 <= len(parts) <= 2
    assert all(span.startswith("bytes=") for span in parts)


def test_a_missing_leaf_is_confirmed_only_by_the_list_itself(visit: Open, site: Site):
    """The application says that there is no such leaf; the files say that there is."""
    site.proofs.instead = lambda _: Answer(
        404, b'{"code": "not_on_the_list"}', {"Content-Type": "application/problem+json"}
    )
    window = visit(site.page())
    assert window.check(CHOSEN_OPEN) == "good"


def test_a_path_that_leads_elsewhere_is_named(visit: Open, site: Site):
    def bent(proof) -> Answer:
        proof["path"][2] = "ab" * 32
        return Answer(200, json.dumps(proof).encode(), {"Content-Type": "application/json"})

    site.proofs.instead = bent
    window = visit(site.page())
    window.paste(CHOSEN_OPEN)
    assert window.failures() == {"wrong path"}


def test_a_forged_seed_is_refused(visit: Open, site: Site):
    site.results.files["result.json"] = FILES["result.json"].replace(RESULT["seed"].encode(), b"ab" * 32)
    window = visit(site.page())
    window.paste(NOT_CHOSEN)
    assert window.failures() == {"wrong seed"}
    assert "Jangan mengandalkan" in window.page.locator("#verdict").inner_text()


@pytest.mark.parametrize(
    ("locale", "named"), [("id-ID", "tanda tangan palsu (forged signature)"), ("en-GB", "forged signature")]
)
def test_a_forged_signature_is_named_in_both_languages(visit: Open, site: Site, locale: str, named: str):
    signature = json.loads(FILES["beacon.json"])["signature"]
    site.results.files["beacon.json"] = FILES["beacon.json"].replace(signature[-4:].encode(), b"0000", 1)
    window = visit(site.page(), locale=locale)
    window.paste(CHOSEN_OPEN)
    assert {"forged signature", "wrong randomness", "wrong seed"} <= window.failures()
    assert re.search("tidak dapat mengatakan|cannot say", window.page.locator("#verdict").inner_text())
    assert named in window.page.locator("[data-check=signature]").inner_text()


def test_before_the_freeze_the_page_says_that_it_waits(visit: Open, site: Site):
    window = visit(site.page(NOT_FROZEN))
    window.paste(receipt(1, wave=NOT_FROZEN))
    assert "15 menit" in window.page.get_by_role("alert").inner_text()


def test_before_the_draw_the_page_confirms_the_entry(visit: Open, site: Site):
    for name in ("beacon.json", "result.json", "substitutions.json"):
        del site.results.files[name]
    window = visit(site.page())
    assert window.check(CHOSEN_OPEN) == "wait"
    text = window.page.locator("#verdict").inner_text()
    assert "Undian belum diumumkan" in text
    assert "Kode Anda ada di daftar yang diumumkan." in text
    assert "15 September 2023" in text


def test_unreachable_results_are_reported_and_can_be_retried(visit: Open, site: Site):
    site.results.down = True
    window = visit(site.page())
    window.paste(CHOSEN_OPEN)
    alert = window.page.get_by_role("alert")
    alert.filter(has_text="tidak dapat dibaca").wait_for()
    assert site.results_url.removeprefix("http://") in alert.inner_text()
    site.results.down = False
    window.page.get_by_role("button", name="Periksa bukti saya").click()
    assert window.verdict() == "good"
    site.results.down = True  # what was out of order is on the console
