"""Every state of home and every screen: shown, in both languages, for everybody, on the smallest phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, load_programme
from tests.pages.opened import AXE, ORIGIN, for_everybody, speak

from .conftest import KEPT
from .lives import CLOSES, DIFFERS, ID, LIVES, NOW, SCREENS, WAVE, WHOLE, Life, living, me, place


def test_axe_is_the_one_that_was_published():
    assert sha256(AXE.encode()).hexdigest() == "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


@pytest.fixture(scope="module")
def windows(browser: Any) -> Iterator[Callable[[bool], Any]]:
    """A window of who signed in and one of a guest, for all states and screens: opening one takes most of a test."""
    with ExitStack() as opened:
        programme = load_programme("prod")
        yield cache(lambda signed_in: opened.enter_context(
            living(browser, programme, WHOLE if signed_in else LIVES["guest"])
        ))  # fmt: skip


@pytest.mark.parametrize("name", LIVES)
def test_home_shows_where_one_stands(windows: Callable[[bool], Any], name: str):
    page = windows(LIVES[name].me is not None)
    page.told.life = LIVES[name]
    page.goto("about:blank")
    page.goto(f"{ORIGIN}/#/")
    page.wait_for_load_state("networkidle")  # until then the copy of the life before may be shown
    page.locator(f"[data-state={name.split()[0]}] h1").wait_for()
    for_everybody(page)


@pytest.mark.parametrize("way", SCREENS)
def test_a_screen_is_for_everybody(windows: Callable[[bool], Any], way: str):
    page = windows(True)
    page.told.life = WHOLE
    page.goto("about:blank")
    page.goto(f"{ORIGIN}/#/{way}")
    page.locator("main h1").wait_for()
    page.wait_for_load_state("networkidle")
    for_everybody(page)


TYPED = {
    1: {"day": "17", "month": "8", "year": "1995"},
    2: {"name": "Siti Aminah", "nik": "3174095708950001"},
    3: {"kk": "3174091203180002", "phone": "0812-3456-7890"},
}


def fill_in(page: Any, step: int) -> None:
    """A step of the registration as Siti fills it in, and on to the next."""
    page.get_by_text(f"Langkah {step} dari 6").wait_for()
    for name, text in TYPED.get(step, {}).items():
        page.locator(f"[name={name}]").fill(text)
    if step == 1:
        page.get_by_label("Pencari kerja").check()
    elif step == 4:
        page.get_by_label("Provinsi").select_option("31")
        page.get_by_label("Kabupaten atau kota").select_option("3174")
    elif step == 5:
        page.get_by_label("Sarjana (S1)").check()
    page.get_by_role("button", name="Lanjut").click()


def test_the_wrong_fields_are_named_above_and_beside_on_every_step(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["unregistered"]) as page:
        page.get_by_role("link", name="Isi data").click()
        page.get_by_role("button", name="Lanjut").click()
        page.get_by_role("alert").get_by_role("link", name="Isi tanggal lahir yang benar.").click()
        assert page.evaluate("document.activeElement.name") == "day"
        assert page.title() == "Galat: Tanggal lahir dan pekerjaan - Gelombang"
        for number in range(1, 6):
            page.get_by_text(f"Langkah {number} dari 6").wait_for()
            page.get_by_role("button", name="Lanjut").click()
            page.get_by_role("alert").wait_for()
            for_everybody(page)
            if number == 1:
                page.get_by_role("alert").get_by_text("Give a real birth date.").wait_for()
                assert page.locator("[id$=-day-error]").bounding_box()["width"] > 200, "in one line"
            speak(page, "id")
            fill_in(page, number)
        page.get_by_text("Langkah 6 dari 6").wait_for()
        page.get_by_role("button", name="Kirim pendaftaran").click()
        page.get_by_role("alert").get_by_text("Centang jika Anda setuju.").wait_for()
        for_everybody(page)


def test_the_screen_of_the_code_is_for_everybody(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["guest"]) as page:
        started = {"sign_in_id": ID, "secret": "s", "contact": "siti@example.org", "code_again_at": CLOSES}
        page.evaluate("started => sessionStorage.setItem('sign-in', JSON.stringify(started))", started)
        page.goto(f"{ORIGIN}/#/masuk")
        page.get_by_text("Kode sudah dikirim.").wait_for()
        page.get_by_role("button", name="Masuk").click()
        page.get_by_role("alert").get_by_text("Kode ada 6 angka.").wait_for()
        for_everybody(page)


def test_what_was_typed_survives_a_reload_and_numbers_only_as_long_as_the_window(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["unregistered"]) as page:
        page.get_by_role("link", name="Isi data").click()
        fill_in(page, 1)
        page.get_by_label("NIK", exact=True).fill("3174095708950001")
        page.get_by_label("Nama lengkap").fill("Siti Aminah")
        page.wait_for_timeout(300)
        page.reload()
        assert page.get_by_label("NIK", exact=True).input_value() == "3174095708950001"
        assert page.get_by_label("Nama lengkap").input_value() == "Siti Aminah"
        kept = page.evaluate(KEPT)
        assert "Siti Aminah" in kept
        assert "3174095708950001" not in kept


def test_two_touches_join_once(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["open"]) as page:
        page.get_by_role("button", name=f"Gabung gelombang {WAVE}").dblclick()
        page.wait_for_timeout(500)
        assert [path for _, path, _ in page.sent] == ["/waves/current/entries"]


def test_without_a_signal_the_last_copy_is_shown_and_says_so(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["training"]) as page:
        page.locator("[data-state=training] h1").wait_for()
        page.wait_for_load_state("networkidle")
        page.route("**/me**", lambda route: route.abort())
        page.route("**/waves/**", lambda route: route.abort())
        page.context.set_offline(True)
        page.evaluate("location.hash = '#/akun'")
        page.evaluate("location.hash = '#/'")
        page.get_by_text("Tanpa sinyal. Data dari Rabu, 3 Juni pukul 10.00 WIB.").wait_for()  # once
        assert page.get_by_role("heading", level=1).inner_text() == "Dasar Pengelasan"


def test_what_a_course_and_a_vacancy_are_about_and_where_a_code_is_used_is_said(browser: Any, programme: Programme):
    with living(browser, programme, WHOLE) as page:
        page.goto(f"{ORIGIN}/#/pelatihan/{ID}")
        page.get_by_role("link", name="Isi, jadwal dan tempat").click()
        page.get_by_text("Mengelas pelat datar").wait_for()
        text = page.locator("main").inner_text()
        assert "Kode dipakai di\nJalan Industri 5, Jakarta" in text
        assert "Mulai\n5 Juni" in text
        assert "Selesai\n" not in text, "the partner did not say"
        page.goto(f"{ORIGIN}/#/lowongan")
        page.get_by_text("Mengelas rangka di bengkel kami.").wait_for()


def test_dates_and_money_are_said_as_people_say_them(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["chosen"]) as page:
        text = page.locator("[data-state=chosen]").inner_text()
        assert "paling lambat Senin, 22 Juni pukul 23.59 WIB" in text
        assert "Saldo Rp3.500.000, bukan tunai." in text


def test_where_each_payment_went_is_shown_masked_or_as_an_earlier_account(browser: Any, programme: Programme):
    with living(browser, programme, WHOLE) as page:
        page.goto(f"{ORIGIN}/#/uang")
        page.get_by_text("Tujuan: Bank Negara Indonesia (BNI) ********6789.", exact=True).wait_for()
        page.get_by_text("Tujuan: rekening Anda yang sebelumnya.", exact=True).wait_for()


def test_a_pause_is_said_with_what_one_can_do_meanwhile(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["none_coming"]) as page:
        shown = page.locator("[data-state=none_coming]")
        shown.get_by_text("Tidak ada gelombang dalam setengah tahun ke depan. Anda tetap terdaftar").wait_for()
        assert shown.get_by_role("link").all_inner_texts() == ["Periksa data saya", "Tambah ke kalender"]


@pytest.mark.parametrize(("waits_for", "said"), [("review", 1), ("attendance", 0)])
def test_a_review_starts_the_incentive_only_where_it_does(
    browser: Any, programme: Programme, waits_for: str, said: int
):
    takes_part = replace(place("ACTIVE"), first_payment_at=waits_for)
    with living(browser, programme, Life(me(takes_part, 0), trainings=LIVES["review"].trainings)) as page:
        shown = page.locator("[data-state=review]")
        shown.get_by_role("link", name="Tulis ulasan").wait_for()
        assert shown.get_by_text("Ulas agar insentif diproses").count() == said


def test_a_reminder_is_switched_by_a_touch_and_the_others_stay(browser: Any, programme: Programme):
    with living(browser, programme, WHOLE) as page:
        page.goto(f"{ORIGIN}/#/pesan")
        page.get_by_role("heading", level=2, name="Uang dibayar").wait_for()
        with page.expect_response("**/me/notice-settings"):
            page.get_by_role("button", name="Kirim Pengingat isi survei", exact=True).click()
        assert page.sent == [("PATCH", "/me/notice-settings", {"survey_deadline": True})]


def test_an_account_screen_that_was_just_read_costs_no_other_proof(browser: Any, programme: Programme):
    with living(browser, programme, WHOLE) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.removeprefix(ORIGIN)))
        for _ in range(4):
            for part, title in (("kontak", "Surel dan nomor ponsel"), ("perangkat", "Perangkat"), ("kunci", "Kunci")):
                page.goto(f"{ORIGIN}/#/akun/{part}")
                page.get_by_role("heading", level=1, name=title).wait_for()
                page.locator(".cards").wait_for()
        speak(page, "en")
        page.get_by_role("heading", level=1, name="Passkeys").wait_for()
        lists = ["/me/contacts", "/me/sessions", "/me/passkeys"]
        assert [path for path in asked if path in lists] == lists
        with page.expect_response(f"{ORIGIN}/me/passkeys"):
            page.get_by_role("button", name="Look again").click()
        page.get_by_text("Data from").wait_for(state="hidden")
        assert [path for path in asked if path in lists] == [*lists, "/me/passkeys"]


def test_whose_data_differ_is_told_so_and_may_send_another_nik(browser: Any, programme: Programme):
    differ = "Data Anda berbeda dengan data kependudukan."
    with living(browser, programme, LIVES["none_open"]) as page:
        page.goto(f"{ORIGIN}/#/akun")
        page.get_by_role("heading", name="Data saya", exact=True).wait_for()
        assert page.get_by_text(differ).count() == 0
        page.goto(f"{ORIGIN}/#/daftar/2")
        page.get_by_label("Nama lengkap").wait_for()
        assert page.get_by_label("NIK", exact=True).count() == 0
    with living(browser, programme, LIVES["none_open whose data differ"]) as page:
        page.goto(f"{ORIGIN}/#/akun")
        page.get_by_text(differ).wait_for()
        assert page.get_by_text("Berbeda:").count() == 0
        page.told.life = Life(me(registration=replace(DIFFERS, differs=("kk", "sex"), present_at=NOW)))
        page.reload()
        page.get_by_text("Berbeda: Jenis kelamin").wait_for()
        assert page.get_by_text("Berbeda:").all_inner_texts() == ["Berbeda: KK", "Berbeda: Jenis kelamin"]
        speak(page, "en")
        page.get_by_text("Differs: Sex").wait_for()
        speak(page, "id")
        page.get_by_role("link", name="Ubah NIK").click()
        page.get_by_label("NIK", exact=True).fill("3174 0957 0895 0001")
        page.get_by_role("button", name="Simpan").click()
        page.get_by_text("Data Anda tersimpan").wait_for()
        sent = [one for one in page.sent if one[1] != "/me/language"]
        assert sent == [("PATCH", "/me/registration", {"nik": "3174095708950001"})]
