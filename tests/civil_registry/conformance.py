"""The public compliance suite of the DCI standard, run against the sandbox registry: `make conformance SUITE=...`.

    python -m tests.civil_registry.conformance SUITE

SUITE is a checkout of https://github.com/OpenSPP/spdci-compliance (Apache-2.0) at `COMMIT`, in which `npm ci` was run;
it needs Node 18 or later. Its profile `crvs-registry` tests a registry's server. So what is tested is the sandbox that
our adapter is tested with: that it is a registry as the standard has it, and no double made to our own measure. Its
profile `crvs-client` tests the suite's own messages. Every scenario is pinned, with why it fails if it does; the
command exits with 1 if any ends otherwise.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from local.sandbox.registry import Person, Registry

COMMIT = "80b7bc346613d20ba1cf39af33ed951dd1e997e8"
KNOWN = Person(nik="TEST-001", name="Siti Aminah", birth_date="1995-08-17", kk="3174091203180002", province="31")
"""Whom the suite asks about."""

STUB = "unsigned-stub"
"""What the suite sends in place of a signature, as it can make none; for it alone the sandbox takes that for one."""
PASS = {
    *("ASYNC-SEARCH-01", "ASYNC-SEARCH-NEG-01", "SEARCH-EXPRESSION-01"),
    *("SYNC-SEARCH-01", "SYNC-SEARCH-EXTRA-01", "SYNC-SEARCH-NEG-01", "SYNC-SEARCH-EXPRESSION-01"),
    *("SEC-AUTH-ASYNC-SEARCH-01", "SEC-AUTH-SYNC-SEARCH-01", "SEC-SIG-ASYNC-SEARCH-01", "SEC-SIG-SYNC-SEARCH-01"),
    "SUBSCRIBE-NEG-01",
}
"""What passes. The expression searches are taken and each answered as rejected, which is valid; the last one passes
because there is no such address."""

_NOT_OURS = "we ask for no subscription and no state of a transaction, so the sandbox has none"
_A_CLIENTS = "an address of the client and not of a registry; ours takes only what the pinned key signed"
_SUITES = "the suite's predicate query is not valid by its own copy of the standard, and is never sent"
FAIL = {
    **dict.fromkeys(("ASYNC-SUBSCRIBE-CB-01", "ASYNC-UNSUBSCRIBE-CB-01", "ASYNC-TXNSTATUS-CB-01"), _NOT_OURS),
    **dict.fromkeys(("SUBSCRIBE-01", "UNSUBSCRIBE-01", "TXN-STATUS-01", "SYNC-TXNSTATUS-01"), _NOT_OURS),
    **dict.fromkeys(("SEC-AUTH-ASYNC-SUBSCRIBE-01", "SEC-AUTH-ASYNC-UNSUBSCRIBE-01"), _NOT_OURS),
    **dict.fromkeys(("SEC-AUTH-ASYNC-TXNSTATUS-01", "SEC-AUTH-SYNC-TXNSTATUS-01"), _NOT_OURS),
    **dict.fromkeys(("ON-SEARCH-01", "ON-SUBSCRIBE-01", "ON-UNSUBSCRIBE-01"), _A_CLIENTS),
    **dict.fromkeys(("NOTIFY-01", "TXN-ON-STATUS-01"), _A_CLIENTS),
    **dict.fromkeys(("SEARCH-PREDICATE-01", "SYNC-SEARCH-PREDICATE-01"), _SUITES),
}
"""What fails, and why."""

EITHER = {"ASYNC-SEARCH-CB-01": "the suite gives an object as its timeout, so it waits a millisecond for our call"}
"""What passes or fails by chance, and why."""


def main(suite: Path) -> int:
    """Run it and print each scenario. Returns the exit code."""
    if not (suite / "node_modules").is_dir():
        click.echo(f"{suite} has no node_modules: check {COMMIT} out there, and run `npm ci`")
        return 2
    ended = _run(suite)
    wrong = 0
    reasons = FAIL | EITHER
    for name in sorted(ended.keys() | PASS | reasons.keys()):
        passed = ended.get(name)
        expected = name in PASS | EITHER.keys() if passed else passed is False and name in reasons
        wrong += not expected
        state = {True: "passes", False: "fails", None: "is not there"}[passed]
        why = f": {reasons[name]}" if name in reasons and not passed else ""
        click.echo(f"{name:32} {state}{why}{'' if expected else '  NOT AS PINNED'}")
    click.echo(f"{sum(ended.values())} of {len(ended)} pass; {wrong} end otherwise than is pinned")
    return int(wrong > 0)


def _run(suite: Path) -> dict[str, bool]:
    """Whether each scenario passes, by its name of the requirement."""
    with Registry("conformance", [KNOWN]) as registry, tempfile.TemporaryDirectory() as folder:
        registry.configure(trusts=STUB, nik_type="UIN")
        told = {
            "DOMAIN": "crvs",
            "API_BASE_URL": f"{registry.url}/",
            "DCI_AUTH_TOKEN": registry.secret["token"],
            "CALLBACK_SERVER_ENABLED": "true",
            "CALLBACK_SERVER_PORT": str(port := _free_port()),
            "CALLBACK_SERVER_BASE_URL": f"http://127.0.0.1:{port}",
        }
        found = Path(folder) / "found.json"
        words = ["npx", "cucumber-js", "--tags", "@profile=crvs-registry", "--format", f"json:{found}"]
        subprocess.run(words, cwd=suite, env=os.environ | told, capture_output=True, check=False, timeout=600)
        features = json.loads(found.read_bytes())
    ended = {}
    for scenario in (one for feature in features for one in feature["elements"]):
        [name] = [tag["name"] for tag in scenario["tags"] if tag["name"].startswith("@req=")]
        passed = all(step["result"]["status"] == "passed" for step in scenario["steps"])
        ended[name.removeprefix("@req=CRVS-").replace("RG-", "").removeprefix("CORE-")] = passed
    return ended


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
