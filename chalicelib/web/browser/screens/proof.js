// The receipt: kept on the device, saved as a file, and the draw checked with it by one touch.

import { base, drawn, kept, language, last, number, settings, t, when } from "../common/core.js";
import { account } from "../common/net.js";
import { keepReceipts, why } from "../citizen/home.js";
import { Act, Answers, Await, Empty, html, Link, Notice, Screen, useAction, useEffect, useRead, useState } from "../common/parts.js";
import { ask } from "../common/proving.js";

const STANDING = {
  waiting_for_closing: ["Ikut; gelombang masih dibuka", "In; the wave is open"],
  in_selection: ["Sedang diundi", "Being drawn"],
  reserved: ["Menunggu data dikonfirmasi", "Waits for your details"],
  chosen: ["Terpilih", "Chosen"],
  not_chosen: ["Belum terpilih", "Not chosen"],
  revoked: ["Kepesertaan dicabut", "Place revoked"],
};

function History() {
  const found = useRead({ entries: "/me/entries" });
  return html`<${Screen} title=${t("Gelombang saya", "My waves")}><${Await} found=${found}>${({ entries: { entries } }) => (entries.length
    ? html`<ul class="cards">${entries.map((entry) => html`<li class="card"><h2>${t("Gelombang", "Wave")} ${entry.wave}</h2>
      <p>${t(...STANDING[entry.standing])}. ${entry.reason && why(entry.reason)}</p>
      <p><${Link} to=${`bukti/${entry.wave}`}>${t("Bukti dan undian", "Receipt and draw")} ${entry.wave}<//></p></li>`)}</ul>`
    : html`<${Empty} thing=${["gelombang yang Anda ikuti", "wave that you joined"]} />`)}<//><//>`;
}

/** Save a receipt: by the share sheet where there is one, else as a file. */
async function save({ file, content }) {
  const blob = new File([content], file, { type: "application/json" });
  if (navigator.canShare && navigator.canShare({ files: [blob] }) && /Mobi|Android/i.test(navigator.userAgent)) {
    await navigator.share({ files: [blob] }).catch(() => undefined);
    return;
  }
  keep(blob);
}

export function keep(blob) {
  const address = URL.createObjectURL(blob), link = document.createElement("a");
  link.href = address;
  link.download = blob.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// The check: four ticks and one verdict

const GROUPS = [
  ["receipt", ["Bukti Anda", "Your receipt"], ["own leaf"]],
  ["list", ["Daftar peserta", "List of entries"], ["note", "wave", "region table", "committed entries", "on the list", "nodes of the own list",
    "path to the root", "top of the table", "entries in all", "reserved seats", "round follows from the freeze", "note not before the close"]],
  ["random", ["Angka acak", "Random number"], ["pinned chain", "beacon", "beacon as committed", "signature", "randomness", "note before its round"]],
  ["result", ["Hasil", "Result"], ["result", "seed", "seats of the result", "numbers chosen", "own values", "substitutions of the own entry", "verdict"]],
];

function outcome({ checks, verdict, files }) {
  const failed = checks.filter(({ ok }) => ok === false);
  const early = !files.includes("beacon.json") && !files.includes("result.json");
  // Before the draw only what comes of it is missing.
  const wrong = early ? failed.filter(({ name }) => !["beacon", "result"].includes(name)) : failed;
  return { wrong, early, verdict };
}

function Checked({ found, entry, receipt }) {
  const { wrong, early, verdict } = outcome(found), { checks, place } = found;
  const shown = GROUPS.map(([name, text, of]) => {
    const those = checks.filter((one) => of.includes(one.name));
    const ok = those.some((one) => wrong.includes(one)) ? false : those.some((one) => one.ok) && !(early && ["random", "result"].includes(name)) ? true : null;
    return { name, text, ok };
  });
  return html`<div role="status" data-verdict=${wrong.length ? "bad" : early ? "wait" : "good"}>
    <ul class="ticks">${shown.map(({ name, text, ok }) => html`<li data-tick=${name} data-ok=${String(ok)} class=${ok === true ? "good" : ok === false ? "bad" : "soft"}>
      ${ok === true ? "\u2713" : ok === false ? "\u2717" : "\u2013"} ${t(...text)}<span class="unseen">: ${ok === true ? t("cocok", "holds") : ok === false ? t("tidak cocok", "fails") : t("belum ada", "not there yet")}</span></li>`)}</ul>
    ${wrong.length > 0 ? html`<${Notice} kind="bad"><h2>${t("Ada yang tidak cocok", "Something does not hold")}</h2>
      <p>${t("Simpan berkas bukti, lalu ajukan keberatan.", "Save the receipt file, then appeal.")}</p>
      <p>${receipt.content && html`<${Act} quiet act=${() => save(receipt)}>${t("Simpan berkas", "Save file")}<//>`} ${" "}
        <${Link} to=${`bantuan/baru/selection_result/${entry.wave}`}>${t("Ajukan keberatan", "Appeal")}<//></p><//>`
      : early ? html`<${Notice} kind="good"><h2>${t("Anda ada di daftar", "You are on the list")}</h2><p>${t("Angka acak belum ada. Periksa lagi setelah undian.", "The random number does not exist yet. Check again after the draw.")}</p><//>`
        : html`<${Notice} kind=${verdict.seat === null ? "wait" : "good"}><h2>${verdict.seat === null ? t("Tidak terpilih, dan undian cocok", "Not chosen, and the draw holds")
          : t("Terpilih, dan undian cocok", "Chosen, and the draw holds")}</h2>
          <p>${t(`Angka Anda ${drawn(verdict.open)}; batas ${drawn(verdict.openCutoff)}.`, `Yours ${drawn(verdict.open)}, limit ${drawn(verdict.openCutoff)}.`)} ${t("Yang lebih kecil terpilih.", "Lower is chosen.")}</p>
          ${verdict.rank !== null && html`<p>${t(`Untuk kursi daerah: ${drawn(verdict.rank)}; batas ${drawn(verdict.rankCutoff)}.`, `For seats of the region: ${drawn(verdict.rank)}, limit ${drawn(verdict.rankCutoff)}.`)}</p>`}<//>`}
    ${place && html`<p>${t(`Nomor ${number(place.index + 1)} dari ${number(place.entries)} di daerah Anda.`, `Number ${number(place.index + 1)} of ${number(place.entries)} in your region.`)}</p>`}
    <details><summary>${t("Rincian", "Details")}</summary><ul class="plain">${checks.map(({ name, ok, detail }) => html`<li lang="en">${ok ? "\u2713" : ok === false ? "\u2717" : "\u2013"} ${name}${detail && `: ${detail}`}</li>`)}</ul></details></div>`;
}

function Check({ entry, wave, receipt }) {
  const [found, setFound] = useState(null);
  const [run, busy, error] = useAction(async () => {
    const pinned = { ...settings.draw, wave: wave.number, closes_at: wave.closes_at, results_url: wave.results_url };
    setFound(await ask("check", { receipt: receipt.content, settings: pinned, proof: `${location.origin}${base}waves/${wave.number}/entries/` }));
  });
  return html`<button type="button" aria-disabled=${busy ? "true" : undefined} onClick=${run}>${busy ? t("Memeriksa...", "Checking...") : t("Periksa undian", "Check the draw")}</button>
    ${(error || (found && found.error)) && html`<${Notice} kind="bad" live>${t("Berkas undian belum dapat dibaca. Coba lagi.", "The files of the draw cannot be read yet. Try again.")}<//>`}
    ${found && !found.error && html`<${Checked} found=${found} entry=${entry} receipt=${receipt} />`}`;
}

const HASH = /^[0-9a-f]{64}$/, FORMAT = "gelombang/receipt/1";

/** The receipt in a file of this wave that another device saved; null if it is none. */
async function opened(file, wave) {
  const content = file.size < 10000 ? await file.text() : "{}";
  try {
    const found = JSON.parse(content);
    return found.format === FORMAT && found.wave === wave && [found.ticket, found.leaf].every((one) => HASH.test(one))
      ? { ...found, content, file: file.name, own: true } : null;
  } catch {
    return null;
  }
}

/** Brings a receipt back from a file. */
function FromFile({ wave, found }) {
  const [wrong, setWrong] = useState(false);
  const read = async ({ target }) => {
    const [file] = target.files, receipt = file && await opened(file, wave);
    target.value = ""; // so that the same file can be chosen again
    setWrong(Boolean(file) && !receipt);
    if (receipt) await kept.put(`receipt:${account()}:${wave}`, receipt).then(() => found(receipt));
  };
  return html`<p><label for="receipt-file">${t("Pakai berkas bukti dari ponsel lain", "Use a receipt file from another phone")}</label>
    <input id="receipt-file" type="file" accept=".json,application/json" onChange=${read} /></p>
    ${wrong && html`<${Notice} kind="bad" live>${t(`Ini bukan berkas bukti gelombang ${wave}.`, `This is no receipt file of wave ${wave}.`)}<//>`}`;
}

function Receipt({ entry, wave }) {
  const [receipt, setReceipt] = useState(null);
  useEffect(() => {
    keepReceipts([entry]).then(() => kept.get(`receipt:${account()}:${entry.wave}`)).then((own) => setReceipt(own || entry.receipt));
  }, [entry.wave, entry.standing]);
  if (!receipt) return null;
  const gone = !entry.receipt.ticket, same = (gone || receipt.ticket === entry.receipt.ticket) && receipt.leaf === entry.receipt.leaf;
  const frozen = ["FROZEN", "DRAWN", "SETTLED"].includes(wave.state);
  return html`<p><strong>${t(...STANDING[entry.standing])}.</strong> ${entry.reason && why(entry.reason, wave)}</p>
    ${!same ? html`<${Notice} kind="bad">${t("Bukti di ponsel ini tidak sama dengan catatan kami. Simpan, lalu ajukan keberatan.", "Your receipt differs from our record. Save it, then appeal.")}
      <p><${Link} to=${`bantuan/baru/selection_result/${entry.wave}`}>${t("Ajukan keberatan", "Appeal")}<//></p><//>`
    : !receipt.ticket ? html`<${Notice}>${t("Pemeriksaan gelombang ini ditutup 90 hari setelah hasilnya, dan tiket Anda dihapus. Undian hanya dapat diperiksa dengan berkas bukti yang Anda simpan.", "The audit of this wave closed 90 days after its result, and your ticket is gone. The draw can be checked only with a receipt file that you saved.")}<//>`
    : receipt.own ? html`<${Notice} kind="good">${t("Bukti Anda sama dengan catatan kami.", "Your receipt matches our record.")}<//>`
      : html`<${Notice}>${t("Bukti ini dari akun; simpanan Anda lebih kuat.", "From your account; one that you saved proves more.")}<//>`}
    ${frozen && receipt.content ? html`<${Check} entry=${entry} wave=${wave} receipt=${receipt} />`
      : receipt.ticket && html`<p>${wave.state === "OPEN" ? t(`Daftar dikunci setelah ${last(wave.closes_at)}. Sesudah itu bukti dapat diperiksa.`, `The list is locked after ${last(wave.closes_at)}. Then the receipt can be checked.`)
        : t("Daftar sedang dikunci.", "The list is being locked.")}</p>`}
    <h2>${t("Bukti Anda", "Your receipt")}</h2>
    <${Answers} rows=${[[t("Bergabung", "Joined"), when(entry.receipt.joined_at)], [t("Kode bukti", "Receipt code"), html`<code>${receipt.leaf}</code>`]]} />
    ${receipt.content && html`<p>${t("Pemegang berkas ini dapat melihat hasil Anda.", "Whoever holds this file can see your result.")}</p><p><${Act} quiet act=${() => save(receipt)}>${t("Simpan bukti", "Save receipt")}<//></p>`}
    ${!receipt.own && html`<${FromFile} wave=${entry.wave} found=${setReceipt} />`}
    ${wave.results_url && html`<p><a href=${`${base}waves/${wave.number}/verify`} hreflang=${language()}>${t("Periksa seluruh gelombang", "Check the whole wave")}</a></p>`}`;
}

function Proof({ rest: [text] }) {
  const found = useRead({ entries: "/me/entries", wave: `/waves/${encodeURIComponent(text)}` });
  return html`<${Screen} title=${t(`Bukti gelombang ${text}`, `Receipt for wave ${text}`)} back="riwayat"><${Await} found=${found}>${({ entries: { entries }, wave }) => {
    const entry = entries.find((one) => one.wave === Number(text));
    return entry ? html`<${Receipt} entry=${entry} wave=${wave} />` : html`<p>${t("Anda tidak ikut gelombang ini.", "You did not join this wave.")}</p>`;
  }}<//><//>`;
}

export const screens = { riwayat: History, bukti: Proof };
