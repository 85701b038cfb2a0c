// What stands around every page: its name, the language, the way to the others.

import { render } from "../vendored/preact.js";
import { base, language, onChange, redraw, t } from "./core.js";
import { speak } from "./net.js";
import { html, useEffect, useState } from "./parts.js";

const PAGES = [["", "Halaman saya", "My page"], ["draws", "Undian", "Draws"], ["dashboard", "Apa hasil program", "What came of the programme"],
  ["status", "Keadaan layanan", "Status"], ["docs", "API", "API"]];

function Language() {
  return html`<div class="languages" role="group" aria-label=${t("Bahasa", "Language")}>
    ${[["id", "Indonesia"], ["en", "English"]].map(([code, name]) => html`<button type="button" class="quiet" lang=${code}
      aria-pressed=${String(language() === code)} onClick=${() => speak(code)}>${name}</button>`)}</div>`;
}

/** `home`: where the name leads. A page has one `h1`, which takes the focus (`tabindex` -1). */
export function Frame({ home, children }) {
  return html`
    <a class="skip" href="#isi" onClick=${(event) => {
      event.preventDefault();
      document.querySelector("h1").focus();
    }}>${t("Langsung ke isi", "Skip to content")}</a>
    <header><p><a href=${home}>Gelombang</a></p><${Language} /></header>
    <main id="isi">${children}</main>
    <footer><nav aria-label=${t("Halaman", "Pages")}><ul class="pages">${PAGES.map(([path, ...name]) => html`<li><a href=${base + path}
      aria-current=${location.pathname === base + path ? "page" : undefined}>${t(...name)}</a></li>`)}</ul></nav>
      <p class="soft">${t("Kami tidak pernah meminta PIN, biaya, atau kode lewat pesan.",
      "We never ask for a PIN, a fee or a code by message.")}</p></footer>`;
}

function Root({ Page }) {
  const [, setTurn] = useState(0);
  useEffect(() => {
    const draw = () => setTurn((before) => before + 1);
    onChange(draw);
    draw(); // for what changed before this listened
  }, []);
  return html`<${Page} />`;
}

/** Draw again when the way changes; what had the focus gives it to the new screen. */
export function follow() {
  addEventListener("hashchange", () => {
    if (document.activeElement) document.activeElement.blur();
    redraw();
  });
}

/** Put a page into the document; it is drawn again when the language changes. */
export function show(Page) {
  const root = document.getElementById("page");
  root.textContent = "";
  render(html`<${Root} Page=${Page} />`, root);
}
