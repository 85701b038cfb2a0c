"""The secrets shared with the provider, read from Secrets Manager when they are first needed."""

from __future__ import annotations

from functools import cached_property

import msgspec
from msgspec import Struct

from ...aws import clients


class _Secret(Struct, frozen=True):
    api_key: str
    callback_token: str


class ProviderSecret:
    """`{"api_key": ..., "callback_token": ...}` under one id. Most functions never need it, so it is read late."""

    def __init__(self, secret_id: str, region: str) -> None:
        self._id = secret_id
        self._region = region

    def api_key(self) -> str:
        """The key of our account at the provider."""
        return self._secret.api_key

    def callback_token(self) -> str:
        """What the provider's webhooks must carry."""
        return self._secret.callback_token

    @cached_property
    def _secret(self) -> _Secret:
        client = clients.client("secretsmanager", self._region)
        return msgspec.json.decode(client.get_secret_value(SecretId=self._id)["SecretString"], type=_Secret)
