// How far the programme has come: the year, the way from joining to payment, the waves.

import { html } from "../common/parts.js";
import { day, number, rupiah, t } from "../common/core.js";
import { Plot } from "./plot.js";
import { Along, Rows } from "./plots.js";
import { days, money, month, one, percent, said, short, spoken, told } from "./words.js";

export function Year({ years }) {
  const now = years[years.length - 1];
  const high = Math.max(...years.map((year) => Math.max(year.target, year.participants)));
  const rows = years.map((year) => ({
    name: String(year.year), value: year.participants, mark: year.target, text: percent(year.share_of_target),
  }));
  return html`<${Plot} name="year" title=${`${now.year}: ${percent(now.share_of_target)} ${t("dari target", "of the target")}`}
    note=${t("Peserta adalah yang terpilih dan tidak dicabut. Garis tegak adalah target tahun itu.",
      "Participants were chosen and not revoked. The upright line is the year's target.")}
    spoken=${years.map((year) => `${year.year}: ${number(year.participants)} ${t("dari", "of")} ${number(year.target)}, ${percent(year.share_of_target)}.`).join(" ")}
    columns=${[[t("Tahun", "Year"), String], [t("Peserta", "Participants")], ["Target"], [t("Bagian dari target", "Share of target"), percent]]}
    rows=${years.map((year) => [year.year, year.participants, year.target, year.share_of_target])}
    draw=${(width, label) => html`<${Rows} id="year" width=${width} label=${label} rows=${rows} high=${high} />`} />`;
}

export function Registrations({ all }) {
  const months = all.registrations, values = months.map((one) => one.registered), labels = months.map((one) => month(one.month));
  const words = [{ name: t("Pendaftar", "Registered"), values }];
  return html`<${Plot} name="registrations" title=${told(all.registered, (people) => t(`${number(people)} orang terdaftar`, `${number(people)} people are registered`), t("Pendaftar", "Registered"))}
    note=${t("Pendaftaran per bulan, dari semua yang terdaftar sekarang.", "Registrations by month, of all who are registered now.")}
    spoken=${spoken(labels, words, number)}
    columns=${[[t("Bulan", "Month"), month], [t("Pendaftar", "Registered")]]} rows=${months.map((one) => [one.month, one.registered])}
    draw=${(width, label) => html`<${Along} id="registrations" width=${width} label=${label} labels=${labels} kind="columns" unit=${null} series=${words} />`} />`;
}

const STEPS = [
  ["joined", "Keikutsertaan", "Entries"], ["chosen", "Terpilih", "Chosen"], ["revoked", "Dicabut", "Revoked"],
  ["completed", "Selesai pelatihan", "Trained"], ["graduates", "Selesai dan mengulas", "Trained and reviewed"],
  ["paid", "Sudah dibayar", "Paid"],
];

export function Way({ progress }) {
  const steps = STEPS.filter(([key]) => key !== "revoked").map(([key, ...name]) => [t(...name), progress[key]]);
  const paid = progress.paid, chosen = progress.chosen;
  const title = typeof paid === "number" && chosen
    ? t(`Dari ${number(chosen)} yang terpilih, ${number(paid)} sudah dibayar`, `Of ${number(chosen)} chosen, ${number(paid)} were paid`)
    : t("Dari ikut sampai dibayar", "From joining to payment");
  return html`<${Plot} name="way" title=${title}
    note=${t("Orang yang ikut beberapa gelombang dihitung sekali untuk tiap gelombang.", "Somebody who joined several waves is counted once for each.")}
    spoken=${steps.map(([name, value]) => `${name}: ${said(value)}.`).join(" ")}
    columns=${[[t("Langkah", "Step"), String], [t("Orang", "People")]]} rows=${steps}
    draw=${(width, label) => html`<${Rows} id="way" width=${width} label=${label} high=${Math.max(1, ...steps.map(([, value]) => value || 0))}
      rows=${steps.map(([name, value]) => ({ name, value, text: said(value) }))} />`} />`;
}

const wave = (number) => String(number);
/** The last day on which a wave was open: it is over at the instant itself. */
const lastDay = (closes) => day(new Date(Date.parse(closes) - 60000).toISOString());

export function Waves({ waves }) {
  const labels = waves.map((one) => wave(one.number)), pick = (key) => waves.map((one) => one.progress[key]);
  const series = [["chosen"], ["completed"], ["paid"]].map(([key]) => ({
    name: t(...STEPS.find(([name]) => name === key).slice(1)), values: pick(key),
  }));
  const counted = waves.filter(({ progress }) => progress.paid !== null && progress.chosen);
  const most = counted.filter(({ progress }) => progress.paid > progress.chosen / 2).length;
  return html`<${Plot} name="waves" title=${counted.length ? t(`Di ${most} dari ${counted.length} gelombang, lebih dari separuh yang terpilih sudah dibayar`,
    `In ${most} of ${counted.length} waves, more than half of those chosen were paid`) : t("Gelombang demi gelombang", "Wave by wave")}
    note=${t("Gelombang baru masih berlatih: angkanya naik sampai kira-kira setengah tahun.", "Recent waves are still training: their figures rise for about half a year.")}
    spoken=${spoken(labels, series, number)}
    columns=${[[t("Gelombang", "Wave"), wave], [t("Hari terakhir", "Last day"), lastDay], ...STEPS.map(([, ...name]) => [t(...name)]), [t("Dibayarkan", "Paid out"), rupiah]]}
    rows=${waves.map((one) => [one.number, one.closes_at, ...STEPS.map(([key]) => one.progress[key]), one.progress.paid_idr])}
    draw=${(width, label) => html`<${Along} id="waves" width=${width} label=${label} labels=${labels} kind="line" series=${series} />`} />`;
}

export function Chance({ waves }) {
  const labels = waves.map((one) => wave(one.number));
  const values = waves.map(({ progress: { joined, chosen } }) => (joined === null || chosen === null ? null : joined ? chosen / joined : undefined));
  const some = values.filter((value) => typeof value === "number"), ends = some.length ? [Math.min(...some), Math.max(...some)] : null;
  const series = [{ name: t("Terpilih dari yang ikut", "Chosen of those who joined"), values }];
  return html`<${Plot} name="chance" title=${ends ? t(`Peluang terpilih ${percent(ends[0], 0)} sampai ${percent(ends[1], 0)} per gelombang`, `The chance to be chosen was ${percent(ends[0], 0)} to ${percent(ends[1], 0)} a wave`) : t("Peluang terpilih", "The chance to be chosen")}
    note=${t("Yang sudah diundi. Peluang gelombang berikutnya tergantung berapa orang yang ikut.", "Of waves that were drawn. The next one's depends on how many join.")}
    spoken=${spoken(labels, series, percent)}
    columns=${[[t("Gelombang", "Wave"), wave], [t("Keikutsertaan", "Entries")], [t("Terpilih", "Chosen")], [t("Peluang", "Chance"), percent]]}
    rows=${waves.map((one, at) => [one.number, one.progress.joined, one.progress.chosen, values[at]])}
    draw=${(width, label) => html`<${Along} id="chance" width=${width} label=${label} labels=${labels} kind="line" series=${series} words=${(value) => percent(value, 0)} />`} />`;
}

export function Money({ all }) {
  const { waves, progress, outcomes } = all, labels = waves.map((one) => wave(one.number));
  const paid = [{ name: t("Dibayarkan", "Paid out"), values: waves.map((one) => one.progress.paid_idr) }];
  return html`<${Plot} name="money" title=${told(progress.paid_idr, (sum) => t(`${money(sum)} dibayarkan`, `${money(sum)} was paid out`), t("Dibayarkan", "Paid out"))}
    note=${t("Insentif dan survei, per gelombang. Uang yang kembali tidak dihitung.", "Incentives and surveys, by wave. Money that came back is not counted.")}
    spoken=${`${said(progress.paid_idr, rupiah)}. ${spoken(labels, paid, money)}`}
    columns=${[[t("Gelombang", "Wave"), wave], [t("Orang", "People")], [t("Rupiah", "Rupiah"), rupiah]]}
    rows=${waves.map((one) => [one.number, one.progress.paid, one.progress.paid_idr])}
    draw=${(width, label) => html`<${Along} id="money" width=${width} label=${label} labels=${labels} kind="columns" series=${paid} words=${money} />`} />`;
}

export function Days({ all }) {
  const { waves, outcomes } = all, labels = waves.map((one) => wave(one.number)), mean = days(outcomes.days_to_payment);
  const series = [{ name: t("Hari, rata-rata", "Days, on average"), values: waves.map((one) => days(one.days_to_payment)) }];
  return html`<${Plot} name="days" title=${told(mean, (value) => t(`${one(value)} hari sampai insentif dibayar`, `${one(value)} days until the incentive was paid`), t("Hari sampai dibayar", "Days until payment"))}
    note=${t("Dari selesai pelatihan sampai uang terkirim; waktu menulis ulasan ikut dihitung.", "From the end of the training to the confirmed payment; the time until the review is in it.")}
    spoken=${spoken(labels, series, one)}
    columns=${[[t("Gelombang", "Wave"), wave], [t("Orang", "People")], [t("Hari, rata-rata", "Days, on average"), one]]}
    rows=${waves.map((line) => [line.number, line.days_to_payment.people, days(line.days_to_payment)])}
    draw=${(width, label) => html`<${Along} id="days" width=${width} label=${label} labels=${labels} kind="line" series=${series} words=${short} />`} />`;
}
