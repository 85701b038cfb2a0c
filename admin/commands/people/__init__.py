"""Commands about one person who calls."""
