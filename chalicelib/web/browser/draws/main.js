// Every wave: how far it is, what it is committed to, what came of it, and where to check that.

import { base, language, last, number, t, when } from "../common/core.js";
import { Frame, show } from "../common/frame.js";
import { Answers, Await, html, Notice, Screen, useRead, useState } from "../common/parts.js";

const STATES = {
  SCHEDULED: ["Belum dibuka", "Not open yet"],
  OPEN: ["Dibuka", "Open"],
  CLOSED: ["Ditutup; daftar peserta sedang dikunci", "Closed; the list of entries is being locked"],
  FROZEN: ["Daftar dikunci; menunggu angka acak", "List locked; its random number is to come"],
  DRAWN: ["Sudah diundi; kursi sedang dibagikan", "Drawn; the seats are being given"],
  SETTLED: ["Selesai", "Finished"],
};
const SHOWN = 10;

const people = (count) => (count === null ? null : number(count));

function Wave({ wave }) {
  const { number: n, state, witnesses } = wave, locked = wave.note_sha256 !== null, over = state === "SETTLED";
  const shown = (name, value) => value !== null && [name, value];
  const times = [[t("Dibuka", "Opens"), when(wave.opens_at)], [t("Sampai", "Until"), last(wave.closes_at)]];
  const proof = locked && [
    [t("Daftar dikunci", "List locked"), when(wave.locked_at)],
    [t("Kode komitmen", "Commitment"), html`<code>${wave.note_sha256}</code>`],
    [t("Saksi", "Witnesses"), witnesses.length ? witnesses.join(", ") : t("Tidak ada", "None")],
  ];
  return html`<li class="card" data-wave=${n} data-state=${state}>
    <h3>${t("Gelombang", "Wave")} ${n}: ${t(...STATES[state])}</h3>
    ${wave.waiting_for && html`<${Notice}>${t("Angka acak publik terlambat. Undian berjalan sendiri setelah angka itu ada.",
      "The public random number is late. The draw goes on by itself once it exists.")}<//>`}
    <${Answers} rows=${[
      ...(over ? [] : times),
      shown(t("Kursi", "Seats"), people(wave.quota)),
      shown(t("Peserta", "Entries"), people(wave.entries)),
      shown(t("Terpilih", "Chosen"), people(wave.chosen)),
      over ? [t("Hasil", "Result"), when(wave.settled_at)]
        : [t("Undian tidak sebelum", "Draw not before"), when(wave.draw_due_at)],
      ...(over || !proof ? [] : proof),
    ]} />
    ${over && html`<details><summary>${t("Jadwal, komitmen dan saksi", "Times, commitment and witnesses")}<span class="unseen"> ${t("gelombang", "wave")} ${n}</span></summary>
      <${Answers} rows=${[...times, ...proof]} /></details>`}
    ${locked && html`<p><a class="button quiet" href=${`${base}waves/${n}/verify`}>${t("Periksa", "Check")}
      <span class="unseen"> ${t("gelombang", "wave")} ${n}</span></a> ${" "}
      <a href=${`${wave.results_url.replace(/\/$/, "")}/note.txt`}>${t("Komitmen", "Commitment")}
      <span class="unseen"> ${t("gelombang", "wave")} ${n}</span></a></p>`}</li>`;
}

function Group({ title, waves }) {
  const [all, setAll] = useState(false);
  if (!waves.length) return null;
  return html`<h2>${title}</h2><ul class="cards">${(all ? waves : waves.slice(0, SHOWN)).map((wave) => html`<${Wave} wave=${wave} key=${wave.number} />`)}</ul>
    ${!all && waves.length > SHOWN && html`<p><button type="button" class="quiet" onClick=${() => setAll(true)}>
      ${t(`Tampilkan semua (${waves.length})`, `Show all (${waves.length})`)}</button></p>`}`;
}

function Draws() {
  const found = useRead({ list: "/waves" }, { plain: true });
  return html`<${Frame} home=${base}><${Screen} title=${t("Undian setiap gelombang", "The draw of each wave")} back=${null}>
    <p>${t("Sebelum angka acak ada, daftar peserta dikunci dengan kode komitmen. Jadi tidak seorang pun bisa memilih pemenang. Siapa saja dapat menghitung ulang hasilnya.",
      "The list of entries is locked by a commitment before the random number exists. So nobody can choose the winners. Anyone can compute the result again.")}
      ${" "}<a href=${`${base}docs#/`} hreflang=${language()}>${t("Untuk pengembang", "For developers")}</a></p>
    <${Await} found=${found}>${({ list: { waves, none_coming: none } }) => {
      const of = (...states) => waves.filter(({ state }) => states.includes(state));
      return html`
        ${none && html`<${Notice}><h2>${t("Belum ada gelombang berikutnya", "No wave is coming")}</h2>
          <p>${t("Tidak ada gelombang dalam setengah tahun ke depan.", "There is none in the next half a year.")}</p><//>`}
        <${Group} title=${t("Sekarang", "Now")} waves=${of("OPEN", "CLOSED", "FROZEN", "DRAWN")} />
        <${Group} title=${t("Akan datang", "To come")} waves=${of("SCHEDULED")} />
        <${Group} title=${t("Selesai", "Finished")} waves=${of("SETTLED").reverse()} />`;
    }}<//><//><//>`;
}

show(Draws);
