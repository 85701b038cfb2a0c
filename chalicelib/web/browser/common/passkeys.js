// Passkeys (WebAuthn): make one, sign in by one. By hand, as browsers before 2025 have no JSON for it.

import { device, t } from "./core.js";
import { base64, call, proved, Refused, signedIn } from "./net.js";

export const able = () => Boolean(window.PublicKeyCredential);

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const WRITTEN = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

function written({ id, rawId, type, response }) {
  const parts = WRITTEN.filter((name) => response[name]).map((name) => [name, base64(response[name])]);
  return { id, rawId: base64(rawId), type, response: Object.fromEntries(parts) };
}

// A browser has one such question at a time: the next one ends that which waits among suggestions.

let waiting = null;

export function withdraw() {
  if (waiting) waiting.abort();
  waiting = null;
}

const begin = () => {
  withdraw();
  return waiting = new AbortController();
};

async function ceremony(how, publicKey, mine, more) {
  try {
    return written(await navigator.credentials[how]({ publicKey, signal: mine.signal, ...more }));
  } catch (error) {
    const there = error.name === "InvalidStateError";
    throw new Refused(0, { code: error.name, detail: there ? t("Perangkat ini sudah punya kunci sandi Anda.", "This device has a passkey of yours already.")
      : how === "create" ? t("Kunci sandi tidak dibuat.", "No passkey was made.") : t("Kunci sandi tidak dipakai.", "No passkey was used.") });
  } finally {
    if (waiting === mine) waiting = null;
  }
}

/** Make a passkey of the person who is signed in. */
export async function make() {
  const mine = begin(), { challenge, user, excludeCredentials, ...more } = await proved("POST", "/me/passkeys/options");
  const credential = await ceremony("create", { ...more, challenge: bytes(challenge), user: { ...user, id: bytes(user.id) },
    excludeCredentials: excludeCredentials.map((one) => ({ ...one, id: bytes(one.id) })) }, mine);
  return proved("POST", "/me/passkeys", { credential, device: device() });
}

async function chosen(more) {
  const mine = begin(), { challenge, ...options } = await call("POST", "/passkey-challenges");
  return ceremony("get", { ...options, challenge: bytes(challenge) }, mine, more);
}

/** What a person chose in the browser's own window. */
export const asked = () => chosen();

/** What a person chooses among the suggestions below the field, if ever; null where browsers suggest none. */
export async function suggested() {
  const can = able() && PublicKeyCredential.isConditionalMediationAvailable;
  return can && (await PublicKeyCredential.isConditionalMediationAvailable()) ? chosen({ mediation: "conditional" }) : null;
}

export const enter = async (credential) =>
  signedIn(await call("POST", "/sessions", { passkey: { credential, device: device() } }, { proved: true }));
