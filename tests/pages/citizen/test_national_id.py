"""The national ID's sign-in as a proof of presence: there, back, and whatever goes wrong on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from msgspec.structs import replace

from chalicelib.accounts.sessions.issuers import hashed
from chalicelib.config import Programme
from tests.builders.accounts.issuers import AUTHORIZE, PAGED, TOKENS
from tests.pages.opened import ORIGIN, for_everybody, speak

from .conftest import NET, signed_in
from .lives import LIVES, NOW, REGISTRATION, Life, living, me

CODE = "ABCDEFGHJKLMNP23"
PROVEN = Life(me(registration=replace(REGISTRATION, present_at=NOW)))
EXCHANGED = {"grant_type", "code", "code_verifier", "client_id", "redirect_uri"}


@dataclass
class NationalId:
    """An issuer whose page has two ways back, and which gives a token once for each code, by PKCE."""

    asked: list[dict[str, str]] = field(default_factory=list)
    challenges: dict[str, str] = field(default_factory=dict)
    exchanges: int = 0
    down: bool = False

    def authorize(self, route: Any) -> None:
        asked = dict(parse_qsl(urlsplit(route.request.url).query))
        self.asked.append(asked)
        code = f"code-{len(self.asked)}"
        self.challenges[code] = asked["code_challenge"]
        said = {"Setuju": {"code": code, "iss": PAGED.issuer}, "Batal": {"error": "access_denied"}}
        links = {word: self.back(state=asked["state"], **more) for word, more in said.items()}
        route.fulfill(
            body="".join(f'<p><a href="{escape(url)}">{word}</a></p>' for word, url in links.items()),
            content_type="text/html",
        )

    def token(self, route: Any) -> None:
        if self.down:
            return route.abort()
        self.exchanges += 1
        asked = dict(parse_qsl(route.request.post_data))
        right = {"client_id": "gelombang", "redirect_uri": f"{ORIGIN}/", "grant_type": "authorization_code"}
        assert asked.keys() == EXCHANGED
        assert asked.items() >= right.items()
        allowed = {"Access-Control-Allow-Origin": ORIGIN}
        if hashed(asked["code_verifier"]) != self.challenges.pop(asked["code"], None):
            return route.fulfill(status=400, json={"error": "invalid_grant"}, headers=allowed)
        return route.fulfill(json={"id_token": f"token-for-{asked['code']}", "token_type": "Bearer"}, headers=allowed)

    @staticmethod
    def back(**said: str) -> str:
        return f"{ORIGIN}/?{urlencode(said)}"


def sign_in(page: Any, word: str) -> None:
    page.get_by_role("button", name="Buktikan dengan IKD").click()
    page.get_by_role("link", name=word).click()
    page.get_by_role("heading", level=1, name="Buktikan NIK dengan KTP").wait_for()
    page.wait_for_url(f"{ORIGIN}/#/akun/hadir")  # what came back is gone from the address


def proofs(page: Any) -> list[Any]:
    return [said for _, path, said in page.sent if path == "/me/presence"]


def try_again_after_the_session_ended(page: Any) -> None:
    """The session ends with the next try; the person signs in again and comes back."""
    for path in ("**/me/presence", "**/sessions/refreshes"):
        page.route(path, lambda route: route.fulfill(status=401, json={"code": "session_expired"}))
    page.get_by_role("button", name="Coba lagi").click()
    page.get_by_text("Silakan masuk lagi.").wait_for()
    page.unroute("**/me/presence")
    page.evaluate(f"async () => ({NET}).signedIn({signed_in('siti')})")
    page.goto(f"{ORIGIN}/#/akun")
    page.get_by_text("Siti Aminah").wait_for()
    page.goto(f"{ORIGIN}/#/akun/hadir")


def test_the_national_ids_sign_in_proves_presence_once_and_whatever_else_comes_back_is_explained(
    browser: Any, programme: Programme
):
    issuer = NationalId()
    paged = replace(programme, accounts=replace(programme.accounts, issuers=(PAGED,)))
    with living(browser, paged, LIVES["none_open whose NIK is contested"]) as page:
        page.route(f"{AUTHORIZE}**", issuer.authorize)
        page.route(TOKENS, issuer.token)
        page.goto(f"{ORIGIN}/#/akun/hadir")
        sign_in(page, "Batal")
        page.get_by_text("Anda membatalkannya, atau di sana ditolak.").wait_for()
        [asked] = issuer.asked
        assert len(asked["state"]) == len(asked["code_challenge"]) == 43
        assert asked == {
            "ui": "mobile", "response_type": "code", "client_id": "gelombang", "redirect_uri": f"{ORIGIN}/",
            "scope": "openid", "nonce": hashed(CODE), "code_challenge_method": "S256", "acr_values": "high highest",
            "max_age": "0", "ui_locales": "id", "state": asked["state"], "code_challenge": asked["code_challenge"],
        }  # fmt: skip
        page.goto(issuer.back(state=asked["state"], code="code-1"))
        page.get_by_text("Jawaban itu sudah dipakai.").wait_for()
        for said in ({"state": "another"}, {"state": asked["state"], "iss": "https://other.example"}):
            page.goto(issuer.back(code="code-1", **said))
            page.get_by_text("Tidak ada masuk ke identitas digital yang dimulai di jendela ini.").wait_for()
        page.goto(f"{ORIGIN}/#/akun")
        page.goto(f"{ORIGIN}/#/akun/hadir")
        page.get_by_role("button", name="Buktikan dengan IKD").wait_for()
        assert page.get_by_text("Tidak ada masuk").count() == 0, "it is said once"
        assert (issuer.exchanges, proofs(page)) == (0, [])

        over = {"code": "presence_code_unknown", "detail": "Minta peserta membuat kode baru."}
        page.route("**/me/presence", lambda route: route.fulfill(status=404, json=over))
        sign_in(page, "Setuju")
        page.get_by_text("Sepuluh menit sudah lewat").wait_for()
        for_everybody(page)
        speak(page, "id")
        page.unroute("**/me/presence")
        issuer.down = True
        sign_in(page, "Setuju")
        page.get_by_text("Belum terkirim.").wait_for()
        issuer.down, page.told.then = False, PROVEN
        try_again_after_the_session_ended(page)
        page.get_by_text("Terbukti Rabu, 3 Juni pukul 10.00 WIB.").wait_for()
        assert proofs(page) == [{"issuer": "national-id", "token": "token-for-code-3", "presence_code": CODE}]
        assert len({one[name] for one in issuer.asked for name in ("state", "code_challenge")}) == 6, "new each time"

        page.goto(issuer.back(state=issuer.asked[-1]["state"], code="code-3"))
        page.get_by_text("Terbukti Rabu").wait_for()
        assert (issuer.exchanges, len(proofs(page))) == (2, 1), "nothing is asked or sent twice"
