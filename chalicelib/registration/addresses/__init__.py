"""Financial addresses: where people are paid."""
