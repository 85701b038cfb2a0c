"""AWS as the domains see it: clients, DynamoDB, queues, cursors, runs of jobs, acts of administrators, failures."""

import sys

# botocore tries to import this first, for a class that it has elsewhere too. pyOpenSSL comes with webauthn, and would
# take 60 ms of every function's start.
sys.modules["urllib3.contrib.pyopenssl"] = None  # type: ignore[assignment]  # so Python writes "not to be had"
