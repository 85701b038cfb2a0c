"""Sessions: how they are opened, kept, refreshed and ended."""
