// What is sent and answered, as `/openapi.json` describes it: properties with their types, words and examples.

import { t } from "../common/core.js";
import { html } from "../common/parts.js";
import { inline } from "./markdown.js";

const nameOf = (schema) => schema.$ref.split("/").pop();

/** The schema that is meant: a reference is followed. */
export const meant = (api, schema) => (schema.$ref ? api.components.schemas[nameOf(schema)] : schema);

const between = (parts) => parts.map((part, at) => (at ? [" | ", part] : part));

function bounds({ minimum, maximum, minLength, maxLength, maxItems, pattern, format }) {
  const said = [format && format !== "int64" && format, pattern && html`<code>${pattern}</code>`];
  if (minimum !== undefined || maximum !== undefined) said.push(`${minimum ?? ""} \u2264 n \u2264 ${maximum ?? ""}`.replace(/^ \u2264 | \u2264 $/g, ""));
  if (maxLength !== undefined) said.push(minLength ? `${minLength} to ${maxLength} characters` : `at most ${maxLength} characters`);
  if (maxItems !== undefined) said.push(`at most ${maxItems}`);
  return said.filter(Boolean).map((one) => [", ", one]);
}

/** What kind of value it is, in words. */
export function kind(schema) {
  if (schema.$ref) return html`<a href=${`#/data/${nameOf(schema)}`}>${nameOf(schema)}</a>`;
  if (schema.anyOf) return between(schema.anyOf.map(kind));
  if (schema.enum) return between(schema.enum.map((value) => html`<code>${String(value)}</code>`));
  if (schema.type === "array") return ["list of ", kind(schema.items || {}), bounds(schema)];
  return [schema.type || "any", bounds(schema)];
}

/** An example of a whole schema, from those of its properties; `depth` ends what refers to itself. */
export function example(api, schema, depth = 0) {
  const of = meant(api, schema), [first] = of.examples || schema.examples || [];
  if (first !== undefined) return first;
  if (of.anyOf) return example(api, of.anyOf.find((one) => one.type !== "null") || of.anyOf[0], depth);
  if (of.enum) return of.enum[0];
  if (of.type === "array") return depth < 4 ? [example(api, of.items || {}, depth + 1)] : [];
  if (of.properties && depth < 4) {
    return Object.fromEntries(Object.entries(of.properties).map(([name, field]) => [name, example(api, field, depth + 1)]));
  }
  return of.default ?? null;
}

/** Values by name: `fields` are [name, schema, whether it must be there]. */
export const Fields = ({ fields }) => html`<dl class="answers">${fields.map(([name, field, must]) => html`<div>
  <dt><code>${name}</code>${must ? "" : html` <span class="soft">(${t("boleh kosong", "may be left out")})</span>`}</dt>
  <dd>${field.description && html`${inline(field.description)}<br />`}<span class="soft">${kind(field)}</span></dd></div>`)}</dl>`;

/** The properties of an object, or the kinds that it may be. `answered`: all of them are there. */
export function Schema({ schema, answered = false }) {
  if (!schema.properties) return html`<p>${kind(schema)}</p>`;
  const must = schema.required || [];
  return html`<${Fields} fields=${Object.entries(schema.properties).map(([name, field]) => [name, field, answered || must.includes(name)])} />`;
}
