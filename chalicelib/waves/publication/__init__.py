"""What is published of a draw, where everybody can fetch it: lists, the beacon, proofs, samples, cosignatures."""
