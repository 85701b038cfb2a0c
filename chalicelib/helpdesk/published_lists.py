"""The published lists of a draw, read in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ..draw import proofs, published
from ..draw.leaves import LEAF_BYTES

_MISSING = {"404", "403"}
"""The latter for who may not list the bucket."""


class PublishedLists:
    """`s3` gives boto3's client; it is asked at the first appeal against a selection.

    `results_url`: the public address of the bucket, without a slash at the end.
    """

    def __init__(self, s3: Callable[[], Any], bucket: str, results_url: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self.results_url = results_url

    def place(self, wave: int, region: int, leaf: bytes) -> tuple[int | None, int]:
        """Where a leaf stands in its region's list (from 1; None if it is not there), and how many the list has.

        A region of which everybody was removed has no list.
        One call for the length, and usually one or two of 128 KB for the place, in a list of any length.
        """
        s3 = self._s3()
        key = {"Bucket": self._bucket, "Key": published.folder(wave) + published.leaves_name(region)}
        try:
            length = int(s3.head_object(**key)["ContentLength"]) // LEAF_BYTES
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            return None, 0

        def read(first: int, count: int) -> bytes:
            last = (first + count) * LEAF_BYTES - 1
            body: bytes = s3.get_object(**key, Range=f"bytes={first * LEAF_BYTES}-{last}")["Body"].read()
            return body

        found = proofs.find(leaf, length, read)
        return (None if found is None else found.index + 1), length
