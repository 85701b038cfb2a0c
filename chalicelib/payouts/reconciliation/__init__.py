"""The ledger compared with what providers and banks say."""
