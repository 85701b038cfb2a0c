"""The link in every reminder: a page that asks, and a POST that ends reminders, by button or by a mail program."""

from __future__ import annotations

from datetime import datetime

from ..errors import NotFound
from .store import NoticeStore

PAGE = """<!doctype html>
<html lang="id">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Gelombang</title>
</head>
<body>
{}
</body>
</html>
"""

_UNSUBSCRIBE = """<h1>Berhenti menerima email pengingat?</h1>
<p>Hasil seleksi dan kabar pembayaran tetap kami kirim.</p>
<h1 lang="en">No more reminders?</h1>
<p lang="en">Results and news of payments will still reach you.</p>
<form method="post"><button type="submit">Berhenti / <span lang="en">Stop reminders</span></button></form>"""

_DONE = """<h1>Anda tidak akan menerima email pengingat lagi.</h1>
<p>Hasil seleksi dan kabar pembayaran tetap kami kirim.</p>
<h1 lang="en">You will receive no more reminders.</h1>
<p lang="en">Results and news of payments will still reach you.</p>"""


class Unsubscriptions:
    """A token is known only from a mail to its owner; whoever has it may end their reminders, and nothing else."""

    def __init__(self, store: NoticeStore) -> None:
        self._store = store

    def page(self, token: str) -> str:
        """The page behind the link. It changes nothing: programs that look for viruses open links too.

        Raises `NotFound`.
        """
        self._owner(token)
        return PAGE.format(_UNSUBSCRIBE)

    def end(self, token: str, now: datetime) -> str:
        """End the reminders; again it changes nothing. Raises `NotFound`."""
        self._store.unsubscribe(self._owner(token), now)
        return PAGE.format(_DONE)

    def _owner(self, token: str) -> str:
        owner = self._store.token_owner(token)
        if owner is None:
            raise NotFound()
        return owner
