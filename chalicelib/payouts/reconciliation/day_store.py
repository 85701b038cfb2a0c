"""Where a comparison by day is kept: the last day that is done in the ledger's table, parts and reports in S3.

Each slice that is done is a file, so a run that dies or runs out of time is continued after it. A day's report has one
name, so writing it twice leaves one. None of it is personal data, and the bucket is not public.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from botocore.exceptions import ClientError
from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from ...aws.dynamodb import is_condition_failure
from ..ledger.items import PayoutsTable
from .day_rules import SlicePart

_KEYS = ("CONTROL", "RECONCILED")
_parts = msgspec.json.Decoder(SlicePart)


class ReconciledItem(PayoutsTable):
    """`CONTROL` / `RECONCILED`."""

    day = UnicodeAttribute()


class DayStore:
    """Reads and writes all of it. `s3` is a client."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def last_done(self) -> date | None:
        """The latest WIB day whose report is written; one consistent read."""
        try:
            return date.fromisoformat(ReconciledItem.get(*_KEYS, consistent_read=True).day)
        except DoesNotExist:
            return None

    def mark_done(self, day: date) -> None:
        """A day is done; a late run of an earlier day changes nothing."""
        later = ReconciledItem.pk.does_not_exist() | (ReconciledItem.day < day.isoformat())
        try:
            ReconciledItem(*_KEYS, day=day.isoformat()).save(condition=later)
        except PutError as error:
            if not is_condition_failure(error):
                raise

    def part(self, day: date, name: str) -> SlicePart | None:
        """What a slice came to, if it is done."""
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=_part_key(day, name))["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return _parts.decode(body)

    def put_part(self, day: date, name: str, part: SlicePart) -> None:
        """Keep what a slice came to."""
        self._put(_part_key(day, name), msgspec.json.encode(part), "application/json")

    def put_report(self, day: date, body: bytes) -> None:
        """Write a day's report, in the place of an earlier one."""
        self._put(report_key(day), body, "text/csv; charset=utf-8")

    def _put(self, key: str, body: bytes, kind: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=kind)


def report_key(day: date) -> str:
    """The name of a day's report in the bucket."""
    return f"reconciliation/reports/{day}.csv"


def _part_key(day: date, name: str) -> str:
    return f"reconciliation/parts/{day}/{name}.json"
