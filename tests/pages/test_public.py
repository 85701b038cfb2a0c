"""The pages of draws, of how the service is, and of the API: for everybody, with what the API says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

import app as application
from chalicelib import status
from chalicelib.aws.job_progress import Look
from chalicelib.clock import parse_iso
from chalicelib.config import Programme
from chalicelib.watch import PROMISED
from chalicelib.waves.rules import WaveState
from chalicelib.waves.wire import WaveList
from chalicelib.web import openapi
from tests.pages.citizen.lives import WAVE, wave
from tests.pages.opened import ORIGIN, for_everybody, opened, speak

NOW = parse_iso("2026-06-03T03:00:00Z")
WAVES = [
    *(
        wave(WaveState.SETTLED, WAVE - 20 + n, witnesses=["ombudsman.example", "witness.example.org"])
        for n in range(12)
    ),
    wave(WaveState.FROZEN, WAVE - 1, waiting_for="beacon"),
    wave(WaveState.OPEN),
    wave(number=WAVE + 1, quota=None),
]
API = msgspec.json.decode(msgspec.json.encode(openapi.document(application.app.operations, "0.1.0", ORIGIN)))


def looked(ago: timedelta = timedelta(minutes=2), **late: int) -> status.StatusView:
    """How the service is, with these jobs late by so many minutes."""
    since = dict.fromkeys(PROMISED) | {job: NOW - timedelta(minutes=minutes) for job, minutes in late.items()}
    return status.of(Look(NOW - ago, since), NOW)


SHOWN = {
    "draws": ("draws", {"/waves": WaveList(WAVES, none_coming=False)}, ""),
    "draws paused": ("draws", {"/waves": WaveList(WAVES[:12], none_coming=True)}, ""),
    "status well": ("status", {"/status.json": looked()}, ""),
    "status late": ("status", {"/status.json": looked(payouts=95, award=70)}, ""),
    "status unknown": ("status", {"/status.json": looked(timedelta(hours=1))}, ""),
    "docs": ("docs", {"/openapi.json": API}, ""),
    "docs partners": ("docs", {"/openapi.json": API}, "#/partners"),
    "docs reference": ("docs", {"/openapi.json": API}, "#/referensi"),
    "docs operation": ("docs", {"/openapi.json": API}, "#/put_registration"),
    "docs data": ("docs", {"/openapi.json": API}, "#/data/WaveView"),
}
"""By name: the page, what the API says by path, and the way on the page."""


@contextmanager
def shown(browser: Any, programme: Programme, name: str, **context: Any) -> Iterator[Any]:
    document, answers, way = SHOWN[name]
    with opened(
        browser, programme, document, NOW, lambda _, path: answers.get(path), f"/{document}", **context
    ) as page:
        page.goto(f"{page.url}{way}")
        page.locator("main h1").wait_for()
        yield page


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_is_for_everybody(browser: Any, programme: Programme, name: str):
    with shown(browser, programme, name) as page:
        page.wait_for_load_state("networkidle")
        for_everybody(page)


@pytest.mark.parametrize("name", ["draws", "status late", "docs operation"])
def test_a_page_is_for_everybody_in_the_dark(browser: Any, programme: Programme, name: str):
    with shown(browser, programme, name, color_scheme="dark") as page:
        page.wait_for_load_state("networkidle")
        for_everybody(page)


def test_every_wave_says_how_far_it_is_and_what_was_locked(browser: Any, programme: Programme):
    with shown(browser, programme, "draws") as page:
        order = page.locator("[data-wave]")
        order.first.wait_for()
        numbers = order.evaluate_all("all => all.map(one => Number(one.dataset.wave))")
        assert numbers == [WAVE - 1, WAVE, WAVE + 1, *range(WAVE - 9, WAVE - 19, -1)]
        page.get_by_role("button", name="Tampilkan semua (12)").press("Enter")
        assert order.count() == 15
        settled = page.locator(f"[data-wave='{WAVE - 9}']")
        settled.locator("summary").press("Enter")
        said = settled.inner_text()
        assert "ombudsman.example, witness.example.org" in said
        assert "9f" * 32 in said
        link = settled.get_by_role("link", name="Periksa")
        assert link.get_attribute("href") == f"/waves/{WAVE - 9}/verify"
        assert "Angka acak publik terlambat" in page.locator(f"[data-wave='{WAVE - 1}']").inner_text()
        assert page.locator(f"[data-wave='{WAVE}']").get_by_role("link").count() == 0, "nothing is locked yet"


def test_a_pause_is_said(browser: Any, programme: Programme):
    with shown(browser, programme, "draws paused") as page:
        page.get_by_text("Belum ada gelombang berikutnya").wait_for()


def test_what_is_late_is_said_with_since_when(browser: Any, programme: Programme):
    with shown(browser, programme, "status late") as page:
        page.locator("[data-condition=late]").wait_for()
        text = page.locator("main").inner_text()
        assert "Terlambat sejak Rabu, 3 Juni pukul 08.25 WIB" in text
        assert "Terlambat sejak Rabu, 3 Juni pukul 08.50 WIB" in text
        assert "Terakhir dilihat Rabu, 3 Juni pukul 09.58 WIB." in text
    with shown(browser, programme, "status unknown") as page:
        page.locator("[data-condition=unknown]").wait_for()
        assert "Tidak diketahui" in page.locator("main").inner_text()


def test_the_reference_is_searched_and_read_by_keyboard(browser: Any, programme: Programme):
    with shown(browser, programme, "docs") as page:
        page.get_by_role("heading", level=1, name="The API").wait_for()
        page.get_by_role("link", name="Referensi API").press("Enter")
        page.get_by_label("Cari").fill("PUT_regis")
        found = page.locator("main li a code")
        page.get_by_text("1 permintaan").wait_for()
        assert found.all_inner_texts() == ["PUT /me/registration"]
        page.get_by_role("link", name="PUT /me/registration").press("Enter")
        page.get_by_role("heading", level=1, name="Register, or correct a registration").wait_for()
        assert page.evaluate("document.activeElement.tagName") == "H1"
        call = page.locator("pre").inner_text()
        example = API["paths"]["/me/registration"]["put"]["requestBody"]["content"]["application/json"]["example"]
        assert call.startswith(f"curl -X PUT '{ORIGIN}/me/registration'")
        assert msgspec.json.decode(call.partition("-d '")[2].rpartition("'")[0]) == example
        text = page.locator("main").inner_text()
        assert "nik_already_registered" in text
        speak(page, "en")
        assert "What is sent" in page.locator("main").inner_text()


def test_every_operation_and_schema_can_be_shown(browser: Any, programme: Programme):
    names = [of["operationId"] for methods in API["paths"].values() for of in methods.values()]
    with shown(browser, programme, "docs") as page:
        for way in [*names, *(f"data/{name}" for name in API["components"]["schemas"])]:
            page.evaluate("way => { location.hash = `#/${way}`; }", way)
            page.wait_for_function(
                "way => document.querySelector('main a[href=\"#/referensi\"]') && location.hash === `#/${way}`", arg=way
            )
            assert "undefined" not in page.locator("main").inner_text(), way
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, way
