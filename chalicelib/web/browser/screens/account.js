// My account: my details, language, signing out, and the way to what needs a signal.

import { day, go, kept, language, t } from "../common/core.js";
import { proved, signedOut, speak } from "../common/net.js";
import { Answers, Await, html, Link, Notice, Screen, Sure, useRead } from "../common/parts.js";
import { NikHeld } from "../citizen/home.js";
import { named } from "../common/references.js";

/** The name of a field is the last of its row; the sex, which is the NIK's, has none. */
const rowsOf = (of) => [[t("Nama", "Name"), of.name, "daftar/2", "name"], ["NIK", of.nik, of.verification === "DIFFERS" && "daftar/2"], ["KK", of.kk, "daftar/3", "kk"], [t("Ponsel", "Mobile"), of.phone || t("Kini milik orang lain", "Now somebody else's"), "daftar/3"],
  [t("Tanggal lahir", "Birth date"), day(of.birth_date), "daftar/1", "birth_date"], [t("Alamat di KTP", "Address on the KTP"), `${named("regions", of.regency)}, ${named("regions", of.province)}`, "daftar/4", "province"],
  [t("Pendidikan", "Education"), named("education", of.education), "daftar/5"], [t("Pekerjaan", "Work"), named("employment", of.employment), "daftar/1", "employment"]];

function Mine({ saved }) {
  const found = useRead({ me: "/me" });
  return html`<${Screen} title=${t("Akun saya", "My account")}><${Await} found=${found}>${({ me: { registration: of } }) => html`
    ${saved && html`<${Notice} kind="good" live>${t("Data Anda tersimpan.", "Your details are kept.")}<//>`}
    ${of && html`<${NikHeld} of=${of} />`}
    ${of && of.verification === "DIFFERS" && html`<${Notice} kind="bad">${t("Data Anda berbeda dengan data kependudukan. Cocokkan dengan KTP dan KK.", "Your details differ from the civil registry. Check your KTP and KK.")}
      ${(of.differs || []).map((field) => html`<p>${t("Berbeda", "Differs")}: ${(rowsOf(of).find((row) => row[3] === field) || [t("Jenis kelamin", "Sex")])[0]}</p>`)}<//>`}
    ${of && of.verification === "UNDECIDED" && html`<${Notice}>${t("Data kependudukan belum dapat memastikan data Anda. Kami tanyakan lagi; Anda tidak perlu berbuat apa-apa.", "The civil registry could not confirm your details yet. We ask again; nothing for you to do.")}<//>`}
    ${of ? html`<h2>${t("Data saya", "My details")}</h2><${Answers} rows=${rowsOf(of)} />`
      : html`<p><${Link} main to="daftar/1">${t("Isi data", "Fill in")}<//></p>`}
    <h2>${t("Cara masuk", "Ways to sign in")}</h2><ul class="links"><li><${Link} to="akun/kontak">${t("Surel dan nomor ponsel", "E-mail and mobile numbers")}<//></li>
      <li><${Link} to="akun/perangkat">${t("Perangkat yang masuk", "Devices that are signed in")}<//></li><li><${Link} to="akun/kunci">${t("Kunci sandi", "Passkeys")}<//></li></ul>
    <h2>${t("Hak saya atas data", "My rights over my data")}</h2><ul class="links"><li><${Link} to="akun/pembaca">${t("Siapa yang melihat data saya", "Who looked at my data")}<//></li>
      ${of && html`<li><${Link} to="akun/hadir">${t("Buktikan NIK dengan KTP", "Prove your NIK by your KTP")}<//></li><li><${Link} to="akun/izin">${t("Persetujuan dan pembatasan", "Consent and restriction")}<//></li>`}
      <li><${Link} to="akun/data">${t("Simpan atau hapus data saya", "Keep or delete my data")}<//></li></ul>
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

export const screens = { akun: ({ rest: [part] }) => html`<${Mine} saved=${part === "tersimpan"} />` };
