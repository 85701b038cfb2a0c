"""Doubles of AWS for the benchmarks."""
