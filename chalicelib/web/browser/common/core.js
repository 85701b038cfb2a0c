// What every screen uses: language, clock, dates and money in words, what the device keeps, the way to a screen.

export const settings = JSON.parse(document.getElementById("settings").textContent);

// The path of the application on its server: "/" or that of a stage, such as "/api/".
export const base = settings.base;

const drawers = new Set();
export function onChange(draw) {
  drawers.add(draw);
  return () => drawers.delete(draw);
}
export const redraw = () => drawers.forEach((draw) => draw());

// Language. Kept on the device; the document's `lang` and the API's answers follow it.

let english = false;
try {
  english = localStorage.getItem("language") === "en";
} catch {
  // no storage
}
document.documentElement.lang = english ? "en" : "id";

export const language = () => (english ? "en" : "id");
export const t = (indonesian, inEnglish) => (english ? inEnglish : indonesian);

export function setLanguage(code) {
  english = code === "en";
  document.documentElement.lang = code;
  try {
    localStorage.setItem("language", code);
  } catch {
    // no storage
  }
  redraw();
}

// The clock: the device's, put right by the `Date` of the server's answers.

let ahead = 0;
export const now = () => Date.now() + ahead;
export function heardTime(header) {
  const said = Date.parse(header || "");
  if (!Number.isNaN(said)) ahead = Math.abs(said - Date.now()) < 2000 ? 0 : said - Date.now();
}

export const device = () => (/iPad|Tablet/i.test(navigator.userAgent) ? "tablet" : /Mobi|Android/i.test(navigator.userAgent) ? "phone" : "computer");

// Dates: in WIB (UTC+7 all year), and the same in every browser.

const DAYS = [["Minggu", "Sunday"], ["Senin", "Monday"], ["Selasa", "Tuesday"], ["Rabu", "Wednesday"],
  ["Kamis", "Thursday"], ["Jumat", "Friday"], ["Sabtu", "Saturday"]];
export const MONTHS = [["Januari", "January"], ["Februari", "February"], ["Maret", "March"], ["April", "April"],
  ["Mei", "May"], ["Juni", "June"], ["Juli", "July"], ["Agustus", "August"], ["September", "September"],
  ["Oktober", "October"], ["November", "November"], ["Desember", "December"]];

const wib = (milliseconds) => new Date(milliseconds + 7 * 3600000);
const two = (number) => String(number).padStart(2, "0");

function dateWords(date, weekday) {
  const year = date.getUTCFullYear() === wib(now()).getUTCFullYear() ? "" : ` ${date.getUTCFullYear()}`;
  const day = weekday ? `${t(...DAYS[date.getUTCDay()])}, ` : "";
  return `${day}${date.getUTCDate()} ${t(...MONTHS[date.getUTCMonth()])}${year}`;
}

/** "Jumat, 2 Juni pukul 12.00 WIB" of an instant. */
export function when(instant) {
  const date = wib(typeof instant === "number" ? instant : Date.parse(instant));
  return `${dateWords(date, true)} ${t("pukul", "at")} ${two(date.getUTCHours())}.${two(date.getUTCMinutes())} WIB`;
}

/** The last minute before an instant that is itself too late. */
export const last = (instant) => when(Date.parse(instant) - 60000);

/** "2 Juni 2023" of an instant or a plain date. */
export function day(instant) {
  const text = String(instant);
  return dateWords(/^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : wib(Date.parse(text)), false);
}

const grouped = (amount, by) => String(amount).replace(/\B(?=(\d{3})+$)/g, by);
/** "Rp600.000", in either language. */
export const rupiah = (amount) => `Rp${grouped(amount, ".")}`;
/** What is paid: `INCENTIVE`, `INCENTIVE_2`..., `SURVEY_1`... */
export const paidFor = (kind) => {
  const [what, n] = kind.split("_");
  if (what === "SURVEY") return t(`Survei ${n}`, `Survey ${n}`);
  return n ? t(`Insentif, bulan ke-${n}`, `Incentive, month ${n}`) : t("Insentif", "Incentive");
};
export const number = (amount) => grouped(amount, english ? "," : ".");

export const drawn = (hex) =>
  hex === null ? "-" : (parseInt(hex.slice(0, 12), 16) / 2 ** 48).toFixed(6).replace(".", english ? "." : ",");

// What the device keeps: IndexedDB, which can hold a key that no script can read. Where it is refused, the memory.

const memory = new Map();
const opened = new Promise((resolve) => {
  try {
    const asked = indexedDB.open("gelombang", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("kept");
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = asked.onblocked = () => resolve(null);
  } catch {
    resolve(null);
  }
});

async function store(mode, act, instead) {
  const database = await opened;
  if (!database) return instead();
  return new Promise((resolve) => {
    try {
      const asked = act(database.transaction("kept", mode).objectStore("kept"));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => resolve(instead());
    } catch {
      resolve(instead());
    }
  });
}

export const kept = {
  get: (name) => store("readonly", (all) => all.get(name), () => memory.get(name)),
  put: (name, value) => {
    memory.set(name, value);
    return store("readwrite", (all) => all.put(value, name), () => undefined);
  },
  drop: (name) => {
    memory.delete(name);
    return store("readwrite", (all) => all.delete(name), () => undefined);
  },
  names: () => store("readonly", (all) => all.getAllKeys(), () => [...memory.keys()]),
  /** Forget all but what `stays` says. */
  clear: async (stays = () => false) => {
    for (const name of await kept.names()) if (!stays(name)) await kept.drop(name);
  },
};

/** What is gone when the window is closed: numbers that must not stay on a phone that others use too. */
export const briefly = {
  get: (name) => {
    try {
      return JSON.parse(sessionStorage.getItem(name));
    } catch {
      return memory.get(`window:${name}`) ?? null;
    }
  },
  put: (name, value) => {
    memory.set(`window:${name}`, value);
    try {
      sessionStorage.setItem(name, JSON.stringify(value));
    } catch {
      // the memory has it
    }
  },
  drop: (name) => {
    memory.delete(`window:${name}`);
    try {
      sessionStorage.removeItem(name);
    } catch {
      // as above
    }
  },
};

// The way: "#/daftar/2" is ["daftar", "2"].

export const way = () => location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);
export const go = (path, replaced = false) => {
  if (replaced) location.replace(`#/${path}`);
  else location.hash = `#/${path}`;
};

// Scripts by address: only the two of the citizen's page (Trusted Types).

const allowed = new Set([settings.worker, `${base}sw.js`]);
const make = (address) => {
  if (!allowed.has(address)) throw new TypeError("not a script of this page");
  return address;
};
export const script = window.trustedTypes
  ? (address) => promise.createScriptURL(address)
  : make;
const promise = window.trustedTypes ? window.trustedTypes.createPolicy("gelombang", { createScriptURL: make }) : null;
