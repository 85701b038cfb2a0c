"""Signing in: codes, their limits, and the proof of work that a surge requires."""
