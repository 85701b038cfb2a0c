"""What each stage is deployed with, besides what a deployment finds out; `gelombang deploy --parameter` is stronger."""

from __future__ import annotations

STAGES: dict[str, dict[str, str]] = {
    "prod": {
        "BeaconRelays": "https://api.drand.sh,https://api2.drand.sh,https://api3.drand.sh,https://drand.cloudflare.com"
    },
    "local": {"Protection": "off", "QueuesVisibilityS": "20", "MailDomain": "gelombang.example"},
}
