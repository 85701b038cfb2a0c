"""What this domain refuses, in which words."""

from __future__ import annotations

from datetime import date

from ..errors import DomainError


class NotOpenYet(DomainError):
    """No wave is open. Facts: `wave` and `opens_at` of the next one."""

    code = "wave_not_open_yet"
    status = 409
    indonesian = "Belum ada gelombang yang dibuka. Gelombang {wave} dibuka pada {opens_at}."
    english = "No wave is open. Wave {wave} opens at {opens_at}."


class NoneComing(DomainError):
    """No wave is open, and none is coming: the programme pauses or has ended."""

    code = "no_wave_coming"
    status = 404
    indonesian = "Tidak ada gelombang yang dibuka, dan belum ada gelombang berikutnya."
    english = "No wave is open, and none is coming."


class WaveClosed(DomainError):
    """The join came at or after the closing instant. Facts: `wave`, `closed_at`, `next_opens_at`."""

    code = "wave_closed"
    status = 409
    indonesian = "Gelombang {wave} sudah ditutup pada {closed_at}. Gelombang berikutnya dibuka pada {next_opens_at}."
    english = "Wave {wave} closed at {closed_at}. The next one opens at {next_opens_at}."


class AlreadyBeneficiary(DomainError):
    """The person was chosen, and may not be again, or not yet. Facts: `wave`, the latest that chose them; `again_from`,
    the first WIB day (`2027-03-01`) by whose end a wave that chooses them may close, or null; `again`, that in words.
    """

    code = "already_beneficiary"
    status = 409
    indonesian = "Anda sudah menjadi penerima manfaat, dan menurut aturan program {again}."
    english = "You are a beneficiary already, and by the programme's rules you {again}."

    def __init__(self, wave: int | None = None, again_from: date | None = None, *, other_scheme: bool = False) -> None:
        """`other_scheme`: only a wave under another scheme may choose them."""
        from ..notices.texts import long_day  # hardly anybody is refused so

        if again_from is None:
            again = "tidak dapat terpilih lagi", "cannot be chosen again"
        else:
            again = (
                f"dapat terpilih lagi oleh gelombang yang ditutup pada {long_day(again_from, 'id')} atau sesudahnya"
                + other_scheme * " dengan skema lain",
                f"can be chosen again by a wave whose last day is {long_day(again_from, 'en')} or later"
                + other_scheme * ", under another scheme",
            )
        super().__init__(wave=wave, again_from=str(again_from) if again_from else None, again=again)


class Barred(DomainError):
    """A place of this person was revoked: barred for good."""

    code = "barred"
    status = 403
    indonesian = "Kepesertaan Anda telah dicabut sehingga Anda tidak dapat bergabung lagi."
    english = "Your place was revoked; you cannot join again."


class BeneficiaryRevoked(DomainError):
    """The place was revoked, because nothing was bought in time: there is no balance any more."""

    code = "beneficiary_revoked"
    status = 409
    indonesian = "Kepesertaan Anda telah dicabut."
    english = "Your place has been revoked."


class PurchaseDeadlinePassed(DomainError):
    """No training was bought in time; the place is lost, if not yet revoked. Facts: `buy_by`."""

    code = "purchase_deadline_passed"
    status = 409
    indonesian = "Batas waktu pembelian pelatihan pertama, {buy_by}, sudah lewat."
    english = "The first training had to be bought before {buy_by}."


class UnknownWave(DomainError):
    """There is no such wave, or this system did not run it. Facts: `wave`."""

    code = "unknown_wave"
    status = 404
    indonesian = "Gelombang {wave} tidak ditemukan."
    english = "There is no wave {wave}."


class SelectionNotFinished(DomainError):
    """The seats of the wave are not settled yet. Facts: `wave`."""

    code = "selection_not_finished"
    status = 409
    indonesian = "Seleksi gelombang {wave} belum selesai."
    english = "The selection of wave {wave} is not finished yet."


class ChangeTooLate(DomainError):
    """The calendar may be changed only while every function will have read it before the wave opens.

    Facts: `wave`, its `opens_at` (old or new), and `earliest`, the first opening that can be changed now.
    """

    code = "calendar_change_too_late"
    status = 409
    indonesian = "Gelombang {wave} dibuka pada {opens_at}; perubahan hanya berlaku untuk pembukaan mulai {earliest}."
    english = "Wave {wave} opens at {opens_at}; only openings from {earliest} on can still be changed."


class CloseTooNear(DomainError):
    """A close may be put off only while every function will have read it by the old one.

    Facts: `wave`, its `closes_at`, and `earliest`, the first close that can still be put off.
    """

    code = "wave_close_too_near"
    status = 409
    indonesian = "Gelombang {wave} ditutup pada {closes_at}; hanya penutupan mulai {earliest} yang dapat diundur."
    english = "Wave {wave} closes at {closes_at}; only closes from {earliest} on can still be put off."


class WaveNotOpen(DomainError):
    """Only a wave that is open, and recorded so, can be extended. Facts: `wave`."""

    code = "wave_not_open"
    status = 409
    indonesian = "Gelombang {wave} tidak sedang dibuka."
    english = "Wave {wave} is not open."


class WavesOverlap(DomainError):
    """At most one wave is open at any instant. Facts: `wave`, `other`."""

    code = "waves_overlap"
    status = 409
    indonesian = "Gelombang {wave} bertumpang tindih dengan gelombang {other}."
    english = "Wave {wave} would overlap wave {other}."


class BadPlan(DomainError):
    """The wanted times or seats of a wave are impossible: `reason` is `times`, `quota`, `reserved`, `weights`,
    `numbers`, `halted` (it would open in a pause or after the end) or `no_pause` (there is none to end).
    """

    code = "bad_wave_plan"
    status = 422
    indonesian = "Rencana gelombang tidak sah: {reason}."
    english = "The plan of the wave is not valid: {reason}."


class UnknownScheme(DomainError):
    """A wave was to have a scheme that the programme does not have. Facts: `scheme`, and the `known` versions."""

    code = "unknown_scheme"
    status = 422
    indonesian = "Skema {scheme} tidak dikenal; yang ada: {known}."
    english = "There is no scheme {scheme}; there are {known}."


class ListChanged(DomainError):
    """A wave's list, as stored or as published, is not the one to which its note commits: nothing is decided by it.

    Facts: `wave`.
    """

    code = "list_changed"
    status = 500
    indonesian = "Daftar peserta gelombang {wave} tidak sesuai dengan catatan pengundiannya."
    english = "The list of wave {wave} is not the one that its note commits to."


class BadAwardMessage(DomainError):
    """A message of the queue of awards that is not ours: nobody is decided by it.

    Facts: `wave`, and as `reason` `malformed`, `not_drawn` (the wave) or `nobody_drawn` (one of the people).
    """

    code = "bad_award_message"
    status = 422
    indonesian = "Pesan penetapan gelombang {wave} tidak sah: {reason}."
    english = "A message about awards of wave {wave} is not valid: {reason}."


class NotDrawn(DomainError):
    """The wave has not been drawn yet. Facts: `wave`."""

    code = "wave_not_drawn"
    status = 409
    indonesian = "Gelombang {wave} belum diundi."
    english = "Wave {wave} has not been drawn yet."


class MalformedLeaf(DomainError):
    """A leaf is 32 bytes in lower-case hex."""

    code = "malformed_leaf"
    status = 422
    indonesian = "Daun (leaf) terdiri dari 64 digit heksadesimal huruf kecil."
    english = "A leaf is 64 hexadecimal digits in lower case."


class NotFrozenYet(DomainError):
    """The lists of a wave are published when it is frozen, a while after its close. Facts: `wave`."""

    code = "wave_not_frozen_yet"
    status = 409
    indonesian = "Daftar peserta gelombang {wave} belum diterbitkan."
    english = "The list of wave {wave} is not published yet."


class NotOnTheList(DomainError):
    """A leaf is not on the published list of the region. Facts: `wave`."""

    code = "not_on_the_list"
    status = 404
    indonesian = "Daun (leaf) ini tidak ada dalam daftar gelombang {wave}."
    english = "This leaf is not on the list of wave {wave}."
    cache_s = 86_400  # a frozen wave's lists never change
