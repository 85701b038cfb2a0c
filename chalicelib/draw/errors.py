"""What a draw, its note or its beacon may refuse, with status and wording for each."""

from __future__ import annotations

from ..errors import DomainError, Unavailable


class MalformedNote(DomainError):
    """A commitment note is not exactly the eight lines of its form; `reason` names the place."""

    code = "malformed_note"


class DuplicateLeaf(DomainError):
    """Two entries of one `region` have the same leaf: the same ticket was written twice."""

    code = "duplicate_leaf"


class BadSeats(DomainError):
    """Seats cannot be allotted: more reserved than there are, or a weight below zero; `reason` says which."""

    code = "bad_seats"


class NotSeated(DomainError):
    """A leaf that holds no seat (never chosen, or already replaced) cannot give one up."""

    code = "not_seated"


class ForgedBeacon(DomainError):
    """A beacon's signature is malformed or was not made by the pinned chain for this `round`."""

    code = "forged_beacon"


class BeaconUnavailable(Unavailable):
    """No relay gave a valid signature of `round` yet; `relays` names each one's failure. The next tick tries again."""

    code = "beacon_unavailable"


class MalformedCosignature(DomainError):
    """A witness's line is not exactly of its form; `reason` names the place."""

    code = "malformed_cosignature"


class UnknownWitness(DomainError):
    """A cosignature's name and key id are those of no configured witness. Facts: `name`."""

    code = "unknown_witness"


class ForgedCosignature(DomainError):
    """The key of the witness `name` did not sign this note at the time that the line says."""

    code = "forged_cosignature"


class LateWitness(DomainError):
    """A witness signed when the beacon's round existed already. Facts: `name`, `signed_at`, `exists_at`."""

    code = "late_witness"


class ForeignChain(DomainError):
    """A note's beacon is of a chain that this stage does not pin."""

    code = "foreign_chain"


PROBLEMS: dict[type[DomainError], tuple[int, str, str]] = {
    MalformedNote: (422, "Catatan pengundian tidak berbentuk semestinya: {reason}.", "Malformed draw note: {reason}."),
    DuplicateLeaf: (
        500,
        "Dua peserta di provinsi {region} memiliki tiket yang sama.",
        "Two entries of region {region} have the same ticket.",
    ),
    BadSeats: (422, "Pembagian kursi tidak sah: {reason}.", "The seats cannot be allotted: {reason}."),
    NotSeated: (409, "Peserta ini tidak memegang kursi.", "This entry holds no seat."),
    ForgedBeacon: (
        422,
        "Tanda tangan angka acak putaran {round} tidak sah.",
        "The signature of beacon round {round} is not valid.",
    ),
    BeaconUnavailable: (
        503,
        "Angka acak putaran {round} belum tersedia.",
        "The random number of round {round} is not available yet.",
    ),
    MalformedCosignature: (
        422,
        "Baris tanda tangan saksi tidak berbentuk semestinya: {reason}.",
        "Malformed witness line: {reason}.",
    ),
    UnknownWitness: (422, "Saksi {name} tidak dikenal.", "The witness {name} is not known, or by another key."),
    ForgedCosignature: (
        422,
        "Tanda tangan saksi {name} atas catatan ini tidak sah.",
        "The signature of the witness {name} over this note is not valid.",
    ),
    LateWitness: (
        409,
        "Saksi {name} menandatangani pada {signed_at}, setelah angka acak ada pada {exists_at}.",
        "The witness {name} signed at {signed_at}; the random number existed from {exists_at} on.",
    ),
    ForeignChain: (
        422,
        "Catatan ini menunjuk sumber angka acak yang tidak dikenal.",
        "The note names a random beacon that is not pinned.",
    ),
}
