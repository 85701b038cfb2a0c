"""Xendit's list of transactions, and that of servers that speak it (the sandbox of `local/` does), as a provider's
statement.

Source: https://docs.xendit.co/apidocs/list-transactions, and for what that page leaves out (`updated[gte]`, 50 lines at
most, the form of ids) the provider's own client libraries at github.com/xendit. While a page says `has_more`, the next
begins after the `after_id` of its last line. `reference_id` also finds parts of references. A payout is a line of type
DISBURSEMENT with cashflow MONEY_OUT; its status is PENDING, SUCCESS, FAILED, VOIDED or REVERSED.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from ...clock import iso, parse_iso
from ..errors import StatementUnreadable
from . import xendit
from .provider import UNNAMED, Entry, StatementLine

log = logging.getLogger(__name__)

PAGE = 50
"""The most that the provider gives at a time."""

TRIES = 5
"""How often a page is asked for. Repeating is harmless, because reading moves nothing."""

_PAUSE_S = 0.5
_ENTRIES = {
    "PENDING": Entry.PENDING,
    "SUCCESS": Entry.SUCCEEDED,
    "FAILED": Entry.FAILED,
    "VOIDED": Entry.FAILED,
    "REVERSED": Entry.REVERSED,
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,254}")


class XenditStatements:
    """`timeout_s` bounds connecting and each wait for bytes; `pause` waits so many seconds before another try."""

    def __init__(
        self, url: str, timeout_s: float, api_key: Callable[[], str], pause: Callable[[float], None] = time.sleep
    ) -> None:
        import urllib3  # 40 ms that a function which reads no statement need not spend

        self._url = f"{url.rstrip('/')}/transactions"
        self._api_key = api_key
        self._pause = pause
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s), retries=False)
        self._http_error = urllib3.exceptions.HTTPError

    def between(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        """See the port. A line without a readable time counts as of `since`."""
        # Both ends are inclusive at the provider; lines of `until` itself are left out below.
        window = {"updated[gte]": iso(since), "updated[lte]": iso(until)}
        for line in self._lines(window, since):
            if since <= line.updated_at < until:
                yield line

    def of(self, references: Sequence[str]) -> Mapping[str, Sequence[StatementLine]]:
        """See the port; one call for each reference."""
        return {reference: list(self._of(reference)) for reference in references}

    def _of(self, reference: str) -> Iterator[StatementLine]:
        for line in self._lines({"reference_id": reference}, parse_iso("1970-01-01T00:00:00Z")):
            if line.reference == reference:
                yield line

    def _lines(self, asked: Mapping[str, str], if_unknown: datetime) -> Iterator[StatementLine]:
        after: dict[str, str] = {}
        seen: set[str] = set()
        while True:
            data, more = self._page({"types": "DISBURSEMENT", "limit": str(PAGE), **asked, **after})
            yield from (_line(raw, if_unknown) for raw in data)
            if not more:
                return
            last = data[-1].get("id") if data and isinstance(data[-1], dict) else None
            if not isinstance(last, str) or last in seen:
                raise StatementUnreadable(fact="pages_do_not_go_on")
            seen.add(last)
            after = {"after_id": last}

    def _page(self, asked: Mapping[str, str]) -> tuple[list[Any], bool]:
        fact = ""
        for number in range(TRIES):
            if number:
                self._pause(_PAUSE_S * 2 ** (number - 1))
            page = self._ask(asked)
            if not isinstance(page, str):
                return page
            fact = page
            log.warning("fsp_statement_page_failed", extra={"fact": fact})
            if fact in {"http_400", "http_401", "http_403", "http_404"}:
                break
        raise StatementUnreadable(fact=fact)

    def _ask(self, asked: Mapping[str, str]) -> tuple[list[Any], bool] | str:
        """A page's lines and whether there are more; or why there is no page."""
        url = f"{self._url}?{urlencode(asked)}"
        try:
            answer = self._http.request("GET", url, headers=xendit.authorization(self._api_key), redirect=False)
        except self._http_error as error:
            return type(error).__name__
        if answer.status != 200:
            return f"http_{answer.status}"
        page = xendit.parse(answer.data)
        if not isinstance(page, dict):
            return "malformed"
        data, more = page.get("data"), page.get("has_more")
        # Without `has_more`, a page that was cut off would look like the end.
        return (data, more) if isinstance(data, list) and isinstance(more, bool) else "malformed"


def _line(raw: Any, if_unknown: datetime) -> StatementLine:
    """A line of a page; if any of it cannot be read it is UNREADABLE, and is returned all the same."""
    fields = raw if isinstance(raw, dict) else {}
    reference, word = _text(fields.get("reference_id"), _REFERENCE), _text(fields.get("status"), xendit.WORD)
    amount = xendit.amount(fields.get("amount"))
    when = _when(fields.get("updated"))
    whole = fields.get("cashflow") == "MONEY_OUT" and fields.get("currency") == "IDR" and when is not None
    known = _ENTRIES.get(word, Entry.UNREADABLE)
    return StatementLine(
        id=_text(fields.get("id"), _ID) or UNNAMED,
        reference=reference,
        amount_idr=amount,
        entry=known if whole and reference else Entry.UNREADABLE,
        word=word or "unreadable",
        updated_at=when or if_unknown,
    )


def _text(raw: Any, form: re.Pattern[str]) -> str:
    """A text, if its form rules out anything personal; otherwise an empty one."""
    return raw if isinstance(raw, str) and form.fullmatch(raw) else ""


def _when(raw: Any) -> datetime | None:
    try:
        return parse_iso(raw)
    except (TypeError, ValueError):
        return None
