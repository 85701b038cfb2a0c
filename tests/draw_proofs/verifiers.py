"""Runs the published verifier and the page's on files and known facts; returns the names of the failures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.clock import iso
from tests.builders.draws.verify_draw import verify_files

from .cheat import Facts

NAMES = (
    *("malformed", "missing", "wrong wave", "foreign chain", "wrong round", "early note", "late note"),
    *("forged cosignature", "late witness", "no quorum", "regions not ascending", "list not ascending"),
    *("duplicate leaf", "wrong root", "wrong nodes", "wrong entries", "wrong seats", "wrong top", "forged signature"),
    *("wrong randomness", "wrong seed", "wrong chosen", "wrong cut-off", "substitution out of order", "wrong sample"),
    *("not on the list", "wrong path"),
)
"""Of failures, as docs/draw.md section 10 has them."""


def named(details: Iterable[str]) -> set[str]:
    """The names that failures begin with; a failure without one is its own name, so that no test takes it for one."""
    return {
        next((name for name in NAMES if one.startswith(name)), one)
        for detail in details
        for one in detail.split("; ")
        if not one.startswith("and ")
    }


def by_single_file(files: Mapping[str, bytes], facts: Facts) -> set[str]:
    """What `verify_draw.py` finds: its command, but for where the files are."""
    told = ["--closes-at", facts.closes_at.isoformat(), "--seen-at", facts.seen_at.isoformat()]
    told += ["--wave", str(facts.wave), "--quorum", str(facts.quorum)]
    told += [word for region, weight in facts.weights.items() for word in ("--weight", str(region), str(weight))]
    told += [word for key in facts.witnesses for word in ("--witness", str(key))]
    if facts.receipt:
        told += ["--region", str(facts.receipt[0]), "--ticket", facts.receipt[1].hex()]
    verdict = verify_files(files, *told)
    found = named(check["detail"] for check in verdict.checks if check["ok"] is False)
    assert (verdict.code, verdict.ok) == (1 if found else 0, not found)
    return found


IN_THE_PAGE = """
async ({ base, cases }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const proven = async (files, known) => {
    let row;
    try {
      const rows = gelombang.parseRegions(files.get("regions.json"));
      row = rows.find(({ region, entries }) => region === known.entry.region && entries);
    } catch {}
    const { wave } = gelombang.times(files, {}) ?? known;
    const from = {
      read: (name) => files.get(name) ?? null,
      part: (name, start, length, whole) => {
        const file = files.get(name);
        if (file && file.length !== whole) throw new RangeError(`malformed ${name}`);
        return file?.subarray(start, start + length);
      },
    };
    const leaf = gelombang.leafOf(wave, known.entry.region, bytes(known.ticket));
    return row ? gelombang.proofFrom(from, row, leaf) : {};
  };
  const found = [];
  for (const { changed, settings, known } of cases) {
    const texts = Object.entries({ ...base, ...changed }).filter(([, text]) => text !== null);
    const files = new Map(texts.map(([name, text]) => [name, bytes(text)]));
    const checks = known.entry
      ? gelombang.verifyEntry(files, settings, { ...known, ...await proven(files, known) }).checks
      : gelombang.verifyFiles(files, settings, known);
    found.push(checks.filter((check) => check.ok === false).map((check) => check.detail));
  }
  return found;
}
"""
"""What fails in each of many cases, by the page's own script: with an own entry its proof, made of parts of the files.

A case has other files than the `base`, or null.
"""


def for_the_page(cases: Iterable[tuple[Mapping[str, bytes], Facts]], base: Mapping[str, bytes]) -> dict[str, Any]:
    """The argument of `IN_THE_PAGE` for cases of files and facts; what they have in common with `base` is left out."""
    return {
        "base": _as_text(base),
        "cases": [
            {
                "changed": dict.fromkeys(base.keys() - files.keys())
                | _as_text({name: content for name, content in files.items() if base.get(name) != content}),
                "settings": {"witnesses": list(map(str, facts.witnesses)), "quorum": facts.quorum},
                "known": {
                    "wave": facts.wave,
                    "closes_at": iso(facts.closes_at),
                    "note_published_at": iso(facts.seen_at),
                    "weights": {str(region): weight for region, weight in facts.weights.items()},
                    "entry": facts.receipt and {"region": facts.receipt[0], "ticket": facts.receipt[1].hex()},
                    "ticket": facts.receipt and b64encode(facts.receipt[1]).decode(),
                },
            }
            for files, facts in cases
        ],
    }


def _as_text(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: b64encode(content).decode() for name, content in files.items()}
