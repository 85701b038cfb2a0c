// The public API: the session, proofs of the device's key (DPoP), tries again, copies for no signal.

import { base, heardTime, kept, language, now, redraw, setLanguage, settings, briefly } from "./core.js";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.code || String(status));
    this.status = status;
    this.code = problem.code || "";
    this.detail = problem.detail || "";
    this.facts = problem;
  }
}

/** Nothing was heard: no signal, or too much going on. */
export class Unsent extends Error {}

const PATIENCE = 20000, TRIES = 3;

const bytes = (text) => new TextEncoder().encode(text);
export const base64 = (raw) => btoa(String.fromCharCode(...new Uint8Array(raw)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
const json = (said) => base64(bytes(JSON.stringify(said)));
const rest = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The session: {refresh_token, access_token, ends, account, session_id, device_token}

let session = null, pair = null, nonce = null, renewing = null;

export const account = () => session && session.account;

export async function wake() {
  session = (await kept.get("session")) || null;
  tellLanguage();
}

export async function speak(code) {
  setLanguage(code);
  await kept.put("language", code);
  await tellLanguage();
}

let told = Promise.resolve();

/** The language of messages: one choice after the other, sent again when the page opens or somebody signs in. */
function tellLanguage() {
  told = told.then(async () => {
    const chosen = session && await kept.get("language");
    if (chosen) await mine("PUT", "/me/language", { language: chosen });
    if (chosen && chosen === language()) await kept.drop("language");
  }).catch(() => undefined);
  return told;
}

async function keys() {
  pair = pair || (await kept.get("key"));
  if (!pair) {
    pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    await kept.put("key", pair);
  }
  return pair;
}

/** What shows that a request comes from this device (RFC 9449). */
async function proof(method, path, token) {
  const { privateKey, publicKey } = await keys();
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const claims = {
    jti: base64(crypto.getRandomValues(new Uint8Array(18))),
    htm: method,
    htu: settings.url + path.split("?")[0],
    iat: Math.floor(now() / 1000),
  };
  if (token) claims.ath = base64(await crypto.subtle.digest("SHA-256", bytes(token)));
  if (nonce && nonce.until > Date.now()) claims.nonce = nonce.value;
  const words = `${json({ typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } })}.${json(claims)}`;
  return `${words}.${base64(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, bytes(words)))}`;
}

const subject = (token) => JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub;

export async function signedIn(opened) {
  const { refresh_token, access_token, session_id, device_token, expires_in_s } = opened;
  const before = await kept.get("whose");
  const who = subject(access_token);
  // Another person on the same device sees nothing of the one before.
  if (before && before !== who) await kept.clear((name) => name === "key" || name === "session");
  session = { refresh_token, access_token, session_id, device_token, account: who, ends: now() + 1000 * expires_in_s };
  await kept.put("whose", who);
  await kept.put("session", session);
  if (device_token) await kept.put("device_token", device_token);
  tellLanguage();
  redraw();
}

export async function signedOut() {
  session = null;
  pair = null;
  try {
    sessionStorage.clear();
  } catch {
    // no storage
  }
  await kept.clear();
  redraw();
}

/** A new access token, unless the session ended on this device meanwhile. */
async function renew({ refresh_token }) {
  const same = () => session && session.refresh_token === refresh_token;
  try {
    const { access_token, expires_in_s } = await call("POST", "/sessions/refreshes", { refresh_token }, { proved: true });
    if (same()) await kept.put("session", session = { ...session, access_token, ends: now() + 1000 * expires_in_s });
  } catch (error) {
    if (error.status !== 401) throw error;
    if (same()) {
      session = null;
      await kept.drop("session");
      redraw();
    }
  }
}

/** The access token of `who`, if they are the one who is signed in. */
async function token(who) {
  if (who && who === account() && session.ends - now() < 30000) {
    renewing = renewing || renew(session).finally(() => {
      renewing = null;
    });
    await renewing;
  }
  if (!who || who !== account()) throw new Refused(401, { code: "not_signed_in" });
  return session.access_token;
}

async function once(method, path, body, { own, proved, plain }, who) {
  const headers = { "Accept-Language": language() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const bearer = own ? await token(who) : null;
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (proved) headers.DPoP = await proof(method, path, bearer);
  const stop = new AbortController(), alarm = setTimeout(() => stop.abort(), PATIENCE);
  try {
    const answer = await fetch(base + path.slice(1), {
      method, headers, signal: stop.signal, credentials: "omit", cache: plain ? "default" : "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    // What a browser kept has the time of back then.
    if (!plain) heardTime(answer.headers.get("Date"));
    const text = await answer.text();
    return { answer, body: text ? JSON.parse(text) : null };
  } catch (error) {
    throw new Unsent(String(error));
  } finally {
    clearTimeout(alarm);
  }
}

/**
 * Ask the API; the decoded answer. `own`: as the person who is signed in; `proved`: with a proof of the device's key.
 * Whatever is sent twice has the effect of once, so what was not answered is sent again, unless another person is signed
 * in by then. Raises `Refused`, `Unsent`.
 */
export async function call(method, path, body, how = {}) {
  const who = account();
  let renewed = false;
  for (let tried = 1; ; tried += 1) {
    let heard;
    try {
      heard = await once(method, path, body, how, who);
    } catch (error) {
      if (!(error instanceof Unsent) || tried >= TRIES || !navigator.onLine) throw error;
      await rest(1000 * tried * (0.5 + Math.random()));
      continue;
    }
    const { answer, body: said } = heard, problem = said || {};
    if (answer.ok) return said;
    if (problem.code === "use_dpop_nonce" && tried < TRIES) {
      nonce = { value: answer.headers.get("DPoP-Nonce"), until: Date.now() + 240000 };
      continue;
    }
    if (answer.status === 401 && how.own && !renewed && problem.code !== "invalid_dpop_proof") {
      renewed = true;
      if (who && who === account()) session.ends = 0;
      continue;
    }
    const wait = Number(answer.headers.get("Retry-After")) || 2;
    if ([502, 503, 504].includes(answer.status)) {
      if (tried >= TRIES) throw new Unsent(problem.detail || String(answer.status));
      await rest(1000 * Math.min(wait, 5) * (0.75 + Math.random() / 2));
      continue;
    }
    throw new Refused(answer.status, problem);
  }
}

export const mine = (method, path, body) => call(method, path, body, { own: true });
export const proved = (method, path, body) => call(method, path, body, { own: true, proved: true });

/** What is read, and when: {body, at}. The copy of the last time, if there is one. */
const nameOf = (path) => `copy:${account() || ""}:${path}`;
export const copy = (path) => kept.get(nameOf(path));

const turns = {};

/** Its copy is kept, unless somebody else is signed in by now or it was asked for again. */
export async function read(path, how = {}) {
  const who = account(), turn = turns[path] = (turns[path] || 0) + 1;
  const found = { body: await call("GET", path, undefined, how), at: now() };
  if (who === account() && turn === turns[path]) await kept.put(nameOf(path), found);
  return found;
}

// Signing in under way: it outlives a reload, and not the window.

export const underWay = () => briefly.get("sign-in");
export const begin = (started) => briefly.put("sign-in", started);
export const end = () => briefly.drop("sign-in");

/** The proof of work that unknown devices are asked for in a rush. */
export async function work({ challenge, bits }) {
  const { ask } = await import("./proving.js");
  return { challenge, answer: await ask("work", { challenge, bits }) };
}
