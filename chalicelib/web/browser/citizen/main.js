// The page: which screen is shown, and that there may be no signal.

import { base, go, script, settings, t, way } from "../common/core.js";
import { follow, Frame, show } from "../common/frame.js";
import { wake } from "../common/net.js";
import { html, useEffect, useState } from "../common/parts.js";
import { Home } from "./home.js";

const ways = () => import("../account/ways.js"), rights = () => import("../account/rights.js");
const ROOMS = {
  masuk: () => import("../screens/sign_in.js"),
  daftar: () => import("../screens/register.js"),
  riwayat: () => import("../screens/proof.js"),
  bukti: () => import("../screens/proof.js"),
  katalog: () => import("../screens/training.js"),
  pelatihan: () => import("../screens/training.js"),
  uang: () => import("../screens/money.js"),
  survei: () => import("../screens/surveys.js"),
  lowongan: () => import("../screens/jobs.js"),
  bantuan: () => import("../screens/help.js"),
  pesan: () => import("../screens/notices.js"),
  akun: () => import("../screens/account.js"),
  // Of no use without a signal, and opened by few: not among what the service worker keeps.
  "akun/kontak": ways,
  "akun/perangkat": ways,
  "akun/kunci": ways,
  "akun/data": rights,
  "akun/pembaca": rights,
  "akun/izin": rights,
  "akun/klaim": () => import("../account/claim.js"),
  "akun/hadir": () => import("../account/presence.js"),
};

function Room({ name, rest }) {
  const [room, setRoom] = useState(null), [failed, setFailed] = useState(false);
  useEffect(() => {
    setFailed(false);
    setRoom(null);
    let gone = false;
    ROOMS[name]().then((found) => gone || setRoom({ name, Shown: found.screens[name] }), () => gone || setFailed(true));
    return () => {
      gone = true;
    };
  }, [name]);
  if (failed) {
    return html`<h1 tabindex="-1">${t("Tanpa sinyal", "No signal")}</h1>
      <p>${t("Bagian ini belum ada di ponsel Anda.", "This part is not on your phone yet.")}</p>
      <p><button type="button" onClick=${() => location.reload()}>${t("Coba lagi", "Try again")}</button></p>`;
  }
  if (!room || room.name !== name) return html`<p role="status">${t("Memuat...", "Loading...")}</p>`;
  return html`<${room.Shown} rest=${rest} key=${rest.join("/")} />`;
}

function Page() {
  const [first, ...rest] = way(), name = ROOMS[`${first}/${rest[0]}`] ? `${first}/${rest[0]}` : first;
  return html`<${Frame} home="#/">
    ${name && ROOMS[name] ? html`<${Room} name=${name} rest=${rest} />` : html`<${Home} />`}<//>`;
}

// Sent back by a national ID.
if (/[?&]state=/.test(location.search)) go("akun/hadir", true);
follow();
wake().then(() => show(Page));

if ("serviceWorker" in navigator && settings.offline) {
  addEventListener("load", () => navigator.serviceWorker.register(script(`${base}sw.js`)).catch(() => undefined));
}
