// Home: where do I stand, what must I do, by when. The first state that holds is shown.

import { day, kept, last, now, number, paidFor, rupiah, settings, t, when } from "../common/core.js";
import { account, mine, Refused } from "../common/net.js";
import { Act, Await, html, Link, Notice, reason, Screen, useEffect, useRead, useState } from "../common/parts.js";

const MONTH = 30 * 86400000;

const HELD = ["needs_financial_address", "account_not_verified", "account_refused", "address_changed", "change_untold",
  "change_disputed", "under_review", "returned"];

export function why(reason, wave) {
  const seats = wave && wave.chosen !== null && wave.entries !== null;
  const age = `${settings.age_min}-${settings.age_max}`;
  const texts = {
    not_drawn: seats ? [`Nomor acak Anda tidak masuk ${number(wave.chosen)} kursi; ${number(wave.entries)} orang ikut.`,
      `Your random number was outside ${number(wave.chosen)} seats; ${number(wave.entries)} took part.`]
      : ["Nomor acak Anda tidak masuk dalam kursi yang ada.", "Your random number was outside the seats."],
    family_card: ["KK Anda sudah punya dua penerima.", "Your family card has two recipients."],
    already_beneficiary: ["Anda sudah pernah menerima manfaat.", "You have received the benefit before."],
    ineligible: ["Data Anda saat penutupan tidak memenuhi syarat.", "Your data did not meet the rules at the close."],
    excluded: ["NIK Anda ada di daftar yang tidak dapat ikut.", "Your NIK is on the list of those excluded."],
    excluded_occupation: ["Pekerjaan Anda tidak dapat mengikuti program ini.", "Your occupation cannot take part."],
    in_formal_education: ["Anda masih bersekolah atau kuliah.", "You are in school or university."],
    education_not_accepted: ["Pendidikan terakhir Anda tidak termasuk yang dapat ikut.", "Your education is not one that can take part."],
    under_age: [`Usia Anda di luar ${age} saat penutupan.`, `You were not ${age} at the close.`],
    over_age: [`Usia Anda di luar ${age} saat penutupan.`, `You were not ${age} at the close.`],
    withdrawn: ["Keikutsertaan Anda ditarik sebelum undian.", "Your entry was withdrawn before the draw."],
    not_confirmed: ["Data Anda berbeda dengan data kependudukan, atau NIK Anda dipegang pendaftaran lain.", "Your details differ from the civil registry, or another registration holds your NIK."],
    barred: ["Kepesertaan Anda pernah dicabut.", "Your place was revoked before."],
  };
  return t(...(texts[reason] || ["Anda tidak terpilih.", "You were not chosen."]));
}

const NOW = {
  in_formal_education: ["Anda masih bersekolah atau kuliah. Ubah data Anda setelah selesai.", "You are in school or university. Change your details once you are done."],
  excluded_occupation: ["Pekerjaan ini tidak dapat mengikuti program.", "This occupation cannot take part."],
  under_age: [`Peserta berusia ${settings.age_min} sampai ${settings.age_max} tahun.`, `Participants are ${settings.age_min} to ${settings.age_max} years old.`],
};
NOW.over_age = NOW.under_age;

export const whyNot = (code) => (NOW[code] ? t(...NOW[code]) : why(code));

/** The state that is shown, by its name; what it is about stands beside it. */
export function stateOf({ me, wave, entries = [], payouts = [], trainings = [], surveys = [], coming: [next] = [], none_coming: none = false }) {
  if (!me.registration) return { name: "unregistered" };
  // Who may be chosen again sees the waves, not the old place.
  const own = me.beneficiary, { standing: given } = me.registration, [latest] = entries;
  const unused = own && (own.state === "LAPSED" || (own.state === "PASSED" && given === "REGISTERED"));
  const place = me.may_join || unused ? null : own;
  if (given === "REVOKED" || (place && ["REVOKED", "PASSED"].includes(place.state))) return { name: "revoked", place };
  if (latest && latest.reason === "excluded") return { name: "excluded" };
  if (place && place.state === "RESERVED") return { name: "reserved" };
  if (place && place.state === "POTENTIAL") return { name: "chosen", place };
  const held = payouts.find(({ state }) => HELD.includes(state));
  if (held) return { name: "held", payout: held };
  const survey = surveys.find(({ state }) => state === "open");
  if (survey) return { name: "survey", survey };
  const standing = trainings.filter(({ state }) => state !== "CANCELLED");
  const review = standing.find(({ state, review: written }) => state === "COMPLETED" && !written);
  if (review && place && place.state === "ACTIVE") return { name: "review", training: review };
  const training = standing.find(({ state }) => state !== "COMPLETED");
  if (training) return { name: "training", training };
  const incentive = payouts.find(({ kind }) => kind === "INCENTIVE");
  if (place && incentive && incentive.state !== "paid") return { name: "reviewed", payout: incentive };
  if (place && incentive && now() - Date.parse(incentive.updated_at) < MONTH) return { name: "paid", payout: incentive };
  if (place && next) return { name: "coming", next };
  if (place && place.state === "GRADUATED") return { name: "graduate" };
  if (place) return { name: "training", training: null };
  if (latest && latest.standing === "in_selection") return { name: "in_selection", entry: latest };
  if (latest && latest.standing === "waiting_for_closing") return { name: "joined", entry: latest };
  const lost = latest && latest.standing === "not_chosen" ? latest : null;
  if (me.why_not) return { name: "cannot", reason: me.why_not };
  if (wave.state === "OPEN" && !(latest && latest.wave === wave.number)) return { name: "open", lost };
  if (lost) return { name: "not_chosen", entry: lost, none };
  return { name: none ? "none_coming" : "none_open" };
}

// Joining: one click. What could not be sent is kept, and sent first on return.

/** The receipts of `GET /me/entries`, kept on this device as they came. */
export async function keepReceipts(entries) {
  const who = account();
  for (const { receipt, receipt_file: file } of entries) {
    const name = `receipt:${who}:${receipt.wave}`, before = await kept.get(name);
    // Once its ticket is gone a receipt proves nothing.
    if (receipt.ticket && who === account() && (!before || !before.content)) await kept.put(name, { ...receipt, content: file.content, file: file.name, own: Boolean(before) });
  }
}

async function join(wave) {
  const who = account(), name = `join:${who}`;
  await kept.put(name, { wave: wave.number, closes_at: wave.closes_at });
  const receipt = await mine("POST", "/waves/current/entries").catch(async (error) => {
    if (error instanceof Refused) await kept.drop(name);
    else error.detail = unsent();
    throw error;
  });
  if (who === account()) await kept.put(`receipt:${who}:${receipt.wave}`, { ...receipt, own: true });
  await kept.drop(name);
  if (navigator.storage && navigator.storage.persist) navigator.storage.persist().catch(() => undefined);
  return receipt;
}

const unsent = () => t("Belum terkirim; Anda belum ikut. Kami kirim begitu ada sinyal.", "Not sent; you are not in yet. We send it once there is a signal.");

/** Sends a join that is kept, when the page opens and when a signal comes back. */
function UnsentJoin({ wave, entries, old, again }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, []);
  useEffect(() => {
    const name = `join:${account()}`;
    let gone = false;
    // An answer that comes late says nothing of what was read since.
    const say = (text) => gone || setSaid(text);
    const send = async () => {
      const waiting = await kept.get(name);
      if (!waiting) return undefined;
      if (entries.some((entry) => entry.wave === waiting.wave)) {
        say("");
        return kept.drop(name);
      }
      if (old) return say(unsent());
      if (waiting.wave === wave.number && wave.state === "OPEN") {
        return join(wave).then(() => (say(""), again()), (error) => say(reason(error)));
      }
      say(t("Belum terkirim sebelum ditutup; Anda tidak ikut.", "Not sent before the close; you are not in."));
      return kept.drop(name);
    };
    send();
    return () => {
      gone = true;
    };
  }, [wave.number, wave.state, entries, old]);
  return said && html`<${Notice} kind="bad" live>${said}<//>`;
}

// What is said in each state: [title, sentences, the main action]

const action = (to, indonesian, english) => html`<p><${Link} main to=${to}>${t(indonesian, english)}<//></p>`;

function Held({ payout: { state, amount_idr: amount, until } }) {
  const rp = rupiah(amount);
  const [title, text, to, label] = {
    needs_financial_address: [[`${rp} menunggu Anda`, `${rp} is waiting for you`],
      ["Isi rekening atau dompet atas nama Anda.", "Give an account or wallet in your name."], "uang/rekening", ["Isi rekening", "Add account"]],
    account_not_verified: [[`${rp} belum dikirim`, `${rp} is not sent`],
      ["Nomor rekening tidak ditemukan, atau namanya berbeda.", "The account was not found, or its name differs."],
      "uang/rekening", ["Perbaiki", "Correct"]],
    account_refused: [[`${rp} ditolak rekening Anda`, `Your account refused ${rp}`],
      ["Periksa ke bank atau dompet Anda, lalu isi lagi; atau isi rekening lain.",
        "Ask your bank or wallet, then give it again; or give another account."], "uang/rekening", ["Perbaiki", "Correct"]],
    address_changed: [[`${rp} menunggu rekening baru Anda`, `${rp} waits for your new account`],
      [`Kami kirim setelah ${until ? when(until) : "72 jam"}, atau segera setelah Anda menekan tautan di surel kami.`,
        `We send it after ${until ? when(until) : "72 hours"}, or once you follow the link in our mail.`], "uang", ["Lihat pembayaran", "See payments"]],
    change_untold: [[`${rp} belum dikirim`, `${rp} is not sent`], ["Surel kami tentang rekening baru tidak sampai.",
      "Our mail about your new account did not arrive."], "bantuan", ["Tanyakan", "Ask"]],
    change_disputed: [[`${rp} kami tahan`, `${rp} is held`], ["Anda memberi tahu bahwa perubahan itu bukan dari Anda.",
      "You told us that the change was not yours."], "bantuan", ["Tanyakan", "Ask"]],
    under_review: [[`${rp} kami periksa`, `${rp} is being checked`], ["Anda tidak perlu berbuat apa-apa.", "Nothing for you to do."], "bantuan", ["Tanyakan", "Ask"]],
    returned: [[`${rp} kembali kepada kami`, `${rp} came back to us`], ["Rekening Anda tidak menerimanya.", "Your account did not take it."], "bantuan", ["Tanyakan", "Ask"]],
  }[state];
  return html`<${Screen} title=${t(...title)} back=${null}><p>${t(...text)}</p>${action(to, ...label)}<//>`;
}

function Open({ wave, lost, again }) {
  return html`<${Screen} title=${t(`Gelombang ${wave.number} dibuka`, `Wave ${wave.number} is open`)} back=${null}>
    ${lost && html`<p class="soft">${t(`Anda belum terpilih di gelombang ${lost.wave}.`, `You were not chosen in wave ${lost.wave}.`)} ${" "}
      <${Link} to=${`bukti/${lost.wave}`}>${t("Periksa undian", "Check the draw")}<//></p>`}
    <p>${t("Sampai", "Until")} <strong>${last(wave.closes_at)}</strong>. ${t("Waktu bergabung tidak memengaruhi peluang Anda.",
      "When you join does not change your chance.")}</p>
    <${Act} act=${() => join(wave).then(again)}>${t(`Gabung gelombang ${wave.number}`, `Join wave ${wave.number}`)}<//>
  <//>`;
}

const calendar = (kind) => html`<p><a class=${kind} href=${`${settings.base}waves.ics`}>${t("Tambah ke kalender", "Add to calendar")}</a></p>`;
const noneComing = () => t("Tidak ada gelombang dalam setengah tahun ke depan.", "No wave opens in the next half a year.");

function Next({ wave, none = false, main = false }) {
  const found = useRead(wave.state === "SCHEDULED" ? {} : { list: "/waves" }, {}), list = found.data && found.data.list;
  const next = wave.state === "SCHEDULED" ? wave : list && list.waves.find(({ state }) => state === "SCHEDULED");
  if (none || (list && list.none_coming)) return html`<p>${noneComing()}</p>`;
  if (!next) return null;
  return html`<p>${t(`Gelombang ${next.number} dibuka`, `Wave ${next.number} opens`)} ${when(next.opens_at)}.</p>${calendar(main ? "button" : "button quiet")}`;
}

const STEPS = [["Ikut", "Joined"], ["Ditutup", "Closed"], ["Dikunci", "Locked"], ["Hasil", "Result"]];
const Steps = ({ done }) => html`<ol class="steps">${STEPS.map((text, at) => html`
  <li aria-current=${at === done ? "step" : undefined} class=${at < done ? "done" : ""}>${t(...text)}${at < done && " \u2713"}</li>`)}</ol>`;

const SHOWN = {
  unregistered: () => html`<${Screen} title=${t("Lengkapi data Anda", "Complete your details")} back=${null}>
    <p>${t("Sekitar 5 menit. Siapkan KTP dan KK.", "About 5 minutes. Have your KTP and KK ready.")}</p>${action("daftar/1", "Isi data", "Fill in")}<//>`,
  revoked: ({ place }) => html`<${Screen} title=${t("Kepesertaan Anda dicabut", "Your place was revoked")} back=${null}>
    ${place && html`<p>${place.state === "PASSED" ? t("NIK Anda berpindah ke orang lain, dan kursi itu ikut.", "Your NIK passed to somebody else, and the place with it.")
      : t(`Sampai ${last(place.buy_by)} tidak ada pelatihan dibeli.`, `No training was bought by ${last(place.buy_by)}.`)}</p>`}
    <p>${t("Anda tidak bisa ikut lagi.", "You cannot join again.")}</p>${action(`bantuan/baru/place_revoked${place ? `/${place.wave}` : ""}`, "Ajukan keberatan", "Appeal")}<//>`,
  excluded: () => html`<${Screen} title=${t("Anda tidak dapat ikut", "You cannot take part")} back=${null}>
    <p>${t("NIK Anda ada di daftar yang tidak dapat ikut.", "Your NIK is on the list of those excluded.")}</p>
    <p>${t("Keliru? Beri tahu kami.", "Wrong? Tell us.")}</p>${action("bantuan/baru/eligibility", "Laporkan", "Report")}<//>`,
  reserved: () => html`<${Screen} title=${t("Kursi Anda menunggu", "Your place waits")} back=${null}>
    <p>${t("Anda terundi; data Anda belum dikonfirmasi.", "You were drawn; your details are not confirmed yet.")}</p>${action("akun", "Periksa data saya", "Check my details")}<//>`,
  chosen: ({ place, me }) => html`<${Screen} title=${t("Anda terpilih", "You are chosen")} back=${null}>
    <p>${t("Beli pelatihan paling lambat", "Buy a training by")} <strong>${last(place.buy_by)}</strong>${t(
      ", atau kursi Anda dialihkan dan Anda tidak bisa ikut lagi.", ", or your place moves on and you cannot join again.")}</p>
    <p>${t(`Saldo ${rupiah(me.balance_idr)}, bukan tunai.`, `Balance ${rupiah(me.balance_idr)}, not cash.`)}</p>
    ${action("katalog", "Pilih pelatihan", "Choose training")}<//>`,
  held: Held,
  survey: ({ survey }) => html`<${Screen} title=${t(`Jawab survei ${survey.number}`, `Answer survey ${survey.number}`)} back=${null}>
    <p>${t("Sampai", "By")} <strong>${last(survey.closes_at)}</strong>. ${survey.amount_idr
      ? t(`Dibayar ${rupiah(survey.amount_idr)}, apa pun jawabannya.`, `Paid ${rupiah(survey.amount_idr)}, whatever you say.`)
      : t("Sukarela.", "Voluntary.")}</p>${action(`survei/${survey.survey_id}`, "Isi survei", "Answer")}<//>`,
  review: ({ training, me }) => html`<${Screen} title=${t("Pelatihan selesai", "Training done")} back=${null}>
    ${me.beneficiary.first_payment_at === "review" && html`<p>${t("Ulas agar insentif diproses, apa pun isinya.", "Review it to start the incentive, whatever you say.")}</p>`}
    ${action(`pelatihan/${training.training_id}/ulasan`, "Tulis ulasan", "Write review")}<//>`,
  training: ({ training }) => (training
    ? html`<${Screen} title=${training.title} back=${null}><p>${t(`Tunjukkan kode hanya kepada ${training.provider_name}.`,
      `Show the code to ${training.provider_name} only.`)}</p>${action(`pelatihan/${training.training_id}`, "Lihat kode", "Show code")}<//>`
    : html`<${Screen} title=${t("Pelatihan Anda", "Your training")} back=${null}>${action("pelatihan", "Lihat pelatihan", "See training")}<//>`),
  reviewed: ({ payout }) => html`<${Screen} title=${t(`Insentif ${rupiah(payout.amount_idr)} sedang diproses`, `Your ${rupiah(payout.amount_idr)} is being processed`)} back=${null}>
    <p>${t("Anda tidak perlu berbuat apa-apa.", "Nothing for you to do.")}</p>${action("uang", "Lihat pembayaran", "See payment")}<//>`,
  paid: ({ payout }) => html`<${Screen} title=${t(`Insentif ${rupiah(payout.amount_idr)} sudah dibayar`, `Your ${rupiah(payout.amount_idr)} was paid`)} back=${null}>
    <p>${when(payout.updated_at)}. ${t("Belum masuk? Beri tahu kami.", "Not there? Tell us.")} ${" "}
      <${Link} to=${`bantuan/baru/payment_late/${payout.payout_id}`}>${t("Laporkan", "Report")}<//></p>
    ${action("lowongan", "Lihat lowongan", "See vacancies")}<//>`,
  coming: ({ next }) => html`<${Screen} title=${t("Anda peserta program", "You take part")} back=${null}>
    <p>${t("Berikutnya", "Next")}: ${paidFor(next.kind)}, ${rupiah(next.amount_idr)}, <strong>${day(next.due_at)}</strong>.</p>
    ${action("uang", "Lihat pembayaran", "See payments")}<//>`,
  graduate: () => html`<${Screen} title=${t("Anda alumni", "You are an alumnus")} back=${null}>
    <p>${t("Lihat lowongan untuk keterampilan Anda.", "See vacancies for your skills.")}</p>${action("lowongan", "Lihat lowongan", "See vacancies")}<//>`,
  in_selection: ({ entry, wave }) => html`<${Screen} title=${t(`Gelombang ${entry.wave} sedang diundi`, `Wave ${entry.wave} is being drawn`)} back=${null}>
    <${Steps} done=${wave.number === entry.wave && wave.state === "CLOSED" ? 2 : 3} />
    <p>${t("Ini bukan tanda terpilih atau tidak.", "This says nothing of your result.")}</p>
    ${wave.waiting_for && html`<${Notice}>${t("Menunggu angka acak publik.", "Waiting for the public random number.")}<//>`}
    ${action(`bukti/${entry.wave}`, "Periksa bukti", "Check receipt")}<//>`,
  joined: ({ entry, wave }) => html`<${Screen} title=${t(`Anda ikut gelombang ${entry.wave}`, `You are in wave ${entry.wave}`)} back=${null}>
    <${Notice} kind="good">${t("Sejak", "Since")} ${when(entry.receipt.joined_at)}.<//><${Steps} done=${1} />
    <p>${t(`Undian setelah ${last(wave.closes_at)}; Anda kami kabari.`, `The draw follows ${last(wave.closes_at)}; we will tell you.`)}</p>
    ${action(`bukti/${entry.wave}`, "Simpan bukti", "Save receipt")}<//>`,
  open: Open,
  not_chosen: ({ entry, wave, none }) => html`<${Screen} title=${t(`Anda belum terpilih di gelombang ${entry.wave}`, `You were not chosen in wave ${entry.wave}`)} back=${null}>
    <p>${why(entry.reason, wave.number === entry.wave ? wave : null)}</p>${action(`bukti/${entry.wave}`, "Periksa undian", "Check the draw")}<${Next} wave=${wave} none=${none} /><//>`,
  cannot: ({ reason: code }) => html`<${Screen} title=${t("Anda belum dapat ikut", "You cannot join now")} back=${null}><p>${whyNot(code)}</p>
    ${action("akun", "Periksa data saya", "Check my details")}<p>${t("Keliru? Beri tahu kami.", "Wrong? Tell us.")} ${" "}
      <${Link} to="bantuan/baru/eligibility">${t("Laporkan", "Report")}<//></p><//>`,
  none_open: ({ wave }) => html`<${Screen} title=${t("Anda sudah terdaftar", "You are registered")} back=${null}><${Next} wave=${wave} main /><//>`,
  none_coming: () => html`<${Screen} title=${t("Belum ada gelombang berikutnya", "No wave is coming")} back=${null}>
    <p>${noneComing()} ${t("Anda tetap terdaftar.", "You stay registered.")}</p>
    ${action("akun", "Periksa data saya", "Check my details")}${calendar("button quiet")}<//>`,
};

/** That somebody else has, or says to have, the NIK of a registration. */
export const NikHeld = ({ of: { nik_held: held } }) => held !== "yes" && html`<${Notice}><p>${held === "claimed"
  ? t("NIK Anda dipegang pendaftaran lain.", "Another registration holds your NIK.")
  : t("Orang lain menyatakan bahwa NIK Anda miliknya. Pembelian dan pembayaran menunggu.", "Somebody else says that your NIK is theirs. Purchases and payments wait.")}</p>
  <p><${Link} to="akun/klaim">${t("Apa yang dapat saya lakukan", "What I can do")}<//></p><//>`;

const ALSO = [["riwayat", "Gelombang saya", "My waves"], ["pelatihan", "Pelatihan saya", "My training"], ["katalog", "Katalog pelatihan", "Courses"],
  ["uang", "Uang dan rekening", "Money and account"], ["survei", "Survei", "Surveys"], ["lowongan", "Lowongan", "Vacancies"],
  ["bantuan", "Pengaduan dan keberatan", "Complaints and appeals"], ["pesan", "Pesan dari kami", "Messages from us"],
  ["akun", "Akun saya", "My account"]];

const Also = ({ registered }) => html`<nav aria-labelledby="also"><h2 id="also">${t("Lainnya", "Also")}</h2><ul class="links">
  ${ALSO.filter(([to]) => registered || ["katalog", "bantuan", "akun"].includes(to))
    .map(([to, ...name]) => html`<li><${Link} to=${to}>${t(...name)}<//></li>`)}</ul></nav>`;

function Guest() {
  const found = useRead({ wave: "/waves/current" }, {});
  return html`<${Screen} title=${t("Bantuan pelatihan kerja", "Help with job training")} back=${null}>
    <p>${t("Daftar kapan saja, gratis.", "Register any time, free.")}</p>${action("masuk", "Masuk atau daftar", "Sign in or register")}
    <${Await} found=${found}>${({ wave }) => html`<p>${wave.state === "OPEN"
      ? t(`Gelombang ${wave.number} dibuka sampai ${last(wave.closes_at)}.`, `Wave ${wave.number} is open until ${last(wave.closes_at)}.`)
      : wave.state === "SCHEDULED" ? t(`Gelombang ${wave.number} dibuka ${when(wave.opens_at)}.`, `Wave ${wave.number} opens ${when(wave.opens_at)}.`)
        : wave.state === "SETTLED" ? noneComing()
          : t(`Gelombang ${wave.number} sedang diundi.`, `Wave ${wave.number} is being drawn.`)}</p>`}<//>
    <ul class="links"><li><${Link} to="katalog">${t("Katalog pelatihan", "Courses")}<//></li></ul>
  <//>`;
}

/** What only some states need is asked for when they are reached. */
function Stands({ me, wave, old, error, again }) {
  const paths = { ...me.registration && { entries: "/me/entries" },
    ...me.beneficiary && me.beneficiary.state !== "REVOKED" && { payouts: "/me/payouts", trainings: "/me/trainings" },
    ...((me.next_deadline && me.next_deadline.what === "survey") || (me.beneficiary && me.beneficiary.state === "GRADUATED"))
      && { surveys: "/me/surveys" },
    ...me.registration && !me.beneficiary && ["SCHEDULED", "SETTLED"].includes(wave.state) && { none_coming: "/waves" } };
  const found = useRead(paths);
  const state = found.data && stateOf({ me, wave, coming: (found.data.payouts || {}).to_come, ...Object.fromEntries(Object.entries(found.data).map(([name, body]) => [name, body[name]])) });
  useEffect(() => {
    if (found.data && found.data.entries) keepReceipts(found.data.entries.entries);
  }, [found.data]);
  useEffect(() => {
    // A draw is waited for: look again now and then, while somebody looks.
    if (!state || !["in_selection", "joined"].includes(state.name)) return undefined;
    const alarm = setInterval(() => document.visibilityState === "visible" && again(), 60000 + 15000 * Math.random());
    return () => clearInterval(alarm);
  }, [state && state.name]);
  const both = () => {
    found.again();
    again();
  };
  return html`<${Await} found=${{ ...found, error: found.error || error, again: both }}>${() => html`<div data-state=${state.name}>
    <${SHOWN[state.name]} ...${state} me=${me} wave=${wave} again=${both} />
    ${!me.contacts.length && html`<${Notice} kind="bad"><p>${t("Akun ini tidak punya surel atau nomor lagi. Tambahkan sekarang, selagi Anda masuk.", "This account has no e-mail or number left. Add one now, while you are signed in.")}</p>
      <p><${Link} to="akun/kontak">${t("Tambahkan", "Add one")}<//></p><//>`}
    ${me.registration && html`<${NikHeld} of=${me.registration} /><${UnsentJoin} wave=${wave} entries=${found.data.entries.entries} old=${old || found.old} again=${both} />`}</div>
    <${Also} registered=${Boolean(me.registration)} />`}<//>`;
}

export function Home() {
  const who = account();
  const found = useRead(who ? { me: "/me", wave: "/waves/current" } : {}, { own: true });
  if (!who) return html`<div data-state="guest"><${Guest} /></div>`;
  return html`<${Await} found=${found} inner>${({ me, wave }, { old }) => me && html`<${Stands} key=${wave.number} me=${me} wave=${wave} old=${old} error=${found.error} again=${found.again} />`}<//>`;
}
