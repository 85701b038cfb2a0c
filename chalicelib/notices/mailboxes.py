"""Where a person's mail goes, and in which language: as the user pool has it, read when it is needed and not kept.

The pool lets nobody change an address once it is given, so a stolen session is not told what its owner is to hear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from ..aws.clients import is_passing
from ..errors import Unavailable

_CONFIRMED = {"CONFIRMED", "RESET_REQUIRED"}
"""The states of an account that has proved its address; in the second it waits for a new password."""


@dataclass(frozen=True, slots=True, repr=False)
class MailAddress:
    """A confirmed address. It has no representation, so that none is logged."""

    email: str
    language: Literal["id", "en"]


class MailAddresses:
    """`cognito` is a boto3 client of the pool `user_pool`."""

    def __init__(self, cognito: Any, user_pool: str) -> None:
        self._cognito = cognito
        self._user_pool = user_pool

    def of(self, registrant_id: str) -> MailAddress | None:
        """The address of an account; None if there is no such account or its mailbox was never shown to be theirs.

        One call. Raises `Unavailable`.
        """
        try:
            user = self._cognito.admin_get_user(UserPoolId=self._user_pool, Username=registrant_id)
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == "UserNotFoundException":
                return None
            if is_passing(error):
                raise Unavailable() from error
            raise
        attributes = {each["Name"]: each["Value"] for each in user["UserAttributes"]}
        if user["UserStatus"] not in _CONFIRMED or attributes.get("email_verified") != "true":
            return None
        return MailAddress(attributes["email"], "en" if attributes.get("locale") == "en" else "id")
