// Complaints and appeals: what they are about, their number and deadline, the answer.

import { day, drawn, go, last, paidFor, t, when } from "../common/core.js";
import { account, mine } from "../common/net.js";
import { Answers, Await, Empty, Field, Form, html, Link, Notice, Radios, Screen, Select, useForm, useRead } from "../common/parts.js";

const CATEGORIES = {
  eligibility: ["Syarat ikut", "Who may take part"],
  personal_data: ["Data saya", "My data"],
  selection_result: ["Hasil undian", "Result of the draw"],
  place_revoked: ["Kepesertaan dicabut", "Place revoked"],
  payment_late: ["Pembayaran belum masuk", "Payment not there"],
  payment_wrong: ["Pembayaran keliru", "Payment wrong"],
  fraud: ["Penipuan", "Fraud"],
  other: ["Lainnya", "Something else"],
};
const STATES = { OPEN: ["Kami periksa", "Being looked into"], ESCALATED: ["Diteruskan ke penanggung jawab", "Passed on to who decides"], ANSWERED: ["Sudah dijawab", "Answered"] };

const Card = ({ one }) => html`<li class="card"><h2>${t(...CATEGORIES[one.category])}</h2>
  <${Answers} rows=${[[t("Nomor", "Number"), one.number], [t("Status", "State"), t(...STATES[one.state])], [t("Dikirim", "Sent"), when(one.filed_at)],
    one.state !== "ANSWERED" && [t("Dijawab paling lambat", "Answered by"), last(one.deadline_at)], [t("Tulisan Anda", "Your words"), one.text],
    one.evidence && [t("Angka Anda dan batas", "Your number and the limit"), `${drawn(one.evidence.open)}; ${drawn(one.evidence.open_cutoff)}`],
    one.answer && [t("Jawaban", "Answer"), `${one.answer.text} (${day(one.answer.answered_at)})`]]} /></li>`;

function All() {
  const found = useRead({ list: "/me/grievances" });
  return html`<${Screen} title=${t("Pengaduan dan keberatan", "Complaints and appeals")}>
    <p><${Link} main to="bantuan/baru">${t("Tulis pengaduan", "Write a complaint")}<//></p>
    <${Await} found=${found}>${({ list: { grievances } }) => (grievances.length ? html`<ul class="cards">${grievances.map((one) => html`<${Card} one=${one} key=${one.number} />`)}</ul>`
      : html`<${Empty} thing=${["pengaduan", "complaint"]} />`)}<//><//>`;
}

const ABOUT = { registration: ["Pendaftaran saya", "My registration"], selection: ["Undian sebuah gelombang", "The draw of a wave"], disbursement: ["Sebuah pembayaran", "A payment"] };
const about = (category) => (["selection_result", "place_revoked"].includes(category) ? "selection" : category.startsWith("payment") ? "disbursement" : "registration");

/** What is known of the matter from where the person came: a category, then a wave or a payout. */
function Write({ category = "", of = "" }) {
  const kind = category && about(category), form = useForm(`pengaduan:${account()}`, { kind: "", wave: "", payout: "", category: "", text: "" });
  const found = useRead({ entries: "/me/entries", payouts: "/me/payouts" }), { data } = found;
  const title = t("Tulis pengaduan", "Write a complaint");
  const values = { ...form.values, kind: form.values.kind || (of || kind === "registration" ? kind : ""), category: form.values.category || category,
    wave: form.values.wave || (kind === "selection" ? of : ""), payout: form.values.payout || (kind === "disbursement" ? of : "") };
  const shown = { ...form, values, current: () => values };
  const waves = data ? data.entries.entries.map(({ wave }) => [String(wave), `${t("Gelombang", "Wave")} ${wave}`]) : [];
  const payouts = data ? data.payouts.payouts.map(({ payout_id: id, kind: what, updated_at: at }) => [id, `${paidFor(what)}, ${day(at)}`]) : [];
  return html`<${Screen} title=${title} back="bantuan"><${Form} form=${shown} title=${title} label=${t("Kirim", "Send")}
    check=${(given) => ({ kind: given.kind ? "" : t("Pilih tentang apa.", "Choose what it is about."),
      wave: given.kind === "selection" && !given.wave ? t("Pilih gelombang.", "Choose a wave.") : "", payout: given.kind === "disbursement" && !given.payout ? t("Pilih pembayaran.", "Choose a payment.") : "",
      category: given.category ? "" : t("Pilih jenisnya.", "Choose its kind."), text: given.text.trim() ? "" : t("Tulis apa yang terjadi.", "Write what happened.") })}
    send=${async (given) => {
      const matter = given.kind === "selection" ? { kind: "selection", wave: Number(given.wave) } : given.kind === "disbursement" ? { kind: "disbursement", payout_id: given.payout } : { kind: "registration" };
      const filed = await mine("POST", "/me/grievances", { about: matter, category: given.category, text: given.text });
      await form.drop();
      go(`bantuan/${filed.number}`, true);
    }}>
    <${Radios} form=${shown} field="kind" label=${t("Tentang apa?", "What is it about?")} options=${Object.entries(ABOUT).map(([value, text]) => [value, t(...text)])} />
    ${values.kind === "selection" && html`<${Select} form=${shown} field="wave" label=${t("Gelombang", "Wave")} options=${waves} />`}
    ${values.kind === "disbursement" && html`<${Select} form=${shown} field="payout" label=${t("Pembayaran", "Payment")} options=${payouts} />`}
    <${Radios} form=${shown} field="category" label=${t("Jenis", "Kind")} options=${Object.entries(CATEGORIES).map(([value, text]) => [value, t(...text)])} />
    <${Field} form=${shown} field="text" rows=${6} label=${t("Apa yang terjadi?", "What happened?")} hint=${t("Paling banyak 2.000 huruf. Jangan tulis PIN atau kode.", "2,000 characters at most. Write no PIN or code.")} maxlength="2000" /><//><//>`;
}

function Filed({ number }) {
  const found = useRead({ list: "/me/grievances" });
  return html`<${Screen} title=${t("Pengaduan terkirim", "Complaint sent")} back="bantuan"><${Await} found=${found}>${({ list: { grievances } }) => {
    const one = grievances.find(({ number: each }) => each === number);
    return one && html`<${Notice} kind="good">${t(`Kami jawab paling lambat ${last(one.deadline_at)}.`, `We answer by ${last(one.deadline_at)}.`)}<//><ul class="cards"><${Card} one=${one} /></ul>`;
  }}<//><//>`;
}

export const screens = {
  bantuan: ({ rest: [part, category, of] }) => (part === "baru" ? html`<${Write} category=${category} of=${of} />` : part ? html`<${Filed} number=${part} />` : html`<${All} />`),
};
