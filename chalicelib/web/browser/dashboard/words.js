// Figures in words. A value is a number, null (withheld) or undefined (of nobody, so there is none yet).

import { MONTHS, number, t } from "../common/core.js";

export const WITHHELD = ["disembunyikan demi kelompok kecil", "hidden to protect small groups"];
/** The same where there is little room; the reason stands beside it. */
export const HIDDEN = ["disembunyikan", "hidden"];

export const fixed = (value, digits) => {
  const [whole, part] = Math.abs(value).toFixed(digits).split(".");
  const sign = value < 0 && Number(value.toFixed(digits)) !== 0 ? "\u2212" : "";
  return sign + number(whole) + (part ? t(",", ".") + part : "");
};
export const percent = (share, digits = 1) => `${fixed(100 * share, digits)}%`;
export const one = (value) => fixed(value, 1);

const SIZES = [[1e12, "triliun", "trillion"], [1e9, "miliar", "billion"], [1e6, "juta", "million"], [1e3, "ribu", "thousand"]];
/** "1,2 juta", for an axis and for sums that nobody reads to the last rupiah. */
export function short(value) {
  const size = SIZES.find(([least]) => value >= least && (least > 1e3 || value >= 1e4));
  return size ? `${fixed(value / size[0], value / size[0] < 10 && value % size[0] ? 1 : 0)} ${t(size[1], size[2])}` : number(value);
}
export const money = (value) => `Rp${short(value)}`;

/** A value as a reader sees it: by `words` if there is one. */
export const said = (value, words = number, withheld = WITHHELD) =>
  value === null ? t(...withheld) : value === undefined ? t("belum ada", "none yet") : words(value);

/** A title: what `words` make of a value, or the name of the figure and that it is withheld or not there yet. */
export const told = (value, words, name) => (typeof value === "number" ? words(value) : `${name}: ${said(value)}`);

/** "2025-01" as "Jan 2025". */
export const month = (text) => {
  const name = t(...MONTHS[Number(text.slice(5)) - 1]);
  return `${name.slice(0, 3)} ${text.slice(0, 4)}`;
};

// What the API says of a group, as such values: null where the group is too small, undefined where it is nobody.

const of = (people, value) => (people === null ? null : people === 0 ? undefined : value);
export const share = (one) => {
  const is = (value) => of(one.denominator, value);
  return { value: is(one.share), low: is(one.lower), high: is(one.upper), of: one.denominator };
};
export const score = (one) => {
  const is = (value) => of(one.answers, value);
  return { value: is(one.score), low: is(one.lower), high: is(one.upper), of: one.answers };
};
export const days = (one) => of(one.people, one.mean_days);
export const mean = (one) => of(one.answers, one.mean);

const between = (found, words) => `${words(found.low)} ${t("sampai", "to")} ${words(found.high)}`;
/** "34,3% (95%: 32,1% sampai 36,6%)". */
export const estimate = (found, words = percent) =>
  typeof found.value === "number" ? `${words(found.value)} (95%: ${between(found, words)})` : said(found.value);

/** What a screen reader says of series along an axis. */
export function spoken(labels, series, words) {
  return series.map(({ name, values }) => {
    const known = values.map((value, at) => [value, labels[at]]).filter(([value]) => typeof value === "number");
    const hidden = values.filter((value) => value === null).length;
    if (!known.length) return `${name}: ${said(hidden ? null : undefined)}.`;
    const low = known.reduce((a, b) => (b[0] < a[0] ? b : a)), high = known.reduce((a, b) => (b[0] > a[0] ? b : a));
    const last = known[known.length - 1], tell = ([value, label]) => `${words(value)} (${label})`;
    return `${name}: ${t("terendah", "lowest")} ${tell(low)}, ${t("tertinggi", "highest")} ${tell(high)}, `
      + `${t("terakhir", "latest")} ${tell(last)}.${hidden ? ` ${hidden} ${t(...WITHHELD)}.` : ""}`;
  }).join(" ");
}
