"""How reserved seats are shared over regions: largest remainder (docs/draw.md section 2). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .draw_errors import BadSeats


def allot(reserved: int, weights: Mapping[int, int]) -> dict[int, int]:
    """Region to its seats q_r, ascending by code; only regions with a seat are named.

    `floor(reserved * w_r / W)` each, then one more to the largest remainders; equal remainders go to the lower code.
    They sum to `reserved`, or to 0 where all weights are 0. Raises `BadSeats` on a number below zero.
    """
    if reserved < 0 or any(weight < 0 for weight in weights.values()):
        raise BadSeats(reason="below zero")
    whole = sum(weights.values())
    if not whole:
        return {}
    shares = {region: divmod(reserved * weight, whole) for region, weight in weights.items()}
    left = reserved - sum(seats for seats, _ in shares.values())
    favoured = set(sorted(shares, key=lambda region: (-shares[region][1], region))[:left])
    allotted = {region: shares[region][0] + (region in favoured) for region in sorted(shares)}
    return {region: seats for region, seats in allotted.items() if seats}
