"""What every service is built from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..aws import clients, dynamodb, json_protocol
from ..clock import Clock, utc_now
from ..config import Programme, Settings
from ..ids import Randomness, system_randomness

if TYPE_CHECKING:
    from pynamodb.models import Model


class Deployment:
    """One deployment. `clock` is used only where no request brings its own time (token expiry)."""

    def __init__(
        self,
        settings: Settings,
        programme: Programme,
        clock: Clock = utc_now,
        randomness: Randomness = system_randomness,
    ) -> None:
        self.settings = settings
        self.programme = programme
        self._clock = clock
        self._randomness = randomness
        json_protocol.lean = settings.aws_client == "lean"

    def transaction(self) -> dynamodb.Transaction:
        """A new, empty transaction."""
        return dynamodb.Transaction(self.settings.region)

    def _bind(self, table: type[Model], domain: str) -> None:
        dynamodb.bind(table, self.settings.table(domain), self.settings.region)

    def _client(self, service: str) -> Any:
        return clients.client(service, self.settings.region)
