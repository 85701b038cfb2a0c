// My account: what is kept, contacts, devices, passkeys, signing out.

import { day, go, kept, language, t, when } from "../common/core.js";
import { call, proved, signedOut, speak } from "../common/net.js";
import { Act, Answers, Await, bare, Empty, Field, Form, html, Link, Notice, Screen, Sure, useForm, useRead, useState } from "../common/parts.js";
import { able, make } from "../common/passkeys.js";
import { named } from "../common/references.js";

function Mine({ saved }) {
  const found = useRead({ me: "/me" });
  return html`<${Screen} title=${t("Akun saya", "My account")}><${Await} found=${found}>${({ me: { registration: of } }) => html`
    ${saved && html`<${Notice} kind="good" live>${t("Data Anda tersimpan.", "Your details are kept.")}<//>`}
    ${of && of.verification === "DIFFERS" && html`<${Notice} kind="bad">${t("Data Anda berbeda dengan data kependudukan. Cocokkan dengan KTP dan KK.", "Your details differ from the civil registry. Check your KTP and KK.")}<//>`}
    ${of ? html`<h2>${t("Data saya", "My details")}</h2><${Answers} rows=${[[t("Nama", "Name"), of.name, "daftar/2"], ["NIK", of.nik, of.verification === "DIFFERS" && "daftar/2"], ["KK", of.kk, "daftar/3"], [t("Ponsel", "Mobile"), of.phone, "daftar/3"],
      [t("Tanggal lahir", "Birth date"), day(of.birth_date), "daftar/1"], [t("Alamat di KTP", "Address on the KTP"), `${named("regions", of.regency)}, ${named("regions", of.province)}`, "daftar/4"],
      [t("Pendidikan", "Education"), named("education", of.education), "daftar/5"], [t("Pekerjaan", "Work"), named("employment", of.employment), "daftar/1"]]} />`
      : html`<p><${Link} main to="daftar/1">${t("Isi data", "Fill in")}<//></p>`}
    <h2>${t("Cara masuk", "Ways to sign in")}</h2><ul class="links"><li><${Link} to="akun/kontak">${t("Surel dan nomor ponsel", "E-mail and mobile numbers")}<//></li>
      <li><${Link} to="akun/perangkat">${t("Perangkat yang masuk", "Devices that are signed in")}<//></li><li><${Link} to="akun/kunci">${t("Kunci sandi", "Passkeys")}<//></li></ul>
    <h2>${t("Bahasa", "Language")}</h2>
    <p><button type="button" class="quiet" onClick=${() => speak(language() === "id" ? "en" : "id")}>${t("English", "Bahasa Indonesia")}</button></p>
    <h2>${t("Keluar", "Sign out")}</h2><${Sure} act=${signOut} label=${t("Keluar dari ponsel ini", "Sign out on this phone")} sure=${t("Keluar", "Sign out")}>
      <p>${t("Bukti gelombang dihapus dari ponsel ini. Simpan dahulu bila perlu.", "Receipts are erased from this phone. Save them first if you want to.")} ${" "}
        <${Link} to="riwayat">${t("Lihat bukti", "See receipts")}<//></p><//>`}<//><//>`;
}

async function signOut() {
  const session = await kept.get("session");
  await proved("DELETE", `/me/sessions/${session.session_id}`);
  await signedOut();
  go("");
}

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

const PARTS = { kontak: Contacts, perangkat: Devices, kunci: Passkeys };

export const screens = { akun: ({ rest: [part] }) => html`<${PARTS[part] || Mine} saved=${part === "tersimpan"} />` };
