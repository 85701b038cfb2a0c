"""The rows of NIKs that exclusion lists name, in the registrations table, which is bound before."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor

from pynamodb.exceptions import DeleteError, UpdateError

from ...aws import dynamodb
from ..items import Exclusion, exclusion_pk


def exclude(nik_mac: str, entry: str) -> None:
    """Add an exclusion list to those that name a NIK; a repeat changes nothing."""
    Exclusion(exclusion_pk(nik_mac), "EXCLUDED").update([Exclusion.lists.add({entry})])


def excluded_by(entries: AbstractSet[str], segment: int, segments: int) -> list[str]:
    """The keyed hashes of NIKs that these lists name, and no other. Reads one of so many segments of the table."""
    found = Exclusion.scan(Exclusion.sk == "EXCLUDED", consistent_read=True, segment=segment, total_segments=segments)
    return [row.pk.removeprefix(exclusion_pk("")) for row in found if row.lists and row.lists <= entries]


def include_again(entry: str, segment: int, segments: int) -> int:
    """Remove a list from every row, and a row that no other list names; returns how many rows had it.

    Reads one of so many segments of the table. Each row takes two writes; a repeat completes a row whose first
    write alone was made.
    """
    named = (Exclusion.sk == "EXCLUDED") & (Exclusion.lists.contains(entry) | Exclusion.lists.does_not_exist())
    found = Exclusion.scan(named, consistent_read=True, segment=segment, total_segments=segments)
    with ThreadPoolExecutor(8, "exclusion") as pool:
        return len(list(pool.map(lambda row: _take_off(Exclusion(row.pk, row.sk), entry), found)))


def take_off(nik_mac: str, entry: str) -> None:
    """Remove a list from those that name a NIK, and the row if no other does; two writes."""
    _take_off(Exclusion(exclusion_pk(nik_mac), "EXCLUDED"), entry)


def _take_off(row: Exclusion, entry: str) -> None:
    try:
        row.update([Exclusion.lists.delete({entry})], condition=Exclusion.pk.exists())
        row.delete(condition=Exclusion.lists.does_not_exist())
    except (UpdateError, DeleteError) as error:
        # Gone already, or another list names it.
        if not dynamodb.is_condition_failure(error):
            raise
