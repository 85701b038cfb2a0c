// A plot with its title, the table behind it, and what a reader can take away: the table as CSV, the drawing as SVG.

import { html, useEffect, useRef, useState } from "../common/parts.js";
import { t } from "../common/core.js";
import { HIDDEN, said } from "./words.js";

/** The width of an element's content, in pixels, as it changes. */
function useWidth() {
  const place = useRef(null), [width, setWidth] = useState(288);
  useEffect(() => {
    const look = () => place.current && setWidth(Math.max(240, Math.floor(place.current.clientWidth)));
    look();
    const watch = new ResizeObserver(look);
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  return [place, width];
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** The table as it is taken: plain numbers, "withheld" in words, and nothing where there is none. */
export function csv(columns, rows) {
  const cell = (value) => {
    const text = value === null ? "withheld" : value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return [columns.map(([name]) => name), ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "fill-opacity", "stroke-opacity", "font-family", "font-size", "font-weight"];
/** The words in lines of at most so many characters. */
const lines = (words, most) => words.split(" ").reduce((all, word) => {
  const last = all[all.length - 1];
  return last && last.length + word.length < most ? [...all.slice(0, -1), `${last} ${word}`] : [...all, word];
}, []);

/** The drawing by itself, with the looks that the page's style gives it, below its title. */
function alone(svg, title) {
  const copy = svg.cloneNode(true), drawn = svg.querySelectorAll("*"), page = getComputedStyle(document.body);
  copy.querySelectorAll("*").forEach((part, at) => {
    const looks = getComputedStyle(drawn[at]);
    KEPT.forEach((name) => part.setAttribute(name, name === "fill" && /url/.test(part.getAttribute("fill") || "") ? part.getAttribute("fill") : looks.getPropertyValue(name)));
    part.removeAttribute("class");
  });
  const part = (kind, attributes, text = "") => {
    const made = document.createElementNS(svg.namespaceURI, kind);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.textContent = text;
    return made;
  };
  const width = svg.width.baseVal.value, said = lines(title, width / 10.5), head = 12 + 22 * said.length, height = head + svg.height.baseVal.value;
  Object.entries({ height, viewBox: `0 ${-head} ${width} ${height}` }).forEach(([name, value]) => copy.setAttribute(name, value));
  const look = { "font-family": page.fontFamily, "font-size": 16, "font-weight": 600, fill: page.color };
  copy.prepend(part("title", {}, title), part("rect", { y: -head, width, height, fill: page.backgroundColor }),
    ...said.map((line, at) => part("text", { x: 0, y: 18 + 22 * at - head, ...look }, line)));
  return new XMLSerializer().serializeToString(copy);
}

/** `columns`: [name, words of a value]; `rows`: values in that order. */
export const Table = ({ caption, columns, rows }) => html`<div class="wide" tabindex="0" role="region" aria-label=${caption}>
  <table><caption class="unseen">${caption}</caption>
  <thead><tr>${columns.map(([name]) => html`<th scope="col">${name}</th>`)}</tr></thead>
  <tbody>${rows.map((row) => html`<tr>${row.map((value, at) => at === 0 ? html`<th scope="row">${said(value, columns[0][1])}</th>`
    : html`<td class=${value === null ? "withheld" : undefined}>${said(value, columns[at][1], HIDDEN)}</td>`)}</tr>`)}</tbody></table></div>`;

/**
 * A finding: `title` says it, `draw(width, label)` shows it, `spoken` tells it to a screen reader, `note` how to read it.
 * `columns` and `rows` are the table behind it; `name` is that of the files.
 */
export function Plot({ name, title, note, spoken, columns, rows, draw, children }) {
  const [place, width] = useWidth();
  const file = `gelombang-${name}`;
  const about = html`<span class="unseen">: ${title}</span>`;
  return html`<section class="plot" id=${name}><h3>${title}</h3>
    ${note && html`<p class="soft">${note}</p>`}${children}
    <div class="drawing" ref=${place}>${draw(width, `${title}. ${spoken}`)}</div>
    <details><summary>${t("Tabel", "Table")}${about}</summary>
      ${rows.some((row) => row.includes(null)) && html`<p class="soft">${t("Yang disembunyikan melindungi kelompok kecil.", "What is hidden protects small groups.")}</p>`}<${Table} caption=${title} columns=${columns} rows=${rows} /></details>
    <p class="take"><button type="button" class="quiet" onClick=${() => save(`${file}.csv`, "text/csv", csv(columns, rows))}>${t("Unduh CSV", "Get CSV")}${about}</button>
      <button type="button" class="quiet" onClick=${() => save(`${file}.svg`, "image/svg+xml", alone(place.current.querySelector("svg"), title))}>${t("Unduh SVG", "Get SVG")}${about}</button></p>
  </section>`;
}
