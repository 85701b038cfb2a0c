// Whether the service is well: what the watch found at its last look.

import { base, t, when } from "../common/core.js";
import { Frame, show } from "../common/frame.js";
import { Answers, Await, html, Notice, Screen, useRead } from "../common/parts.js";

const PARTS = {
  draws: ["Gelombang dan undian", "Waves and draws"],
  results: ["Kabar hasil undian", "News of results"],
  identity: ["Pencocokan data diri", "Checks of personal data"],
  payments: ["Pembayaran", "Payments"],
  messages: ["Pemberitahuan", "Messages"],
  surveys: ["Survei", "Surveys"],
  statistics: ["Statistik", "Statistics"],
  grievances: ["Pengaduan", "Complaints"],
  privacy: ["Penghapusan data", "Deletion of data"],
};
const WHOLE = {
  well: ["good", "Layanan berjalan baik", "The service is well"],
  late: ["bad", "Ada yang terlambat", "Something is late"],
  unknown: ["wait", "Keadaan layanan belum diketahui", "It is not known how the service is"],
};

function condition({ condition: how, late_since: since }) {
  if (how === "late") return html`<strong>${t("Terlambat sejak", "Late since")} ${when(since)}</strong>`;
  return how === "well" ? t("Baik", "Well") : t("Tidak diketahui", "Not known");
}

function Status() {
  const found = useRead({ status: "/status.json" }, { plain: true });
  return html`<${Frame} home=${base}><${Screen} title=${t("Keadaan layanan", "How the service is")} back=${null}>
    <${Await} found=${found}>${({ status }, { again }) => {
      const [kind, ...said] = WHOLE[status.condition];
      return html`<${Notice} kind=${kind} live data-condition=${status.condition}><h2>${t(...said)}</h2>
          <p>${status.looked_at ? html`${t("Terakhir dilihat", "Last looked at")} ${when(status.looked_at)}.` : t("Belum pernah dilihat.", "Not looked at yet.")}
          ${" "}${t("Kami melihatnya tiap lima menit.", "We look every five minutes.")}</p>
          ${status.condition === "late" && html`<p>${t("Yang terlambat dikerjakan dengan sendirinya. Tidak ada yang hilang, dan Anda tidak perlu berbuat apa-apa.",
            "What is late is done by itself. Nothing is lost, and there is nothing for you to do.")}</p>`}<//>
        <${Answers} rows=${status.parts.map((part) => [t(...PARTS[part.part]), condition(part)])} />
        <p><button type="button" class="quiet" onClick=${again}>${t("Perbarui", "Look again")}</button></p>`;
    }}<//><//><//>`;
}

show(Status);
