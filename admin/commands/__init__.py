"""The commands of `gelombang`, a file for each group."""
