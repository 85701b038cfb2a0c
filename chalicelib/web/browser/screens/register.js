// Registration in six steps, one subject each.

import { day, go, now, settings, t } from "../common/core.js";
import { account, mine, Refused } from "../common/net.js";
import { Answers, Await, bare, Digits, Field, Form, html, Link, Radios, Screen, Select, Tick, useEffect, useForm, useRead, useState, Wrong } from "../common/parts.js";
import { whyNot } from "../citizen/home.js";
import { list, named, options, provinces, regencies } from "../common/references.js";

const OFFICIALS = ["state_official", "legislator", "civil_servant", "military", "police", "village_official", "soe_executive"];

export const EMPTY = { day: "", month: "", year: "", work: "", official: "", name: "", nik: "", kk: "", phone: "", province: "", regency: "",
  education: "", consent: false };
export const NUMBERS = ["nik", "kk"];

const two = (text) => bare(text).padStart(2, "0");
const birthDate = ({ year, month, day: date }) => `${bare(year)}-${two(month)}-${two(date)}`;
const employment = ({ work, official }) => (work === "official" ? official : work);

function isDate(text) {
  const date = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text && date.getTime() < now();
}

function ageOn(text) {
  const today = new Date(now() + 7 * 3600000).toISOString().slice(0, 10);
  return Number(today.slice(0, 4)) - Number(text.slice(0, 4)) - (today.slice(5) < text.slice(5) ? 1 : 0);
}

/** What is wrong with a number of 16 digits; empty if nothing that a device can see. */
function sixteen(text, name, women) {
  const digits = bare(text);
  if (!/^\d*$/.test(digits) || digits.length !== 16) {
    return t(`${name} harus 16 angka; Anda mengisi ${digits.length}.`, `A ${name} has 16 digits; you entered ${digits.length}.`);
  }
  const date = Number(digits.slice(6, 8)), born = women && date > 40 ? date - 40 : date, month = Number(digits.slice(8, 10));
  return born < 1 || born > 31 || month < 1 || month > 12 ? t("Angka ke-7 sampai ke-12 bukan tanggal.", "Digits 7 to 12 are no date.") : "";
}

const CHECKS = {
  1: (given) => ({
    day: isDate(birthDate(given)) ? "" : t("Isi tanggal lahir yang benar.", "Give a real birth date."),
    work: given.work ? "" : t("Pilih pekerjaan Anda.", "Choose your work."),
    official: given.work !== "official" || given.official ? "" : t("Pilih jabatan Anda.", "Choose your office."),
  }),
  2: ({ name, nik }) => ({ name: name.trim() ? "" : t("Isi nama Anda.", "Give your name."), nik: sixteen(nik, "NIK", true) }),
  3: ({ kk, nik, phone }) => ({
    kk: sixteen(kk, "KK", false) || (bare(kk) === bare(nik) ? t("Ini NIK Anda. Nomor KK ada di atas Kartu Keluarga.", "This is your NIK. The KK number is at the top of the family card.") : ""),
    phone: /^(\+?62|0)8\d{7,11}$/.test(bare(phone).replace(/[()]/g, "")) ? "" : t("Isi nomor ponsel Indonesia, seperti 0812-3456-7890.", "Give an Indonesian mobile number, such as 0812-3456-7890."),
  }),
  4: ({ province, regency }) => ({
    province: province ? "" : t("Pilih provinsi.", "Choose a province."),
    regency: regency && regency.startsWith(province) ? "" : t("Pilih kabupaten atau kota.", "Choose a regency or city."),
  }),
  5: ({ education }) => ({ education: education ? "" : t("Pilih pendidikan terakhir.", "Choose your education.") }),
  6: ({ consent: ticked }) => ({ consent: ticked && consent() ? "" : t("Centang jika Anda setuju.", "Tick the box if you agree.") }),
};

const REFUSED = {
  malformed_nik: ["nik", 2], malformed_name: ["name", 2], malformed_kk: ["kk", 3], malformed_phone: ["phone", 3],
  phone_already_used: ["phone", 3], unknown_region: ["regency", 4], consent_missing: ["consent", 6], nik_already_registered: ["nik", 2],
  nik_cannot_change: ["nik", 2],
};
const NOT_ELIGIBLE = ["under_age", "over_age", "in_formal_education", "excluded_occupation", "education_not_accepted", "excluded"];

const TITLES = {
  1: ["Tanggal lahir dan pekerjaan", "Birth date and work"],
  2: ["Nama dan NIK", "Name and NIK"],
  3: ["Kartu Keluarga dan ponsel", "Family card and phone"],
  4: ["Alamat di KTP", "Address on the KTP"],
  5: ["Pendidikan", "Education"],
  6: ["Periksa dan kirim", "Check and send"],
};

const CORRECTED = { 2: ["Nama", "Name"], 6: ["Persetujuan", "Consent"] };

function NotEligible({ code, detail, back }) {
  return html`<${Screen} title=${t("Anda belum dapat ikut", "You cannot take part")}>
    <p>${code === "excluded" ? detail : whyNot(code)}</p><p>${t("Keliru? Beri tahu kami.", "Wrong? Tell us.")}</p>
    <p><button type="button" onClick=${back}>${t("Perbaiki isian", "Correct it")}</button> ${" "}<${Link} to="bantuan/baru/eligibility">${t("Laporkan", "Report")}<//></p><//>`;
}

const Loading = () => html`<p role="status">${t("Memuat...", "Loading...")}</p>`;

function Step1({ form }) {
  const work = list("employment");
  return html`<fieldset class="field"><legend>${t("Tanggal lahir", "Birth date")}</legend>
      <p class="hint">${t("Seperti di KTP, misalnya 17 8 1995", "As on the KTP, such as 17 8 1995")}</p><${Wrong} form=${form} field="day" />
      <div class="row"><${Digits} form=${form} field="day" apart label=${t("Tanggal", "Day")} autocomplete="bday-day" maxlength="2" />
        <${Digits} form=${form} field="month" label=${t("Bulan", "Month")} autocomplete="bday-month" maxlength="2" />
        <${Digits} form=${form} field="year" label=${t("Tahun", "Year")} autocomplete="bday-year" maxlength="4" /></div></fieldset>
    ${!work ? html`<${Loading} />` : html`<${Radios} form=${form} field="work" label=${t("Apa pekerjaan Anda sekarang?", "What is your work now?")}
      options=${[...options(work.filter(({ code }) => !OFFICIALS.includes(code))), ["official", t("Pejabat atau aparatur", "Official or in public service")]]} />`}
    ${work && form.values.work === "official" && html`<${Radios} form=${form} field="official" label=${t("Yang mana?", "Which one?")} options=${options(work.filter(({ code }) => OFFICIALS.includes(code)))} />`}`;
}

const Step2 = ({ form, before }) => html`
  <${Field} form=${form} field="name" label=${t("Nama lengkap", "Full name")} hint=${t("Persis seperti di KTP", "Exactly as on the KTP")} autocomplete="name" />
  ${(!before || before.verification === "DIFFERS") && html`<${Digits} form=${form} field="nik" label="NIK" hint=${t("16 angka di KTP", "16 digits on the KTP")} />`}`;

const Step3 = ({ form, before }) => html`${before && html`<p>${t("Yang kosong tetap seperti semula:", "What is empty stays as it is:")} KK ${before.kk}${before.phone && `, ${t("ponsel", "mobile")} ${before.phone}`}.</p>`}
  <${Digits} form=${form} field="kk" label=${t("Nomor Kartu Keluarga (KK)", "Family card (KK) number")} hint=${t("16 angka di bagian atas KK", "16 digits at the top of the card")} />
  <${Field} form=${form} field="phone" type="tel" label=${t("Nomor ponsel", "Mobile number")} hint="0812-3456-7890" autocomplete="tel-national" />`;

function Step4({ form }) {
  if (!list("regions")) return html`<${Loading} />`;
  return html`<${Select} form=${form} field="province" label=${t("Provinsi", "Province")} options=${provinces()} />
    <${Select} form=${form} field="regency" label=${t("Kabupaten atau kota", "Regency or city")} options=${regencies(form.values.province)} />`;
}

const Step5 = ({ form }) => html`<${Radios} form=${form} field="education" label=${t("Pendidikan terakhir yang tamat", "Highest education completed")} options=${options(list("education") || [])} />`;

/** The text that is agreed to now: {code, id, en}. */
const consent = () => (list("consents") || []).find(({ current }) => current);

const date = (values) => (isDate(birthDate(values)) ? day(birthDate(values)) : "-");

function Step6({ form, before }) {
  const { values } = form, terms = consent();
  return html`${!before && html`<${Answers} rows=${[
    [t("Tanggal lahir", "Birth date"), date(values), "daftar/1"],
    [t("Pekerjaan", "Work"), named("employment", employment(values)) || "-", "daftar/1"],
    [t("Nama", "Name"), values.name || "-", "daftar/2"], ["NIK", bare(values.nik) || "-", "daftar/2"], ["KK", bare(values.kk) || "-", "daftar/3"],
    [t("Ponsel", "Mobile"), values.phone || "-", "daftar/3"], [t("Alamat di KTP", "Address on the KTP"), `${named("regions", values.regency)}, ${named("regions", values.province)}`, "daftar/4"],
    [t("Pendidikan", "Education"), named("education", values.education) || "-", "daftar/5"]]} />
    <h2>${t("Persetujuan", "Consent")}</h2>`}
    <p>${terms ? t(terms.id, terms.en) : t("Memuat...", "Loading...")}</p>
    <${Tick} form=${form} field="consent">${t("Saya setuju.", "I agree.")}<//>`;
}

const STEPS = { 1: Step1, 2: Step2, 3: Step3, 4: Step4, 5: Step5, 6: Step6 };

export const whole = (values) => ({
  nik: bare(values.nik), kk: bare(values.kk), name: values.name.trim(), birth_date: birthDate(values), phone: values.phone.trim(),
  province: values.province, regency: values.regency, education: values.education, employment: employment(values), consent_version: consent() && consent().code,
});

const failedAt = (step) => ({ code, detail }) => {
  const [field, where] = REFUSED[code] || [];
  if (!field) return null;
  return { [field]: where === step ? detail : html`${detail} <${Link} to=${`daftar/${where}`}>${t("Ubah", "Change")}<//>` };
};

/** Why somebody with this birth date and work (step 1) or education (step 5) cannot register. */
function unable(step, values) {
  if (step === 5) return settings.education.length && !settings.education.includes(values.education) ? "education_not_accepted" : null;
  if (step > 1) return null;
  const age = ageOn(birthDate(values)), work = employment(values);
  return !settings.may_work_as.includes(work) ? (work === "student" ? "in_formal_education" : "excluded_occupation")
    : age < settings.age_min ? "under_age" : age > settings.age_max ? "over_age" : null;
}

function Steps({ step }) {
  const form = useForm(`daftar:${account()}`, EMPTY, NUMBERS);
  ["employment", "regions", "education", "consents"].forEach(list); // also for when the signal is lost half-way
  const [refused, setRefused] = useState(null);
  useEffect(() => {
    // A step is shown when those before it are right: what was lost with the window comes first.
    if (!form.ready || step === 1) return;
    const missing = [1, 2, 3, 4, 5].find((one) => one < step && Object.values(CHECKS[one](form.current())).some(Boolean));
    if (missing) go(`daftar/${missing}`, true);
  }, [form.ready, step]);
  const title = t(...TITLES[step]);
  const send = async (values) => {
    const code = unable(step, values);
    if (code) return setRefused({ code });
    if (step < 6) return go(`daftar/${step + 1}`);
    try {
      await mine("PUT", "/me/registration", whole(values));
    } catch (error) {
      if (error.code === "nik_already_registered") return go("akun/klaim");
      if (!(error instanceof Refused) || !NOT_ELIGIBLE.includes(error.code)) throw error;
      return setRefused(error);
    }
    await form.drop();
    return go("", true);
  };
  if (!form.ready) return null;
  if (refused) return html`<${NotEligible} code=${refused.code} detail=${refused.detail} back=${() => (setRefused(null), go(`daftar/${step === 5 ? 5 : 1}`))} />`;
  const Shown = STEPS[step];
  return html`<${Screen} title=${title} back=${step > 1 ? `daftar/${step - 1}` : ""}>
    <p class="soft">${t(`Langkah ${step} dari 6`, `Step ${step} of 6`)}</p>
    <${Form} form=${form} title=${title} check=${CHECKS[step]} send=${send} refused=${failedAt(step)}
      label=${step < 6 ? t("Lanjut", "Continue") : t("Kirim pendaftaran", "Send registration")}><${Shown} form=${form} /><//><//>`;
}

// A registration that is there is corrected a subject at a time; what is left empty stays.

const OF_STEP = { 1: ["birth_date", "employment"], 2: ["name", "nik"], 3: ["kk", "phone"], 4: ["province", "regency"], 5: ["education"], 6: ["consent_version"] };

function start({ birth_date, employment: work, name, province, regency, education }) {
  const [year, month, date_] = birth_date.split("-"), official = OFFICIALS.includes(work);
  return { ...EMPTY, year, month: String(Number(month)), day: String(Number(date_)), work: official ? "official" : work,
    official: official ? work : "", name, province, regency, education };
}

function Correct({ step, before }) {
  const form = useForm(`ubah${step}:${account()}`, start(before), NUMBERS), title = t(...(CORRECTED[step] || TITLES[step])), Shown = STEPS[step];
  const check = (values) => Object.fromEntries(Object.entries(CHECKS[step](values)).filter(([field]) => values[field] || !["nik", "kk", "phone"].includes(field)));
  const send = async (values) => {
    const given = whole(values), changed = OF_STEP[step].filter((name) => given[name] && given[name] !== before[name]);
    try {
      if (changed.length) await mine("PATCH", "/me/registration", Object.fromEntries(changed.map((name) => [name, given[name]])));
    } catch (error) {
      if (error.code === "nik_already_registered") return go("akun/klaim/ubah");
      throw error;
    }
    await form.drop();
    return go("akun/tersimpan", true);
  };
  return form.ready && html`<${Screen} title=${title} back="akun"><${Form} form=${form} title=${title} label=${t("Simpan", "Save")} check=${check} send=${send} refused=${failedAt(step)}>
    <${Shown} form=${form} before=${before} /><//><//>`;
}

function Register({ rest: [step] }) {
  const found = useRead({ me: "/me" });
  const at = Number(step) in STEPS ? Number(step) : 1;
  return html`<${Await} found=${found}>${({ me: { registration } }) => (!registration ? html`<${Steps} step=${at} key=${at} />`
    : html`<${Correct} step=${at} before=${registration} key=${`${at} ${registration.updated_at}`} />`)}<//>`;
}

export const screens = { daftar: Register };
