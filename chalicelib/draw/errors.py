"""What can be wrong with a draw, its note or its beacon, with status and wording."""

from __future__ import annotations

from ..errors import DomainError, Unavailable


class MalformedNote(DomainError):
    """A commitment note is not exactly the eight lines of its form; `reason` names the place."""

    code = "malformed_note"
    status = 422
    indonesian = "Catatan pengundian tidak berbentuk semestinya: {reason}."
    english = "Malformed draw note: {reason}."


class DuplicateLeaf(DomainError):
    """Two entries of one `region` have the same leaf: the same ticket was written twice."""

    code = "duplicate_leaf"
    status = 500
    indonesian = "Dua peserta di provinsi {region} memiliki tiket yang sama."
    english = "Two entries of region {region} have the same ticket."


class BadSeats(DomainError):
    """Seats cannot be allotted: more are reserved than there are, or a weight is below zero; `reason` says which."""

    code = "bad_seats"
    status = 422
    indonesian = "Pembagian kursi tidak sah: {reason}."
    english = "The seats cannot be allotted: {reason}."


class NotSeated(DomainError):
    """A leaf that holds no seat (never chosen, or already replaced) has no seat to pass on."""

    code = "not_seated"
    status = 409
    indonesian = "Peserta ini tidak memegang kursi."
    english = "This entry holds no seat."


class ForgedBeacon(DomainError):
    """A beacon's signature is malformed or was not made by the pinned chain for this `round`."""

    code = "forged_beacon"
    status = 422
    indonesian = "Tanda tangan angka acak putaran {round} tidak sah."
    english = "The signature of beacon round {round} is not valid."


class BeaconUnavailable(Unavailable):
    """No relay gave a valid signature of `round` yet; `relays` names each one's failure. The next step tries again."""

    code = "beacon_unavailable"
    status = 503
    indonesian = "Angka acak putaran {round} belum tersedia."
    english = "The random number of round {round} is not available yet."


class MalformedCosignature(DomainError):
    """A witness's line is not exactly of its form; `reason` names the place."""

    code = "malformed_cosignature"
    status = 422
    indonesian = "Baris tanda tangan saksi tidak berbentuk semestinya: {reason}."
    english = "Malformed witness line: {reason}."


class UnknownWitness(DomainError):
    """A cosignature has the name and key id of no configured witness. Facts: `name`."""

    code = "unknown_witness"
    status = 422
    indonesian = "Saksi {name} tidak dikenal."
    english = "The witness {name} is not known, or by another key."


class ForgedCosignature(DomainError):
    """The key of the witness `name` did not sign this note at the time that the line says."""

    code = "forged_cosignature"
    status = 422
    indonesian = "Tanda tangan saksi {name} atas catatan ini tidak sah."
    english = "The signature of the witness {name} over this note is not valid."


class LateWitness(DomainError):
    """A witness signed when the beacon's round existed already. Facts: `name`, `signed_at`, `exists_at`."""

    code = "late_witness"
    status = 409
    indonesian = "Saksi {name} menandatangani pada {signed_at}, setelah angka acak ada pada {exists_at}."
    english = "The witness {name} signed at {signed_at}; the random number existed from {exists_at} on."


class ForeignChain(DomainError):
    """A note's beacon is of a chain that this stage does not pin."""

    code = "foreign_chain"
    status = 422
    indonesian = "Catatan ini menunjuk sumber angka acak yang tidak dikenal."
    english = "The note names a random beacon that is not pinned."
