"""Benchmarks: one script for each thing that is measured, and the alternatives that it is compared with."""
