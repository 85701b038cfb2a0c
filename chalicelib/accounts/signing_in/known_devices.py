"""Devices that a contact knows. Each has its own budget of codes, which nobody else can use up."""

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
        """The device that a device token names, if the request has a proof of its key (for `Proofs.verify`).

        None if the token is invalid or another device's; then it counts as an unknown device. Reads signing keys only.
        Raises `InvalidDpopProof`, `UseDpopNonce` or `Unavailable`.
        """
        try:
            said = self._tokens.verify_device(token, now)
        except InvalidToken:
            return None
        key = self._proofs.verify(*proof, now).jkt
        return KnownDevice(said.contact, key) if key == said.key else None
