"""Accounts: sign up, confirm, sign in, refresh, all at Amazon Cognito. No password or address is kept or logged here.

Signing up tells whether an address has an account, because the pool's own public API tells it to anybody; no other call
does. The same code verifies access tokens in AWS and locally, so no emulator decides who is let in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from .. import typed_text
from ..accounts.errors import CodeExpired, InvalidToken, MalformedEmail, SessionExpired, TooManyRequests
from ..aws.clients import is_passing
from ..clock import Clock
from ..errors import DomainError, Malformed, Unavailable
from .errors import AccountExists, CodeMismatch, NotConfirmed, WeakPassword, WrongCredentials
from .wire import TokensView

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from jwt.types import Options


PASSWORD_LENGTH_MIN = 10
"""As the pool's policy in the data stack; a test holds the two together."""

_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")

Refusals = dict[str, type[DomainError]]
"""What an error of Cognito means, by its code."""

_EVERYWHERE: Refusals = {
    "CodeDeliveryFailureException": Unavailable,
    "InternalErrorException": Unavailable,
    "InternalFailure": Unavailable,
    "ServiceUnavailable": Unavailable,
    "LimitExceededException": TooManyRequests,
    "ThrottlingException": TooManyRequests,
    "TooManyFailedAttemptsException": TooManyRequests,
    "TooManyRequestsException": TooManyRequests,
}
_CONFIRM: Refusals = {
    "CodeMismatchException": CodeMismatch,
    "ExpiredCodeException": CodeExpired,
    # Cognito answers for an address without an account as it does for an expired code; so do we.
    "UserNotFoundException": CodeExpired,
}
_SIGN_IN: Refusals = {
    "NotAuthorizedException": WrongCredentials,
    "UserNotFoundException": WrongCredentials,
    "UserNotConfirmedException": NotConfirmed,
    "PasswordResetRequiredException": WrongCredentials,  # an administrator's reset, as with the challenge below
}


class Accounts:
    """Each method is one call to Cognito. Raises `TooManyRequests` or `Unavailable`, too."""

    def __init__(self, cognito: Any, client_id: str) -> None:
        # botocore's cognito-idp client: its methods exist at run time only.
        self._cognito = cognito
        self._client_id = client_id

    def sign_up(self, email: str, password: str, language: Literal["id", "en"]) -> None:
        """Open an account; Cognito mails a code. Raises `MalformedEmail`, `WeakPassword`, `AccountExists`."""
        address = _address(email)
        if len(password) < PASSWORD_LENGTH_MIN:
            raise WeakPassword(length_min=PASSWORD_LENGTH_MIN)
        attributes = [{"Name": "email", "Value": address}, {"Name": "locale", "Value": language}]
        try:
            self._call("sign_up", Username=address, Password=password, UserAttributes=attributes)
        except ClientError as error:
            if _code(error) == "InvalidPasswordException":
                raise WeakPassword(length_min=PASSWORD_LENGTH_MIN) from error
            _refuse(error, {"UsernameExistsException": AccountExists})

    def confirm(self, email: str, code: str) -> None:
        """Confirm the address with the mailed code; doing it again is no error.

        Raises `MalformedEmail`, `CodeMismatch`, `CodeExpired`.
        """
        address, typed_code = _address(email), typed_text.compact(code)
        if not typed_code:
            raise CodeMismatch()
        try:
            self._call("confirm_sign_up", Username=address, ConfirmationCode=typed_code)
        except ClientError as error:
            # "User cannot be confirmed. Current status is CONFIRMED": a repeated request.
            if _code(error) != "NotAuthorizedException":
                _refuse(error, _CONFIRM)

    def resend(self, email: str) -> None:
        """Mail a new code if an account waits for one; the answer does not tell. Raises `MalformedEmail`."""
        try:
            self._call("resend_confirmation_code", Username=_address(email))
        except ClientError as error:
            if _code(error) not in {"UserNotFoundException", "InvalidParameterException", "NotAuthorizedException"}:
                _refuse(error, {})

    def sign_in(self, email: str, password: str) -> TokensView:
        """Raises `MalformedEmail`, `WrongCredentials`, `NotConfirmed`."""
        parameters = {"USERNAME": _address(email), "PASSWORD": password}
        return self._session("USER_PASSWORD_AUTH", parameters, _SIGN_IN, WrongCredentials)

    def refresh(self, refresh_token: str) -> TokensView:
        """A new access token for a refresh token. Raises `SessionExpired`."""
        refusals: Refusals = {"NotAuthorizedException": SessionExpired}
        return self._session("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": refresh_token}, refusals, SessionExpired)

    def _session(
        self, flow: str, parameters: dict[str, str], refusals: Refusals, challenged: type[DomainError]
    ) -> TokensView:
        try:
            answer = self._call("initiate_auth", AuthFlow=flow, AuthParameters=parameters)
        except ClientError as error:
            _refuse(error, refusals)
        if "AuthenticationResult" not in answer:
            # A challenge: an administrator reset this account, and only an administrator can finish that.
            raise challenged()
        result = answer["AuthenticationResult"]
        # A refresh returns no new refresh token; the old one stays valid.
        refresh = result.get("RefreshToken", parameters.get("REFRESH_TOKEN", ""))
        return TokensView(access_token=result["AccessToken"], refresh_token=refresh, expires_in_s=result["ExpiresIn"])

    def _call(self, operation: str, **parameters: object) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._cognito, operation)(ClientId=self._client_id, **parameters)
        except BotoCoreError as error:
            if is_passing(error):
                raise Unavailable() from error
            raise
        return answer


def _address(email: str) -> str:
    address = typed_text.line(email).lower()
    if not _EMAIL.fullmatch(address):
        raise MalformedEmail()
    return address


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _refuse(error: ClientError, refusals: Refusals) -> NoReturn:
    """Raise what Cognito's answer means. Its own message may quote what was sent, so it is dropped."""
    code = _code(error)
    if code == "InvalidParameterException":
        raise Malformed(field="$") from error
    refusal = refusals.get(code) or _EVERYWHERE.get(code)
    if refusal is None:
        raise error
    raise refusal() from error


REFETCH_AT_MOST_EVERY = timedelta(minutes=1)
"""The pool is asked for its keys at most once in this time, however many tokens name an unknown key.

A known key is used for ever.
"""

_ALGORITHM = "RS256"
_OPTIONS: Options = {
    "require": ["exp", "iss", "sub", "client_id", "token_use"],
    # Expiry is checked below by the given clock, not by PyJWT's; Cognito's access tokens name no audience.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
}


class TokenVerifier:
    """Verifies tokens of one user pool and one client of it.

    `fetch` gets the pool's keys (a JWKS) from `jwks_url`. Its `OSError` or `Unavailable` becomes `Unavailable`: a token
    that cannot be checked is not accepted. `now` is the clock for expiry.
    """

    def __init__(self, issuer: str, client_id: str, jwks_url: str, fetch: Callable[[str], bytes], now: Clock) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._jwks_url = jwks_url
        self._fetch = fetch
        self._now = now
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetched_at: datetime | None = None

    def verify(self, token: str) -> str:
        """The subject (registrant id) of a valid access token of this pool and client.

        Raises `InvalidToken`, or `Unavailable` when the pool's keys cannot be had.
        """
        # Imported here: 75 ms that functions without an authorizer should not pay for.
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            # The algorithm that the token names decides nothing: only this one is ever used, with an RSA key.
            key = self._key(header.get("kid"))
            claims = jwt.decode(token, key, algorithms=[_ALGORITHM], issuer=self._issuer, options=_OPTIONS)
        except jwt.PyJWTError as error:
            raise InvalidToken() from error
        return self._subject(claims)

    def _subject(self, claims: dict[str, Any]) -> str:
        if (claims["client_id"], claims["token_use"]) != (self._client_id, "access"):
            raise InvalidToken()
        expires = claims["exp"]
        if type(expires) is not int or expires <= self._now().timestamp():
            raise InvalidToken()
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise InvalidToken()
        return subject

    def _key(self, kid: object) -> RSAPublicKey:
        if not isinstance(kid, str):
            raise InvalidToken()
        now = self._now()
        if kid not in self._keys and (self._fetched_at is None or now - self._fetched_at >= REFETCH_AT_MOST_EVERY):
            self._keys = self._current_keys()
            self._fetched_at = now
        if kid not in self._keys:
            raise InvalidToken()
        return self._keys[kid]

    def _current_keys(self) -> dict[str, RSAPublicKey]:
        import jwt
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        try:
            jwks = json.loads(self._fetch(self._jwks_url))
            keys = jwt.PyJWKSet.from_dict(jwks if isinstance(jwks, dict) else {}).keys
        except (OSError, ValueError, jwt.PyJWTError) as error:
            raise Unavailable() from error
        return {key.key_id: key.key for key in keys if key.key_id and isinstance(key.key, RSAPublicKey)}
