// The public's page: what came of the programme, from the published statistics only.

import { base, number, t, when } from "../common/core.js";
import { Frame, show } from "../common/frame.js";
import { Answers, Await, html, Notice, Screen, useRead, useState } from "../common/parts.js";
import { Capital, Promoters, Satisfaction, Work, WorkByWave } from "./outcomes.js";
import { Plot } from "./plot.js";
import { Tiles } from "./plots.js";
import { Chance, Days, Money, Registrations, Waves, Way, Year } from "./programme.js";
import { said } from "./words.js";

const GROUPS = [
  ["chosen", "Terpilih", "Chosen", (one) => one.progress.chosen],
  ["registered", "Terdaftar", "Registered", (one) => one.registered],
  ["graduates", "Lulusan", "Graduates", (one) => one.progress.graduates],
];

function Provinces({ provinces }) {
  const [shown, setShown] = useState("chosen");
  const [, id, en, read] = GROUPS.find(([key]) => key === shown);
  const values = provinces.map((one) => ({ code: one.code, name: one.name, value: read(one) }));
  const ranked = [...values].sort((a, b) => (b.value ?? -1) - (a.value ?? -1)), first = ranked[0], hidden = values.filter((one) => one.value === null);
  const title = first && first.value ? t(`Terbanyak di ${first.name}: ${number(first.value)} ${id.toLowerCase()}`, `Most are of ${first.name}: ${number(first.value)} ${en.toLowerCase()}`) : t("Provinsi: belum ada", "Provinces: none yet");
  const spoken = `${ranked.slice(0, 3).map((one) => `${one.name}: ${said(one.value)}.`).join(" ")} ${hidden.length ? `${hidden.length} ${t("provinsi disembunyikan.", "provinces are hidden.")}` : ""}`;
  return html`<${Plot} name="provinces" title=${title} spoken=${spoken}
    note=${t("Satu kotak satu provinsi, kira-kira di tempatnya. Warna tua: lebih banyak.", "A tile is a province, about where it lies. Darker is more.")}
    columns=${[[t("Provinsi", "Province"), String], ...GROUPS.map(([, one, other]) => [t(one, other)])]}
    rows=${ranked.map(({ code, name }) => [name, ...GROUPS.map(([, , , look]) => look(provinces.find((one) => one.code === code)))])}
    draw=${(width, label) => html`<${Tiles} id="provinces" width=${width} label=${label} provinces=${values} />`}>
    <div class="choose" role="group" aria-label=${t("Yang ditampilkan", "What is shown")}>${GROUPS.map(([key, one, other]) => html`<button type="button" class="quiet"
      aria-pressed=${String(key === shown)} onClick=${() => setShown(key)}>${t(one, other)}</button>`)}</div><//>`;
}

/** How many figures of each kind are withheld. */
function withheld(all) {
  const none = (values) => values.filter((value) => value === null).length;
  return [
    [t("Provinsi: pendaftar", "Provinces: registered"), none(all.provinces.map((one) => one.registered)), all.provinces.length],
    [t("Provinsi: terpilih", "Provinces: chosen"), none(all.provinces.map((one) => one.progress.chosen)), all.provinces.length],
    [t("Provinsi: lulusan", "Provinces: graduates"), none(all.provinces.map((one) => one.progress.graduates)), all.provinces.length],
    [t("Gelombang: dibayar", "Waves: paid"), none(all.waves.map((one) => one.progress.paid)), all.waves.length],
    [t("Gelombang: hasil survei", "Waves: survey results"), none(all.waves.map((one) => one.working.denominator)), all.waves.length],
    [t("Bulan: kepuasan", "Months: satisfaction"), none(all.outcomes.satisfaction.map((one) => one.answers)), all.outcomes.satisfaction.length],
    [t("Bulan: pendaftar", "Months: registered"), none(all.registrations.map((one) => one.registered)), all.registrations.length],
  ];
}

const Big = ({ value, words }) => html`<div><dt>${words}</dt><dd>${said(value)}</dd></div>`;

function Found({ all }) {
  const { progress, outcomes, waves } = all, start = all.totals.since_the_start, people = start.recipients;
  const market = all.job_market, cases = all.grievances;
  const headline = typeof people === "number" ? t(`${number(people)} orang memakai manfaat program`, `${number(people)} people used the programme's benefit`) : `${t("Penerima manfaat", "People who used the benefit")}: ${said(people)}`;
  return html`
    <p class="lead">${headline}</p>
    <dl class="big"><${Big} value=${all.registered} words=${t("terdaftar", "registered")} />
      <${Big} value=${start.recipients} words=${t("membeli pelatihan", "bought a training")} />
      <${Big} value=${start.graduates} words=${t("selesai dan mengulas", "completed and reviewed")} />
      <${Big} value=${progress.paid} words=${t("sudah dibayar", "were paid")} /></dl>
    <p class="soft">${t("Dihitung", "Counted")} ${when(all.counted_from)}. ${t("Angka diperbarui setiap jam.", "The figures are renewed every hour.")}
      ${" "}<a href=${`${base}statistics`}>JSON</a>, <a href=${`${base}statistics.csv`} download>${t("CSV semua gelombang dan provinsi", "CSV of all waves and provinces")}</a></p>
    <h2>${t("Sejauh mana program berjalan", "How far the programme has come")}</h2>
    <div class="plots"><${Year} years=${all.years} />${all.registrations.length > 0 && html`<${Registrations} all=${all} />`}<${Way} progress=${progress} />
      ${waves.length > 0 && html`<${Waves} waves=${waves} /><${Chance} waves=${waves} />`}</div>
    <h2>${t("Apa hasilnya", "What came of it")}</h2>
    <div class="plots"><${Work} outcomes=${outcomes} />${waves.length > 0 && html`<${WorkByWave} waves=${waves} />`}<${Capital} outcomes=${outcomes} waves=${waves} />
      ${waves.length > 0 && html`<${Promoters} outcomes=${outcomes} waves=${waves} />`}${outcomes.satisfaction.length > 0 && html`<${Satisfaction} months=${outcomes.satisfaction} />`}</div>
    <h2>${t("Uang", "Money")}</h2>
    <div class="plots">${waves.length > 0 && html`<${Money} all=${all} /><${Days} all=${all} />`}</div>
    <h2>${t("Di mana", "Where")}</h2>
    <div class="plots">${all.provinces.length > 0 && html`<${Provinces} provinces=${all.provinces} />`}</div>
    <h2>${t("Lowongan dan pengaduan", "Vacancies and complaints")}</h2>
    <${Answers} rows=${[
      [t("Lowongan terbuka", "Open vacancies"), number(market.open_vacancies)], [t("Lowongan sejak awal", "Vacancies since the start"), number(market.vacancies)],
      [t("Lamaran sejak awal", "Applications since the start"), number(market.applications)], [t("Pengaduan menunggu jawaban", "Complaints that wait"), number(cases.open + cases.escalated)],
      [t("Lewat batas waktu", "Overdue"), number(cases.overdue)], [t("Pengaduan dijawab", "Complaints answered"), number(cases.answered)],
    ]} />
    <h2>${t("Apa yang disembunyikan, dan mengapa", "What is hidden, and why")}</h2>
    <p>${t(`Angka tentang kurang dari ${all.fewest_people_shown} orang tidak ditampilkan: orang bisa dikenali darinya. Bersamanya disembunyikan angka lain yang akan membukanya. Angka itu bergaris miring di gambar, tidak pernah nol.`,
      `A figure about fewer than ${all.fewest_people_shown} people is not shown: people could be recognised by it. Others that would give it away are hidden with it. It is hatched in the plots, and never zero.`)}</p>
    <${Answers} rows=${withheld(all).map(([name, some, whole]) => [name, t(`${some} dari ${whole}`, `${some} of ${whole}`)])} />`;
}

function Page() {
  const found = useRead({ all: "/statistics" }, {});
  return html`<${Frame} home=${base}><${Screen} title=${t("Apa hasil program", "What came of the programme")} back=${null}>
    <${Await} found=${found}>${({ all }) => all.computed_at === null
      ? html`<${Notice}>${t("Belum ada yang dihitung. Angka pertama terbit dalam satu jam.", "Nothing has been counted yet. The first figures come within an hour.")}<//>` : html`<${Found} all=${all} />`}<//><//><//>`;
}

show(Page);
