"""The development witness: its key is public, like the development beacon's, so its word proves nothing.

It exists so that a wave of the local cloud has a cosignature, made and published by the very code of production.
"""

from __future__ import annotations

from hashlib import sha256

from chalicelib.draw.cosignatures import Signer

SIGNER = Signer(
    "witness.example/development",
    sha256(b"gelombang development witness: this key is public and protects nothing").digest(),
)
"""`programme.toml` knows its public key, on the local stage only."""
