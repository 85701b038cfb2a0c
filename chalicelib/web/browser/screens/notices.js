// What we told the person, and which reminders they want.

import { t, when } from "../common/core.js";
import { mine } from "../common/net.js";
import { Act, Await, Empty, html, Screen, useRead } from "../common/parts.js";

const KINDS = {
  chosen: ["Anda terpilih", "You were chosen"],
  reserved: ["Kursi Anda menunggu", "Your place waits"],
  not_chosen: ["Anda belum terpilih", "You were not chosen"],
  purchase_deadline: ["Pengingat beli pelatihan", "Reminder to buy a training"],
  purchase_put_off: ["Batas beli pelatihan diundur", "More time to buy a training"],
  paid: ["Uang dibayar", "Money was paid"],
  payment_failed: ["Pembayaran tertahan", "A payment is held up"],
  survey_open: ["Survei dibuka", "A survey opened"],
  survey_deadline: ["Pengingat isi survei", "Reminder to answer a survey"],
  revoked: ["Kepesertaan dicabut", "Your place was revoked"],
  grievance_answered: ["Aduan dijawab", "A complaint was answered"],
  address_given: ["Rekening diisi", "An account was given"],
  address_changed: ["Rekening diubah", "The account was changed"],
  address_waiting: ["Rekening menunggu", "The account waits"],
  details_changed: ["Data Anda diubah", "Your details were changed"],
  phone_lost: ["Nomor Anda dipakai orang lain", "Another has your number"],
  data_differs: ["Data Anda berbeda", "Your details differ"],
  nik_claim: ["NIK Anda", "Your NIK"],
  account_changed: ["Cara masuk diubah", "A way to sign in was changed"],
  account_changing: ["Cara masuk akan diubah", "A way to sign in will change"],
  account_deleting: ["Akun akan dihapus", "Account will be deleted"],
  account_kept: ["Akun tidak dihapus", "Account not deleted"],
  recovery_begun: ["Pemulihan akun dimulai", "Account recovery began"],
  recovery_ended: ["Pemulihan akun selesai", "Account recovery ended"],
  signed_in: ["Perangkat baru masuk", "A new device signed in"],
};
const STATES = {
  QUEUED: ["Akan dikirim", "Will be sent"],
  SENDING: ["Sedang dikirim", "Being sent"],
  SENT: ["Dikirim", "Sent"],
  UNKNOWN: ["Mungkin tidak sampai", "May not have arrived"],
  REFUSED: ["Tidak dapat dikirim", "Could not be sent"],
  EXPIRED: ["Tidak dikirim: sudah lewat waktunya", "Not sent: its time was over"],
  UNSUBSCRIBED: ["Tidak dikirim: tanpa pengingat", "Not sent: no reminders"],
  NO_ADDRESS: ["Tidak dikirim: tidak ada alamat", "Not sent: there was no address"],
  CLOSED: ["Tidak dikirim: surel Anda tidak menerima", "Not sent: your mailbox does not take it"],
};
const REMINDERS = ["purchase_deadline", "survey_open", "survey_deadline"];

function Notices() {
  const found = useRead({ told: "/me/notices" });
  return html`<${Screen} title=${t("Pesan dari kami", "Messages from us")}><${Await} found=${found}>${({ told: { notices, reminders } }, { again }) => html`
    <p>${t("Isi pesan ada di surel atau SMS Anda. Kami tidak pernah meminta kode.", "The text is in your mail or SMS. We never ask for a code.")}</p>
    ${notices.length ? html`<ul class="cards">${notices.map((one) => html`<li class="card"><h2>${t(...KINDS[one.kind])}</h2>
      <p>${t(...STATES[one.state])}, ${when(one.updated_at)}.</p></li>`)}</ul>` : html`<${Empty} thing=${["pesan", "message"]} />`}
    <h2>${t("Pengingat", "Reminders")}</h2><p>${t("Hasil undian, pembayaran dan perubahan akun selalu kami kabarkan.", "We always tell you about results, payments and changes to your account.")}</p>
    <ul class="cards">${REMINDERS.map((kind) => html`<li class="card"><p>${t(...KINDS[kind])}: <strong>${reminders[kind] ? t("dikirim", "sent") : t("tidak dikirim", "not sent")}</strong></p>
      <${Act} quiet act=${() => mine("PATCH", "/me/notice-settings", { [kind]: !reminders[kind] }).then(again)}>${reminders[kind] ? t("Jangan kirim", "Do not send") : t("Kirim", "Send")}
        <span class="unseen"> ${t(...KINDS[kind])}</span><//></li>`)}</ul>`}<//><//>`;
}

export const screens = { pesan: Notices };
