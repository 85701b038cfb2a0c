"""`gelombang draw audit-records`: what `audit-sample` writes, step by step."""

from __future__ import annotations

import click
import msgspec
from msgspec import Struct

from chalicelib.clock import iso
from chalicelib.waves.publication.samples import AuditRecord
from chalicelib.waves.rules import SHARDS

from ...desk import AUDITOR, Administered, Desk
from ...options import example, look_reason
from ...rows import Row

SIZE_MAX = 5_000
"""Picked entries go from step to step in the cursor: some 300 KB."""

COLUMNS = (
    "place", "leaf", "region", "joined_at", "standing", "reason", "seat", "registrant", "registered_at", "age",
    "employment", "consent_version", "verification", "excluded_now", "nik",
)  # fmt: skip

NO_ENTRY, NOT_REGISTERED = "no_entry", "not_registered"
"""What is shown instead of a standing if a leaf has no entry, and of an employment if nobody is registered."""


class _Stand(Struct):
    """How far it is: first a step for each region, to pick, then one for each shard of entries, to find whose it is."""

    step: int = 0
    left: list[tuple[int, int, bytes]] = []
    """Place, region and leaf of who was picked and not found yet."""


@example("draw audit-records 54 --json --reason 'the audit of wave 54'")
@click.command("audit-records", cls=Administered, sets=(AUDITOR,))
@click.option("--size", type=click.IntRange(1, SIZE_MAX), default=300, show_default=True, help="How many entries.")
@click.argument("number", type=int, metavar="WAVE")
@look_reason
def audit_records(desk: Desk, size: int, number: int) -> None:
    """Show the records that `draw audit-sample` writes, in the order in which they are found."""
    audit = desk.services.audit
    wave = audit.wave(number)
    regions = audit.regions(wave)
    stand = msgspec.json.decode(desk.cursor, type=_Stand) if desk.cursor else _Stand()
    for step in range(stand.step, len(regions) + SHARDS):
        listed = [(region, leaf) for _, region, leaf in stand.left]
        if step < len(regions):
            picked = audit.pick(wave, regions[step], size, listed)
            stand.left = [(place, region, leaf) for place, (region, leaf) in enumerate(picked, 1)]
        else:
            places = {leaf: place for place, _, leaf in stand.left}
            for record in audit.records(wave, step - len(regions), listed):
                desk.looks_at(record.joined.registrant_id)
                desk.rows.append(_row(places.pop(bytes.fromhex(record.leaf)), record))
            stand.left = [one for one in stand.left if one[2] in places]
        stand.step = step + 1
        desk.go_on(msgspec.json.encode(stand).decode())
    without = [[str(place), leaf.hex(), str(region), "", NO_ENTRY] for place, region, leaf in stand.left]
    desk.show([*desk.rows, *map(_filled, without)], "nobody joined")


def _row(place: int, record: AuditRecord) -> Row:
    """A record by `COLUMNS`; empty where there is nothing."""
    joined, registered = record.joined, record.registered
    cells = [str(place), record.leaf, str(record.region)]
    cells += [iso(joined.joined_at), joined.standing, joined.reason or "", joined.seat or "", joined.registrant_id]
    if registered is None:
        return _filled([*cells, "", "", NOT_REGISTERED])
    cells += [iso(registered.registered_at), str(registered.age), registered.employment]
    cells += [registered.consent_version, registered.verification]
    return _filled([*cells, "yes" if registered.excluded else "no", registered.nik or ""])


def _filled(cells: list[str]) -> Row:
    return dict(zip(COLUMNS, cells + [""] * (len(COLUMNS) - len(cells)), strict=True))
