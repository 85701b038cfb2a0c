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
}
