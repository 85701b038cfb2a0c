"""A person's contacts: adding, changing and removing them, and the way back without any."""
