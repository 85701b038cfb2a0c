// Money: what is due and how far it is, and where it is paid to.

import { day, go, paidFor, rupiah, t, when } from "../common/core.js";
import { account, proved } from "../common/net.js";
import { Answers, Await, bare, Empty, Field, Form, html, Link, Notice, Radios, Screen, useForm, useRead } from "../common/parts.js";
import { list, named, options } from "../common/references.js";

const STATES = {
  waiting: ["Menunggu giliran", "Waiting its turn"],
  needs_financial_address: ["Menunggu rekening Anda", "Waiting for your account"],
  account_not_verified: ["Rekening belum cocok", "Account does not match"],
  account_refused: ["Ditolak rekening Anda", "Refused by your account"],
  address_changed: ["Menunggu masa aman rekening baru", "Waiting, as the account is new"],
  change_untold: ["Surel kami tidak sampai", "Our mail did not arrive"],
  change_disputed: ["Ditahan karena laporan Anda", "Held because of your report"],
  in_progress: ["Sedang dikirim", "Being sent"],
  paid: ["Sudah dibayar", "Paid"],
  under_review: ["Kami periksa", "Being checked"],
  returned: ["Kembali kepada kami", "Came back to us"],
};
const STOPPED = {
  dropped_out: ["Anda tidak lagi mengikuti program", "you no longer take part"],
  died: ["peserta meninggal dunia", "the participant died"],
  revoked: ["kepesertaan dicabut", "your place was revoked"],
  excluded: ["Anda ada di daftar yang tidak boleh menerima", "you are on a list of people who may not receive it"],
};
const CHECK = { verified: ["Cocok dengan nama Anda", "Matches your name"], unverified: ["Tidak cocok", "Does not match"], pending: ["Sedang diperiksa", "Being checked"] };
const TO_DO = {
  correct_account_number: ["Nomor tidak ditemukan, atau milik orang lain. Periksa nomornya.", "The number was not found, or is somebody else's. Check it."],
  correct_holder_name: ["Nama pemilik berbeda dari catatan bank. Perbaiki namanya.", "The holder's name is not that of the bank. Correct it."],
  own_account_or_registered_name: ["Rekening ini bukan atas nama Anda. Isi rekening sendiri.", "This account is not in your name. Give one of your own."],
  wait: ["Bank belum menjawab. Tunggu saja.", "The bank has not answered. Just wait."],
};

const place = ({ earlier, code, account_number: digits }) => (earlier ? t("rekening Anda yang sebelumnya", "your earlier account")
  : `${named("payout-codes", code)} ${digits}`);

function Payouts() {
  const found = useRead({ list: "/me/payouts", me: "/me" });
  return html`<${Screen} title=${t("Uang dan rekening", "Money and account")}><${Await} found=${found}>${({ list: { payouts, to_come: coming, stopped_because: stopped }, me }) => html`
    <h2>${t("Pembayaran", "Payments")}</h2>
    ${payouts.length ? html`<ul class="cards">${payouts.map((one) => html`<li class="card"><h3>${paidFor(one.kind)}: ${rupiah(one.amount_idr)}</h3>
      <p>${t(...STATES[one.state])}, ${when(one.updated_at)}.${one.until && html` ${t("Lanjut", "Goes on")} ${when(one.until)}.`}</p>
      ${one.destination && html`<p>${t("Tujuan", "Sent to")}: ${place(one.destination)}.</p>`}
      ${one.to_do !== "nothing" && html`<p><${Link} to=${`bantuan/baru/payment_late/${one.payout_id}`}>${t("Tanyakan", "Ask")}<//></p>`}</li>`)}</ul>`
      : html`<${Empty} thing=${["pembayaran", "payment"]} />`}
    ${coming.length > 0 && html`<h2>${t("Akan datang", "To come")}</h2><ul>${coming.map((one) => html`<li>${paidFor(one.kind)}: ${rupiah(one.amount_idr)}, ${day(one.due_at)}</li>`)}</ul>`}
    ${stopped && html`<${Notice}>${t(`Insentif bulanan Anda berhenti: ${STOPPED[stopped][0]}.`, `Your monthly incentives ended: ${STOPPED[stopped][1]}.`)}<//>`}
    <h2>${t("Rekening atau dompet", "Account or wallet")}</h2><${Address} address=${me.financial_address} />`}<//><//>`;
}

const Address = ({ address }) => (address ? html`
  <${Answers} rows=${[[t("Bank atau dompet", "Bank or wallet"), named("payout-codes", address.code)], [t("Nomor", "Number"), address.account_number],
    [t("Atas nama", "Holder"), address.holder_name], [t("Pemeriksaan", "Check"), t(...CHECK[address.verification])]]} />
  ${TO_DO[address.to_do] && html`<${Notice} kind=${address.to_do === "wait" ? "wait" : "bad"}>${t(...TO_DO[address.to_do])}<//>`}
  ${address.pay_from && html`<${Notice}>${t(`Kami bayar ke sini mulai ${when(address.pay_from)}, demi keamanan.`, `We pay there from ${when(address.pay_from)}, for safety.`)}<//>`}
  <p><${Link} to="uang/rekening">${t("Ubah rekening", "Change account")}<//></p>`
  : html`<p>${t("Isi rekening atau dompet atas nama Anda.", "Give an account or wallet in your name.")}</p><p><${Link} main to="uang/rekening">${t("Isi rekening", "Add account")}<//></p>`);

const FIELDS = { malformed_account_number: "account_number", account_already_used: "account_number", unknown_payout_code: "code", malformed_name: "holder_name" };

function Account({ me }) {
  const before = me.financial_address, codes = list("payout-codes") || [], form = useForm(`rekening:${account()}`, {
    code: before ? before.code : "", account_number: "", holder_name: before ? before.holder_name : (me.registration && me.registration.name) || "",
  }, ["account_number"]);
  const title = t("Rekening atau dompet", "Account or wallet"), wallet = codes.some(({ code, kind }) => code === form.values.code && kind === "wallet");
  return html`<${Screen} title=${title} back="uang"><p>${t("Harus atas nama Anda sendiri.", "It must be in your own name.")}</p>
    <${Form} form=${form} title=${title} label=${t("Simpan", "Save")} refused=${({ code, detail }) => (FIELDS[code] ? { [FIELDS[code]]: detail } : null)}
      check=${({ code, account_number: digits, holder_name: name }) => ({ code: code ? "" : t("Pilih bank atau dompet.", "Choose a bank or wallet."),
        account_number: /^\+?\d{6,20}$/.test(bare(digits)) ? "" : t("Isi nomor, 6 sampai 20 angka.", "Give the number, 6 to 20 digits."),
        holder_name: name.trim() ? "" : t("Isi nama pemilik.", "Give the holder's name.") })}
      send=${async ({ code, account_number: digits, holder_name: name }) => {
        await proved("PUT", "/me/financial-address", { code, account_number: bare(digits), holder_name: name.trim() });
        await form.drop();
        go("uang");
      }}>
      <${Radios} form=${form} field="code" label=${t("Bank atau dompet", "Bank or wallet")} options=${options(codes)} />
      <${Field} form=${form} field="account_number" label=${wallet ? t("Nomor ponsel dompet", "Mobile number of the wallet") : t("Nomor rekening", "Account number")}
        type=${wallet ? "tel" : "text"} inputmode="numeric" autocomplete="off" />
      <${Field} form=${form} field="holder_name" label=${t("Nama pemilik", "Holder's name")} hint=${t("Seperti di buku rekening atau aplikasi dompet", "As in the bank book or the wallet's app")} autocomplete="name" /><//><//>`;
}

function Money({ rest: [part] }) {
  if (part !== "rekening") return html`<${Payouts} />`;
  return html`<${Fill} />`;
}

function Fill() {
  const found = useRead({ me: "/me" });
  return html`<${Await} found=${found}>${({ me }) => html`<${Account} me=${me} key=${JSON.stringify(me.financial_address)} />`}<//>`;
}

export const screens = { uang: Money };
