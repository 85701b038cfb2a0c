"""The command line, `gelombang`: for administrators, over IAM, never over the public API."""
