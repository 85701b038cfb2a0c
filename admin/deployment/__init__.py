"""Packaging and deploying a stage, and removing it."""
