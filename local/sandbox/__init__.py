"""Stand-ins for the outside world: the provider, the beacon, a witness, the inbox."""
