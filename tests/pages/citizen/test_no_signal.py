"""Without a signal, without storage, with a wrong clock: nothing that was typed is lost, and nothing false is said."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.config import Programme
from tests.e2e.world import World
from tests.pages.opened import ORIGIN, speak

from .conftest import Open, open_wave
from .lives import ID, LIVES, NOW, WAVE, WHOLE, Life, living
from .test_screens import fill_in

NOT_SENT = "Tanpa sinyal. Belum terkirim. Isian Anda aman."


def test_the_page_opens_without_a_signal_and_says_that_there_is_none(phone: Open, world: World):
    one = phone(service_workers="allow")
    one.open()
    one.state("guest")
    one.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    kept = one.page.evaluate("caches.keys().then(([name]) => caches.open(name)).then((one) => one.keys())"
                             ".then((all) => all.map(({ url }) => new URL(url).pathname))")  # fmt: skip
    build = world.services.pages.build
    assert "/" in kept
    assert f"/assets/{build}/screens/register.js" in kept
    assert [path for path in kept if not path.startswith("/assets/") and path != "/"] == [], "no answer of the API"
    one.page.context.set_offline(True)
    one.page.reload()
    one.state("guest")
    one.page.get_by_text("Tanpa sinyal.").first.wait_for()


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name).last.click()


def sign_in(page: Any) -> str:
    page.get_by_label("Alamat surel atau nomor ponsel").fill("siti@example.org")
    return "Kirim kode"


def register(page: Any) -> str:
    for step in range(1, 6):
        fill_in(page, step)
    page.get_by_label("Saya setuju.").check()
    return "Kirim pendaftaran"


def correct(page: Any) -> str:
    page.get_by_label("Nama lengkap").fill("Siti Aminah Putri")
    return "Simpan"


def give_an_account(page: Any) -> str:
    page.get_by_label("Bank Negara Indonesia (BNI)").check()
    page.get_by_label("Nomor rekening").fill("0123456789")
    return "Simpan"


def buy(page: Any) -> str:
    press(page, "Pilih pelatihan ini")
    return "Beli"


def review(page: Any) -> str:
    page.get_by_label("9", exact=True).check()
    page.get_by_label("Apa yang baik, apa yang kurang?").fill("Gurunya sabar.")
    return "Kirim ulasan"


def answer(page: Any) -> str:
    while True:
        heading = page.get_by_role("heading", level=1)
        heading.get_by_text("pertanyaan").wait_for()
        said = heading.inner_text()
        at, count = said.split()[-3], said.split()[-1]
        page.locator("fieldset input").first.check()
        if at == count:
            return "Kirim jawaban"
        press(page, "Lanjut")
        page.get_by_role("heading", level=1, name=f"pertanyaan {int(at) + 1} dari").wait_for()


def apply(page: Any) -> str:
    press(page, "Lamar Juru las")
    return "Setuju dan lamar"


def complain(page: Any) -> str:
    page.get_by_label("Pendaftaran saya").check()
    page.get_by_label("Data saya").check()
    page.get_by_label("Apa yang terjadi?").fill("Nama saya salah tulis.")
    return "Kirim"


Fill = Callable[[Any], str]
CHANGES: dict[str, tuple[Life, str, Fill]] = {
    "POST /sign-ins": (LIVES["guest"], "masuk", sign_in),
    "PUT /me/registration": (LIVES["unregistered"], "daftar/1", register),
    "PATCH /me/registration": (LIVES["none_open"], "daftar/2", correct),
    "PUT /me/financial-address": (WHOLE, "uang/rekening", give_an_account),
    "POST /me/trainings": (LIVES["chosen"], f"katalog/{ID}", buy),
    f"POST /me/trainings/{ID}/review": (LIVES["review"], f"pelatihan/{ID}/ulasan", review),
    f"POST /me/surveys/{ID}/response": (WHOLE, f"survei/{ID}", answer),
    "POST /me/job-applications": (WHOLE, "lowongan", apply),
    "POST /me/grievances": (WHOLE, "bantuan/baru", complain),
}
"""What a person sends, from which screen, and how it is filled in; that gives the button."""


@pytest.mark.parametrize("change", CHANGES)
def test_what_could_not_be_sent_says_so_stays_as_typed_and_is_sent_with_a_signal(
    browser: Any, programme: Programme, change: str
):
    life, way, fill = CHANGES[change]
    with living(browser, programme, life) as page:
        page.goto(f"{ORIGIN}/#/{way}")
        button = fill(page)
        fields = "all => all.map(one => one.type === 'radio' || one.type === 'checkbox' ? one.checked : one.value)"
        before = page.eval_on_selector_all("main input, main select, main textarea", fields)
        page.airplane = True
        page.context.set_offline(True)
        press(page, button)
        page.get_by_text(NOT_SENT).wait_for()
        assert page.eval_on_selector_all("main input, main select, main textarea", fields) == before
        page.sent.clear()
        page.airplane = False
        page.context.set_offline(False)
        with page.expect_response(lambda answer: f"{answer.request.method} {urlsplit(answer.url).path}" == change):
            press(page, button)
        page.get_by_text(NOT_SENT).wait_for(state="hidden")
        asked = "/passkey-challenges"  # when the page opened
        assert [f"{method} {path}" for method, path, _ in page.sent if path != asked] == [change]


SLOW_STORAGE = """
const get = IDBObjectStore.prototype.get;
let read;
window.reading = new Promise((resolve) => { read = resolve; });
IDBObjectStore.prototype.get = function (name) {
  const asked = get.call(this, name);
  if (name !== "draft:masuk") return asked;
  const late = {};
  window.release = () => { late.result = asked.result; late.onsuccess(); };
  asked.onsuccess = read;
  return late;
};
"""
KEPT = """() => new Promise((resolve) => {
  indexedDB.open("gelombang", 1).onsuccess = ({ target }) => {
    const asked = target.result.transaction("kept").objectStore("kept").getAll("draft:masuk");
    asked.onsuccess = () => resolve(asked.result.map(({ values }) => values));
  };
})"""


def test_what_is_typed_before_a_slow_phone_has_read_the_draft_stays_and_is_kept(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["guest"]) as page:
        page.add_init_script(SLOW_STORAGE)
        page.goto(f"{ORIGIN}/#/masuk")
        page.reload()
        page.evaluate("reading.then(() => null)")
        button = sign_in(page)
        page.evaluate("release()")
        assert page.evaluate(KEPT) == [{"contact": "siti@example.org"}]
        with page.expect_request("**/sign-ins") as asked:
            press(page, button)
        assert asked.value.post_data_json["contact"] == "siti@example.org"


def test_a_join_that_could_not_be_sent_is_sent_when_a_signal_comes_back(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["open"]) as page:
        page.locator("[data-state=open]").wait_for()
        page.airplane = True
        page.context.set_offline(True)
        press(page, f"Gabung gelombang {WAVE}")
        page.get_by_text("Belum terkirim; Anda belum ikut. Kami kirim begitu ada sinyal.").wait_for()
        page.locator("[data-state=open]").wait_for()
        page.airplane, page.told.then = False, LIVES["joined"]
        page.context.set_offline(False)
        page.locator("[data-state=joined]").wait_for()
        assert [path for _, path, _ in page.sent] == ["/waves/current/entries"]


def test_a_join_that_was_not_sent_before_the_close_is_said_not_to_count(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["open"]) as page:
        page.locator("[data-state=open]").wait_for()
        page.airplane = True
        page.context.set_offline(True)
        press(page, f"Gabung gelombang {WAVE}")
        page.get_by_text("Belum terkirim; Anda belum ikut.").wait_for()
        page.airplane = False
        page.told.life = LIVES["none_open"]
        page.context.set_offline(False)
        page.get_by_text("Belum terkirim sebelum ditutup; Anda tidak ikut.").wait_for()
        assert page.sent == []


def test_the_language_is_told_at_once_or_when_the_page_opens_again(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["open"]) as page:
        page.locator("[data-state=open]").wait_for()
        with page.expect_response("**/me/language"):
            speak(page, "en")
        page.airplane = True
        page.context.set_offline(True)
        speak(page, "id")
        page.airplane = False
        page.context.set_offline(False)
        with page.expect_response("**/me/language"):
            page.reload()
        page.reload()
        page.locator("[data-state=open]").wait_for()
        page.wait_for_load_state("networkidle")
        told = [(method, path, body["language"]) for method, path, body in page.sent]
        # The signal and the reload may both bring it, which changes nothing.
        assert list(dict.fromkeys(told)) == [("PUT", "/me/language", code) for code in ("en", "id")]


REFUSED = """
const refuse = { get() { throw new DOMException("no", "SecurityError"); } };
for (const name of ["indexedDB", "localStorage", "sessionStorage"]) Object.defineProperty(window, name, refuse);
"""


def test_where_storage_is_refused_a_person_still_signs_in_registers_and_joins(phone: Open, world: World):
    number = open_wave(world)
    one = phone()
    one.page.add_init_script(REFUSED)
    one.sign_in("siti@example.org")
    one.state("unregistered")
    one.register()
    one.state("open")
    one.press(f"Gabung gelombang {number}")
    one.state("joined")
    one.press("English")
    one.title(f"You are in wave {number}")


@pytest.mark.parametrize("off", [timedelta(days=1), timedelta(days=-1)], ids=["ahead", "behind"])
def test_a_device_whose_clock_is_a_day_off_proves_itself_with_the_time_of_the_server(
    browser: Any, programme: Programme, off: timedelta
):
    with living(browser, programme, WHOLE, device_clock=NOW + off) as page:
        page.locator("[data-state] h1").wait_for()
        with page.expect_request("**/me/contacts") as asked:
            page.goto(f"{ORIGIN}/#/akun/kontak")
        claims = asked.value.headers["dpop"].split(".")[1]
        assert json.loads(urlsafe_b64decode(claims + "=="))["iat"] == NOW.timestamp()
