"""Everything that runs in Lambda."""
