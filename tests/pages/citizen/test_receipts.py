"""A receipt is saved to a file and brought back from it on a second device."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.world import World

from .conftest import Open, open_wave

SITI = "siti@example.org"


def test_a_receipt_file_proves_on_a_second_device_what_the_account_says(phone: Open, world: World, tmp_path: Path):
    number = open_wave(world)
    first = phone()
    first.sign_in(SITI)
    first.state("unregistered")
    first.register()
    first.press(f"Gabung gelombang {number}")
    first.state("joined")
    first.press("Simpan bukti")
    first.page.get_by_text("Bukti Anda sama dengan catatan kami.").wait_for()
    with first.page.expect_download() as saved:
        first.press("Simpan bukti")
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    assert json.loads(file.read_text())["wave"] == number

    second = phone()
    second.sign_in(SITI)
    second.state("joined")
    second.open(f"bukti/{number}")
    second.page.get_by_text("Bukti ini dari akun").wait_for()
    chosen = second.page.get_by_label("Pakai berkas bukti dari ponsel lain")
    chosen.set_input_files(_changed(file, wave=number + 1))
    second.page.get_by_text(f"Ini bukan berkas bukti gelombang {number}.").wait_for()
    chosen.set_input_files(_changed(file, ticket="07" * 32))
    second.page.get_by_text("Bukti di ponsel ini tidak sama dengan catatan kami.").wait_for()

    third = phone()
    third.sign_in(SITI)
    third.state("joined")
    third.open(f"bukti/{number}")
    third.page.get_by_label("Pakai berkas bukti dari ponsel lain").set_input_files(file)
    third.page.get_by_text("Bukti Anda sama dengan catatan kami.").wait_for()
    third.page.reload()
    third.page.get_by_text("Bukti Anda sama dengan catatan kami.").wait_for()


def _changed(file: Path, **fields: object) -> Path:
    """Another file, which says something else."""
    other = file.with_name("other.json")
    other.write_text(json.dumps(json.loads(file.read_text()) | fields))
    return other
