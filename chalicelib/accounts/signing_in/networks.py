"""Counts sign-ins by network. Only a keyed hash of a network's prefix is stored.

A mobile carrier puts thousands of people behind one address, so nothing is refused because of a network. In a surge
from one network or from all, unknown devices show a proof of work. If counting fails, no work is required.

`N#<network>#<shard>` / `<window>`: `seen`, of which each start in `SAMPLE` writes `SAMPLE`.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from ...aws.clients import is_passing
from ...figures.people import AccountRules
from ...ids import Randomness
from . import counters

log = logging.getLogger(__name__)

CROWDED = "network_crowded"
NOT_COUNTED = "network_not_counted"
SAMPLE = 16
SHARDS = 4
_PREFIX = {4: 24, 6: 48}
_KEPT_MAX = 10_000
"""The most crowded networks that a process remembers."""


def prefix_of(address: str) -> str:
    """The network of an IP address: its /24, or its /48 of version 6.

    A text that is no address, as for a call from AWS's console, is a network of its own.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return "none"
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return str(ip_network((mapped, _PREFIX[mapped.version]), strict=False))


class Networks:
    """Counts by sampling, so that a start costs a sixteenth of a write."""

    def __init__(self, rules: AccountRules, randomness: Randomness) -> None:
        self._rules = rules
        self._randomness = randomness
        self._crowded: dict[str, str] = {}

    def is_crowded(self, network: str, now: datetime) -> bool:
        """Count a start. Returns whether its network has more in this window than usual, as far as this process knows.

        `network` is its hash by `Macs.network`. Rings when a network becomes crowded, and when it cannot be counted.
        """
        window = f"{int(now.timestamp()) // self._rules.network_window_s}"
        drawn = self._randomness(2)
        if drawn[0] % SAMPLE == 0:
            self._count(network, window, drawn[1] % SHARDS, now)
        return self._crowded.get(network) == window

    def _count(self, network: str, window: str, shard: int, now: datetime) -> None:
        gone = int((now + timedelta(seconds=2 * self._rules.network_window_s)).timestamp())
        try:
            item, _ = counters.write(
                (f"N#{network}#{shard}", window),
                "ADD seen :some SET expires_at = :gone",
                {":some": SAMPLE, ":gone": gone},
                returns="ALL_NEW",
            )
        except Exception as error:
            if not is_passing(error):
                raise
            log.error(NOT_COUNTED, extra={"error": type(error).__name__})
            return
        if counters.number(item, "seen") * SHARDS > self._rules.network_sign_ins:
            if self._crowded.get(network) != window:
                log.error(CROWDED, extra={"network": network, "seen": counters.number(item, "seen") * SHARDS})
            if len(self._crowded) >= _KEPT_MAX:
                self._crowded.clear()
            self._crowded[network] = window
