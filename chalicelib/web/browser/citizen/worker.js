
// The worker: behind the scripts of the page that checks a draw (verify.html), it reads, proves and calculates.

const jobs = {
  /** A text so that SHA-256 of "<challenge>.<text>" begins with so many zero bits. */
  work({ challenge, bits }) {
    const encoder = new TextEncoder();
    for (let turn = 0; ; turn += 1) {
      const hash = gelombang.sha256(encoder.encode(`${challenge}.${turn}`));
      const zeros = hash.findIndex(Boolean), found = zeros < 0 ? 256 : 8 * zeros + Math.clz32(hash[zeros]) - 24;
      if (found >= bits) return String(turn);
    }
  },

  /** A receipt checked against the published files, by what `settings` pin. */
  async check({ receipt: text, settings, proof: asked }) {
    const receipt = parseReceipt(text);
    if (!receipt) return { error: "receipt" };
    const from = new Site(settings.results_url, 60);
    const names = FILES.filter((name) => name !== "removals.json" && name !== "sample.json");
    const { files, faults } = await readAll(from, names), rows = rowsOf(files);
    if (!files.size) return { error: "unread" };
    const leaf = gelombang.leafOf(receipt.wave, receipt.region, gelombang.unhex(receipt.ticket));
    const row = rows.find(({ region, entries }) => region === receipt.region && entries);
    const found = row ? await ownProof(asked, leaf, row) || await gelombang.proofFrom(from, row, leaf) : {};
    const entry = { wave: receipt.wave, region: receipt.region, ticket: receipt.ticket };
    const known = { note_published_at: from.publishedAt, entry, faults, ...found };
    const { checks, verdict } = gelombang.verifyEntry(files, settings, known);
    return { checks, verdict, files: [...files.keys()], place: found.proof && found.proof.index !== undefined ? found.proof : null };
  },
};

/** The application's proof, asked for without saying who asks; null where it gives none. */
async function ownProof(address, leaf, { region }) {
  try {
    const answer = await fetch(`${address}${gelombang.hex(leaf)}/proof?region=${region}`, { credentials: "omit", redirect: "error" });
    const { index, entries, path } = await answer.json();
    const right = answer.ok && Number.isInteger(index) && Number.isInteger(entries) && path.length <= 64 &&
      path.every((one) => /^[0-9a-f]{64}$/.test(one));
    return right ? { proof: { index, entries, path } } : null;
  } catch {
    return null;
  }
}

onmessage = async ({ data: { job, given } }) => {
  try {
    postMessage({ value: await jobs[job](given) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
