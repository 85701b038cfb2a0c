"""How the services of the help desk are built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .payouts import PayoutsServices
from .waves import WavesServices

if TYPE_CHECKING:
    from ..helpdesk.service import Helpdesk


class HelpdeskServices(WavesServices, PayoutsServices):
    """Complaints and appeals."""

    @cached_property
    def helpdesk(self) -> Helpdesk:
        from ..helpdesk.holidays import is_holiday
        from ..helpdesk.published_lists import PublishedLists
        from ..helpdesk.service import Helpdesk, Ports
        from ..helpdesk.store import HelpdeskStore, HelpdeskTable

        self._bind(HelpdeskTable, "helpdesk")
        settings = self.settings
        ports = Ports(
            keys=self.account_keys,
            waves=self.waves,
            payouts=self.payouts,
            lists=PublishedLists(lambda: self._client("s3"), settings.results_bucket),
            is_holiday=is_holiday,
            notices=self.notices,
        )
        return Helpdesk(HelpdeskStore(self.transaction), ports, self.programme.helpdesk, settings.results_url)
