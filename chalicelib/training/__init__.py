"""Training partners, completions and reviews."""
