"""Answers that come late, as on a slow phone: none of them undoes what a person did or heard since."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from chalicelib.config import Programme
from tests.pages.opened import ORIGIN, speak

from .conftest import CORE, KEPT, NET, signed_in
from .lives import COURSE, ID, LIVES, NOW, WAVE, WHOLE, living


def kept(page: Any) -> dict[str, Any]:
    return dict(json.loads(page.evaluate(KEPT)))


def hold(page: Any, path: str) -> list[Any]:
    """The requests for a path that wait for their answers."""
    waiting: list[Any] = []
    page.route(f"**{path}", lambda route: waiting.append(route))
    return waiting


def held(page: Any, waiting: list[Any], count: int) -> Any:
    """The last of so many requests that wait, once it has come."""
    while len(waiting) < count:
        page.wait_for_timeout(20)
    return waiting[count - 1]


def release(page: Any, route: Any, **answer: Any) -> None:
    """Answer a request that waited, and let the page hear it."""
    with page.expect_response(route.request.url):
        route.fulfill(**{"status": 200, "headers": {}} | answer)
    frames(page)


def frames(page: Any) -> None:
    """Let the page draw what it heard."""
    page.evaluate("new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame)).then(() => null)")


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_what_was_asked_for_before_a_person_signed_out_stays_nowhere_and_leads_nowhere(
    browser: Any, programme: Programme
):
    with living(browser, programme, WHOLE) as page:
        page.goto(f"{ORIGIN}/#/akun")
        page.get_by_text("Siti Aminah").wait_for()
        waiting = hold(page, "/me")
        page.goto(f"{ORIGIN}/#/uang")
        page.get_by_role("heading", name="Uang dan rekening").wait_for()
        page.goto(f"{ORIGIN}/#/akun")
        press(page, "Keluar dari ponsel ini")
        press(page, "Keluar")
        page.locator("[data-state=guest]").wait_for()
        release(page, held(page, waiting, 1), json={"registration": "Siti's"})
        release(page, held(page, waiting, 2), status=401, json={"code": "session_expired"})
        assert [name for name in kept(page) if "/me" in name] == []
        page.locator("[data-state=guest]").wait_for()
        assert page.url == f"{ORIGIN}/#/"


def test_one_renewal_serves_all_who_wait_and_none_that_comes_late_signs_in_again(browser: Any, programme: Programme):
    with living(browser, programme, WHOLE) as page:
        page.locator("[data-state] h1").wait_for()
        waiting = hold(page, "/sessions/refreshes")
        page.route("**/late", lambda route: route.fulfill(status=401, json={"code": "session_expired"}))
        page.evaluate(f"""async () => {{
          const net = {NET}, ask = () => net.mine("GET", "/late").catch(({{ code }}) => code);
          window.asked = Promise.all([ask(), ask()]);
          window.signedOut = net.signedOut;
        }}""")
        renewal = held(page, waiting, 1)
        page.evaluate("signedOut()")
        page.locator("[data-state=guest]").wait_for()
        release(page, renewal, json={"access_token": "new", "expires_in_s": 600})
        assert page.evaluate("asked") == ["not_signed_in"] * 2
        assert len(waiting) == 1
        assert "session" not in kept(page)


def test_a_copy_is_of_what_was_asked_for_last_and_the_time_is_not_that_of_an_answer_from_long_ago(
    browser: Any, programme: Programme
):
    with living(browser, programme, WHOLE) as page:
        page.locator("[data-state] h1").wait_for()
        waiting = hold(page, "/me/consents")
        read = f"({NET}).read('/me/consents', {{ own: true }})"
        page.evaluate(f"async () => {{ window.first = {read}; }}")
        earlier = held(page, waiting, 1)
        page.evaluate(f"async () => {{ window.second = {read}; }}")
        release(page, held(page, waiting, 2), json="new")
        page.evaluate("second")
        release(page, earlier, json="old")
        page.evaluate("first")
        assert kept(page)["copy:siti:/me/consents"]["body"] == "new"
        page.route("**/references/skills", lambda route: route.fulfill(
            json={"references": []}, headers={"Date": "Tue, 01 Jan 2019 00:00:00 GMT"}))  # fmt: skip
        said = f"({NET}).call('GET', '/references/skills', undefined, {{ plain: true }})"
        assert page.evaluate(f"async () => {{ await {said}; return ({CORE}).now(); }}") == NOW.timestamp() * 1000


PASSKEYS = """
PublicKeyCredential.isConditionalMediationAvailable = async () => true;
window.questions = [];
navigator.credentials.get = ({ signal, mediation = "asked" }) => {
  questions.push([mediation, signal]);
  return new Promise((_, no) => {
    signal.addEventListener("abort", () => no(signal.reason));
    if (signal.aborted) no(signal.reason);
  });
};
"""


def test_a_suggestion_that_comes_late_ends_no_question_that_was_asked_for(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["guest"]) as page:
        page.add_init_script(PASSKEYS)
        waiting = hold(page, "/passkey-challenges")
        page.reload()
        page.goto(f"{ORIGIN}/#/masuk")
        suggested = held(page, waiting, 1)
        press(page, "Masuk dengan kunci sandi")
        release(page, held(page, waiting, 2), json={"challenge": "AAAA"})
        page.wait_for_function("questions.length")
        release(page, suggested, json={"challenge": "AAAA"})
        found = page.evaluate("questions.map(([mediation, { aborted }]) => [mediation, aborted])")
        assert [aborted for mediation, aborted in found if mediation == "asked"] == [False]


def test_a_code_that_is_sent_again_late_does_not_bring_back_a_contact_that_was_left(browser: Any, programme: Programme):
    again = {"code_again_at": "2026-01-01T00:00:00Z"}
    with living(browser, programme, LIVES["guest"]) as page:
        started = {"sign_in_id": ID, "secret": "s", "arrives_in_s": 3, **again}
        page.route("**/sign-ins", lambda route: route.fulfill(json=started))
        waiting = hold(page, f"/sign-ins/{ID}/codes")
        page.goto(f"{ORIGIN}/#/masuk")
        page.get_by_label("Alamat surel atau nomor ponsel").fill("siti@example.org")
        press(page, "Kirim kode")
        press(page, "Kirim lagi")
        late = held(page, waiting, 1)
        press(page, "Ganti kontak")
        page.get_by_role("heading", level=1, name="Masuk atau daftar").wait_for()
        release(page, late, json=again)
        speak(page, "en")
        assert page.get_by_role("heading", level=1).inner_text() == "Sign in or register"


def test_more_of_an_earlier_search_is_not_shown_below_a_later_one(browser: Any, programme: Programme):
    def courses(route: Any) -> None:
        url = route.request.url
        if "cursor" in url:
            waiting.append(route)
        else:
            route.fulfill(json={"courses": [], "next_cursor": None if "q=" in url else "next"})

    waiting: list[Any] = []
    with living(browser, programme, LIVES["guest"]) as page:
        page.route("**/courses*", courses)
        page.goto(f"{ORIGIN}/#/katalog")
        press(page, "Lebih banyak")
        late = held(page, waiting, 1)
        page.get_by_label("Kata dalam judul").fill("las")
        press(page, "Cari")
        page.get_by_role("button", name="Lebih banyak").wait_for(state="hidden")
        one = {"course_id": COURSE.course_id, "title": "Tata boga", "price_idr": 1, "hours": 1, "mode": "online"}
        release(page, late, json={"courses": [one], "next_cursor": None})
        assert page.get_by_role("link", name="Tata boga").count() == 0


def test_a_join_whose_answer_was_lost_is_not_denied_once_it_is_seen(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["open"]) as page:
        waiting = hold(page, "/waves/current/entries")
        press(page, f"Gabung gelombang {WAVE}")
        held(page, waiting, 1)
        page.reload()
        late = held(page, waiting, 2)
        page.told.life = LIVES["joined"]
        page.evaluate("dispatchEvent(new Event('online'))")
        page.locator("[data-state=joined]").wait_for()
        page.context.set_offline(True)
        with page.expect_event("requestfailed"):
            late.abort()
        frames(page)
        assert page.get_by_text("Belum terkirim").count() == 0


def test_what_one_person_asked_for_is_not_sent_again_as_the_next(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["open"]) as page:
        renewals = hold(page, "/sessions/refreshes")
        joins, lost, refused = (hold(page, path) for path in ("/waves/current/entries", "/lost", "/refused"))
        press(page, f"Gabung gelombang {WAVE}")
        page.evaluate(f"""async () => {{
          const net = {NET}, ask = (path) => net.mine("POST", path).catch(({{ code }}) => code);
          window.asked = Promise.all([ask("/lost"), ask("/refused")]);
        }}""")
        join, lose, refuse = (held(page, waiting, 1) for waiting in (joins, lost, refused))
        page.evaluate(
            f"async () => {{ const net = {NET}; await net.signedOut(); await net.signedIn({signed_in('b')}); }}"
        )
        release(page, join, json=msgspec.to_builtins(LIVES["open"].written()["/waves/current/entries"]))
        release(page, refuse, status=401, json={"code": "session_expired"})
        with page.expect_event("requestfailed"):
            lose.abort()
        assert page.evaluate("asked") == ["not_signed_in"] * 2
        assert [len(waiting) for waiting in (joins, lost, refused, renewals)] == [1, 1, 1, 0]
        assert [name for name in kept(page) if name.endswith(f":{WAVE}") or name.startswith("join:")] == []


CHOSEN = """
PublicKeyCredential.isConditionalMediationAvailable = undefined;
navigator.credentials.get = async () => ({ id: "k", rawId: new Uint8Array(1), response: {} });
"""


def test_a_sign_in_that_is_answered_after_another_one_begins_no_more(browser: Any, programme: Programme):
    with living(browser, programme, LIVES["guest"]) as page:
        page.add_init_script(CHOSEN)
        page.route("**/passkey-challenges", lambda route: route.fulfill(json={"challenge": "AAAA"}))
        page.route("**/sessions", lambda route: route.fulfill(body=signed_in("siti")))
        waiting = hold(page, "/sign-ins")
        page.reload()
        page.goto(f"{ORIGIN}/#/masuk")
        page.get_by_label("Alamat surel atau nomor ponsel").fill("siti@example.org")
        press(page, "Kirim kode")
        late = held(page, waiting, 1)
        page.told.life = LIVES["open"]
        press(page, "Masuk dengan kunci sandi")
        page.locator("[data-state=open]").wait_for()
        release(page, late, json=LIVES["guest"].written()["/sign-ins"])
        assert page.evaluate("sessionStorage.getItem('sign-in')") is None
