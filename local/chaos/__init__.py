"""`make chaos`: many payouts while the provider fails and processes are killed."""
