"""What a month of accounts costs for a million active people: with AWS's user pools, as before, and now.

    python -m bench.active

It takes calls and units from docs/costs.md and prices from below, and prints the table of that page.
"""

from __future__ import annotations

import re
from pathlib import Path

PEOPLE = 1_000_000

HABIT = {
    "`POST /sign-ins`": 1,
    "`GET /sign-ins/{sign_in_id}`": 3,
    "a code by mail": 1,
    "`POST /sessions`": 1,
    "`POST /sessions/refreshes`": 12,
}
"""How often a person does what a row of docs/costs.md names, in a month. One sign-in is a high guess, as a session
lasts 90 days from its last use. One refresh stands for a visit of up to five minutes.
"""

USD = {
    "mails (SES)": 0.10 / 1_000,
    "KMS": 0.03 / 10_000,
    "write units": 0.75 / 1_000_000,
    "read units": 0.15 / 1_000_000,
    "messages (SQS; sent, received, deleted)": 3 * 0.40 / 1_000_000,
    "requests (API Gateway, Lambda)": 5.00 / 1_000_000,
}
"""The price of one of each: roughly AWS's in Singapore and Jakarta. Look the prices up before you plan a budget."""

POOL_USD = {"the cheaper kind": 0.0055, "the ordinary kind": 0.015}
"""What AWS's user pools, which held the accounts before, cost for each active person and month."""
POOL_REQUESTS = 3
"""One sign-in, and two refreshes of a token that lasts an hour."""

SMS_IDR, IDR_FOR_USD = 600, 16_500


def rows() -> dict[str, list[str]]:
    """The rows of all tables of docs/costs.md, each under its first cell."""
    page = Path(__file__).parents[1] / "docs/costs.md"
    lines = [line.strip("| ").split(" | ") for line in page.read_text().splitlines() if line.startswith("| ")]
    return {cells[0]: cells for cells in reversed(lines)}


def used() -> dict[str, float]:
    """How much of each thing named in `USD` a person uses in a month."""
    found, known = dict.fromkeys(USD, 0.0), rows()
    for row, times in HABIT.items():
        _, calls, reads, writes, *_ = known[row]
        for name, number in (
            ("mails (SES)", _of(calls, "SES")),
            ("KMS", _of(calls, "KMS")),
            ("messages (SQS; sent, received, deleted)", _of(calls, "SQS")),
            ("read units", int(reads)),
            ("write units", int(writes)),
            ("requests (API Gateway, Lambda)", int(row.startswith("`"))),
        ):
            found[name] += times * number
    return found


def _of(calls: str, service: str) -> int:
    """The number of calls to a service that a cell states; 0 if it names none."""
    named = re.search(rf"(\d+) {service}\b", calls)
    return int(named[1]) if named else 0


def table() -> list[str]:
    """The lines of the table, in Markdown and whole dollars a month."""
    lines = ["| what | of a person | USD a month for a million |", "|---|---|---|"]
    for kind, usd in POOL_USD.items():
        whole = PEOPLE * (usd + POOL_REQUESTS * USD["requests (API Gateway, Lambda)"])
        lines.append(f"| before: a user pool, {kind} | {usd} USD, {POOL_REQUESTS} requests | {whole:,.0f} |")
    total = 0.0
    for name, number in used().items():
        total += PEOPLE * number * USD[name]
        lines.append(f"| {name} | {number:.0f} | {PEOPLE * number * USD[name]:,.0f} |")
    lines.append(f"| **now, codes by mail** | | **{total:,.0f}** |")
    sms = PEOPLE // 10 * SMS_IDR / IDR_FOR_USD
    lines.append(f"| more if one in ten has the code by SMS | {SMS_IDR} rupiah for each of them | {sms:,.0f} |")
    return lines


if __name__ == "__main__":
    print(*table(), sep="\n")
