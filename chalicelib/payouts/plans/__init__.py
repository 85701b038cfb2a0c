"""Payments that go on: which instalments a scheme has, when each falls due, and what ends them."""
