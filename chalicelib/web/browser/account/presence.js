// Proof of presence, by the national ID's sign-in or the code that an office with a card reader asks for.

import { briefly, last, now, settings, t, when } from "../common/core.js";
import { base64, mine, proved, Refused, Unsent } from "../common/net.js";
import { NikHeld } from "../citizen/home.js";
import { Act, Await, html, Link, Notice, reason, Screen, useAction, useEffect, useRead, useState } from "../common/parts.js";

const PATIENCE = 20000;

const WORDS = {
  lost: ["Tidak ada masuk ke identitas digital yang dimulai di jendela ini. Mulailah lagi di sini.", "No sign-in to a digital ID was begun in this window. Begin again here."],
  used: ["Jawaban itu sudah dipakai. Mulailah lagi.", "That answer was used already. Begin again."],
  access_denied: ["Anda membatalkannya, atau di sana ditolak. Tidak ada yang berubah. Anda boleh mulai lagi.", "You cancelled it, or it was refused there. Nothing has changed. You may begin again."],
  failed: ["Masuk ke identitas digital itu tidak berhasil. Mulailah lagi, atau datanglah ke kantor.", "Signing in to that digital ID did not work. Begin again, or come to an office."],
  presence_code_unknown: ["Sepuluh menit sudah lewat, atau Anda membuat kode lain sesudahnya. Mulailah lagi.", "The ten minutes are over, or you made another code since. Begin again."],
};

// What comes back stands in the address: it goes from there at once, and is good once, for who began in this window.
let back = null;
const heard = new URLSearchParams(location.search);
if (heard.has("state")) {
  history.replaceState(null, "", location.pathname + location.hash);
  const begun = briefly.get("presence") || {}, by = settings.issuers.find(({ name }) => name === begun.by);
  // Where the answer says who gave it, that is whom we asked (RFC 9207).
  const ours = by && heard.get("state") === begun.state && [null, by.issuer].includes(heard.get("iss"));
  if (ours) briefly.put("presence", { by: begun.by, state: begun.state });
  const refused = heard.get("error") === "access_denied" ? "access_denied" : heard.has("code") ? null : "failed";
  back = { ...begun, by, answer: heard.get("code"), wrong: !ours ? "lost" : begun.verifier ? refused : "used" };
}

const random = () => base64(crypto.getRandomValues(new Uint8Array(32)));
const hash = async (text) => base64(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));

/** To the national ID, which is to say who has just signed in there, for a new code (OpenID Connect, PKCE). */
async function leave(by) {
  const { presence_code: code } = await proved("POST", "/me/presence-codes"), state = random(), verifier = random();
  briefly.put("presence", { by: by.name, code, state, verifier });
  const to = new URL(by.authorize_url);
  for (const [name, value] of Object.entries({
    response_type: "code", client_id: by.client, redirect_uri: `${settings.url}/`, scope: by.scope, state,
    nonce: await hash(code), code_challenge: await hash(verifier), code_challenge_method: "S256",
    acr_values: by.acr.join(" "), max_age: "0", ui_locales: document.documentElement.lang,
  })) to.searchParams.set(name, value);
  location.assign(to.href);
  // A second touch meanwhile would make another code.
  await new Promise((resolve) => {
    setTimeout(resolve, PATIENCE);
    addEventListener("pageshow", resolve, { once: true });
  });
}

/** The ID token for the answer that came back. */
async function token({ by, answer, verifier }) {
  const stop = new AbortController(), alarm = setTimeout(() => stop.abort(), PATIENCE);
  const body = new URLSearchParams({
    grant_type: "authorization_code", code: answer, code_verifier: verifier, client_id: by.client, redirect_uri: `${settings.url}/`,
  });
  try {
    const said = await fetch(by.token_url, { method: "POST", body, signal: stop.signal, credentials: "omit" });
    if (said.status < 500) return said.ok ? (await said.json()).id_token : null;
  } catch (error) {
    throw new Unsent(String(error));
  } finally {
    clearTimeout(alarm);
  }
  throw new Unsent();
}

async function finish(it) {
  if (it.wrong) throw new Refused(0, { code: it.wrong });
  it.token = it.token || await token(it);
  if (!it.token) throw new Refused(0, { code: it.wrong = "failed" });
  await proved("POST", "/me/presence", { issuer: it.by.name, token: it.token, presence_code: it.code }).catch((error) => {
    // Whose session ended meanwhile comes back here after signing in.
    if (error.status === 401) back = it;
    throw error;
  });
}

/** Somebody who was sent back: it is finished by itself, and again where nothing was heard. */
function Returned({ again }) {
  const [it] = useState(back), [run, busy, error] = useAction(() => finish(it).then(again));
  useEffect(() => {
    back = null;
    if (it) run();
  }, []);
  return html`<div role="status">${busy && html`<p>${t("Memeriksa...", "Checking...")}</p>`}
    ${error && html`<${Notice} kind="bad">${WORDS[error.code] ? t(...WORDS[error.code]) : reason(error)}<//>`}</div>
    ${error instanceof Unsent && html`<p><button type="button" onClick=${() => run()}>${t("Coba lagi", "Try again")}</button></p>`}`;
}

const DigitalId = () => html`<h2>${t("Dari mana saja", "From anywhere")}</h2>
  <p>${t("Masuklah dengan identitas digital Anda sendiri. Dari sana kami hanya memakai NIK Anda.", "Sign in with your own digital ID. We use nothing from there but your NIK.")}</p>
  ${settings.issuers.map((by) => html`<p><${Act} act=${() => leave(by)}>${t("Buktikan dengan", "Prove it with")} ${by.title}<//></p>`)}
  <h2>${t("Di kantor", "At an office")}</h2>`;

const STEPS = [
  ["Datanglah sendiri dengan KTP ke kantor yang punya pembaca KTP.", "Come yourself, with your KTP, to an office that has a card reader."],
  ["Di loket, buat kode dari akun Anda sendiri, lalu tunjukkan atau bacakan.", "At the counter, make a code from your own account. Show it or read it out."],
  ["Petugas mencocokkan nama dan membaca KTP Anda. Sejak itu terbukti bahwa Anda hadir dengan KTP itu.", "The officer compares your name and has your KTP read. From then on it is proven that you were there with this KTP."],
];

/** A code as it is seen, in fours, and as it is heard, a letter at a time. */
const Spelled = ({ code }) => html`<p class="code"><span aria-hidden="true">${code.replace(/(.{4})(?=.)/g, "$1-")}</span><span class="unseen">${[...code].join(" ")}</span></p>
  <p class="hint">${t("Huruf, dan angka 2 sampai 7; tidak ada nol atau satu.", "Letters, and the digits 2 to 7; no zero and no one.")}</p>`;

function Code({ again }) {
  const [made, setMade] = useState(null), [unproven, setUnproven] = useState(false), [over, setOver] = useState(false);
  useEffect(() => {
    if (!made) return undefined;
    const alarm = setTimeout(() => setOver(true), Date.parse(made.expires_at) - now());
    return () => clearTimeout(alarm);
  }, [made]);
  const make = async () => {
    setMade(await proved("POST", "/me/presence-codes"));
    setUnproven(false);
    setOver(false);
  };
  const look = async () => {
    const { registration } = await mine("GET", "/me");
    setUnproven(!registration.present_at);
    if (registration.present_at) again();
  };
  // Each button stays where it is, so that it keeps the focus.
  return html`<div role="status">${made && (over ? html`<${Notice} kind="bad">${t("Kode tadi tidak berlaku lagi.", "That code is good no longer.")}<//>`
    : html`<h2>${t("Kode Anda", "Your code")}</h2><${Spelled} code=${made.presence_code} />
      <p>${t("Berlaku sekali, sampai", "Good once, until")} <strong>${last(made.expires_at)}</strong>.</p>`)}</div>
    ${made && html`<p><${Act} act=${look}>${t("Apakah sudah terbukti?", "Is it proven?")}<//></p>`}
    <div role="status">${unproven && html`<${Notice}>${t("Belum terbukti: kantor belum mengirimnya.", "Not proven yet: the office has not sent it.")}<//>`}</div>
    <p><${Act} quiet=${Boolean(made)} act=${make}>${made ? t("Buat kode baru", "Make a new code") : t("Buat kode", "Make a code")}<//></p>
    ${made && !over && html`<p class="hint">${t("Dengan kode baru, kode ini tidak berlaku lagi.", "With a new code this one is good no longer.")}</p>`}`;
}

function Presence() {
  const found = useRead({ me: "/me" });
  return html`<${Screen} title=${t("Buktikan NIK dengan KTP", "Prove your NIK by your KTP")} back="akun">
    <${Await} found=${found}>${({ me: { registration: of } }, { again }) => (!of
      ? html`<p>${t("Isi data Anda dahulu.", "Fill in your details first.")}</p><p><${Link} main to="daftar/1">${t("Isi data", "Fill in")}<//></p>`
      : of.present_at ? html`<${Notice} kind="good" live><strong>${t("Terbukti", "Proven")} ${when(of.present_at)}.</strong> ${of.nik_held === "yes" && t("NIK ini milik Anda.", "The NIK is yours.")}<//><${NikHeld} of=${of} />`
        : html`<p>${t("Ini bukti terkuat bahwa NIK milik Anda. Anda memerlukannya hanya bila orang lain juga menyatakan NIK itu miliknya, atau untuk melihat data mana yang berbeda dengan data kependudukan.",
          "It is the strongest proof that a NIK is yours. You need it only if somebody else says that it is theirs, or to see which details differ from the civil registry.")}</p>
          <${Returned} again=${again} />${settings.issuers.length > 0 && html`<${DigitalId} />`}<ol>${STEPS.map((step) => html`<li>${t(...step)}</li>`)}</ol>
          <p><strong>${t("Jangan pernah memberikan kode lewat telepon atau pesan.", "Never give the code by phone or in a message.")}</strong> ${" "}
            <${Link} to="bantuan/baru/personal_data">${t("Tanyakan kantor terdekat", "Ask for the nearest office")}<//></p><${Code} again=${again} />`)}<//><//>`;
}

export const screens = { "akun/hadir": Presence };
