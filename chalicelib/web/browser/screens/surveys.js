// Surveys: one question a screen; the answers go at the end, together.

import { go, language, last, rupiah, t } from "../common/core.js";
import { mine, Refused } from "../common/net.js";
import { Await, Empty, Form, html, Link, Notice, Radios, Screen, useForm, useRead } from "../common/parts.js";

const STATES = { open: ["Dibuka", "Open"], answered: ["Sudah dijawab", "Answered"], closed: ["Sudah ditutup", "Closed"] };

const All = ({ surveys }) => html`<${Screen} title=${t("Survei", "Surveys")}>${surveys.length
  ? html`<ul class="cards">${surveys.map((one) => html`<li class="card"><h2>${t("Survei", "Survey")} ${one.number}</h2><p>${t(...STATES[one.state])}. ${one.state === "open"
    ? html`${t("Sampai", "By")} ${last(one.closes_at)}. ${one.amount_idr ? t(`Dibayar ${rupiah(one.amount_idr)}.`, `Paid ${rupiah(one.amount_idr)}.`) : t("Sukarela.", "Voluntary.")}` : ""}</p>
    ${one.state === "open" && html`<p><${Link} main to=${`survei/${one.survey_id}`}>${t("Isi survei", "Answer survey")} ${one.number}<//></p>`}</li>`)}</ul>`
  : html`<${Empty} thing=${["survei", "survey"]} />`}<//>`;

function choices({ kind, lowest, highest, choices: given }) {
  if (kind !== "scale") return given.map((one) => [one.value, one[language()]]);
  return Array.from({ length: highest - lowest + 1 }, (_, at) => [String(lowest + at), String(lowest + at)]);
}

function Question({ survey, at }) {
  const { survey_id: id, questions, number } = survey, asked = questions[at], end = at === questions.length - 1;
  const form = useForm(`survei:${id}`, {}), many = asked.kind === "choices";
  const title = t(`Survei ${number}, pertanyaan ${at + 1} dari ${questions.length}`, `Survey ${number}, question ${at + 1} of ${questions.length}`);
  const given = ({ id: name, kind }, values) => (kind === "scale" ? Number(values[name]) : values[name]);
  const missing = (question, values) => (question.kind === "choices" ? !(values[question.id] || []).length : !values[question.id]);
  if (!form.ready) return null;
  return html`<${Screen} title=${title} back=${at ? `survei/${id}/${at}` : "survei"}>
    <${Form} form=${form} title=${title} label=${end ? t("Kirim jawaban", "Send answers") : t("Lanjut", "Continue")}
      check=${(values) => ({ [asked.id]: missing(asked, values) ? t("Pilih jawaban.", "Choose an answer.") : "" })}
      send=${async (values) => {
        if (!end) return go(`survei/${id}/${at + 2}`);
        const first = questions.findIndex((question) => missing(question, values));
        if (first >= 0) return go(`survei/${id}/${first + 1}`);
        await mine("POST", `/me/surveys/${id}/response`, { answers: Object.fromEntries(questions.map((one) => [one.id, given(one, values)])) }).catch((error) => {
          if (!(error instanceof Refused) || error.code !== "survey_already_answered") throw error;
        });
        await form.drop();
        return go(`survei/${id}/selesai`, true);
      }}>
      <${Radios} form=${form} field=${asked.id} many=${many} label=${asked.text[language()]} hint=${many ? t("Boleh lebih dari satu", "More than one if you like") : ""}
        options=${choices(asked)} /><//><//>`;
}

function Surveys({ rest: [id, part] }) {
  const found = useRead({ list: "/me/surveys" });
  return html`<${Await} found=${found}>${({ list: { surveys } }) => {
    const survey = surveys.find(({ survey_id: each }) => each === id);
    if (!survey) return html`<${All} surveys=${surveys} />`;
    if (part === "selesai" || survey.state !== "open") {
      return html`<${Screen} title=${t("Terima kasih", "Thank you")} back="survei"><${Notice} kind="good">${t("Jawaban Anda tersimpan.", "Your answers are kept.")} ${survey.amount_idr
        ? t(`${rupiah(survey.amount_idr)} diproses, apa pun jawabannya.`, `${rupiah(survey.amount_idr)} is processed, whatever you said.`) : ""}<//><p><${Link} to="uang">${t("Lihat pembayaran", "See payments")}<//></p><//>`;
    }
    const at = Math.min(Math.max(Number(part) || 1, 1), survey.questions.length) - 1;
    return html`<${Question} survey=${survey} at=${at} key=${at} />`;
  }}<//>`;
}

export const screens = { survei: Surveys };
