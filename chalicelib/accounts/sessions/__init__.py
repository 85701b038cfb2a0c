"""Sessions: how they are opened, stored, refreshed and ended."""
