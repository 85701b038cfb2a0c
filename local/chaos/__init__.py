"""`make chaos`: many payouts while everything goes wrong."""
