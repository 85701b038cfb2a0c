"""By keyboard alone: signing in, registering and joining with Tab, Enter, Space and arrows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.e2e.world import World

from .conftest import Open, Phone, open_wave

SITI = "siti@example.org"
NAME = """() => {
  const one = document.activeElement, from = one.labels && one.labels.length ? one.labels[0] : one;
  return from.textContent.trim().replace(/\\s+/g, " ");
}"""
OUTLINE = "() => { const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement); "
OUTLINE += "return `${outlineStyle} ${outlineWidth}`; }"


@dataclass
class Keys:
    """A person without a mouse."""

    phone: Phone

    @property
    def page(self) -> Any:
        return self.phone.page

    def arrives(self, title: str) -> None:
        """Wait for a screen: its heading has the focus."""
        self.phone.title(title)
        self.page.locator("h1:focus").wait_for()

    def to(self, name: str) -> None:
        """Tab to what has that name, and see where one is."""
        seen = []
        for _ in range(40):
            self.page.keyboard.press("Tab")
            seen.append(self.page.evaluate(NAME))
            assert self.page.evaluate(OUTLINE) == "solid 3px", seen
            if seen[-1] == name:
                return
        raise AssertionError(f"{name} is not among {seen}")

    def press(self, name: str) -> None:
        self.to(name)
        self.page.keyboard.press("Enter")

    def type(self, label: str, text: str) -> None:
        self.to(label)
        self.page.keyboard.type(text)

    def choose(self, first: str, wanted: str) -> None:
        """Of radio buttons: Tab to the first, then arrows."""
        self.to(first)
        self.page.keyboard.press("Space")
        for _ in range(20):
            if self.page.evaluate(NAME) == wanted:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{wanted} is not there")

    def select(self, label: str, wanted: str) -> None:
        self.to(label)
        for _ in range(60):
            if self.page.evaluate("document.activeElement.selectedOptions[0].textContent") == wanted:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{wanted} is not there")


def registers(keys: Keys) -> None:
    keys.press("Isi data")
    keys.arrives("Tanggal lahir dan pekerjaan")
    keys.page.get_by_label("Pencari kerja").wait_for()
    keys.press("Lanjut")
    keys.page.locator("[role=alert]:focus").wait_for()
    for label, text in (("Tanggal", "17"), ("Bulan", "8"), ("Tahun", "1995")):
        keys.type(label, text)
    keys.choose("Pencari kerja", "Pekerja atau buruh")
    keys.press("Lanjut")
    keys.arrives("Nama dan NIK")
    keys.type("Nama lengkap", "Siti Aminah")
    keys.type("NIK", "3174095708950001")
    keys.press("Lanjut")
    keys.arrives("Kartu Keluarga dan ponsel")
    keys.type("Nomor Kartu Keluarga (KK)", "3174091203180002")
    keys.type("Nomor ponsel", "0812-3456-7890")
    keys.press("Lanjut")
    keys.arrives("Alamat di KTP")
    keys.page.get_by_label("Provinsi").wait_for()
    keys.select("Provinsi", "Daerah Khusus Ibukota Jakarta")
    keys.select("Kabupaten atau kota", "Kota Administrasi Jakarta Selatan")
    keys.press("Lanjut")
    keys.arrives("Pendidikan")
    keys.page.get_by_label("Tidak tamat SD").wait_for()
    keys.choose("Tidak tamat SD", "SMA, SMK atau sederajat")
    keys.press("Lanjut")
    keys.arrives("Periksa dan kirim")
    keys.to("Saya setuju.")
    keys.page.keyboard.press("Space")
    keys.press("Kirim pendaftaran")


def test_a_person_signs_in_registers_and_joins_by_keyboard(phone: Open, world: World):
    number = open_wave(world)
    keys = Keys(phone())
    keys.phone.open()
    keys.arrives("Bantuan pelatihan kerja")
    keys.press("Masuk atau daftar")
    keys.arrives("Masuk atau daftar")
    keys.type("Alamat surel atau nomor ponsel", SITI)
    keys.press("Kirim kode")
    keys.arrives("Masukkan kode")
    keys.type("Kode", keys.phone.code(SITI))
    keys.page.keyboard.press("Enter")
    keys.arrives("Lengkapi data Anda")
    registers(keys)
    keys.arrives(f"Gelombang {number} dibuka")
    keys.press(f"Gabung gelombang {number}")
    keys.arrives(f"Anda ikut gelombang {number}")
