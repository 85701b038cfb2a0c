"""Signing in: codes, budgets, networks and the work they ask for."""
