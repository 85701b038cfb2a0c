"""`gelombang payout` and what belongs to it."""
