// Proof of presence: the code that an office with a card reader asks for, and whether it has proven the NIK.

import { last, now, t, when } from "../common/core.js";
import { mine, proved } from "../common/net.js";
import { NikHeld } from "../citizen/home.js";
import { Act, Await, html, Link, Notice, Screen, useEffect, useRead, useState } from "../common/parts.js";

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
          <ol>${STEPS.map((step) => html`<li>${t(...step)}</li>`)}</ol>
          <p><strong>${t("Jangan pernah memberikan kode lewat telepon atau pesan.", "Never give the code by phone or in a message.")}</strong> ${" "}
            <${Link} to="bantuan/baru/personal_data">${t("Tanyakan kantor terdekat", "Ask for the nearest office")}<//></p><${Code} again=${again} />`)}<//><//>`;
}

export const screens = { "akun/hadir": Presence };
