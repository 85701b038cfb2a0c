// A NIK that another registration holds: what a claim is, making one, and how it stands.

import { go, t, when } from "../common/core.js";
import { account, mine } from "../common/net.js";
import { Act, Answers, Await, bare, html, Link, Notice, Screen, useForm, useRead } from "../common/parts.js";
import { list } from "../common/references.js";
import { EMPTY, NUMBERS, whole } from "../screens/register.js";

/** `of`: a registration that is there. */
const Presence = ({ of }) => html`<h2>${t("Bukti terkuat", "The strongest proof")}</h2>
  ${of && of.present_at ? html`<p>${t("Anda membuktikannya dengan KTP", "You proved it by your KTP")} ${when(of.present_at)}.</p>`
    : html`<p>${t("Datanglah sendiri dengan KTP ke kantor yang punya pembaca KTP.", "Come yourself, with your KTP, to an office that has a card reader.")}</p>
      ${of && html`<p><${Link} main to="akun/hadir">${t("Buktikan dengan KTP", "Prove it by your KTP")}<//></p>`}`}
  <p><${Link} to="bantuan/baru/personal_data">${t("Tulis pengaduan", "Write a complaint")}<//></p>`;

const RULES = [
  ["Pendaftaran Anda disimpan, dengan catatan bahwa NIK ini milik Anda.", "Your registration is kept, with the claim that the NIK is yours."],
  ["Pemegangnya sekarang tidak dihalangi oleh klaim saja. Yang menentukan adalah bukti.", "A claim alone does nothing to its present holder. Proof decides."],
  ["Siapa yang membuktikan lebih kuat mendapat NIK itu, 24 jam setelah terbukti.", "Who proves more gets the NIK, 24 hours after the proof."],
];

/** What was typed is sent again, with a claim; `corrects`: of a registration that is there, name and NIK. */
function Offer({ again, corrects }) {
  const form = useForm(`${corrects ? "ubah2" : "daftar"}:${account()}`, EMPTY, NUMBERS), { values } = form;
  if (!form.ready) return null;
  // The number is kept as long as the window is open.
  if (!bare(values.nik)) return html`<p><${Link} main to="daftar/2">${t("Isi NIK", "Give the NIK")}<//></p>`;
  if (!corrects && !list("consents")) return html`<p role="status">${t("Memuat...", "Loading...")}</p>`;
  const send = async () => {
    const { nik, name } = whole(values);
    await (corrects ? mine("PATCH", "/me/registration", { nik, name: name || undefined, claim_nik: true })
      : mine("PUT", "/me/registration", { ...whole(values), claim_nik: true }));
    await form.drop();
    return corrects ? go("akun/klaim", true) : again();
  };
  return html`<p>${t("Pendaftaran lain memegang NIK ini. Periksa dahulu apakah Anda salah ketik.", "Another registration holds this NIK. First see whether you mistyped it.")}</p>
    <${Answers} rows=${[["NIK", bare(values.nik), "daftar/2"]]} />
    <h2>${t("Benar NIK Anda? Ajukan klaim", "It is your NIK? Claim it")}</h2><ul>${RULES.map((rule) => html`<li>${t(...rule)}</li>`)}</ul>
    <p><${Act} act=${send}>${corrects ? t("Simpan dengan klaim", "Save with a claim") : t("Daftar dengan klaim", "Register with a claim")}<//></p><${Presence} />`;
}

const STATES = {
  yes: [["NIK ini pada pendaftaran Anda", "The NIK is with your registration"], ["Tidak ada klaim yang menghalangi Anda.", "No claim stands in your way."]],
  claimed: [["Klaim Anda tercatat", "Your claim is kept"],
    ["Pendaftaran lain masih memegang NIK ini. Selama itu Anda tidak dapat diberi tempat, membeli pelatihan atau dibayar. NIK berpindah kepada Anda 24 jam setelah bukti Anda lebih kuat.",
      "Another registration still holds this NIK. Until it is yours you can be given no place, buy no training and be paid nothing. It passes to you 24 hours after your proof is stronger."]],
  contested: [["Orang lain mengklaim NIK Anda", "Somebody else claims your NIK"],
    ["Buktinya tidak kurang dari bukti Anda. Pembelian dan pembayaran menunggu, bagi keduanya, sampai salah satu membuktikan lebih kuat.",
      "They have no less proof than you. Purchases and payments wait, for both, until one of you proves more."]],
};

function Standing({ of }) {
  const { nik, nik_held: held } = of, [title, text] = STATES[held];
  return html`<${Notice} kind=${held === "yes" ? "good" : "wait"} live><strong>${t(...title)}.</strong> ${t(...text)}<//>
    <${Answers} rows=${[["NIK", nik]]} />${held !== "yes" && html`<${Presence} of=${of} />`}`;
}

function Claim({ rest }) {
  const found = useRead({ me: "/me" });
  return html`<${Screen} title=${t("NIK yang sudah terdaftar", "A NIK that is taken")} back=${found.data && found.data.me.registration ? "akun" : "daftar/6"}>
    <${Await} found=${found}>${({ me: { registration: of } }, { again }) => (of && !rest[1] ? html`<${Standing} of=${of} />`
      : html`<${Offer} again=${again} corrects=${of} />`)}<//><//>`;
}

export const screens = { "akun/klaim": Claim };
