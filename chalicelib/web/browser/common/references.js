// The closed lists of the API, with words in both languages. Each is asked for once; the device keeps a copy.

import { kept, redraw, t } from "./core.js";
import { call } from "./net.js";

const found = {}, asked = {};

async function load(name) {
  const tell = (rows) => {
    found[name] = rows;
    redraw();
  };
  const before = await kept.get(`list:${name}`);
  if (before) tell(before);
  const { references } = await call("GET", `/references/${name}`, undefined, { plain: true });
  await kept.put(`list:${name}`, references);
  tell(references);
}

/** The rows of a list, or null until they have come; then the page is drawn again. */
export function list(name) {
  asked[name] = asked[name] || load(name).catch(() => {
    delete asked[name];
    addEventListener("online", redraw, { once: true });
  });
  return found[name] || null;
}

/** What a code of a list is called. */
export function named(name, code) {
  const row = (list(name) || []).find((one) => one.code === code);
  return row ? t(row.id, row.en) : code;
}

/** The rows as choices, in the order of the list. */
export const options = (rows) => rows.map(({ code, id, en }) => [code, t(id, en)]);
const sorted = (choices) => choices.sort((one, other) => (one[1] < other[1] ? -1 : 1));
export const provinces = () => sorted(options((list("regions") || []).filter(({ within }) => !within)));
export const regencies = (province) => sorted(options((list("regions") || []).filter(({ within }) => province && within === province)));
