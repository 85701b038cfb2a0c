"""A person's browser at the citizen's page of the real application, and time to go by."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.config import Programme, Settings
from local.demo.postbox import Postbox
from tests.e2e.world import World, world_on


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_on(cloud, programme, monkeypatch) as world:
        yield world


KEPT = """() => new Promise((resolve) => {
  const asked = indexedDB.open("gelombang", 1);
  asked.onsuccess = () => {
    const store = asked.result.transaction("kept").objectStore("kept");
    const names = store.getAllKeys(), all = store.getAll();
    all.onsuccess = () => resolve(JSON.stringify(names.result.map((name, at) => [name, all.result[at]])));
  };
})"""
"""All that the page keeps, as JSON: names and values."""

PART = "document.scripts[1].src.replace('citizen/main', 'common/{}')"
NET, CORE = (f"await import({PART.format(name)})" for name in ("net", "core"))
"""Modules of the page, in an async script."""


def signed_in(who: str) -> str:
    """What opens a session of that person, as JSON."""
    claims = urlsafe_b64encode(json.dumps({"sub": who}).encode()).decode()
    said = {"access_token": f".{claims}.", "refresh_token": who, "session_id": who, "expires_in_s": 600}
    return json.dumps(said)


@dataclass
class Phone:
    """A window, and what went wrong in it."""

    page: Any
    world: World
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, way: str = "") -> None:
        self.page.goto(f"{self.world.url}/#/{way}")

    def title(self, text: str) -> None:
        """Wait for the screen of that heading."""
        self.page.get_by_role("heading", level=1, name=text).wait_for()

    def press(self, name: str) -> None:
        """A button or a link of that name."""
        button = self.page.get_by_role("button", name=name, exact=True)
        button.or_(self.page.get_by_role("link", name=name, exact=True)).first.click()

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def pick(self, label: str) -> None:
        self.page.get_by_label(label, exact=True).check()

    def state(self, name: str) -> None:
        """Wait until home shows that state."""
        self.page.locator(f"[data-state={name}]").wait_for()

    # What people do

    def code(self, contact: str) -> str:
        """The last code that came to a contact."""
        self.world.deliver()
        return Postbox(self.world.mails, lambda: None).codes(contact)[-1]

    def sign_in(self, contact: str) -> None:
        self.open("masuk")
        self.fill("Alamat surel atau nomor ponsel", contact)
        self.press("Kirim kode")
        self.title("Masukkan kode")
        self.fill("Kode", self.code(contact))
        self.press("Masuk")

    def register(self, nik: str = "3174095708950001", kk: str = "3174091203180002", name: str = "Siti Aminah") -> None:
        self.open("daftar/1")
        self.fill("Tanggal", "17")
        self.fill("Bulan", "8")
        self.fill("Tahun", "1995")
        self.pick("Pencari kerja")
        self.press("Lanjut")
        self.title("Nama dan NIK")
        self.fill("Nama lengkap", name)
        self.fill("NIK", nik)
        self.press("Lanjut")
        self.title("Kartu Keluarga dan ponsel")
        self.fill("Nomor Kartu Keluarga (KK)", kk)
        self.fill("Nomor ponsel", "0812-3456-7890")
        self.press("Lanjut")
        self.title("Alamat di KTP")
        self.page.get_by_label("Provinsi").select_option("31")
        self.page.get_by_label("Kabupaten atau kota").select_option("3174")
        self.press("Lanjut")
        self.title("Pendidikan")
        self.pick("SMA, SMK atau sederajat")
        self.press("Lanjut")
        self.title("Periksa dan kirim")
        self.pick("Saya setuju.")
        self.press("Kirim pendaftaran")


Open = Callable[..., Phone]


@pytest.fixture
def phone(browser: Any, world: World) -> Iterator[Open]:
    """Opens windows; in the end nothing may be wrong in any, and nobody else may have been asked for anything."""
    with ExitStack() as windows:
        phones: list[Phone] = []

        def opened(**context: Any) -> Phone:
            usual = {"locale": "id-ID", "viewport": {"width": 320, "height": 640}, "service_workers": "block"}
            window = windows.enter_context(browser.new_context(**usual | context))
            window.set_default_timeout(240_000)  # the machine may be busy
            one = Phone(window.new_page(), world)
            one.page.on("request", lambda request: one.asked.append(request.url))
            one.page.on("pageerror", lambda error: one.errors.append(str(error)))
            one.page.on("console", lambda line: line.type == "error" and one.errors.append(line.text))
            phones.append(one)
            return one

        yield opened
        ours = (world.url, str(world.services.settings.results_url), "blob:", "data:")
        for one in phones:
            assert [url for url in one.asked if not url.startswith(ours)] == []
            assert [error for error in one.errors if not error.startswith("Failed to load resource")] == []


def open_wave(world: World, quota: int = 5) -> int:
    """A wave that is open now."""
    opens_at = world.now() + timedelta(seconds=30)
    number = world.add_wave(opens_at, opens_at + timedelta(days=3), quota)
    world.wait_until(opens_at)
    world.fire("advance")
    return number
