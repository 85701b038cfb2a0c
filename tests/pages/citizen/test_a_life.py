"""One person's whole way by clicks alone: signs up, joins, is chosen, buys, is paid, and checks the draw."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import urllib3

from chalicelib.clock import iso
from chalicelib.helpdesk.store import ALL_SHARDS
from chalicelib.training import signatures
from local.demo.crowd import Partner
from tests.e2e.world import World

from .conftest import KEPT, Open, Phone, open_wave

SITI = "siti@example.org"


def signed_up(phone: Open, contact: str = SITI) -> Phone:
    one = phone()
    one.open()
    one.state("guest")
    one.press("Masuk atau daftar")
    one.sign_in(contact)
    one.state("unregistered")
    one.press("Isi data")
    one.register()
    return one


def state(world: World, number: int) -> Any:
    return world.services.waves.get(number, world.now())


def report(world: World, partner: Partner, path: str, form: dict[str, Any]) -> None:
    body = json.dumps(form).encode()
    headers = signatures.sign(partner.id, partner.key, "POST", path, body, world.now())
    sent = urllib3.request("POST", world.url + path, body=body, headers={"Content-Type": "application/json", **headers})
    assert sent.status == 201, sent.data


def train(world: World, partner: Partner, code: str, card: str) -> None:
    """The partner takes the code in, and attests the training."""
    report(world, partner, "/partners/redemptions", {"redeem_code": code, "card_number": card})
    attended = {"redeem_code": code, "attended_at": iso(world.now())}
    report(world, partner, "/partners/training-attendances", attended)
    world.wait_until(world.now() + timedelta(seconds=5))
    done = {"redeem_code": code, "certificate_number": "LAS-1/0001", "completed_at": iso(world.now())}
    report(world, partner, "/partners/training-completions", done)


def checks_the_draw(siti: Phone, number: int) -> None:
    siti.open(f"bukti/{number}")
    siti.press("Periksa undian")
    assert siti.page.locator("[data-verdict]").get_attribute("data-verdict") == "good"
    ticks = siti.page.locator("[data-tick]")
    assert ticks.evaluate_all("all => all.map(one => one.dataset.ok)") == ["true"] * 4


def buys(siti: Phone, course: str) -> tuple[str, str]:
    """Redeem code and card number, as they are shown."""
    siti.open()
    siti.press("Pilih pelatihan")
    siti.press(course)
    siti.press("Pilih pelatihan ini")
    siti.press("Beli")
    siti.page.locator(".code").nth(1).wait_for()
    code, card = siti.page.locator(".code").all_inner_texts()
    return code, card


def reviews(siti: Phone) -> None:
    siti.open()
    siti.state("review")
    siti.press("Tulis ulasan")
    siti.pick("9")
    siti.fill("Apa yang baik, apa yang kurang?", "Gurunya sabar.")
    siti.press("Kirim ulasan")
    siti.title("Terima kasih")


def says_where_to_be_paid(siti: Phone) -> None:
    siti.open()
    siti.state("held")
    siti.press("Isi rekening")
    siti.pick("Bank Negara Indonesia (BNI)")
    siti.fill("Nomor rekening", "0123-456-789")
    siti.press("Simpan")
    siti.page.get_by_text("Cocok dengan nama Anda").wait_for()


def corrects_a_field(siti: Phone) -> None:
    siti.open("akun")
    siti.press("Ubah Pendidikan")
    siti.pick("Diploma (D1 sampai D4)")
    siti.press("Simpan")
    siti.page.get_by_text("Data Anda tersimpan.").wait_for()
    siti.page.get_by_text("Diploma (D1 sampai D4)").wait_for()


def applies_and_takes_it_back(siti: Phone) -> None:
    siti.open("lowongan")
    siti.press("Lamar Juru las")
    siti.press("Setuju dan lamar Juru las")
    siti.page.get_by_text("Anda melamar").wait_for()
    siti.press("Tarik lamaran Juru las")
    siti.page.get_by_text("Lamaran ditarik").wait_for()


def answers_a_survey(siti: Phone) -> None:
    siti.open()
    siti.state("survey")
    siti.press("Isi survei")
    heading = siti.page.get_by_role("heading", level=1)
    siti.page.get_by_role("heading", level=1, name="pertanyaan 1").wait_for()
    count = int(heading.inner_text().split()[-1])
    for at in range(1, count + 1):
        siti.page.get_by_role("heading", level=1, name=f"pertanyaan {at} dari").wait_for()
        siti.page.locator("fieldset input").first.check()
        siti.press("Lanjut" if at < count else "Kirim jawaban")
    siti.title("Terima kasih")


def complains(siti: Phone, world: World) -> None:
    siti.open("bantuan")
    siti.press("Tulis pengaduan")
    siti.pick("Pendaftaran saya")
    siti.pick("Data saya")
    siti.fill("Apa yang terjadi?", "Nama ibu saya salah tulis.")
    siti.press("Kirim")
    siti.title("Pengaduan terkirim")
    helpdesk = world.services.helpdesk
    [number] = [each.number for shard in ALL_SHARDS for each in helpdesk.unanswered(shard)]
    siti.page.get_by_text(number).wait_for()


def signs_out(siti: Phone) -> None:
    siti.open("akun")
    siti.press("Keluar dari ponsel ini")
    siti.press("Keluar")
    siti.state("guest")
    siti.page.get_by_text("sedang diundi").wait_for()
    kept = [name for name, _ in json.loads(siti.page.evaluate(KEPT))]
    assert kept == ["copy::/waves/current"], "nothing of hers stays on the phone"


def test_a_person_signs_up_registers_joins_is_chosen_trains_is_paid_and_checks_the_draw(phone: Open, world: World):
    siti = signed_up(phone)
    siti.state("none_open")
    corrects_a_field(siti)
    number = open_wave(world)
    siti.open()
    siti.state("open")
    siti.press(f"Gabung gelombang {number}")
    siti.state("joined")

    world.settle(number)
    partner = world.add_partner("Balai Latihan Kerja Contoh")
    rows = "code,title,provider,price_idr,hours,mode,province,skills,offered\n"
    world.import_courses(f"{rows}LAS-1,Dasar Pengelasan,{partner.id},1250000,1,offline,31,welding,yes\n")
    siti.page.reload()
    siti.state("chosen")
    checks_the_draw(siti, number)

    train(world, partner, *buys(siti, "Dasar Pengelasan"))
    reviews(siti)
    world.deliver()
    world._fsp.books.open_accounts([{"code": "BNI", "account_number": "0123456789", "holder_name": "Siti Aminah"}])
    says_where_to_be_paid(siti)
    for _ in range(4):  # a new session's account waits; then the sweep finds it
        world.wait_until(world.now() + timedelta(hours=73))
        world.fire("sweep_payouts")
        world.look_again()
        world.deliver()
    siti.page.reload()
    siti.page.get_by_text("Insentif: Rp600.000").wait_for()
    siti.page.get_by_text("Sudah dibayar").wait_for()

    wanted = {"title": "Juru las", "employer": "PT Baja Maju", "province": "31", "skills": ["welding"]}
    wanted |= {"salary_min_idr": 4_000_000, "salary_max_idr": 5_500_000}
    closes_at = iso(world.now() + timedelta(days=20))
    report(world, partner, "/partners/vacancies", {"reference": "LOK-1", **wanted, "closes_at": closes_at})
    applies_and_takes_it_back(siti)
    world.wait_until(world.now() + timedelta(days=31))
    world.fire("open_surveys")
    answers_a_survey(siti)
    complains(siti, world)
    signs_out(siti)
