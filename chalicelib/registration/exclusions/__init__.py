"""Exclusion lists: which authorities name whom, by NIK, as people the programme excludes."""
