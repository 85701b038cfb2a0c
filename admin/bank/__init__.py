"""Files to and from banks, in the messages of ISO 20022; for the command line only."""
