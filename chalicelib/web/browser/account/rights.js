// My rights over my data: who looked at it, consents, restriction, all of it as a file, deletion.

import { day, t, when } from "../common/core.js";
import { proved } from "../common/net.js";
import { Act, Answers, Await, Empty, html, Notice, Screen, Sure, useRead, useState } from "../common/parts.js";
import { keep } from "../screens/proof.js";

const OWN = { own: true, proved: true };
const both = ({ id, en }) => t(id, en);

// Who looked

const OUTCOMES = { done: ["Selesai", "Done"] };

function Readers() {
  const found = useRead({ list: "/me/readers" }, OWN), [more, setMore] = useState(null), title = t("Siapa yang melihat data saya", "Who looked at my data");
  return html`<${Screen} title=${title} back="akun">
    <p>${t("Siapa yang melihat atau mengubah data Anda, kapan dan mengapa. Petugas ditulis tanpa nama.", "Who looked at your data or changed it, when and why. Administrators are without their names.")}</p>
    <${Await} found=${found}>${({ list }) => {
      const { readers, next_cursor: next } = more ? { ...more, readers: [...list.readers, ...more.readers] } : list;
      const older = async () => {
        const { readers: those, next_cursor: after } = await proved("GET", `/me/readers?cursor=${next}`);
        setMore({ readers: [...((more && more.readers) || []), ...those], next_cursor: after });
      };
      return html`${readers.length ? html`<ul class="cards">${readers.map((one) => html`<li class="card" key=${one.reader_id}><h2>${when(one.at)}</h2>
        <${Answers} rows=${[[t("Siapa", "Who"), one.name ? `${both(one.reader_words)}: ${one.name}` : both(one.reader_words)], [t("Mengapa", "Why"), one.reason || "-"],
          [t("Tindakan", "Act"), html`<code>${one.act}</code>`], one.outcome && [t("Hasil", "Outcome"), OUTCOMES[one.outcome] ? t(...OUTCOMES[one.outcome]) : html`<code>${one.outcome}</code>`]]} /></li>`)}</ul>`
        : html`<${Empty} thing=${["yang melihat data Anda", "look at your data"]} />`}
        ${next && html`<p><${Act} quiet act=${older}>${t("Yang lebih lama", "Older ones")}<//></p>`}`;
    }}<//><//>`;
}

// Consents and restriction

const KINDS = { registration: ["Ikut serta dalam program", "Taking part in the programme"], job_application: ["Lamaran kerja", "A job application"] };

const Consent = ({ one, again }) => html`<li class="card"><h2>${t(...KINDS[one.kind])}</h2>
  <p>${t("Diberikan", "Given")} ${day(one.given_at)}.${one.withdrawn_at && html` <strong>${t("Ditarik", "Taken back")} ${day(one.withdrawn_at)}.</strong>`}</p>
  ${one.withdrawn_at ? one.kind === "registration" && html`<p><a href="#/daftar/6">${t("Setujui lagi", "Agree again")}</a></p>`
    : html`<${Sure} label=${t("Tarik persetujuan", "Take it back")} sure=${t("Ya, tarik", "Yes, take it back")} name=${`${t(...KINDS[one.kind])}, ${day(one.given_at)}`}
      act=${() => proved("POST", `/me/consents/${one.consent_id}/withdrawal`).then(again)}><p>${both(one.what_follows)}</p><//>`}</li>`;

function Restriction({ of: { restricted_at: since, stops, goes_on: on }, again }) {
  const set = (restricted) => () => proved("PUT", "/me/restriction", { restricted }).then(again);
  const what = html`<h3>${t("Yang berhenti", "What stops")}</h3><ul>${stops.map((one) => html`<li>${both(one)}</li>`)}</ul>
    <h3>${t("Yang tetap berjalan", "What goes on")}</h3><ul>${on.map((one) => html`<li>${both(one)}</li>`)}</ul>`;
  return html`<h2>${t("Pembatasan", "Restriction")}</h2>
    ${since ? html`<${Notice} kind="good" live>${t("Data Anda dibatasi sejak", "Your data is restricted since")} ${when(since)}.<//>${what}
      <${Act} act=${set(false)}>${t("Akhiri pembatasan", "End the restriction")}<//>`
    : html`<p role="status">${t("Data Anda tidak dibatasi. Pembatasan berlaku seketika dan dapat Anda akhiri kapan saja.", "Your data is not restricted. A restriction holds at once, and you can end it at any time.")}</p>
      <${Sure} label=${t("Batasi data saya", "Restrict my data")} sure=${t("Ya, batasi", "Yes, restrict it")} act=${set(true)}>${what}<//>`}`;
}

function Consents() {
  const found = useRead({ list: "/me/consents", restriction: "/me/restriction" }, OWN);
  return html`<${Screen} title=${t("Persetujuan dan pembatasan", "Consent and restriction")} back="akun"><${Await} found=${found}>${({ list: { consents }, restriction }, { again }) => html`
    <ul class="cards">${consents.map((one) => html`<${Consent} one=${one} again=${again} key=${one.consent_id} />`)}</ul>
    <${Restriction} of=${restriction} again=${again} key=${restriction.restricted_at} />`}<//><//>`;
}

// All of it as a file, and deletion

/** All pages of what is kept. */
async function all() {
  const records = [];
  for (let page = {}, next = ""; next !== null; next = page.next_cursor) {
    page = await proved("GET", `/me/data${next && `?cursor=${next}`}`);
    records.push(...page.records);
    if (page.next_cursor === null) return { records, opened_from: page.opened_from };
  }
  return { records };
}

function Copy() {
  const [from, setFrom] = useState(null);
  const act = async () => {
    const { records, opened_from: opened } = await all();
    setFrom(opened);
    keep(new File([JSON.stringify({ records }, null, 2)], "gelombang-data.json", { type: "application/json" }));
  };
  return html`<p>${t("Semua yang kami simpan tentang Anda, dengan sumber, tujuan, dasar hukum dan batas waktunya. Siapa pun yang memegang berkas ini dapat membacanya.",
    "All that we keep about you, with its source, purpose, legal ground and term. Whoever holds the file can read it.")}</p>
    <${Act} act=${act}>${t("Simpan berkas", "Save the file")}<//>
    ${from && html`<${Notice} live>${t("Perangkat ini baru masuk: nama dan nomor baru dibuka mulai", "This device signed in lately: names and numbers are opened from")} ${when(from)}.<//>`}`;
}

function Delete({ change, again }) {
  if (change) {
    return html`<${Notice} kind="bad" live>${t("Akun dan data Anda dihapus", "Your account and data go")} ${when(change.takes_effect_at)}.<//>
      ${change.stays[0] && html`<h3>${t("Yang tetap kami simpan", "What we keep")}</h3><ul>${change.stays.map((one) => html`<li>${both(one.what)}. ${both(one.until)} (${one.law}).</li>`)}</ul>`}
      <${Act} act=${() => proved("DELETE", `/me/changes/${change.change_id}`).then(again)}>${t("Jangan hapus", "Do not delete")}<//>`;
  }
  return html`<p>${t("Dihapus 72 jam setelah Anda minta. Sampai saat itu Anda dapat membatalkannya.", "It goes 72 hours after you ask. Until then you can cancel it.")}</p>
    <${Sure} label=${t("Hapus akun dan data saya", "Delete my account and data")} sure=${t("Ya, hapus", "Yes, delete")} act=${() => proved("DELETE", "/me").then(again)}>
      <p>${t("Kami beri tahu semua kontak Anda. Yang sudah dihapus tidak dapat dikembalikan. Siapa yang pernah terpilih tidak dapat menerima manfaat lagi.",
        "We tell all your contacts. What is deleted cannot come back. Who was chosen once cannot receive the benefit again.")}</p><//>`;
}

function Data() {
  const found = useRead({ list: "/me/changes" }, OWN);
  return html`<${Screen} title=${t("Simpan atau hapus data saya", "Keep or delete my data")} back="akun">
    <h2>${t("Simpan", "Keep")}</h2><${Copy} /><h2>${t("Hapus", "Delete")}</h2>
    <${Await} found=${found}>${({ list: { changes } }, { again }) => {
      const change = changes.find((one) => one.change === "account_deleted");
      return html`<${Delete} change=${change} again=${again} key=${change && change.change_id} />`;
    }}<//><//>`;
}

export const screens = { "akun/pembaca": Readers, "akun/izin": Consents, "akun/data": Data };
