"""Corrections of what a person may not change any more, which two administrators make."""
