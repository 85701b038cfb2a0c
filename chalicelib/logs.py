"""One JSON line for each fact, by Powertools' formatter; never personal data.

Domains log with the standard library: `log.info("wave_frozen", extra={"wave": 54, "entries": 949210})`.
"""

from __future__ import annotations

import logging
import sys


def configure(service: str) -> None:
    """Send every record of level INFO and above to standard output as one JSON line. Called once, by app.py."""
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter  # 20 ms that only app.py pays

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(LambdaPowertoolsFormatter(service=service, utc=True))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("botocore", "urllib3", "boto3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
