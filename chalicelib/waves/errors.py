"""What this domain refuses, and how it says so."""

from __future__ import annotations

from ..errors import DomainError


class NotOpenYet(DomainError):
    """No wave is open. Facts: `wave` and `opens_at` of the next one."""

    code = "wave_not_open_yet"


class WaveClosed(DomainError):
    """The join came at or after the closing instant. Facts: `wave`, `closed_at`, `next_opens_at`."""

    code = "wave_closed"


class AlreadyBeneficiary(DomainError):
    """A person benefits once in a lifetime. Facts: `wave`, the one that chose them."""

    code = "already_beneficiary"


class Barred(DomainError):
    """A place of this person was revoked: barred for good."""

    code = "barred"


class BeneficiaryRevoked(DomainError):
    """The beneficiary lost their place, which nothing was bought to keep: they have no balance any more."""

    code = "beneficiary_revoked"


class PurchaseDeadlinePassed(DomainError):
    """No training was bought in time; the place is lost, if not yet revoked. Facts: `buy_by`."""

    code = "purchase_deadline_passed"


class UnknownWave(DomainError):
    """There is no such wave, or this system did not run it. Facts: `wave`."""

    code = "unknown_wave"


class SelectionNotFinished(DomainError):
    """The seats of the wave are not settled yet. Facts: `wave`."""

    code = "selection_not_finished"


class ChangeTooLate(DomainError):
    """The calendar may be changed only while every function will have read it before the wave opens.

    Facts: `wave`, its `opens_at` (old or new), and `earliest`, the first opening that can be changed now.
    """

    code = "calendar_change_too_late"


class WavesOverlap(DomainError):
    """At most one wave is open at any instant. Facts: `wave`, `other`."""

    code = "waves_overlap"


class BadPlan(DomainError):
    """A wave cannot be as asked: `reason` is `times`, `quota`, `reserved`, `weights` or `numbers`."""

    code = "bad_wave_plan"


class ListChanged(DomainError):
    """A wave's list, as stored or as published, is not the one its note commits to: nothing is decided by it.

    Facts: `wave`.
    """

    code = "list_changed"


class BadAwardMessage(DomainError):
    """A message of the queue of awards that is none of ours: nobody is decided by it.

    Facts: `wave`, and as `reason` `malformed`, `not_drawn` (the wave) or `nobody_drawn` (one of the people).
    """

    code = "bad_award_message"


class NotDrawn(DomainError):
    """The wave has not been drawn yet. Facts: `wave`."""

    code = "wave_not_drawn"


class MalformedLeaf(DomainError):
    """A leaf is 32 bytes in lower-case hex."""

    code = "malformed_leaf"


class NotFrozenYet(DomainError):
    """The lists of a wave are published when it is frozen, a while after its close. Facts: `wave`."""

    code = "wave_not_frozen_yet"


class NotOnTheList(DomainError):
    """A leaf is not on the published list of the region. Facts: `wave`."""

    code = "not_on_the_list"
    cache_s = 86_400  # what is frozen never changes


PROBLEMS: dict[type[DomainError], tuple[int, str, str]] = {
    NotOpenYet: (
        409,
        "Belum ada gelombang yang dibuka. Gelombang {wave} dibuka pada {opens_at}.",
        "No wave is open. Wave {wave} opens at {opens_at}.",
    ),
    WaveClosed: (
        409,
        "Gelombang {wave} sudah ditutup pada {closed_at}. Gelombang berikutnya dibuka pada {next_opens_at}.",
        "Wave {wave} closed at {closed_at}. The next one opens at {next_opens_at}.",
    ),
    AlreadyBeneficiary: (
        409,
        "Anda sudah menjadi penerima manfaat; bantuan diberikan satu kali seumur hidup.",
        "You are a beneficiary already; a person benefits once in a lifetime.",
    ),
    Barred: (
        403,
        "Kepesertaan Anda telah dicabut sehingga Anda tidak dapat bergabung lagi.",
        "Your place was revoked; you cannot join again.",
    ),
    BeneficiaryRevoked: (
        409,
        "Kepesertaan Anda telah dicabut.",
        "Your place has been revoked.",
    ),
    PurchaseDeadlinePassed: (
        409,
        "Batas waktu pembelian pelatihan pertama, {buy_by}, sudah lewat.",
        "The first training had to be bought before {buy_by}.",
    ),
    UnknownWave: (404, "Gelombang {wave} tidak ditemukan.", "There is no wave {wave}."),
    SelectionNotFinished: (
        409,
        "Seleksi gelombang {wave} belum selesai.",
        "The selection of wave {wave} is not finished yet.",
    ),
    ChangeTooLate: (
        409,
        "Gelombang {wave} dibuka pada {opens_at}; perubahan hanya berlaku untuk pembukaan mulai {earliest}.",
        "Wave {wave} opens at {opens_at}; only openings from {earliest} on can still be changed.",
    ),
    WavesOverlap: (
        409,
        "Gelombang {wave} bertumpang tindih dengan gelombang {other}.",
        "Wave {wave} would overlap wave {other}.",
    ),
    ListChanged: (
        500,
        "Daftar peserta gelombang {wave} tidak sesuai dengan catatan pengundiannya.",
        "The list of wave {wave} is not the one that its note commits to.",
    ),
    BadAwardMessage: (
        422,
        "Pesan penetapan gelombang {wave} tidak sah: {reason}.",
        "A message about awards of wave {wave} is not valid: {reason}.",
    ),
    NotDrawn: (409, "Gelombang {wave} belum diundi.", "Wave {wave} has not been drawn yet."),
    MalformedLeaf: (
        422,
        "Daun (leaf) terdiri dari 64 digit heksadesimal huruf kecil.",
        "A leaf is 64 hexadecimal digits in lower case.",
    ),
    NotFrozenYet: (
        409,
        "Daftar peserta gelombang {wave} belum diterbitkan.",
        "The list of wave {wave} is not published yet.",
    ),
    NotOnTheList: (
        404,
        "Daun (leaf) ini tidak ada dalam daftar gelombang {wave}.",
        "This leaf is not on the list of wave {wave}.",
    ),
    BadPlan: (422, "Rencana gelombang tidak sah: {reason}.", "The plan of the wave is not valid: {reason}."),
}
"""Status, Indonesian text, English text."""
