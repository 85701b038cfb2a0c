"""Devices that a contact knows: they have a budget of codes of their own, so nobody can use it up for their owner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..errors import InvalidToken
from ..tokens.dpop import Proofs
from ..tokens.tokens import Tokens
from .budgets import KnownDevice


class KnownDevices:
    def __init__(self, tokens: Tokens, proofs: Proofs) -> None:
        self._tokens = tokens
        self._proofs = proofs

    def of(self, token: str, proof: tuple[Sequence[str], str, str], now: datetime) -> KnownDevice | None:
        """The device of a device token, if the request has a proof of its key (as `Proofs.verify` takes it).

        None for a token that is no good, or another's: then it is a device like any other. Reads signing keys only.
        Raises `InvalidDpopProof`, `UseDpopNonce` or `Unavailable`.
        """
        try:
            said = self._tokens.verify_device(token, now)
        except InvalidToken:
            return None
        key = self._proofs.verify(*proof, now).jkt
        return KnownDevice(said.contact, key) if key == said.key else None
