"""The public bucket: a draw's files, and the note that is published once.

All other files follow from the entries and the note, so writing them again writes the same bytes. Only the note
contains a choice, the instant of the freeze: the run that creates it first decides, and all others use it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ...clock import iso
from ...draw import cosignatures, published
from ...draw.errors import LateWitness
from ...draw.leaves import Region
from ...draw.selection import Substitution
from ...figures.waves import DrawRules
from ...values import Value
from ..errors import NotFrozenYet, UnknownWave
from ..rules import round_due
from ..store import WaveStore

_TEXT = "text/plain; charset=utf-8"
_TYPES = {"txt": _TEXT, "py": _TEXT, "json": "application/json", "bin": "application/octet-stream"}
VERIFIER_FILE = Path(__file__).parents[2] / "draw/public" / published.VERIFIER
_OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}


class Published(Value, frozen=True):
    """A file as the public can read it, and when the bucket received it, by the bucket's clock, in whole seconds."""

    raw: bytes
    published_at: datetime
    version: str


class Contradiction(Exception):
    """What is published contradicts the records: a person must look."""


class Publication:
    """`s3` is a botocore client."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put(self, wave: int, files: Mapping[str, bytes]) -> None:
        """Publish files, in their order; an existing file is replaced."""
        for name, body in files.items():
            self._put(wave, name, body)

    def put_verifier(self, wave: int) -> None:
        """Publish the verifier beside the files that it verifies."""
        self._put(wave, published.VERIFIER, VERIFIER_FILE.read_bytes())

    def note(self, wave: int) -> Published | None:
        """The note that is published now, if there is one."""
        return self._find(wave, published.NOTE)

    def put_note(self, wave: int, raw: bytes, instead_of: Published | None) -> Published:
        """Publish the note unless another appeared since `instead_of` was seen; returns the one that is there now."""
        self._put_instead(wave, published.NOTE, raw, instead_of)
        note = self.note(wave)
        if note is None:
            raise LookupError("a note that was published is gone")
        return note

    def signature(self, wave: int) -> bytes | None:
        """The beacon's signature that is published, if there is one of its form; it still has to be verified."""
        found = self._find(wave, published.BEACON)
        try:
            return bytes.fromhex(json.loads(found.raw)["signature"]) if found else None
        except (ValueError, KeyError, TypeError):
            return None

    def commitment(self, wave: int) -> tuple[tuple[Region, ...], dict[int, bytes]]:
        """The region table and the lists that the note commits to, as published."""
        table = self.regions(wave)
        lists = {row.region: self._get(wave, published.leaves_name(row.region)) for row in table if row.entries}
        return table, lists

    def regions(self, wave: int) -> tuple[Region, ...]:
        rows = json.loads(self._get(wave, published.REGIONS))
        return tuple(Region(row["region"], row["entries"], row["quota"], bytes.fromhex(row["root"])) for row in rows)

    def get_range(self, wave: int, name: str, start: int, length: int) -> bytes:
        """`length` bytes of a file from number `start` on; fewer if the file ends before."""
        key, part = published.folder(wave) + name, f"bytes={start}-{start + length - 1}"
        body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key, Range=part)["Body"].read()
        return body

    def put_substitutions(self, wave: int, substitutions: Iterable[Substitution]) -> None:
        """Publish all substitutions so far. The published list only grows: a shorter one is not written.

        Raises `Contradiction` if neither list is the beginning of the other; then nothing is written.
        """
        body = published.substitutions_file(substitutions)[published.SUBSTITUTIONS]
        rows = json.loads(body)
        while True:
            found = self._find(wave, published.SUBSTITUTIONS)
            there = json.loads(found.raw) if found else []
            if there[: len(rows)] != rows[: len(there)]:
                raise Contradiction(f"wave {wave}: the published substitutions are not the beginning of {len(rows)}")
            if found and len(rows) <= len(there):
                return
            if self._put_instead(wave, published.SUBSTITUTIONS, body, found):
                return

    def substitutions(self, wave: int) -> list[dict[str, Any]]:
        """The rows of the substitutions of a settled wave, as published so far."""
        rows: list[dict[str, Any]] = json.loads(self._get(wave, published.SUBSTITUTIONS))
        return rows

    def add_cosignature(self, wave: int, line: bytes) -> bool:
        """Append a witness's line, which ends with LF; False if it is published already."""
        while True:
            found = self._find(wave, published.COSIGNATURES)
            there = found.raw if found else b""
            if line in there.splitlines(keepends=True):
                return False
            if self._put_instead(wave, published.COSIGNATURES, there + line, found):
                return True

    def sample(self, wave: int) -> published.Sample | None:
        found = self._find(wave, published.SAMPLE)
        if found is None:
            return None
        facts = json.loads(found.raw)
        return published.Sample(facts["after_seq"], facts["size"], tuple(map(bytes.fromhex, facts["leaves"])))

    def put_sample(self, wave: int, sample: published.Sample) -> bool:
        """Publish the comparison sample; False if there is one."""
        return self._put_instead(wave, published.SAMPLE, published.sample_file(sample)[published.SAMPLE], None)

    def _put_instead(self, wave: int, name: str, body: bytes, seen: Published | None) -> bool:
        """Publish a file unless it has changed since `seen` (None: there was none); whether it was published."""
        unchanged = {"IfMatch": seen.version} if seen else {"IfNoneMatch": "*"}
        try:
            self._put(wave, name, body, **unchanged)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _OVERTAKEN:
                raise
            return False
        return True

    def _find(self, wave: int, name: str) -> Published | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=published.folder(wave) + name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return Published(answer["Body"].read(), answer["LastModified"].astimezone(UTC), answer["ETag"])

    def _get(self, wave: int, name: str) -> bytes:
        answer = self._s3.get_object(Bucket=self._bucket, Key=published.folder(wave) + name)
        body: bytes = answer["Body"].read()
        return body

    def _put(self, wave: int, name: str, body: bytes, **conditions: str) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=published.folder(wave) + name,
            Body=body,
            ContentType=_TYPES[name.rpartition(".")[2]],
            CacheControl="max-age=60",
            **conditions,
        )


class CosignatureIntake:
    """Publishes lines of the configured witnesses, each once."""

    def __init__(self, store: WaveStore, publication: Publication, rules: DrawRules) -> None:
        self._store = store
        self._publication = publication
        self._rules = rules

    def add(self, number: int, line: bytes) -> bool:
        """Publish a line (with its LF) for a frozen wave, and record its witness; False if it is published already.

        The time of the signature decides whether it is late, not the time of this call. Raises `UnknownWave`,
        `NotFrozenYet`, `MalformedCosignature`, `UnknownWitness`, `ForgedCosignature`, `LateWitness`.
        """
        wave = self._store.wave(number)
        if wave is None:
            raise UnknownWave(wave=number)
        if wave.note is None:
            raise NotFrozenYet(wave=number)
        signed = cosignatures.parse_line(line)
        cosignatures.verify(signed, wave.note.encode(), self._rules.witnesses.known)
        exists_at = round_due(wave, self._rules)
        if signed.time >= exists_at.timestamp():
            raise LateWitness(name=signed.name, signed_at=_instant(signed.time), exists_at=iso(exists_at))
        new = self._publication.add_cosignature(number, line)
        self._store.witnessed(number, signed.name)  # after the file: the record names nobody whose line is not there
        return new


def _instant(seconds: int) -> str:
    """The instant; the number of seconds if no calendar reaches it."""
    try:
        return iso(datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds))
    except OverflowError:
        return str(seconds)
