"""The page and the files opened from disk, without any server."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.web.verifier_page import FILE
from tests.builders.draws.files import write

from .conftest import FILES, Open, Site, Visit
from .test_proof import CHOSEN_OPEN, NOT_CHOSEN

SMALL = [name for name in FILES if "/" not in name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What somebody has saved."""
    return write(tmp_path / "61", FILES)


@pytest.fixture
def window(visit: Open) -> Visit:
    return visit(FILE.as_uri())


def only_from_disk(window: Visit) -> bool:
    return all(url.startswith(("file:", "blob:", "data:")) for url, _ in window.requests)


def test_a_proof_can_be_made_from_a_folder(window: Visit, folder: Path):
    window.page.get_by_label("atau pilih satu folder").set_input_files(folder)
    assert "berkas dipakai" in window.page.locator("#chosen").inner_text()
    assert window.check(CHOSEN_OPEN) == "good"
    checks = window.checks()
    assert checks["nodes of the own list"] == checks["signature"] == checks["hashes by WebCrypto"] == "true"
    assert "false" not in checks.values()
    assert only_from_disk(window)


def test_a_proof_can_be_made_from_single_files_with_the_receipt(window: Visit, folder: Path, tmp_path: Path):
    """A list and its nodes have one name there, and are told apart by their lengths."""
    (tmp_path / "tanda-terima.json").write_text(NOT_CHOSEN)
    chosen = [folder / name for name in SMALL] + [folder / "leaves/31.bin", tmp_path / "tanda-terima.json"]
    window.page.get_by_label("Pilih berkas").set_input_files(chosen)
    window.page.get_by_role("button", name="Periksa bukti saya").click()
    assert window.verdict() == "wait"
    assert "Anda tidak terpilih" in window.page.locator("#verdict").inner_text()
    assert only_from_disk(window)


def test_a_missing_list_is_named(window: Visit, folder: Path):
    window.page.get_by_label("Pilih berkas").set_input_files([folder / name for name in SMALL])
    window.paste(CHOSEN_OPEN)
    assert window.failures() == {"missing"}
    assert "leaves/31.bin" in window.page.locator("[data-check='on the list']").inner_text()


def test_a_whole_wave_can_be_checked_from_a_folder(window: Visit, folder: Path):
    window.page.get_by_label("atau pilih satu folder").set_input_files(folder)
    window.page.locator("#whole").click()
    assert window.verdict() == "good"
    unknown = {name for name, ok in window.checks().items() if ok == "null"}
    assert unknown == {"note not before the close", "note before its round", "shares of the regions"}
    assert only_from_disk(window)


def test_a_fraud_in_a_folder_is_named(window: Visit, folder: Path):
    regions = folder / "regions.json"
    regions.write_bytes(FILES["regions.json"].replace(b'"quota":20', b'"quota":21'))
    window.page.get_by_label("atau pilih satu folder").set_input_files(folder)
    window.page.locator("#whole").click()
    assert {"wrong seats", "wrong top"} <= window.failures()


def test_files_can_be_removed_again(window: Visit, folder: Path):
    window.page.get_by_label("atau pilih satu folder").set_input_files(folder)
    window.page.get_by_role("button", name="Jangan pakai berkas ini").click()
    assert window.page.locator("#chosen").inner_text() == ""
    window.page.locator("#whole").click()
    assert "Berkas hasil belum ada" in window.page.locator("#status").inner_text()


def test_a_file_that_is_no_result_is_named(window: Visit, tmp_path: Path):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    window.page.get_by_label("Pilih berkas").set_input_files(tmp_path / "photo.jpg")
    assert "Tidak ada berkas hasil" in window.page.locator("#chosen").inner_text()


def drop(window: Visit, *files: Path) -> None:
    """As with a pointer, from another program."""
    session = window.page.context.new_cdp_session(window.page)
    held = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 50, "data": held})


def test_a_folder_may_be_dropped_anywhere_on_the_page(visit: Open, site: Site, folder: Path):
    window = visit(site.page())
    drop(window, folder)
    window.page.locator("#chosen").filter(has_text="leaves/31.bin").wait_for()
    site.results.asked.clear()
    assert window.check(CHOSEN_OPEN) == "good"
    assert site.results.asked == []


def test_a_page_opened_from_disk_accepts_dropped_files_but_no_folder(window: Visit, folder: Path):
    drop(window, folder)
    window.page.locator("#chosen").filter(has_text="Tidak ada berkas hasil").wait_for()
    drop(window, *(folder / name for name in SMALL), folder / "leaves/31.bin")
    window.page.locator("#chosen").filter(has_text="note.txt").wait_for()
    assert window.check(CHOSEN_OPEN) == "good"


def test_a_page_opened_from_disk_fetches_the_address_in_the_receipt(site: Site, window: Visit):
    """The page of the repository against published results: nothing of the operator's is believed but the files."""
    named = CHOSEN_OPEN.replace("https://results.invalid/draws/61/", f"{site.results_url}/draws/61/")
    assert window.check(named) == "good"
    assert ("leaves/31.bin", "") not in site.results.asked
