"""Training partners, the catalogue, purchases, what partners report, and reviews."""
