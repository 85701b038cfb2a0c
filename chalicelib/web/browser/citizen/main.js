// The page: which screen is shown, the language, and that there may be no signal.

import { html, render } from "../vendored/preact.js";
import { base, language, onChange, script, setLanguage, settings, t, way } from "../common/core.js";
import { wake } from "../common/net.js";
import { useEffect, useState } from "../common/parts.js";
import { Home } from "./home.js";

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
  akun: () => import("../screens/account.js"),
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

function Language() {
  return html`<div class="languages" role="group" aria-label=${t("Bahasa", "Language")}>
    ${[["id", "Indonesia"], ["en", "English"]].map(([code, name]) => html`<button type="button" class="quiet" lang=${code}
      aria-pressed=${String(language() === code)} onClick=${() => setLanguage(code)}>${name}</button>`)}</div>`;
}

function Page() {
  const [, setTurn] = useState(0);
  useEffect(() => {
    const draw = () => setTurn((before) => before + 1);
    const moved = () => {
      if (document.activeElement) document.activeElement.blur();
      draw();
    };
    addEventListener("hashchange", moved);
    return onChange(draw) && undefined;
  }, []);
  const [name, ...rest] = way();
  return html`
    <a class="skip" href="#isi" onClick=${(event) => {
      event.preventDefault();
      document.querySelector("h1").focus();
    }}>${t("Langsung ke isi", "Skip to content")}</a>
    <header><p><a href="#/">Gelombang</a></p><${Language} /></header>
    <main id="isi">${name && ROOMS[name] ? html`<${Room} name=${name} rest=${rest} />` : html`<${Home} />`}</main>
    <footer><p class="soft">${t("Kami tidak pernah meminta PIN, biaya, atau kode lewat pesan.",
      "We never ask for a PIN, a fee or a code by message.")}</p></footer>`;
}

wake().then(() => {
  const root = document.getElementById("page");
  root.textContent = "";
  render(html`<${Page} />`, root);
});

if ("serviceWorker" in navigator && settings.offline) {
  addEventListener("load", () => navigator.serviceWorker.register(script(`${base}sw.js`)).catch(() => undefined));
}
