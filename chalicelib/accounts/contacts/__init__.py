"""A person's contacts: adding and removing them, and the recovery of an account without any."""
