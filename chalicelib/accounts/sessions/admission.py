"""Who a request is from, by its access token. All that the authorizer needs, and no more: it starts often."""

from __future__ import annotations

from datetime import datetime

from ...figures import AccountRules
from ..account_store import AccountStore
from ..errors import InvalidToken
from ..tokens.tokens import Access, Tokens
from .rules import alive


class Admission:
    """Raises `Unavailable`, too: a token that cannot be checked is not accepted."""

    def __init__(self, store: AccountStore, tokens: Tokens, rules: AccountRules) -> None:
        self._store = store
        self._tokens = tokens
        self._rules = rules

    def admit(self, access_token: str, now: datetime) -> Access:
        """What an access token says. Raises `InvalidToken`.

        A session without a key has one token for its whole day, so that session is read: it may have been ended.
        """
        access = self._tokens.verify(access_token, now)
        if access.key is None:
            session = self._store.session(access.sub, access.sid)
            if session is None or not alive(session, now, self._rules):
                raise InvalidToken()
        return access
