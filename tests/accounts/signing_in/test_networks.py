"""A network is the prefix of an address, and only its keyed hash is stored."""

from __future__ import annotations

import pytest

from chalicelib.accounts.signing_in.networks import prefix_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        *(("192.0.2.7", "192.0.2.0/24"), ("192.0.2.255", "192.0.2.0/24"), ("192.0.3.7", "192.0.3.0/24")),
        *(("2001:db8:1:2::1", "2001:db8:1::/48"), ("2001:db8:1:ffff::", "2001:db8:1::/48")),
        *(("::ffff:192.0.2.7", "192.0.2.0/24"), ("test-invoke-source-ip", "none"), ("", "none")),
    ],
)
def test_a_network_is_a_24_or_48_prefix(address, network):
    assert prefix_of(address) == network
