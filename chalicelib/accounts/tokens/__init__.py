"""Access tokens, proofs of a device's key, and the keys that sign."""
