"""Stand-ins for what is outside: the provider, the beacon, a witness, the inbox."""
