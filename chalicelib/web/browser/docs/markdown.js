// The Markdown of our own guides as elements: headings, paragraphs, lists, tables, code, links. Never markup from text.

import { html } from "../common/parts.js";

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)/;

/** The files that are pages here. A link to any other file of the repository is its text. */
const HERE = { "api.md": "#/guide", "partners.md": "#/partners" };

/** A line of text with its code, stress and links. */
export function inline(text) {
  const found = INLINE.exec(text);
  if (!found) return text;
  const [whole, code, strong, label, file] = found, to = HERE[file] || file;
  const shown = code ? html`<code>${code}</code>` : strong ? html`<strong>${inline(strong)}</strong>`
    : /^(https?:|#)/.test(to) ? html`<a href=${to}>${inline(label)}</a>` : inline(label);
  return [text.slice(0, found.index), shown, inline(text.slice(found.index + whole.length))];
}

const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

function Table({ lines: [head, , ...rows] }) {
  return html`<div class="wide" tabindex="0" role="group" aria-label=${cells(head).join(", ").replace(/`/g, "")}><table>
    <thead><tr>${cells(head).map((cell) => html`<th scope="col">${inline(cell)}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${cells(row).map((cell) => html`<td>${inline(cell)}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** Lines that begin with a mark, each with the lines that go on. */
function items(lines, mark) {
  const found = [];
  for (const line of lines) {
    if (mark.test(line)) found.push(line.replace(mark, ""));
    else found[found.length - 1] += ` ${line.trim()}`;
  }
  return found.map((item) => html`<li>${inline(item)}</li>`);
}

function Block({ lines }) {
  const [first] = lines;
  if (/^## /.test(first)) return html`<h2>${inline(first.slice(3))}</h2>`;
  if (/^### /.test(first)) return html`<h3>${inline(first.slice(4))}</h3>`;
  if (/^- /.test(first)) return html`<ul>${items(lines, /^- /)}</ul>`;
  if (/^\d+\. /.test(first)) return html`<ol>${items(lines, /^\d+\. /)}</ol>`;
  if (/^\|/.test(first)) return html`<${Table} lines=${lines} />`;
  return html`<p>${inline(lines.join(" "))}</p>`;
}

export const Code = ({ text }) => html`<pre tabindex="0"><code>${text}</code></pre>`;

/** A whole text without its first line, the title, which the page shows itself. */
export function Markdown({ text }) {
  return text.slice(text.indexOf("\n")).split(/^```.*\n/m).map((part, at) => (at % 2
    ? html`<${Code} text=${part} />`
    : part.split(/\n{2,}/).map((block) => block.trim()).filter(Boolean).map((block) => html`<${Block} lines=${block.split("\n")} />`)));
}
