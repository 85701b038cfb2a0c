"""How the services of payouts are built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .registration import RegistrationServices

if TYPE_CHECKING:
    from ..payouts.service import Payouts


class PayoutsServices(RegistrationServices):
    """The ledger, and the way to the provider."""

    @cached_property
    def payouts(self) -> Payouts:
        """The ledger and the provider."""
        from ..payouts.fsp_http import HttpFsp
        from ..payouts.items import PayoutsTable
        from ..payouts.queue import PayoutQueue
        from ..payouts.secret import FspSecret
        from ..payouts.service import Payouts, Ports
        from ..payouts.store import PayoutStore

        self._bind(PayoutsTable, "payouts")
        settings, programme = self.settings, self.programme
        secret = FspSecret(settings.fsp_secret, settings.region)
        ports = Ports(
            registrations=self.registrations,
            sealer=self.registrations,
            fsp=HttpFsp(settings.fsp_url, programme.payouts.fsp_timeout_s, secret.api_key),
            queue=PayoutQueue(settings.payouts_queue_url, settings.region),
            callback_token=secret.callback_token,
        )
        return Payouts(PayoutStore(settings.region), ports, programme)
