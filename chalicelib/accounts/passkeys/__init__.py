"""Passkeys: adding, using and removing them."""
