// Signing in, which is signing up: a contact, the code that was sent there, or a passkey.

import { briefly, device, go, kept, language, redraw, t, when } from "../common/core.js";
import { begin, call, end, Refused, signedIn, underWay, work } from "../common/net.js";
import { Act, bare, Button, Digits, Field, Form, html, Link, Notice, Screen, useAction, useEffect, useForm, useState } from "../common/parts.js";
import * as passkeys from "../common/passkeys.js";

let latest = null;

/** Back to where one was sent from. A sign-in that is answered later begins no more. */
function arrive() {
  latest = null;
  const to = briefly.get("return");
  briefly.drop("return");
  end();
  if (to && !to.startsWith("#/masuk")) location.replace(to);
  else go("", true);
}

async function start(contact) {
  latest = contact;
  const form = { contact, language: language(), device: device() }, device_token = await kept.get("device_token");
  const ask = (more) => call("POST", "/sign-ins", { ...form, ...more }, { proved: Boolean(more.device_token) });
  const known = device_token ? { device_token } : {};
  let started;
  try {
    started = await ask(known);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "proof_of_work_needed") throw error;
    started = await ask({ ...known, work: await work(error.facts) });
  }
  if (contact === latest) begin({ ...started, contact });
}

const contactRefused = ({ code, detail }) => (["malformed_contact", "sms_not_offered"].includes(code) ? { contact: detail } : null);

function Contact({ next }) {
  const form = useForm("masuk", { contact: "" });
  const [enter, entering, failed] = useAction(async (suggested) => {
    await passkeys.enter(suggested || await passkeys.asked());
    arrive();
  });
  useEffect(() => {
    passkeys.suggested().then((found) => found && enter(found)).catch(() => undefined);
    return passkeys.withdraw;
  }, []);
  return html`<${Screen} title=${t("Masuk atau daftar", "Sign in or register")}>
    <p>${t("Kami kirim kode ke surel atau ponsel Anda. Tanpa kata sandi.", "We send a code to your e-mail or phone. No password.")}</p>
    <${Form} form=${form} title=${t("Masuk atau daftar", "Sign in or register")} label=${t("Kirim kode", "Send code")} refused=${contactRefused}
      check=${({ contact }) => ({ contact: contact.trim() ? "" : t("Isi alamat surel atau nomor ponsel.", "Give an e-mail address or a mobile number.") })}
      send=${({ contact }) => start(contact.trim()).then(next)}>
      <${Field} form=${form} field="contact" label=${t("Alamat surel atau nomor ponsel", "E-mail address or mobile number")}
        hint="siti@contoh.id, 0812-3456-7890" autocomplete="username webauthn" autocapitalize="none" spellcheck=${false} /><//>
    ${passkeys.able() && html`<h2>${t("Punya kunci sandi?", "Have a passkey?")}</h2>
      <p><${Button} quiet busy=${entering} error=${failed} run=${() => enter()}>${t("Masuk dengan kunci sandi", "Sign in with a passkey")}<//></p>`}
  <//>`;
}

/** How far the code has come. */
function Progress({ started }) {
  const [seen, setSeen] = useState({ state: "queued", arrives_in_s: started.arrives_in_s, code_again_at: started.code_again_at });
  useEffect(() => {
    let gone = false;
    const look = async () => {
      const found = await call("GET", `/sign-ins/${started.sign_in_id}`).catch(() => null);
      if (gone) return;
      if (found) setSeen(found);
      if (!found || found.state === "queued") setTimeout(look, 3000);
    };
    setTimeout(look, 1000);
    return () => {
      gone = true;
    };
  }, [started.sign_in_id, started.code_again_at]);
  const { state, arrives_in_s: wait } = seen;
  if (state === "sent") return html`<p role="status">${t("Kode sudah dikirim. Lihat juga folder spam.", "The code was sent. Look in the spam folder too.")}</p>`;
  if (state === "undeliverable") return html`<${Notice} kind="bad" live>${t("Kode tidak dapat dikirim ke sini. Pakai kontak lain.", "The code cannot be sent there. Use another contact.")}<//>`;
  return html`<p role="status">${wait > 5 ? t(`Kode datang sekitar ${wait} detik lagi.`, `The code comes in about ${wait} seconds.`) : t("Kode sedang dikirim.", "The code is being sent.")}</p>`;
}

const codeRefused = ({ code, detail }) => (["wrong_code", "code_expired", "code_used_up", "code_used"].includes(code) ? { code: detail } : null);

function Code({ started, next, back }) {
  const form = useForm("kode", { code: "" }, ["code"]), [more, setMore] = useState(false);
  const { sign_in_id, secret } = started;
  const enter = async (proof = {}) => {
    const code = { sign_in_id, secret, code: bare(form.current().code) };
    try {
      await signedIn(await call("POST", "/sessions", { code, ...proof }, { proved: true }));
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "more_proof_needed") throw error;
      setMore(true);
      return;
    }
    await form.drop();
    await kept.drop("draft:masuk");
    arrive();
  };
  const again = async () => {
    const found = await call("POST", `/sign-ins/${sign_in_id}/codes`, { secret });
    // Another contact may have been given meanwhile.
    if ((underWay() || {}).sign_in_id === sign_in_id) begin({ ...started, code_again_at: found.code_again_at });
    next();
  };
  if (more) return html`<${More} enter=${enter} back=${back} />`;
  const title = t("Masukkan kode", "Enter the code");
  return html`<${Screen} title=${title} back=${null}>
    <p>${t("Kode dikirim ke", "The code goes to")} <strong>${started.contact}</strong>.</p><${Progress} started=${started} />
    <${Form} form=${form} title=${title} label=${t("Masuk", "Sign in")} refused=${codeRefused} send=${() => enter()}
      check=${({ code }) => ({ code: /^\d{6}$/.test(bare(code)) ? "" : t("Kode ada 6 angka.", "A code has 6 digits.") })}>
      <${Field} form=${form} field="code" label=${t("Kode", "Code")} hint=${t("6 angka dari pesan terakhir", "6 digits from the latest message")}
        inputmode="numeric" autocomplete="one-time-code" /><//>
    <p>${started.code_again_at && html`<${Again} at=${started.code_again_at} act=${again} />`} ${" "}
      <button type="button" class="quiet" onClick=${back}>${t("Ganti kontak", "Another contact")}</button></p>
  <//>`;
}

function Again({ at, act }) {
  const [due, setDue] = useState(false);
  useEffect(() => {
    const alarm = setTimeout(() => setDue(true), Math.max(0, Math.min(Date.parse(at) - Date.now(), 60000)));
    return () => clearTimeout(alarm);
  }, [at]);
  return due ? html`<${Act} quiet act=${act}>${t("Kirim lagi", "Send again")}<//>`
    : html`<span class="soft">${t("Belum datang? Tunggu sebentar, lalu kirim lagi.", "Not there? Wait a little, then send again.")} </span>`;
}

/** A number that was not used for long may be somebody else's by now. */
function More({ enter, back }) {
  const form = useForm("", { nik: "", year: "", month: "", day: "" });
  const title = t("Nomor ini lama tidak dipakai", "This number was not used for long");
  const two = (text) => bare(text).padStart(2, "0");
  return html`<${Screen} title=${title} back=${null}>
    <p>${t("Nomor ponsel bisa berganti pemilik. Tunjukkan bahwa akun ini milik Anda.", "Numbers change owners. Show that this account is yours.")}</p>
    <${Form} form=${form} title=${title} label=${t("Lanjut", "Continue")}
      refused=${({ code, detail }) => (code === "identity_unconfirmed" ? { nik: detail } : null)}
      check=${({ nik, year, month, day }) => ({
        nik: /^\d{16}$/.test(bare(nik)) ? "" : t("NIK harus 16 angka.", "A NIK has 16 digits."),
        day: /^\d{4}-\d\d-\d\d$/.test(`${bare(year)}-${two(month)}-${two(day)}`) ? "" : t("Isi tanggal lahir.", "Give your birth date."),
      })}
      send=${({ nik, year, month, day }) => enter({ identity: { nik: bare(nik), birth_date: `${bare(year)}-${two(month)}-${two(day)}` } })}>
      <${Digits} form=${form} field="nik" label="NIK" hint=${t("16 angka", "16 digits")} />
      <fieldset class="field"><legend>${t("Tanggal lahir", "Birth date")}</legend><div class="row">
        <${Digits} form=${form} field="day" label=${t("Tanggal", "Day")} /><${Digits} form=${form} field="month" label=${t("Bulan", "Month")} />
        <${Digits} form=${form} field="year" label=${t("Tahun", "Year")} /></div></fieldset><//>
    <h2>${t("Bukan akun Anda?", "Not your account?")}</h2>
    <p><${Act} quiet act=${() => enter({ fresh: true })}>${t("Mulai akun baru", "Begin a new account")}<//> ${" "}
      <button type="button" class="quiet" onClick=${back}>${t("Batal", "Cancel")}</button></p><//>`;
}

function SignIn() {
  const [turn, setTurn] = useState(0), started = underWay();
  const again = () => setTurn(turn + 1);
  const back = () => {
    end();
    briefly.drop("draft:kode");
    again();
  };
  return started ? html`<${Code} started=${started} next=${again} back=${back} key=${started.sign_in_id} />` : html`<${Contact} next=${again} />`;
}

export const screens = { masuk: SignIn };
