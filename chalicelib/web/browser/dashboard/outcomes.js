// What became of people, as they say: work, the incentive's use, recommendation, satisfaction.

import { html } from "../common/parts.js";
import { number, t } from "../common/core.js";
import { Plot } from "./plot.js";
import { Along, Rows, Stack } from "./plots.js";
import { estimate, fixed, mean, month, one, percent, said, score, share, spoken, told } from "./words.js";

const POINTS = (value) => fixed(100 * value, 1);
const whole = (found) => said(found.value, (value) => percent(value, 0));
const dots = (name, found) => ({ name, ...found, text: said(found.value, percent) });
/** A share in a table: of how many, the share, the ends of its interval. */
const cells = (found) => [found.of, found.value, found.low, found.high];
const HEADS = () => [[t("Orang", "People")], [t("Bagian", "Share"), percent], [t("Paling sedikit (95%)", "At least (95%)"), percent], [t("Paling banyak (95%)", "At most (95%)"), percent]];

export function Work({ outcomes }) {
  const chosen = share(outcomes.working), others = share(outcomes.comparison_working), gap = outcomes.working_difference;
  const rows = [[t("Terpilih, dilatih dan dibayar", "Chosen, trained and paid"), chosen], [t("Ikut tetapi tidak terpilih", "Joined and not chosen"), others]];
  const apart = gap.difference === null ? ""
    : t(` Bedanya ${POINTS(gap.difference)} poin (95%: ${POINTS(gap.lower)} sampai ${POINTS(gap.upper)}).`, ` They differ by ${POINTS(gap.difference)} points (95%: ${POINTS(gap.lower)} to ${POINTS(gap.upper)}).`);
  const response = [["Survei 1", "Survey 1", outcomes.survey_1_response], ["Survei 2", "Survey 2", outcomes.survey_2_response],
    ["Yang tidak terpilih", "Those not chosen", outcomes.comparison_response]].map(([id, en, found]) => [t(id, en), share(found)]);
  return html`<${Plot} name="work" title=${told(chosen.value, () => t(`${whole(chosen)} yang dulu menganggur kini bekerja; yang tidak terpilih ${whole(others)}`,
      `${whole(chosen)} of the formerly unemployed now work; of those not chosen ${whole(others)}`), t("Yang dulu menganggur dan kini bekerja", "Formerly unemployed who now work"))}
    note=${`${t("Menurut jawaban survei. Garis adalah rentang 95%.", "As they say in the survey. The line is the 95% interval.")}${apart}`}
    spoken=${rows.map(([name, found]) => `${name}: ${estimate(found)}.`).join(" ") + apart}
    columns=${[[t("Kelompok", "Group"), String], ...HEADS()]} rows=${[...rows, ...response.map(([name, found]) => [t(`Menjawab: ${name}`, `Answered: ${name}`), found])].map(([name, found]) => [name, ...cells(found)])}
    draw=${(width, label) => html`<${Rows} id="work" width=${width} label=${label} high=${1} axis=${(value) => percent(value, 0)} rows=${rows.map(([name, found]) => dots(name, found))} />`}>
    <p class="soft">${t(`Bedanya lebih dari pengaruh program saja: yang disurvei menyelesaikan pelatihan, sedangkan pembanding adalah semua yang tidak terundi. Tidak semua menjawab: ${response.map(([name, found]) => `${name} ${whole(found)}`).join(", ")}.`,
      `The difference holds more than the programme's effect: those surveyed completed a training, and the others are all who were not drawn. Not everybody answers: ${response.map(([name, found]) => `${name} ${whole(found)}`).join(", ")}.`)}</p><//>`;
}

/** A series by wave of what `read` finds in one, with its interval. */
const along = (name, waves, read) => {
  const found = waves.map(read);
  return { name, values: found.map((each) => each.value), low: found.map((each) => each.low), high: found.map((each) => each.high) };
};

export function WorkByWave({ waves }) {
  const labels = waves.map((each) => String(each.number));
  const series = [along(t("Terpilih", "Chosen"), waves, (each) => share(each.working)), along(t("Tidak terpilih", "Not chosen"), waves, (each) => share(each.comparison_working))];
  const both = waves.filter((each) => share(each.working).value !== undefined && share(each.comparison_working).value !== undefined && each.working.share !== null && each.comparison_working.share !== null);
  const more = both.filter((each) => each.working.share > each.comparison_working.share).length;
  return html`<${Plot} name="work-by-wave" title=${both.length ? t(`Di ${more} dari ${both.length} gelombang, yang terpilih lebih sering bekerja`, `In ${more} of ${both.length} waves, more of those chosen work`)
      : told(waves.some((each) => each.working.denominator === null) ? null : undefined, String, t("Bekerja, per gelombang", "Work by wave"))}
    note=${t("Dari yang dulu menganggur. Rentangnya lebar karena satu gelombang sedikit orangnya.", "Of the formerly unemployed. The intervals are wide, as a wave has few people.")}
    spoken=${spoken(labels, series, percent)}
    columns=${[[t("Gelombang", "Wave"), String], ...["Terpilih", "Tidak terpilih"].flatMap((id, at) => HEADS().map(([name, words]) => [`${t(id, ["Chosen", "Not chosen"][at])}: ${name}`, words]))]}
    rows=${waves.map((each) => [each.number, ...cells(share(each.working)), ...cells(share(each.comparison_working))])}
    draw=${(width, label) => html`<${Along} id="work-by-wave" width=${width} label=${label} labels=${labels} kind="dots" series=${series} words=${(value) => percent(value, 0)} />`} />`;
}

export function Capital({ outcomes, waves }) {
  const found = share(outcomes.business_capital), name = t("Untuk modal usaha", "As business capital");
  return html`<${Plot} name="capital" title=${told(found.value, () => t(`${whole(found)} memakai insentif untuk modal usaha`, `${whole(found)} used the incentive as business capital`), name)}
    note=${t("Dari yang menjawab survei 1. Garis adalah rentang 95%.", "Of those who answered survey 1. The line is the 95% interval.")} spoken=${`${estimate(found)}.`}
    columns=${[[t("Gelombang", "Wave"), String], ...HEADS()]} rows=${[[t("Semua", "All"), ...cells(found)], ...waves.map((each) => [each.number, ...cells(share(each.business_capital))])]}
    draw=${(width, label) => html`<${Rows} id="capital" width=${width} label=${label} high=${1} axis=${(value) => percent(value, 0)} rows=${[dots(name, found)]} />`} />`;
}

const POLES = [["promoters", "Menyarankan (9-10)", "Promoters (9-10)", "p0"], ["passives", "Netral (7-8)", "Passives (7-8)", "p1"], ["detractors", "Tidak menyarankan (0-6)", "Detractors (0-6)", "p2"]];

export function Promoters({ outcomes, waves }) {
  const nps = outcomes.net_promoter, found = score(nps), labels = waves.map((each) => String(each.number));
  const series = [along("NPS", waves, (each) => score(each.net_promoter))];
  const part = (each, key) => (each.answers === null ? null : each.answers ? each[key] : undefined);
  const heads = [[t("Jawaban", "Answers")], ...POLES.map(([, ...name]) => [t(name[0], name[1])]), ["NPS", one], [t("Paling rendah (95%)", "At least (95%)"), one], [t("Paling tinggi (95%)", "At most (95%)"), one]];
  const line = (each) => [each.answers, ...POLES.map(([key]) => part(each, key)), score(each).value, score(each).low, score(each).high];
  const parts = POLES.map(([key, id, en, kind]) => [kind, t(id, en), nps[key], nps.answers ? `${number(nps[key])} (${percent(nps[key] / nps.answers, 0)})` : ""]);
  const columns = [[t("Gelombang", "Wave"), String], ...heads], rows = [[t("Semua", "All"), ...line(nps)], ...waves.map((each) => [each.number, ...line(each.net_promoter)])];
  const title = `NPS ${said(found.value, (value) => fixed(value, 0))}`, about = parts.map(([, name, , words]) => `${name}: ${words}.`).join(" ");
  return html`${typeof found.value === "number" && html`<${Plot} name="nps" title=${title} spoken=${about}
    note=${t("Persen yang menyarankan dikurangi persen yang tidak, dari -100 sampai 100: ", "Percent who recommend less percent who do not, from -100 to 100: ") + estimate(found, one)}
    columns=${columns} rows=${rows.slice(0, 1)} draw=${(width, label) => html`<${Stack} id="nps" width=${width} label=${label} parts=${parts} />`} />`}
    <${Plot} name="nps-by-wave" title=${fromTo(labels, series[0].values)} spoken=${spoken(labels, series, one)}
    note=${t("Garis tegak adalah rentang 95%.", "Upright lines are 95% intervals.")} columns=${columns} rows=${rows}
    draw=${(width, label) => html`<${Along} id="nps-by-wave" width=${width} label=${label} labels=${labels} kind="line" series=${series} words=${(value) => fixed(value, 0)} />`} />`;
}

/** From the first to the last score there is. */
function fromTo(labels, values) {
  const some = values.map((value, at) => [value, labels[at]]).filter(([value]) => typeof value === "number");
  if (!some.length) return told(values.includes(null) ? null : undefined, String, t("NPS per gelombang", "NPS by wave"));
  const [[first, from], [last, to]] = [some[0], some[some.length - 1]];
  return t(`NPS ${fixed(first, 0)} di gelombang ${from}, ${fixed(last, 0)} di gelombang ${to}`, `NPS ${fixed(first, 0)} in wave ${from}, ${fixed(last, 0)} in wave ${to}`);
}

export function Satisfaction({ months }) {
  const labels = months.map((each) => month(each.month)), values = months.map(mean);
  const series = [{ name: t("Kepuasan, rata-rata", "Satisfaction, on average"), values }];
  const last = [...values].reverse().find((value) => typeof value === "number");
  return html`<${Plot} name="satisfaction" title=${told(last, () => t(`Kepuasan ${one(last)} dari 5`, `Satisfaction ${one(last)} out of 5`), t("Kepuasan", "Satisfaction"))}
    note=${t("Menurut bulan jawaban; judul menyebut bulan terakhir. Skala 1 sampai 5.", "By month of the answer; the title has the latest. From 1 to 5.")}
    spoken=${spoken(labels, series, one)}
    columns=${[[t("Bulan", "Month"), month], [t("Jawaban", "Answers")], [t("Rata-rata", "Mean"), (value) => fixed(value, 2)], [t("Puas (4-5)", "Satisfied (4-5)"), percent]]}
    rows=${months.map((each, at) => [each.month, each.answers, values[at], share(each.satisfied).value])}
    draw=${(width, label) => html`<${Along} id="satisfaction" width=${width} label=${label} labels=${labels} kind="line" unit=${null} series=${series} high=${5} words=${(value) => fixed(value, 0)} />`} />`;
}
