// The reference of the API, from `/openapi.json`, and its guides, which are pages of docs/.

import { base, settings, t, way } from "../common/core.js";
import { follow, Frame, show } from "../common/frame.js";
import { Await, html, Screen, useRead, useState } from "../common/parts.js";
import { Code, inline, Markdown } from "./markdown.js";
import { example, Fields, meant, Schema } from "./schema.js";

const GUIDES = { guide: settings.guide, partners: settings.partners_guide };
const titleOf = (text) => text.split("\n")[0].slice(2);

/** Every operation: {id, method, path, of}. */
const operations = (api) => Object.entries(api.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, of]) => ({ id: of.operationId, method: method.toUpperCase(), path, of })));

const jsonOf = (of) => Object.entries(of.content || {})[0] || [];

/** A call that can be pasted into a terminal. */
function called(api, { method, path, of }) {
  const values = Object.fromEntries(of.parameters.map((one) => [one.name, one.example ?? example(api, one.schema)]));
  const asked = of.parameters.filter((one) => one.in === "query" && one.required).map(({ name }) => `${name}=${encodeURIComponent(values[name])}`);
  const where = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name])) + (asked.length ? `?${asked.join("&")}` : "");
  const lines = [`curl ${method === "GET" ? "" : `-X ${method} `}'${api.servers[0].url.replace(/\/$/, "")}${where}'`];
  for (const one of of.security) {
    if (one.citizen) lines.push("-H \"Authorization: Bearer $ACCESS_TOKEN\"");
    if (one.partnerId) lines.push(...["Partner", "Timestamp", "Signature"].map((name) => `-H "Gelombang-${name}: $${name.toUpperCase()}"`));
  }
  if (of.parameters.some((one) => one.name === "DPoP")) lines.push("-H \"DPoP: $PROOF\"");
  const [media, body] = of.requestBody ? jsonOf(of.requestBody) : [];
  if (media) lines.push(`-H 'Content-Type: ${media}'`, `-d '${body.example ? JSON.stringify(body.example, null, 2).replace(/'/g, "'\\''") : ""}'`);
  return lines.join(" \\\n  ");
}

/** Answers with their statuses in words; those with the same body are one. */
function alike(answers) {
  const found = new Map();
  for (const [status, answer] of answers) {
    const body = JSON.stringify(answer.content || null), said = `${status} ${answer.description}`;
    found.set(body, found.has(body) ? [`${found.get(body)[0]}, ${said}`, answer] : [said, answer]);
  }
  return [...found.values()];
}

function Operation({ api, found }) {
  const { method, path, of } = found, parameters = of.parameters.filter((one) => one.name !== "Accept-Language");
  const answers = Object.entries(of.responses), good = alike(answers.filter(([status]) => status < 400)), bad = answers.filter(([status]) => status >= 400);
  const body = of.requestBody && meant(api, jsonOf(of.requestBody)[1].schema);
  return html`<${Screen} title=${of.summary} back="referensi"><div lang="en">
    <p class="code">${method} ${path}</p><p>${inline(of.description)}</p>
    <h2>${t("Contoh", "Example")}</h2><${Code} text=${called(api, found)} />
    ${parameters.length > 0 && html`<h2>${t("Parameter", "Parameters")}</h2>
      <${Fields} fields=${parameters.map((one) => [one.name, { ...one.schema, description: one.description }, one.required])} />`}
    ${body && html`<h2>${t("Yang dikirim", "What is sent")}</h2><p>${inline(body.description || "")}</p><${Schema} schema=${body} />`}
    <h2>${t("Jawaban", "Answers")}</h2>
    ${good.map(([statuses, answer]) => {
      const [media, said] = jsonOf(answer), schema = said && said.schema && meant(api, said.schema);
      return html`<h3>${statuses}</h3>${!media ? html`<p>${t("Tanpa isi.", "Without a body.")}</p>`
        : media === "application/json" && schema ? html`<p>${inline(schema.description || "")}</p><${Schema} schema=${schema} answered />` : html`<p>${media}</p>`}`;
    })}
    <h2>${t("Penolakan", "Refusals")}</h2>
    <dl class="answers">${bad.map(([status, answer]) => html`<div><dt>${status}</dt><dd>${answer.description.split(", ").map((code, at) => [at ? ", " : "", html`<code>${code}</code>`])}</dd></div>`)}</dl>
  </div><//>`;
}

function Data({ api, name }) {
  const schema = api.components.schemas[name];
  return html`<${Screen} title=${name} back="referensi"><div lang="en"><p>${inline(schema.description || "")}</p><${Schema} schema=${schema} />
    ${schema.properties && html`<h2>${t("Contoh", "Example")}</h2><${Code} text=${JSON.stringify(example(api, schema), null, 2)} />`}</div><//>`;
}

function Reference({ api }) {
  const [sought, setSought] = useState("");
  const fits = ({ id, path, of }) => `${id} ${path} ${of.summary}`.toLowerCase().includes(sought.trim().toLowerCase());
  const found = operations(api).filter(fits);
  return html`<${Screen} title=${t("Referensi API", "API reference")} back=${null}>
    <p>${t("Versi", "Version")} ${api.info.version}. <a href=${`${base}openapi.json`}>openapi.json</a></p>
    <ul class="links" lang="en">${Object.entries(GUIDES).map(([to, text]) => html`<li><a href=${`#/${to}`}>${titleOf(text)}</a></li>`)}</ul>
    <div class="field"><label for="sought">${t("Cari", "Search")}</label>
      <input id="sought" type="search" value=${sought} onInput=${(event) => setSought(event.target.value)} /></div>
    <p role="status" class="soft">${t(`${found.length} permintaan`, `${found.length} requests`)}</p>
    <div lang="en">${api.tags.map((tag) => [tag, found.filter(({ of }) => of.tags[0] === tag.name)]).filter(([, some]) => some.length).map(([tag, some]) => html`
      <h2>${tag.name}</h2><p class="soft">${tag.description}</p>
      <ul class="links">${some.map(({ id, method, path, of }) => html`<li><a href=${`#/${id}`}><code>${method} ${path}</code><br />${of.summary}</a></li>`)}</ul>`)}</div><//>`;
}

function Room({ api }) {
  const [name = "guide", data] = way();
  if (GUIDES[name]) {
    return html`<${Screen} title=${titleOf(GUIDES[name])} back=${null}><p><a href="#/referensi">${t("Referensi API", "API reference")}</a></p>
      <div lang="en"><${Markdown} text=${GUIDES[name]} /></div><//>`;
  }
  const found = operations(api).find(({ id }) => id === name);
  if (found) return html`<${Operation} api=${api} found=${found} key=${name} />`;
  return name === "data" && api.components.schemas[data] ? html`<${Data} api=${api} name=${data} key=${data} />` : html`<${Reference} api=${api} />`;
}

function Docs() {
  const found = useRead({ api: "/openapi.json" }, { plain: true });
  return html`<${Frame} home=${base}><${Await} found=${found}>${({ api }) => html`<${Room} api=${api} />`}<//><//>`;
}

follow();
show(Docs);
