"""The links in mails, each a page that asks and a POST that acts. A GET changes nothing: virus scanners open links too.

In a notice of a change, the reader says whether the change was theirs: a stolen session does not have the mailbox of
the account. In a reminder, the POST ends reminders, by button or by a mail program.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ..errors import NotFound
from .rules import ChangeLink
from .store import NoticeStore, Said

_ASK = """<h1>Apakah itu Anda?</h1>
<h1 lang="en">Was it you?</h1>
{confirm}<form method="post" action="{token}/denial"><button type="submit">Bukan saya: batalkan dan hentikan pembayaran
/ <span lang="en">It was not me: cancel it, and stop payments</span></button></form>"""

_CONFIRM = """<form method="post" action="{token}/confirmation"><button type="submit">Ya, saya /
<span lang="en">Yes, it was me</span></button></form>
"""

_CONFIRMED = """<h1>Terima kasih. Pembayaran tidak perlu menunggu lagi.</h1>
<h1 lang="en">Thank you. Payments need not wait any more.</h1>"""

_DENIED = """<h1>Semua pembayaran dihentikan.</h1>
<p>Perubahan yang belum berlaku dibatalkan. Keluarkan perangkat yang bukan milik Anda dari akun Anda, lalu ajukan
pengaduan: petugas kami akan memeriksa tujuan pembayaran bersama Anda.</p>
<h1 lang="en">All payments are stopped.</h1>
<p lang="en">A change that had not taken effect is cancelled. Sign out the devices that are not yours, then file a
grievance: our staff will look at where you are paid with you.</p>"""


class ChangeLinks:
    """Each method raises `NotFound` for a token that does not exist, was used, or is too old.

    `confirm_address(registrant_id, version, now)` lets payments go on, False if the address was changed again since;
    `dispute(registrant_id, now)` stops them. `cancel(registrant_id, change, now)` takes back a change of the account
    that has not taken effect, and signs out the device that asked for it or is it.
    """

    def __init__(
        self,
        store: NoticeStore,
        confirm_address: Callable[[str, int, datetime], bool],
        dispute: Callable[[str, datetime], None],
        cancel: Callable[[str, str, datetime], None],
    ) -> None:
        self._store = store
        self._confirm_address = confirm_address
        self._dispute = dispute
        self._cancel = cancel

    def page(self, token: str, now: datetime) -> str:
        """The page behind the link; only a changed address can be confirmed, and only once."""
        link = self._store.change_link(token, now)
        if link is None:
            raise NotFound()
        confirm = _CONFIRM.format(token=token) if link.version else ""
        return PAGE.format(_ASK.format(token=token, confirm=confirm))

    def confirm(self, token: str, now: datetime) -> str:
        """The change was theirs: what waits is paid. Raises `NotFound` too if the address was changed again since."""
        link = self._use(token, "confirmed", now)
        if not link.version or not self._confirm_address(link.registrant_id, link.version, now):
            raise NotFound()
        return PAGE.format(_CONFIRMED)

    def deny(self, token: str, now: datetime) -> str:
        """The change was not theirs: it is taken back if it still waits, and nothing is paid, whatever is changed
        later. Also possible after a confirmation.
        """
        link = self._use(token, "denied", now)
        self._dispute(link.registrant_id, now)
        if link.change is not None:
            self._cancel(link.registrant_id, link.change, now)
        return PAGE.format(_DENIED)

    def _use(self, token: str, said: Said, now: datetime) -> ChangeLink:
        link = self._store.say(token, said, now)
        if link is None:
            raise NotFound()
        return link


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
    """Only a mail to its owner has the token; it can end their reminders, and nothing else."""

    def __init__(self, store: NoticeStore) -> None:
        self._store = store

    def page(self, token: str) -> str:
        """The page behind the link. Raises `NotFound`."""
        self._owner(token)
        return PAGE.format(_UNSUBSCRIBE)

    def end(self, token: str, now: datetime) -> str:
        """End the reminders; a repeat changes nothing. Raises `NotFound`."""
        self._store.unsubscribe(self._owner(token), now)
        return PAGE.format(_DONE)

    def _owner(self, token: str) -> str:
        owner = self._store.token_owner(token)
        if owner is None:
            raise NotFound()
        return owner
