"""Entitlements, the ledger and the providers that move the money."""
