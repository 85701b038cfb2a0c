"""Accounts at the user pool: the path on moto, and every refusal that Cognito knows."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    UnknownRegionError,
)
from botocore.stub import ANY, Stubber

from chalicelib.accounts import errors as account
from chalicelib.errors import Malformed, Unavailable
from chalicelib.notices.mailer import MailAddresses
from chalicelib.registration import accounts as module
from chalicelib.registration import errors
from chalicelib.registration.accounts import Accounts
from infrastructure import data_stack
from tests.conftest import REGION

EMAIL = "siti@example.org"
PASSWORD = "Correct horse 1 battery!"
CLIENT = "client"


@pytest.fixture
def accounts(cloud):
    return Accounts(boto3.client("cognito-idp", cloud.region), cloud.user_pool_client)


def test_a_person_signs_up_confirms_signs_in_and_stays_signed_in_however_the_address_is_written(accounts, cloud):
    accounts.sign_up(" Siti@Example.ORG ", PASSWORD, "en")
    with pytest.raises(errors.AccountExists):
        accounts.sign_up(EMAIL, PASSWORD, "id")
    user = boto3.client("cognito-idp", cloud.region).list_users(UserPoolId=cloud.user_pool)["Users"][0]
    assert {"Name": "locale", "Value": "en"} in user["Attributes"]
    with pytest.raises(errors.NotConfirmed):
        accounts.sign_in(EMAIL, PASSWORD)
    accounts.confirm("SITI@example.org", "123456")
    session = accounts.sign_in("siti@EXAMPLE.org", PASSWORD)
    assert session.expires_in_s > 0
    again = accounts.refresh(session.refresh_token)
    assert again.refresh_token == session.refresh_token
    assert again.access_token != session.access_token
    told = []
    for email, password in ((EMAIL, "wrong password"), ("nobody@example.org", PASSWORD)):
        with pytest.raises(errors.WrongCredentials) as refused:
            accounts.sign_in(email, password)
        told.append((refused.value.code, refused.value.facts))
    assert told[0] == told[1], "a wrong password and an unknown address are refused alike"
    with pytest.raises(account.SessionExpired):
        accounts.refresh("forged")


@pytest.mark.parametrize(
    "email",
    ["", "siti", "siti@", "@example.org", "siti@example", "si ti@example.org", "siti@example.org\nx",
     "siti@@example.org", "siti@example..org", "siti@-example.org", "siti@exämple.org", "a" * 65 + "@example.org"],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_anybody_is_asked(email):
    accounts = Accounts(None, CLIENT)
    for act in (
        lambda: accounts.sign_up(email, PASSWORD, "id"),
        lambda: accounts.confirm(email, "1"),
        lambda: accounts.resend(email),
        lambda: accounts.sign_in(email, PASSWORD),
    ):
        with pytest.raises(account.MalformedEmail):
            act()


def test_a_short_password_is_refused_before_anybody_is_asked():
    with pytest.raises(errors.WeakPassword) as refused:
        Accounts(None, CLIENT).sign_up(EMAIL, "123456789", "id")
    assert refused.value.facts == {"length_min": 10}


def declared(resource: str) -> dict[str, Any]:
    """The properties of a resource of the data stack."""
    properties: dict[str, Any] = data_stack.template()["Resources"][resource]["Properties"]
    return properties


def test_the_pool_has_our_shortest_password_and_takes_an_address_at_sign_up_and_from_nobody_afterwards():
    """Required attributes are always writable; one that is not mutable is written only when an account is made."""
    assert declared("UserPool")["Policies"]["PasswordPolicy"]["MinimumLength"] == module.PASSWORD_LENGTH_MIN
    email = {"Name": "email", "AttributeDataType": "String", "Required": True, "Mutable": False}
    assert declared("UserPool")["Schema"] == [email]


def test_a_session_may_write_only_what_signing_up_gives():
    stub = Stubber(client := boto3.client("cognito-idp", REGION))
    given = [{"Name": "email", "Value": EMAIL}, {"Name": "locale", "Value": "id"}]
    asked = {"ClientId": CLIENT, "Username": EMAIL, "Password": PASSWORD, "UserAttributes": given}
    stub.add_response("sign_up", {"UserConfirmed": False, "UserSub": "s"}, asked)
    with stub:
        Accounts(client, CLIENT).sign_up(EMAIL, PASSWORD, "id")
    assert declared("UserPoolClient")["WriteAttributes"] == [each["Name"] for each in given]


ACTS = {
    "sign_up": lambda accounts: accounts.sign_up(EMAIL, PASSWORD, "id"),
    "confirm_sign_up": lambda accounts: accounts.confirm(EMAIL, "123456"),
    "resend_confirmation_code": lambda accounts: accounts.resend(EMAIL),
    "sign_in": lambda accounts: accounts.sign_in(EMAIL, PASSWORD),
    "refresh": lambda accounts: accounts.refresh("refresh-token"),
}


def answered(act, code, service_message=""):
    """Do `act` at a pool that answers with this error."""
    client = boto3.client("cognito-idp", REGION)
    operation = "initiate_auth" if act in {"sign_in", "refresh"} else act
    with Stubber(client) as stub:
        stub.add_client_error(operation, code, service_message)
        ACTS[act](Accounts(client, CLIENT))
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("act", "code", "refusal"),
    [
        ("sign_up", "UsernameExistsException", errors.AccountExists),
        ("sign_up", "InvalidPasswordException", errors.WeakPassword),
        ("sign_up", "InvalidParameterException", Malformed),
        ("confirm_sign_up", "CodeMismatchException", errors.CodeMismatch),
        ("confirm_sign_up", "ExpiredCodeException", account.CodeExpired),
        ("confirm_sign_up", "UserNotFoundException", account.CodeExpired),
        ("confirm_sign_up", "TooManyFailedAttemptsException", account.TooManyRequests),
        ("resend_confirmation_code", "LimitExceededException", account.TooManyRequests),
        ("resend_confirmation_code", "CodeDeliveryFailureException", Unavailable),
        ("sign_in", "NotAuthorizedException", errors.WrongCredentials),
        ("sign_in", "PasswordResetRequiredException", errors.WrongCredentials),
        ("sign_in", "UserNotFoundException", errors.WrongCredentials),
        ("sign_in", "UserNotConfirmedException", errors.NotConfirmed),
        ("refresh", "NotAuthorizedException", account.SessionExpired),
        *[(act, "TooManyRequestsException", account.TooManyRequests) for act in ACTS],
        *[(act, "InternalErrorException", Unavailable) for act in ACTS],
    ],
)
def test_an_error_of_cognito_is_told_as_what_it_means(act, code, refusal):
    with pytest.raises(refusal) as refused:
        answered(act, code, f"Password {PASSWORD} of {EMAIL}")
    assert not any(secret in str(refused.value) for secret in (EMAIL, PASSWORD))


def test_a_repeat_and_an_unknown_address_are_answered_like_a_success():
    answered("confirm_sign_up", "NotAuthorizedException")
    answered("resend_confirmation_code", "UserNotFoundException")
    answered("resend_confirmation_code", "InvalidParameterException")


def test_a_challenge_opens_no_session():
    client = boto3.client("cognito-idp", REGION)
    with Stubber(client) as stub:
        stub.add_response(
            "initiate_auth",
            {"ChallengeName": "NEW_PASSWORD_REQUIRED"},
            {"ClientId": CLIENT, "AuthFlow": ANY, "AuthParameters": ANY},
        )
        with pytest.raises(errors.WrongCredentials):
            Accounts(client, CLIENT).sign_in(EMAIL, PASSWORD)


@pytest.mark.parametrize("act", ACTS)
def test_a_pool_out_of_reach_is_a_reason_to_come_back_and_a_wrong_call_or_answer_is_none(act):
    class Pool:
        def __init__(self, error):
            self._error = error

        def __getattr__(self, _):
            def call(**_):
                raise self._error

            return call

    with pytest.raises(Unavailable):
        ACTS[act](Accounts(Pool(EndpointConnectionError(endpoint_url="https://cognito.invalid")), CLIENT))
    with pytest.raises(ParamValidationError):
        ACTS[act](Accounts(Pool(ParamValidationError(report="Invalid length")), CLIENT))
    with pytest.raises(ClientError):
        answered(act, "InvalidLambdaResponseException")


@pytest.mark.parametrize(
    "code", ["", "---", " . ", "\u200b", "\u2014\u2013", "\u00a0", "\u202e-\u202c", "\x00", "...---..."]
)
def test_a_code_of_which_nothing_is_left_is_a_wrong_code(accounts, code):
    accounts.sign_up(EMAIL, PASSWORD, "id")
    with pytest.raises(errors.CodeMismatch):
        accounts.confirm(EMAIL, code)
    with pytest.raises(errors.NotConfirmed):
        accounts.sign_in(EMAIL, PASSWORD)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EndpointConnectionError(endpoint_url="https://cognito.invalid"), Unavailable),
        (ReadTimeoutError(endpoint_url="https://cognito.invalid"), Unavailable),
        (NoCredentialsError(), NoCredentialsError),
        (ParamValidationError(report="Invalid length"), ParamValidationError),
        (UnknownRegionError(region_name="x", error_msg="y"), UnknownRegionError),
    ],
)
def test_where_a_mail_goes_is_asked_again_only_if_it_may_be_told_then(error, told):
    class Pool:
        def admin_get_user(self, **_):
            raise error

    with pytest.raises(told):
        MailAddresses(Pool(), "pool").of("siti")
