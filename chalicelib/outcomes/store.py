"""The outcomes table: surveys and samples (`survey_store`), tallies and statistics (`tally_store`), job cursors."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from ..aws.cursors import CursorFields


class OutcomesTable(Model):
    """The table; its items are the subclasses."""

    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class SurveyCursor(CursorFields, OutcomesTable):
    """See `chalicelib.aws.cursors`."""
