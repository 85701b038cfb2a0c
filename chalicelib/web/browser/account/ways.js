// The ways into my account: contacts, devices, passkeys. Each list needs a signal and a proof of the device's key.

import { go, language, t, when } from "../common/core.js";
import { call, proved, signedOut } from "../common/net.js";
import { Act, Await, bare, Empty, Field, Form, html, Notice, Screen, Sure, useForm, useRead, useState } from "../common/parts.js";
import { able, make } from "../common/passkeys.js";

function Contacts() {
  const found = useRead({ list: "/me/contacts" }, { own: true, proved: true });
  return html`<${Screen} title=${t("Surel dan nomor ponsel", "E-mail and mobile numbers")} back="akun"><${Await} found=${found}>${({ list: { contacts } }, { again }) => html`
    <ul class="cards">${contacts.map((one) => html`<li class="card"><h2>${one.contact}</h2>
      ${one.signs_in_from && html`<p>${t("Dapat dipakai masuk mulai", "Signs in from")} ${when(one.signs_in_from)}.</p>`}
      ${one.signs_in_until ? html`<p>${t("Dihapus", "Goes")} ${when(one.signs_in_until)}.</p>`
        : html`<${Remove} act=${() => proved("DELETE", `/me/contacts/${one.contact_id}`).then(again)} name=${one.contact} />`}</li>`)}</ul><${Add} again=${again} />`}<//><//>`;
}

const Remove = (given) => html`<${Sure} label=${t("Hapus", "Remove")} sure=${t("Ya, hapus", "Yes, remove")} ...${given} />`;

function Add({ again }) {
  const form = useForm("kontak", { contact: "", code: "" }, ["code"]), [started, setStarted] = useState(null);
  const title = t("Tambah kontak", "Add a contact");
  const send = async ({ contact, code }) => {
    if (!started) return setStarted(await call("POST", "/sign-ins", { contact: contact.trim(), language: language(), device: "other" }));
    await proved("POST", "/me/contacts", { code: { sign_in_id: started.sign_in_id, secret: started.secret, code: bare(code) } });
    await form.drop();
    setStarted(null);
    return again();
  };
  return html`<h2>${title}</h2><p>${t("Dengan dua kontak, Anda tetap bisa masuk bila satu hilang.", "With two contacts you can still sign in if one is lost.")}</p>
    <${Form} form=${form} title=${title} label=${started ? t("Simpan kontak", "Save contact") : t("Kirim kode", "Send code")} send=${send}
      refused=${({ code, detail }) => (["malformed_contact", "sms_not_offered"].includes(code) ? { contact: detail } : code === "wrong_code" ? { code: detail } : null)}
      check=${({ contact, code }) => (started ? { code: /^\d{6}$/.test(bare(code)) ? "" : t("Kode ada 6 angka.", "A code has 6 digits.") }
        : { contact: contact.trim() ? "" : t("Isi alamat surel atau nomor ponsel.", "Give an e-mail address or a mobile number.") })}>
      ${started ? html`<${Field} form=${form} field="code" label=${t("Kode yang dikirim ke sana", "Code that was sent there")} inputmode="numeric" autocomplete="one-time-code" />`
        : html`<${Field} form=${form} field="contact" label=${t("Alamat surel atau nomor ponsel", "E-mail address or mobile number")} autocomplete="off" autocapitalize="none" />`}<//>`;
}

const DEVICES = { phone: ["Ponsel", "Phone"], computer: ["Komputer", "Computer"], tablet: ["Tablet", "Tablet"], security_key: ["Kunci fisik", "Security key"], other: ["Perangkat lain", "Another device"] };

function Devices() {
  const found = useRead({ list: "/me/sessions" }, { own: true, proved: true });
  return html`<${Screen} title=${t("Perangkat yang masuk", "Devices that are signed in")} back="akun"><${Await} found=${found}>${({ list: { sessions } }, { again }) => html`
    <ul class="cards">${sessions.map((one) => html`<li class="card"><h2>${t(...(DEVICES[one.device] || DEVICES.other))}${one.current ? t(", ini", ", this one") : ""}</h2>
      <p>${t("Masuk", "Signed in")} ${when(one.started_at)}. ${t("Terakhir dipakai", "Last used")} ${when(one.last_used_at)}.</p>
      ${!one.current && html`<${Act} quiet act=${() => proved("DELETE", `/me/sessions/${one.session_id}`).then(again)}>${t("Keluarkan", "Sign it out")}<span class="unseen"> ${when(one.started_at)}</span><//>`}</li>`)}</ul>
    <h2>${t("Ponsel hilang?", "Lost a phone?")}</h2><p>${t("Keluarkan semua perangkat, juga yang ini.", "Sign out every device, this one too.")}</p>
    <${Sure} act=${() => proved("DELETE", "/me/sessions").then(signedOut).then(() => go(""))} label=${t("Keluar di semua perangkat", "Sign out everywhere")} sure=${t("Ya, keluar", "Yes, sign out")} />`}<//><//>`;
}

function Passkeys() {
  const found = useRead({ list: "/me/passkeys" }, { own: true, proved: true });
  return html`<${Screen} title=${t("Kunci sandi", "Passkeys")} back="akun"><p>${t("Masuk dengan sidik jari atau kunci layar, tanpa kode.", "Sign in by fingerprint or screen lock, without a code.")}</p>
    <${Await} found=${found}>${({ list: { passkeys } }, { again }) => html`${passkeys.length ? html`<ul class="cards">${passkeys.map((one) => html`<li class="card">
      <h2>${t(...(DEVICES[one.device] || DEVICES.other))}</h2><p>${t("Dibuat", "Made")} ${when(one.created_at)}. ${one.last_used_at && `${t("Terakhir dipakai", "Last used")} ${when(one.last_used_at)}.`}
        ${one.valid_from && html` <strong>${t("Berlaku mulai", "Works from")} ${when(one.valid_from)}.</strong>`}</p>
      ${one.valid_until ? html`<p>${t("Dihapus", "Goes")} ${when(one.valid_until)}.</p>`
        : html`<${Remove} act=${() => proved("DELETE", `/me/passkeys/${one.passkey_id}`).then(again)} name=${when(one.created_at)} />`}</li>`)}</ul>` : html`<${Empty} thing=${["kunci sandi", "passkey"]} />`}`}<//>
    ${able() ? html`<${Act} act=${() => make().then(found.again)}>${t("Buat kunci sandi", "Make a passkey")}<//>` : html`<${Notice}>${t("Peramban ini belum mendukung kunci sandi.", "This browser has no passkeys yet.")}<//>`}<//>`;
}

export const screens = { "akun/kontak": Contacts, "akun/perangkat": Devices, "akun/kunci": Passkeys };
