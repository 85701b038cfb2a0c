// Provinces and regencies by their Kemendagri codes; fetched when they are first asked for, and kept by the browser.

import { redraw } from "./core.js";

let found = null, asked = null;

/** {names: code to name}, or null until they have come. */
export function places() {
  asked = asked || import("./regions.js").then(({ default: rows }) => {
    found = { names: Object.fromEntries(rows) };
    redraw();
  }, () => {
    asked = null;
  });
  return found;
}

const sorted = (rows) => rows.sort((one, other) => (one[1] < other[1] ? -1 : 1));
export const provinces = ({ names }) => sorted(Object.entries(names).filter(([code]) => code.length === 2));
export const regencies = ({ names }, province) =>
  sorted(Object.entries(names).filter(([code]) => code.length === 4 && province && code.startsWith(province)));
