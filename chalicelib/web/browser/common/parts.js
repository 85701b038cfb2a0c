// The components of every screen.

import { html, useEffect, useRef, useState } from "../vendored/preact.js";
import { briefly, go, kept, language, now, t, when } from "./core.js";
import { copy, read, Refused, Unsent } from "./net.js";

export { html, useEffect, useRef, useState };

const WEEK = 7 * 86400000, MOMENT = 5 * 60000;

/** A screen: its title is that of the window, and has the focus when it comes. */
export function Screen({ title, back = "", children }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${title} - Gelombang`;
  }, [title]);
  useEffect(() => {
    if (heading.current && document.activeElement === document.body) heading.current.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [title]);
  return html`
    ${back !== null && html`<p class="back"><a href=${`#/${back}`}>${"\u2039 "}${back ? t("Kembali", "Back") : t("Beranda", "Home")}</a></p>`}
    <h1 tabindex="-1" ref=${heading}>${title}</h1>
    ${children}`;
}

/** What is said aside: `kind` is good, bad or wait. Its mark says the same as its colour. */
export function Notice({ kind = "wait", children, live = false, ...more }) {
  const mark = { good: "\u2713", bad: "!", wait: "\u2022" }[kind];
  return html`<div class=${`notice ${kind}`} role=${live ? "status" : undefined} ...${more}>
    <span class="mark" aria-hidden="true">${mark}</span><div>${children}</div></div>`;
}

export const Link = ({ to, main = false, children, ...more }) =>
  html`<a class=${main ? "button" : undefined} href=${`#/${to}`} ...${more}>${children}</a>`;

export function reason(error) {
  if (error instanceof Unsent) {
    return error.detail ? error.detail : navigator.onLine
      ? t("Belum terkirim. Isian Anda aman. Coba lagi sebentar lagi.", "Not sent. What you typed is safe. Try again shortly.")
      : t("Tanpa sinyal. Belum terkirim. Isian Anda aman.", "No signal. Not sent. What you typed is safe.");
  }
  if (error instanceof Refused && error.code === "not_signed_in") {
    return t("Silakan masuk lagi.", "Please sign in again.");
  }
  if (error instanceof Refused && error.detail) return error.detail;
  return t("Ada yang tidak beres. Coba lagi.", "Something went wrong. Try again.");
}

let acted = false;

/** An action that cannot run twice at once: [run, busy, error]. */
export function useAction(act) {
  const [busy, setBusy] = useState(false), [error, setError] = useState(null);
  const running = useRef(false);
  const run = async (...given) => {
    if (running.current) return undefined;
    running.current = true;
    setBusy(true);
    setError(null);
    try {
      const done = await act(...given);
      acted = true;
      return done;
    } catch (wrong) {
      if (!(wrong instanceof Refused || wrong instanceof Unsent)) console.error(wrong);
      setError(wrong);
      return undefined;
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return [run, busy, error, setError];
}

export function Act({ act, ...more }) {
  const [run, busy, error] = useAction(act);
  return html`<${Button} run=${() => run()} busy=${busy} error=${error} ...${more} />`;
}

export function Button({ run, busy, error, quiet = false, children, ...more }) {
  return html`
    <button type="button" class=${quiet ? "quiet" : undefined} aria-disabled=${busy ? "true" : undefined}
      onClick=${run} ...${more}>${busy ? t("Mengirim...", "Sending...") : children}</button>
    ${error && html`<${Notice} kind="bad" live>${reason(error)}<//>`}`;
}

/** A button that asks first. What it then says has the focus, so that a second Enter does nothing. */
export function Sure({ label, sure, name = "", quiet = true, act, children }) {
  const [asked, setAsked] = useState(false), said = useRef(null);
  useEffect(() => asked && said.current.focus(), [asked]);
  const of = name && html`<span class="unseen"> ${name}</span>`;
  return asked ? html`<div tabindex="-1" ref=${said}>${children}<${Act} act=${act}>${sure}${of}<//></div>`
    : html`<button type="button" class=${quiet ? "quiet" : undefined} onClick=${() => setAsked(true)}>${label}${of}</button>`;
}

/** What the API said of some paths, the last copy first: {data, at, error, loading, again}. `paths` by name. */
export function useRead(paths, how = { own: true }) {
  const of = JSON.stringify(paths), asked = of + language();
  const [state, setState] = useState({ loading: true, data: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let gone = false;
    const here = location.hash, names = Object.keys(paths), tell = (more) => gone || setState((before) => ({ ...before, ...more }));
    const all = (found) => ({
      of,
      data: Object.fromEntries(names.map((name, at) => [name, found[at].body])),
      at: Math.min(...found.map((one) => one.at)),
    });
    (async () => {
      tell({ loading: true, error: null });
      const copies = await Promise.all(names.map((name) => copy(paths[name])));
      if (copies.every(Boolean)) tell({ ...all(copies), old: true });
      // A session may prove itself 12 times in 7 minutes: what was just read is not asked for again.
      const recent = how.proved && !turn && copies.every((one) => one && Math.abs(now() - one.at) < MOMENT);
      if (recent) return tell({ loading: false });
      try {
        const found = await Promise.all(names.map((name) => read(paths[name], how)));
        return tell({ ...all(found), old: false, loading: false, error: null });
      } catch (error) {
        if (error.status === 401 && here === location.hash) {
          briefly.put("return", here);
          go("masuk", true);
        }
        return tell({ error, loading: false });
      }
    })();
    return () => {
      gone = true;
    };
  }, [asked, turn]);
  return { ...state, data: state.of === of ? state.data : null, again: () => setTurn((before) => before + 1) };
}

/** What `found` (of `useRead`) has, shown by `children` once there is some; with `inner` they say how old it is. */
export function Await({ found, inner = false, children }) {
  const { data, at, old, error, loading, again } = found;
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const alarm = setTimeout(() => setSlow(true), 1000);
    return () => clearTimeout(alarm);
  }, []);
  useEffect(() => {
    // What was pressed may be gone with what it did.
    const heading = data && document.querySelector("h1");
    if (heading && acted && document.activeElement === document.body) heading.focus({ preventScroll: true });
    if (heading) acted = false;
  }, [data]);
  const offline = error instanceof Unsent;
  return html`
    ${loading && slow && !data && html`<p role="status">${t("Memuat...", "Loading...")}</p>`}
    ${error && data && offline && !inner && html`<${Notice} live>${t("Tanpa sinyal.", "No signal.")} ${t("Data dari", "Data from")} ${when(at)}. ${" "}
      <button type="button" class="quiet" onClick=${again}>${t("Coba lagi", "Try again")}</button><//>`}
    ${error && (!data || !(offline || inner)) && html`<${Notice} kind="bad" live>
      <p>${offline ? t("Tanpa sinyal.", "No signal.") : reason(error)}</p>
      <button type="button" onClick=${again}>${t("Coba lagi", "Try again")}</button><//>`}
    ${data && children(data, { old, again })}
    ${data && old && !error && !loading && !inner && html`<p class="soft">${t("Data dari", "Data from")} ${when(at)}. ${" "}
      <button type="button" class="quiet" onClick=${again}>${t("Perbarui", "Look again")}</button></p>`}`;
}

/**
 * What a person types: {values, errors, set, fail, drop}. A draft is kept for a week under `name`; what is in `secret`
 * is kept while the window is open, and no longer.
 */
export function useForm(name, start, secret = []) {
  const [values, setValues] = useState(start), [errors, setErrors] = useState({}), [ready, setReady] = useState(false);
  const held = useRef(start), early = useRef({});
  const keep = (field) => {
    if (!name) return;
    const part = (some) => Object.fromEntries(Object.entries(held.current).filter(([one]) => secret.includes(one) === some));
    if (secret.includes(field)) briefly.put(`draft:${name}`, part(true));
    else kept.put(`draft:${name}`, { at: now(), values: part(false) });
  };
  useEffect(() => {
    (async () => {
      const draft = name && (await kept.get(`draft:${name}`));
      const fresh = draft && now() - draft.at < WEEK ? draft.values : {};
      const brief = (name && briefly.get(`draft:${name}`)) || {};
      // A slow phone may be typed on before the draft comes.
      held.current = { ...start, ...fresh, ...brief, ...early.current };
      setValues(held.current);
      setReady(true);
      Object.keys(early.current).forEach(keep);
      early.current = {};
    })();
  }, [name]);
  const set = (field, value) => {
    held.current = { ...held.current, [field]: value };
    setValues(held.current);
    if (ready) keep(field);
    else early.current[field] = value;
  };
  const drop = () => {
    held.current = start;
    briefly.drop(`draft:${name}`);
    return kept.drop(`draft:${name}`);
  };
  return { name, values, errors, ready, set, fail: setErrors, drop, current: () => held.current };
}

const idOf = (form, field) => `${form.name || "form"}-${field}`;

/**
 * A form. `check` gives errors by field before anything is sent; `send` does the rest. `refused` turns a refusal into
 * errors by field, or null where its own words are shown above.
 */
export function Form({ form, title, check = () => ({}), send, refused = () => null, label, children, busyLabel = null }) {
  const summary = useRef(null);
  const [count, setCount] = useState(0);
  const found = () => Object.fromEntries(Object.entries(check(form.current())).filter(([, text]) => text));
  const [run, busy, error, setError] = useAction(async () => {
    const wrong = found();
    form.fail(wrong);
    if (Object.keys(wrong).length) {
      setCount((before) => before + 1);
      return;
    }
    try {
      await send(form.current());
    } catch (no) {
      // Each wrong field, as the application names them all.
      const fields = no instanceof Refused ? Object.assign({}, ...(no.facts.errors || [no]).map(refused)) : {};
      const named = Object.keys(fields).length > 0;
      if (named) form.fail(fields);
      setCount((before) => before + 1);
      if (!named) throw no;
    }
  });
  const fields = Object.entries(form.errors);
  useEffect(() => {
    if (count && summary.current) summary.current.focus();
  }, [count]);
  const spoken = language();
  useEffect(() => {
    if (fields.length) form.fail(found());
  }, [spoken]);
  useEffect(() => {
    document.title = `${fields.length || error ? t("Galat: ", "Error: ") : ""}${title} - Gelombang`;
  });
  const enter = (event) => {
    event.preventDefault();
    if (!busy) setError(null);
    run();
  };
  return html`<form novalidate onSubmit=${enter}>
    ${(fields.length > 0 || error) && html`<div class="notice bad" tabindex="-1" ref=${summary} role="alert">
      <span class="mark" aria-hidden="true">!</span><div>
      ${fields.length > 0 ? html`<h2>${t("Ada yang perlu diperbaiki", "Something needs correcting")}</h2>
        <ul>${fields.map(([field, text]) => html`<li><a href=${`#${idOf(form, field)}`}
          onClick=${(event) => {
            event.preventDefault();
            const found = document.getElementById(idOf(form, field));
            if (found) found.focus();
          }}>${text}</a></li>`)}</ul>` : html`<p>${reason(error)}</p>`}
      </div></div>`}
    ${children}
    <button type="submit" aria-disabled=${busy ? "true" : undefined}>
      ${busy ? busyLabel || t("Mengirim...", "Sending...") : label}</button>
  </form>`;
}

const described = (id, hint, error) => [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
const Around = ({ id, hint, error }) => html`
  ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  ${error && html`<p class="error" id=${`${id}-error`}><span aria-hidden="true">! </span>${error}</p>`}`;

/** What is wrong with a field that is `apart` from its error. */
export const Wrong = ({ form, field }) => html`<${Around} id=${idOf(form, field)} error=${form.errors[field]} />`;

/** One line of text, or several where `rows` is set. */
export function Field({ form, field, label, hint = "", rows = 0, type = "text", apart = false, ...more }) {
  const id = idOf(form, field), error = form.errors[field];
  const given = {
    id, name: field, value: form.values[field] ?? "", "aria-invalid": error ? "true" : undefined,
    "aria-describedby": described(id, hint, error), onInput: (event) => form.set(field, event.target.value), ...more,
  };
  return html`<div class="field"><label for=${id}>${label}</label><${Around} id=${id} hint=${hint} error=${!apart && error} />
    ${rows ? html`<textarea rows=${rows} ...${given}></textarea>` : html`<input type=${type} ...${given} />`}</div>`;
}

export const Digits = (given) => html`<${Field} inputmode="numeric" autocomplete="off" ...${given} />`;

/** Choices of which one is taken: `options` are [value, text]. With `many`, any number of them. */
export function Radios({ form, field, label, hint = "", options, many = false }) {
  const id = idOf(form, field), error = form.errors[field], chosen = form.values[field];
  const holds = (value) => (many ? (chosen || []).includes(value) : chosen === value);
  const pick = (value, on) => form.set(field, !many ? value
    : on ? [...(chosen || []), value] : (chosen || []).filter((one) => one !== value));
  return html`<fieldset class="field" aria-describedby=${described(id, hint, error)}>
    <legend>${label}</legend><${Around} id=${id} hint=${hint} error=${error} />
    ${options.map(([value, text], at) => html`<label class="choice">
      <input type=${many ? "checkbox" : "radio"} id=${at ? `${id}-${at}` : id} name=${field} value=${value}
        checked=${holds(value)} aria-invalid=${error ? "true" : undefined}
        onChange=${(event) => pick(value, event.target.checked)} /><span>${text}</span></label>`)}
  </fieldset>`;
}

export function Tick({ form, field, children }) {
  const id = idOf(form, field), error = form.errors[field];
  return html`<div class="field"><${Around} id=${id} error=${error} /><label class="choice">
    <input type="checkbox" id=${id} checked=${Boolean(form.values[field])} aria-describedby=${described(id, "", error)}
      aria-invalid=${error ? "true" : undefined} onChange=${(event) => form.set(field, event.target.checked)} />
    <span>${children}</span></label></div>`;
}

export function Select({ form, field, label, hint = "", options, none = t("Pilih", "Choose"), ...more }) {
  const id = idOf(form, field), error = form.errors[field];
  return html`<div class="field"><label for=${id}>${label}</label><${Around} id=${id} hint=${hint} error=${error} />
    <select id=${id} name=${field} aria-invalid=${error ? "true" : undefined} aria-describedby=${described(id, hint, error)}
      onChange=${(event) => form.set(field, event.target.value)} ...${more}>
      <option value="" selected=${!form.values[field]}>${none}</option>
      ${options.map(([value, text]) => html`<option value=${value} selected=${form.values[field] === value}>${text}</option>`)}
    </select></div>`;
}

/** Facts by name: rows of [name, value, where to change it]. */
export const Answers = ({ rows }) => html`<dl class="answers">${rows.filter(Boolean).map(([name, value, to]) => html`
  <div><dt>${name}</dt><dd>${value}${to && html` <a href=${`#/${to}`}>${t("Ubah", "Change")}<span class="unseen"> ${name}</span></a>`}</dd></div>`)}</dl>`;

export const Empty = ({ thing }) => html`<p class="soft">${t(`Belum ada ${thing[0]}.`, `No ${thing[1]} yet.`)}</p>`;

export const bare = (text) => String(text || "").replace(/[\s.\-\u2010-\u2015]/g, "");
