"""AWS's side of the benchmarks."""
