// The plots, drawn at the width that there is: what is withheld is hatched, and no line goes through it.

import { html } from "../common/parts.js";
import { number, t } from "../common/core.js";
import { HIDDEN, said, short, WITHHELD } from "./words.js";

const known = (value) => typeof value === "number";

/** Round steps from 0, or from below it, to what holds the largest. */
export function ticks(low, high, most = 5) {
  if (high === low) return [low, low + 1];
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough * 0.999);
  const first = Math.floor(low / step), last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

const Hatch = ({ id }) => html`<defs><pattern id=${id} width="6" height="6" patternUnits="userSpaceOnUse"
  patternTransform="rotate(45)"><rect class="ground" width="6" height="6" /><line class="hatch" x1="0" y1="0" x2="0" y2="6" /></pattern></defs>`;

/** An SVG as tall as it needs to be; what it shows is its label. */
const Drawing = ({ id, width, height, label, children }) => html`<svg role="img" aria-label=${label} width=${width}
  height=${height} viewBox=${`0 0 ${width} ${height}`}><${Hatch} id=${`${id}-hatch`} />${children}</svg>`;

const MARKS = {
  0: (x, y) => html`<circle cx=${x} cy=${y} r="3.5" />`,
  1: (x, y) => html`<rect x=${x - 3} y=${y - 3} width="6" height="6" />`,
  2: (x, y) => html`<path d=${`M${x} ${y - 4.5}L${x + 4.5} ${y + 3.5}H${x - 4.5}Z`} />`,
};
const LINE = 20;

/** A key, a line for each: [class, words]; `hatch` names the pattern of what is withheld, if any is. */
const Key = ({ of, hatch, y = 0 }) => html`${of.map(([kind, words], at) => html`<g class=${kind} transform=${`translate(0 ${y + at * LINE})`}>
  ${/^s\d/.test(kind) ? html`<line class="run" x1="0" x2="22" y1="8" y2="8" />${MARKS[kind[1]](11, 8)}` : html`<rect class="area" y="2" width="22" height="12" />`}
  <text x="30" y="13">${words}</text></g>`)}
  ${hatch && html`<g transform=${`translate(0 ${y + of.length * LINE})`}><rect y="2" width="22" height="12" fill=${`url(#${hatch})`} />
    <text x="30" y="13">${t(...WITHHELD)}</text></g>`}`;

/**
 * Series along an axis: `labels` and, for each series, as many `values` (and `low`, `high` of an interval).
 * `kind`: "line", "dots" (apart, with intervals) or "columns" (one series). `low`, `high`: the ends of the scale at least.
 * `unit`: what the labels are. What is withheld of one series is hatched for it alone: in its place beside the others, or,
 * of lines, in a lane of its own below the axis.
 */
export function Along({ id, width, label, labels, series, kind, low = 0, high = 0, words = short, unit = t("gelombang", "wave") }) {
  const all = series.flatMap((one) => [...one.values, ...(one.low || []), ...(one.high || [])]).filter(known);
  const steps = ticks(Math.min(low, ...all), Math.max(high, ...all));
  const hidden = series.filter((one) => one.values.includes(null)), lanes = kind === "line" && series.length > 1 ? hidden : [];
  const keys = (series.length > 1 || kind !== "columns" ? series : []).map((one, at) => [`s${at}`, one.name]);
  const top = 14 + LINE * (keys.length + (hidden.length ? 1 : 0)), tall = 180, bottom = top + tall, foot = bottom + (lanes.length && 6 + 14 * lanes.length);
  const left = 12 + 7.6 * Math.max(...steps.map((step) => words(step).length)), band = (width - left - 8) / labels.length;
  const x = (at) => left + band * (at + 0.5);
  const y = (value) => bottom - (tall * (value - steps[0])) / (steps[steps.length - 1] - steps[0]);
  const every = Math.ceil(Math.max(...labels.map((one) => 7.6 * one.length + 12)) / band);
  return html`<${Drawing} id=${id} width=${width} height=${foot + (unit ? 42 : 26)} label=${label}>
    <${Key} of=${keys} hatch=${hidden.length > 0 && `${id}-hatch`} />
    ${steps.map((step) => html`<line class=${step === 0 ? "axis" : "grid"} x1=${left} x2=${width - 8} y1=${y(step)} y2=${y(step)} />
      <text class="soft" text-anchor="end" x=${left - 6} y=${y(step) + 4.5}>${words(step)}</text>`)}
    ${labels.map((text, at) => (labels.length - 1 - at) % every === 0 && x(at) - 4 * text.length >= left - 24
      && html`<text class="soft" text-anchor=${at === labels.length - 1 ? "end" : "middle"}
        x=${at === labels.length - 1 ? Math.min(width, x(at) + 4 * text.length) : x(at)} y=${foot + 20}>${text}</text>`)}
    ${unit && html`<text class="soft" text-anchor="middle" x=${(left + width) / 2} y=${foot + 37}>${unit}</text>`}
    ${series.map((one, which) => html`<g class=${`s${which}`}><${Withheld} values=${one.values} fill=${`url(#${id}-hatch)`} which=${which} x=${x} band=${band} left=${left - 10}
      place=${lanes.includes(one) ? { y: bottom + 9 + 14 * lanes.indexOf(one), height: 9 } : { y: top, height: tall, of: series.length }} />${kind === "columns"
      ? one.values.map((value, at) => known(value) && html`<rect class="area" x=${x(at) - band * 0.4} y=${y(value)} width=${band * 0.8} height=${y(0) - y(value)} />`)
      : html`<${Run} one=${one} which=${which} x=${x} y=${y} apart=${kind === "dots" ? ((which + 0.5) / series.length - 0.5) * band : 0}
        joined=${kind === "line"} marked=${kind === "dots" || band > 9} />`}</g>`)}
  <//>`;
}

/** What is withheld of a series: its part of each band, one of `place.of` beside each other, or a lane with its mark. */
const Withheld = ({ values, which, x, band, left, fill, place: { y, height, of } }) => html`${!of && MARKS[which](left, y + height / 2)}
  ${values.map((value, at) => value === null && html`<rect data-withheld x=${x(at) - band / 2 + (of ? (which * band) / of : 0)} y=${y}
    width=${band / (of || 1)} height=${height} fill=${fill} />`)}`;

/** A line of values with its intervals; it stops at what is withheld or not there. */
function Run({ one, which, x, y, apart, joined, marked }) {
  const at = (place) => x(place) + apart;
  const alone = (place) => !known(one.values[place - 1]) && !known(one.values[place + 1]);
  const path = one.values.map((value, place) => known(value)
    ? `${known(one.values[place - 1]) ? "L" : "M"}${at(place).toFixed(1)} ${y(value).toFixed(1)}` : "").join("");
  return html`${one.low && one.values.map((value, place) => known(value)
    && html`<line class="interval" x1=${at(place)} x2=${at(place)} y1=${y(one.low[place])} y2=${y(one.high[place])} />`)}
    ${joined && html`<path class="run" d=${path} />`}
    ${one.values.map((value, place) => known(value) && (marked || alone(place)) && MARKS[which](at(place), y(value)))}`;
}

/**
 * Rows with a name and words above a track from 0 to `high`: a bar to `value`, or a dot with its interval where there is
 * `low`. `mark` is a line across the track.
 */
export function Rows({ id, width, label, rows, high, axis = null }) {
  const tall = 50, x = (value) => 4 + ((width - 8) * value) / high, steps = axis ? ticks(0, high, 4) : [];
  const bottom = rows.length * tall;
  return html`<${Drawing} id=${id} width=${width} height=${bottom + (axis ? 24 : 4)} label=${label}>
    ${rows.map(({ name, value, low, high: upper, text, mark }, at) => html`<g class=${`s${low === undefined ? 0 : at % 2}`} transform=${`translate(0 ${at * tall})`}>
      <text x="4" y="15">${name}</text><text class="strong" text-anchor="end" x=${width - 4} y="15">${value === null ? t(...HIDDEN) : text}</text>
      <rect class=${value === null ? undefined : "track"} x="4" y="22" width=${width - 8} height="18" fill=${value === null ? `url(#${id}-hatch)` : undefined} data-withheld=${value === null ? "" : undefined} />
      ${steps.map((step) => html`<line class="grid" x1=${x(step)} x2=${x(step)} y1="22" y2="40" />`)}
      ${known(value) && (known(low) ? html`<line class="interval wide" x1=${x(low)} x2=${x(upper)} y1="31" y2="31" /><g class="large">${MARKS[at % 2](x(value), 31)}</g>`
        : html`<rect class="area" x="4" y="22" width=${Math.max(1, x(value) - 4)} height="18" />`)}
      ${known(mark) && html`<line class="mark" x1=${x(mark)} x2=${x(mark)} y1="18" y2="44" />`}</g>`)}
    ${steps.map((step) => html`<text class="soft" text-anchor=${step === 0 ? "start" : step === high ? "end" : "middle"} x=${x(step)} y=${bottom + 14}>${axis(step)}</text>`)}
  <//>`;
}

/** One bar of parts: [class, name, value, words]. */
export function Stack({ id, width, label, parts }) {
  const whole = parts.reduce((sum, [, , value]) => sum + value, 0);
  let from = 0;
  return html`<${Drawing} id=${id} width=${width} height=${34 + LINE * parts.length} label=${label}>
    ${parts.map(([kind, , value]) => {
      const left = from;
      from += (width * value) / whole;
      return html`<g class=${kind}><rect class="area" x=${left} width=${from - left} height="24" /></g>`;
    })}
    <${Key} y=${32} of=${parts.map(([kind, name, , words]) => [kind, `${name}: ${words}`])} /><//>`;
}

/** A province's two letters, and its row and column on the map. */
export const PLACES = {
  11: ["AC", 1, 1], 12: ["SU", 2, 2], 21: ["KR", 2, 4], 65: ["KU", 2, 6], 13: ["SB", 3, 2], 14: ["RI", 3, 3],
  61: ["KB", 3, 5], 64: ["KI", 3, 6], 75: ["GO", 3, 9], 71: ["SA", 3, 10], 96: ["PD", 3, 12], 92: ["PB", 3, 13],
  17: ["BE", 4, 2], 15: ["JA", 4, 3], 62: ["KT", 4, 5], 63: ["KS", 4, 6], 76: ["SR", 4, 8], 72: ["ST", 4, 9],
  82: ["MU", 4, 11], 94: ["PT", 4, 13], 91: ["PA", 4, 14], 16: ["SS", 5, 3], 19: ["BB", 5, 4], 73: ["SN", 5, 8],
  74: ["SG", 5, 9], 81: ["MA", 5, 11], 95: ["PE", 5, 14], 18: ["LA", 6, 3], 31: ["JK", 6, 5], 93: ["PS", 6, 14],
  36: ["BT", 7, 4], 32: ["JB", 7, 5], 33: ["JT", 7, 6], 35: ["JI", 7, 7], 51: ["BA", 7, 8], 52: ["NB", 7, 9],
  53: ["NT", 7, 10], 34: ["YO", 8, 6],
};

/** The lowest value of each of five steps, each with as many provinces as can be. */
export function fifths(values) {
  const sorted = values.filter(known).sort((a, b) => a - b);
  const from = [0, 1, 2, 3, 4].map((fifth) => sorted[Math.floor((fifth * sorted.length) / 5)]);
  return from.filter((value, at) => value !== undefined && value !== from[at - 1]);
}

/** Provinces as tiles in five steps: `provinces` are {code, name, value}. On a small phone colour is all they have. */
export function Tiles({ id, width, label, provinces }) {
  const size = Math.min(52, Math.floor(width / 14)), by = fifths(provinces.map((one) => one.value));
  const step = (value) => 5 - by.length + by.filter((least) => value >= least).length - 1;
  const bottom = 8 * size + 12, hidden = provinces.some((one) => one.value === null);
  const keys = by.map((least) => {
    const top = Math.max(...provinces.map((one) => one.value).filter((value) => known(value) && step(value) === step(least)));
    return [`q${step(least)}`, least === top ? number(least) : `${number(least)}\u2013${number(top)}`];
  });
  return html`<${Drawing} id=${id} width=${width} height=${bottom + LINE * (keys.length + (hidden ? 1 : 0))} label=${label}>
    ${provinces.filter((one) => PLACES[one.code]).map(({ code, name, value }) => {
      const [letters, row, column] = PLACES[code], x = (column - 1) * size, y = (row - 1) * size;
      return html`<g class=${known(value) ? `q${step(value)}` : ""}><title>${name}: ${said(value)}</title>
        <rect class=${value === null ? "tile" : "area tile"} x=${x + 1} y=${y + 1} width=${size - 2} height=${size - 2} data-province=${code} data-withheld=${value === null ? "" : undefined}
          fill=${value === null ? `url(#${id}-hatch)` : undefined} />
        ${size >= 28 && html`<text text-anchor="middle" x=${x + size / 2} y=${y + size / 2 + 4.5}>${letters}</text>`}</g>`;
    })}
    <${Key} y=${bottom} of=${keys} hatch=${hidden && `${id}-hatch`} /><//>`;
}
