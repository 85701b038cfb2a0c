"""The entitlements: what each person is to be paid, and what became of it."""
