"""A NIK that is taken, the rights over one's data, and a receipt whose ticket is gone."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from chalicelib.config import Programme
from tests.pages.opened import ORIGIN, for_everybody, speak

from .lives import CONTESTED, ID, LIVES, NOW, OTHER, REGISTRATION, WAVE, WHOLE, Life, entry, living, me
from .test_screens import fill_in

CLAIMED = me(registration=replace(REGISTRATION, nik_held="claimed"))
CONTESTED_LIFE = LIVES["none_open whose NIK is contested"]


def refused(route: Any) -> None:
    route.fulfill(status=429, json={"code": "too_many_requests", "detail": "Terlalu sering."})


def test_a_nik_that_is_taken_is_claimed_with_what_was_typed(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["unregistered"]) as page:

        def taken(route: Any) -> None:
            if "claim_nik" in (route.request.post_data_json or {}):
                return route.fallback()
            return route.fulfill(
                status=409, json={"code": "nik_already_registered", "detail": "NIK ini sudah terdaftar."}
            )

        page.route("**/me/registration", taken)
        page.get_by_role("link", name="Isi data").click()
        for step in range(1, 6):
            fill_in(page, step)
        page.get_by_label("Saya setuju.").check()
        page.get_by_role("button", name="Kirim pendaftaran").click()
        page.get_by_role("heading", level=1, name="NIK yang sudah terdaftar").wait_for()
        page.locator("main").get_by_text("3174095708950001").first.wait_for()
        for_everybody(page)
        page.locator(".languages").get_by_role("button", name="Indonesia").click()
        page.told.then = Life(CLAIMED)
        page.get_by_role("button", name="Daftar dengan klaim").click()
        page.get_by_text("Klaim Anda tercatat.").wait_for()
        [form] = [said for method, path, said in page.sent if (method, path) == ("PUT", "/me/registration")]
        assert (form["nik"], form["claim_nik"]) == ("3174095708950001", True)
        for_everybody(page)
        page.goto(f"{ORIGIN}/#/")
        page.get_by_text("Another registration holds your NIK.").wait_for()


def test_a_corrected_nik_that_is_taken_is_claimed_with_what_was_typed(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["none_open whose data differ"]) as page:

        def taken(route: Any) -> None:
            if "claim_nik" in (route.request.post_data_json or {}):
                return route.fallback()
            return route.fulfill(status=409, json={"code": "nik_already_registered", "detail": "Sudah terdaftar."})

        page.route("**/me/registration", taken)
        page.goto(f"{ORIGIN}/#/daftar/2")
        page.get_by_label("NIK").fill("3174 0957 0895 0001")
        page.get_by_role("button", name="Simpan").click()
        page.get_by_text("Pendaftaran lain memegang NIK ini.").wait_for()
        page.told.then = Life(CLAIMED)
        page.get_by_role("button", name="Simpan dengan klaim").click()
        page.get_by_text("Klaim Anda tercatat.").wait_for()
        [form] = [said for method, path, said in page.sent if (method, path) == ("PATCH", "/me/registration")]
        assert (form["nik"], form["claim_nik"]) == ("3174095708950001", True)
        for_everybody(page)


def test_a_code_for_an_office_is_made_shown_made_anew_and_proves(browser: Any, programme: Programme):
    with living(browser, programme, CONTESTED_LIFE) as page:
        page.goto(f"{ORIGIN}/#/akun/klaim")
        page.get_by_role("link", name="Buktikan dengan KTP").click()
        page.get_by_role("heading", level=1, name="Buktikan NIK dengan KTP").wait_for()
        page.airplane = True
        page.get_by_role("button", name="Buat kode").click()
        page.get_by_text("Belum terkirim.").wait_for()
        page.airplane = False
        page.get_by_role("button", name="Buat kode").click()
        page.get_by_text("ABCD-EFGH-JKLM-NP23").wait_for()
        assert page.evaluate("document.activeElement.textContent") == "Buat kode baru", "the focus stays"
        assert page.get_by_text("A B C D E F G H J K L M N P 2 3").count() == 1, "as it is read aloud"
        assert "sampai Rabu, 3 Juni pukul 10.09 WIB" in page.locator("main").inner_text()
        page.get_by_role("button", name="Apakah sudah terbukti?").click()
        page.get_by_text("Belum terbukti").wait_for()
        for_everybody(page)
        speak(page, "id")
        page.route("**/me/presence-codes", refused)
        page.get_by_role("button", name="Buat kode baru").click()
        page.get_by_text("Terlalu sering.").wait_for()
        page.unroute("**/me/presence-codes")
        page.get_by_role("button", name="Buat kode baru").click()
        page.get_by_text("Belum terbukti").wait_for(state="hidden")
        lost = replace(CONTESTED, present_at=NOW, phone=None, phone_lost_at=NOW)
        page.told.life = Life(me(registration=lost))
        page.get_by_role("button", name="Apakah sudah terbukti?").click()
        page.get_by_text("Terbukti Rabu, 3 Juni pukul 10.00 WIB.").wait_for()
        page.get_by_text("Orang lain menyatakan bahwa NIK Anda miliknya.").wait_for()
        assert page.get_by_text("NIK ini milik Anda.").count() == 0, "it is contested still"
        assert [path for _, path, _ in page.sent if path != "/me/language"] == ["/me/presence-codes"] * 2
        page.get_by_role("link", name="Kembali").click()
        page.get_by_text("Kini milik orang lain").wait_for()


def test_a_code_that_is_over_is_not_shown_any_more(browser: Any, programme: Programme):
    with living(browser, programme, CONTESTED_LIFE) as page:
        over = {"presence_code": "ABCDEFGHJKLMNP23", "expires_at": NOW.isoformat()}
        page.route("**/me/presence-codes", lambda route: route.fulfill(status=201, json=over))
        page.goto(f"{ORIGIN}/#/akun/hadir")
        page.get_by_role("button", name="Buat kode").click()
        page.get_by_text("Kode tadi tidak berlaku lagi.").wait_for()
        assert page.get_by_text("ABCD").count() == 0


def test_the_rights_over_ones_data_are_used_by_touches(browser: Any, programme: Programme, tmp_path: Any):
    with living(browser, programme, WHOLE) as page:
        page.goto(f"{ORIGIN}/#/akun")
        page.get_by_role("link", name="Siapa yang melihat data saya").click()
        page.get_by_text("Ia menelepon").wait_for()
        with page.expect_request(f"**/me/readers?cursor={OTHER}"):
            page.get_by_role("button", name="Yang lebih lama").click()
        page.get_by_text("Ia menelepon").nth(1).wait_for()
        page.goto(f"{ORIGIN}/#/akun/izin")
        page.get_by_role("button", name="Tarik persetujuan").click()
        page.get_by_text("Anda tidak ikut.").wait_for()
        with page.expect_response("**/withdrawal"):
            page.get_by_role("button", name="Ya, tarik").click()
        with page.expect_response("**/me/restriction"):
            page.get_by_role("button", name="Akhiri pembatasan").click()
        page.goto(f"{ORIGIN}/#/akun/data")
        with page.expect_download() as saved:
            page.get_by_role("button", name="Simpan berkas").click()
        saved.value.save_as(tmp_path / "data.json")
        assert json.loads((tmp_path / "data.json").read_text()) == {"records": []}
        page.get_by_text("nama dan nomor baru dibuka mulai").wait_for()
        with page.expect_response(f"**/me/changes/{ID}"):
            page.get_by_text("karena Anda pernah terpilih").wait_for()
            page.get_by_role("button", name="Jangan hapus").click()
        assert page.sent == [
            ("POST", "/me/consents/" + ID + "/withdrawal", None),
            ("PUT", "/me/restriction", {"restricted": False}),
            ("DELETE", f"/me/changes/{ID}", None),
        ]


def test_a_receipt_without_its_ticket_says_that_the_audit_closed_unless_the_device_has_it(
    browser: Any, programme: Programme
):
    closed = entry("not_chosen", "not_drawn")
    closed = replace(closed, receipt=replace(closed.receipt, ticket=""))
    with living(browser, programme, Life(me(), entries=[closed])) as page:
        page.goto(f"{ORIGIN}/#/bukti/{WAVE}")
        page.get_by_text("tiket Anda dihapus").wait_for()
        assert page.get_by_role("button", name="Periksa undian").count() == 0
        file = {"format": "gelombang/receipt/1", "wave": WAVE, "ticket": "07" * 32, "leaf": "5e" * 32}
        saved = {"name": "bukti.json", "mimeType": "application/json", "buffer": json.dumps(file).encode()}
        page.get_by_label("Pakai berkas bukti dari ponsel lain").set_input_files(saved)
        page.get_by_text("Bukti Anda sama dengan catatan kami.").wait_for()
        page.get_by_role("button", name="Periksa undian").wait_for()
