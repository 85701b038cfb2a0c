// Vacancies for alumni: those that suit, applying with consent, taking an application back.

import { last, rupiah, t, when } from "../common/core.js";
import { mine, Refused } from "../common/net.js";
import { Act, Await, Empty, html, Link, Notice, Screen, Sure, useRead, useState } from "../common/parts.js";
import { named } from "../common/references.js";

const place = ({ province }) => (province ? named("regions", province) : t("Jarak jauh", "Remote"));
const pay = ({ salary_min_idr: low, salary_max_idr: high }) => (low === high ? rupiah(low) : `${rupiah(low)}-${rupiah(high)}`);

function Vacancy({ vacancy, shared, applied, again }) {
  const applying = () => mine("POST", "/me/job-applications", { vacancy_id: vacancy.vacancy_id, share: ["name", "phone", "certificates"] }).then(again);
  return html`<li class="card"><h2>${vacancy.title}</h2><p>${vacancy.employer}, ${place(vacancy)}</p>
    <p>${pay(vacancy)} ${t("sebulan", "a month")}. ${t("Sampai", "Until")} ${last(vacancy.closes_at)}.</p>
    ${vacancy.description && html`<p>${vacancy.description}</p>`}
    ${shared && html`<p class="soft">${t("Cocok karena", "Suits you because of")}: ${shared.map((one) => named("skills", one)).join(", ")}</p>`}
    ${applied ? html`<p>${applied.withdrawn_at ? t("Lamaran ditarik", "Taken back") : t("Anda melamar", "You applied")} ${when(applied.withdrawn_at || applied.consented_at)}.</p>
      ${!applied.withdrawn_at && html`<${Act} quiet act=${() => mine("POST", `/me/job-applications/${vacancy.vacancy_id}/withdrawal`).then(again)}>${t("Tarik lamaran", "Take back")}<span class="unseen"> ${vacancy.title}</span><//>`}`
    : html`<${Sure} act=${applying} label=${t("Lamar", "Apply")} sure=${t("Setuju dan lamar", "Agree and apply")} name=${vacancy.title}>
        <p>${t(`${vacancy.partner} akan melihat nama, nomor ponsel dan sertifikat Anda.`, `${vacancy.partner} will see your name, phone number and certificates.`)}</p><//>`}</li>`;
}

function Jobs() {
  const found = useRead({ matches: "/me/job-matches", applications: "/me/job-applications" });
  const { error } = found;
  const [more, setMore] = useState([]);
  const title = t("Lowongan", "Vacancies");
  if (error instanceof Refused && error.code === "not_graduated") {
    return html`<${Screen} title=${title}><${Notice}>${error.detail}<//><p><${Link} to="pelatihan">${t("Pelatihan saya", "My training")}<//></p><//>`;
  }
  return html`<${Screen} title=${title}><${Await} found=${found}>${({ matches, applications: { applications } }, { again }) => {
    const of = (vacancy) => applications.find(({ vacancy: { vacancy_id: id } }) => id === vacancy.vacancy_id);
    const pages = [matches, ...more], fitting = pages.flatMap((page) => page.matches).filter(({ vacancy }) => !of(vacancy)), next = pages[pages.length - 1].next_cursor;
    return html`${fitting.length ? html`<ul class="cards">${fitting.map(({ vacancy, reason }) => html`<${Vacancy} key=${vacancy.vacancy_id} vacancy=${vacancy} shared=${reason.shared_skills} again=${again} />`)}</ul>`
      : html`<${Empty} thing=${["lowongan yang cocok", "vacancy that suits you"]} />`}
      ${next && html`<${Act} quiet act=${async () => setMore([...more, await mine("GET", `/me/job-matches?cursor=${encodeURIComponent(next)}`)])}>${t("Lebih banyak", "More")}<//>`}
      <h2>${t("Lamaran saya", "My applications")}</h2>
      ${applications.length ? html`<ul class="cards">${applications.map((one) => html`<${Vacancy} key=${one.application_id} vacancy=${one.vacancy} applied=${one} again=${again} />`)}</ul>`
        : html`<${Empty} thing=${["lamaran", "application"]} />`}`;
  }}<//><//>`;
}

export const screens = { lowongan: Jobs };
