"""Who a request comes from, by its access token. The authorizer imports only this, as it starts often."""

from __future__ import annotations

from datetime import datetime

from ...figures.people import AccountRules
from ..account_store import AccountStore
from ..errors import InvalidToken
from ..tokens.tokens import Access, Tokens
from .rules import alive


class Admission:
    """Checks access tokens. Raises `Unavailable` if a token cannot be checked."""

    def __init__(self, store: AccountStore, tokens: Tokens, rules: AccountRules) -> None:
        self._store = store
        self._tokens = tokens
        self._rules = rules

    def admit(self, access_token: str, now: datetime) -> Access:
        """The claims of a valid access token. Raises `InvalidToken`.

        A session without a key has one token for a whole day, so the session is read, as it may have been ended.
        """
        access = self._tokens.verify(access_token, now)
        if access.key is None:
            session = self._store.session(access.sub, access.sid)
            if session is None or not alive(session, now, self._rules):
                raise InvalidToken()
        return access
