"""Payment service providers: the port, and one adapter for each."""
