"""Passkeys in a real browser: made, used and removed through the real routes, from a page at the domain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from chalice.test import Client
from msgspec.structs import replace

import app as application
from chalicelib.config import Programme, Settings, load_programme
from tests.builders.accounts.contacts import Household

ORIGIN = "https://gelombang.example"
PAGE = """<!doctype html><title>Passkeys</title><script>
const text = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const json = said => text(new TextEncoder().encode(JSON.stringify(said)));
const hash = async said => text(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(said)));
const p256 = { name: "ECDSA", namedCurve: "P-256" };
const keys = crypto.subtle.generateKey(p256, false, ["sign", "verify"]);
let session = null;

async function proof(method, path) {
  const { privateKey, publicKey } = await keys;
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const claims = {
    jti: crypto.randomUUID(), htm: method, htu: location.origin + path, iat: Math.floor(Date.now() / 1000),
    ...(session && { ath: await hash(session.access_token) }),
  };
  const words = json({ typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } }) + "." + json(claims);
  const by = { name: "ECDSA", hash: "SHA-256" };
  const signed = await crypto.subtle.sign(by, privateKey, new TextEncoder().encode(words));
  return words + "." + text(signed);
}
async function call(method, path, said) {
  const headers = { "Content-Type": "application/json", DPoP: await proof(method, path) };
  if (session) headers.Authorization = "Bearer " + session.access_token;
  const answer = await fetch(path, { method, headers, body: said && JSON.stringify(said) });
  const body = await answer.text();
  if (!answer.ok) throw new Error(answer.status + " " + JSON.parse(body).code);
  return body && JSON.parse(body);
}
async function enter(code) {
  session = await call("POST", "/sessions", { code });
  return session.new_account;
}
async function make() {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await call("POST", "/me/passkeys/options"));
  const credential = (await navigator.credentials.create({ publicKey })).toJSON();
  return call("POST", "/me/passkeys", { credential, device: "computer" });
}
async function use() {
  session = null;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await call("POST", "/passkey-challenges"));
  const credential = (await navigator.credentials.get({ publicKey })).toJSON();
  const passkey = { credential, device: "computer" };
  session = await call("POST", "/sessions", { passkey });
  return passkey;
}
</script>"""


@pytest.fixture
def house(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Household:
    """People whose passkeys belong to the page's domain at once."""
    rules = replace(load_programme("prod").accounts, young_session_s=0)
    house = Household(replace(cloud, public_url=ORIGIN), replace(programme, accounts=rules))
    house.now = datetime.now(UTC)  # a browser's clock cannot be set
    monkeypatch.setattr(application, "services", lambda: house.services)
    monkeypatch.setattr(application.app, "clock", lambda: datetime.now(UTC))
    return house


@pytest.fixture
def page(browser: Any, house: Household) -> Iterator[Any]:
    """The page, on a computer that asks its owner for a finger and holds passkeys."""
    with browser.new_context() as window:
        page = window.new_page()
        page.route("**/*", answer)
        page.goto(f"{ORIGIN}/")
        page.cdp = window.new_cdp_session(page)
        page.cdp.send("WebAuthn.enable")
        yield page


def answer(route: Any) -> None:
    """The page, or what the application answers."""
    request = route.request
    path = request.url.removeprefix(ORIGIN)
    if path == "/":
        return route.fulfill(body=PAGE, content_type="text/html")
    said = Client(application.app).http.request(
        request.method, path, headers=request.headers, body=request.post_data or ""
    )
    headers = {name: str(value) for name, value in said.headers.items()}
    return route.fulfill(status=said.status_code, headers=headers, body=said.body)


def authenticator(page: Any, **changes: object) -> str:
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **changes,
    }
    return page.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def signed_in_by_code(house: Household, page: Any) -> None:
    entered = house.entered("siti@example.org")
    assert page.evaluate("enter", msgspec.to_builtins(entered)) is True


def account(page: Any) -> str:
    """Whose the session is."""
    claims = page.evaluate(
        "JSON.parse(atob(session.access_token.split('.')[1].replaceAll('-','+').replaceAll('_','/')))"
    )
    return claims["sub"]


def test_a_passkey_is_made_and_signs_its_owner_in_on_a_device_with_a_key_of_its_own(house, page):
    authenticator(page)
    signed_in_by_code(house, page)
    siti = account(page)
    view = page.evaluate("make()")
    assert (view["device"], view["valid_from"]) == ("computer", None)

    page.reload()  # another key of the device, and no session
    used = page.evaluate("use()")
    assert account(page) == siti
    assert page.evaluate("session.refresh_token") is not None
    [kept] = page.evaluate("call('GET', '/me/passkeys')")["passkeys"]
    assert (kept["passkey_id"], kept["last_used_at"] is not None) == (view["passkey_id"], True)

    with pytest.raises(Exception, match="401 challenge_expired"):
        page.evaluate("passkey => { session = null; return call('POST', '/sessions', { passkey }); }", used)

    page.evaluate("use()")
    page.evaluate("id => call('DELETE', '/me/passkeys/' + id)", kept["passkey_id"])
    with pytest.raises(Exception, match="401 passkey_refused"):
        page.evaluate("use()")


def test_a_device_makes_only_one_passkey_for_a_person(house, page):
    authenticator(page)
    signed_in_by_code(house, page)
    page.evaluate("make()")
    with pytest.raises(Exception, match="InvalidStateError"):
        page.evaluate("make()")


def test_a_device_without_user_verification_makes_no_passkey(house, page):
    authenticator(page, hasUserVerification=False, isUserVerified=False)
    signed_in_by_code(house, page)
    with pytest.raises(Exception, match="NotAllowedError"):
        page.evaluate("make()")


def test_the_stored_passkey_has_what_the_browser_said(house, page):
    device = authenticator(page, defaultBackupEligibility=True, defaultBackupState=True)
    signed_in_by_code(house, page)
    assert page.evaluate("make()")["backed_up"] is True
    [credential] = page.cdp.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert credential["rpId"] == "gelombang.example"
    assert credential["isResidentCredential"] is True
