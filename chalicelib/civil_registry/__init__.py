"""The civil registry: whether it knows a registered person as they say they are."""
