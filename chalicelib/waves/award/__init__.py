"""From a drawn order of entries to people who hold a place."""
