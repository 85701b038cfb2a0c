"""Errors that end a function or delay a wave: passing ones are warnings, all others ring at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError
from pynamodb.exceptions import GetError, PutError, QueryError

from chalicelib import logs
from chalicelib.aws.clients import is_passing
from chalicelib.aws.failures import Trouble, apart, failures_told
from chalicelib.draw.errors import BeaconUnavailable
from chalicelib.errors import Unavailable
from chalicelib.waves.errors import ListChanged
from tests.builders.aws.alarms import CloudWatch


def answered(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Query")


PASSING = [
    answered("ThrottlingException"),
    answered("ProvisionedThroughputExceededException"),
    answered("RequestThrottledException"),
    answered("TransactionInProgressException"),
    answered("Whatever", 500),
    answered("InternalError", 500),
    answered("503", 503),
    answered("TooManyRequests", 429),
    exceptions.ConnectTimeoutError(endpoint_url="https://aws"),
    exceptions.ReadTimeoutError(endpoint_url="https://aws"),
    exceptions.EndpointConnectionError(endpoint_url="https://aws"),
    exceptions.ConnectionClosedError(endpoint_url="https://aws"),
    exceptions.HTTPClientError(error="reset"),
    exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    exceptions.ChecksumError(checksum_type="crc32", expected_checksum=1, actual_checksum=2),
    exceptions.FlexibleChecksumError(error_msg="damaged"),
    QueryError("late", exceptions.ReadTimeoutError(endpoint_url="https://aws")),
    PutError("busy", answered("ThrottlingException")),
]
PERMANENT = [
    answered("AccessDeniedException"),
    answered("AccessDenied", 403),
    answered("ValidationException"),
    answered("ResourceNotFoundException"),
    answered("UnrecognizedClientException"),
    answered("ExpiredTokenException", 403),
    answered("NoSuchBucket", 404),
    answered("QueueDoesNotExist"),
    answered("KMSInvalidStateException"),
    exceptions.ParamValidationError(report="a parameter"),
    exceptions.NoCredentialsError(),
    exceptions.PartialCredentialsError(provider="env", cred_var="key"),
    exceptions.NoRegionError(),
    exceptions.UnknownServiceError(service_name="ddb", known_service_names="dynamodb"),
    exceptions.InvalidRegionError(region_name="somewhere"),
    exceptions.DataNotFoundError(data_path="a model"),
    GetError("bad", exceptions.ParamValidationError(report="a key")),
    PutError("denied", answered("AccessDeniedException")),
    KeyError("a bug"),
]


def named(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    what = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else type(cause).__name__
    return f"{type(error).__name__}-{what}"


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> CloudWatch:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "gelombang-test-expire_places")
    return CloudWatch()


@pytest.mark.parametrize("error", PASSING + PERMANENT, ids=named)
def test_a_passing_failure_is_a_warning_and_a_lasting_one_rings(error, cloudwatch):
    passing = error in PASSING
    assert is_passing(error) == passing
    with cloudwatch.listening(), pytest.raises(type(error)), failures_told():
        raise error
    assert [line["level"] for line in cloudwatch.lines] == ["WARNING" if passing else "ERROR"]
    assert cloudwatch.rang("another-needs-a-person") != passing


@pytest.mark.parametrize("error", [answered("AccessDeniedException"), ListChanged(wave=54)], ids=repr)
@pytest.mark.parametrize("function", ["advance", "open_wave", "close_wave"])
def test_a_wave_that_needs_a_person_rings_from_every_trigger(function, error, cloudwatch, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", f"gelombang-test-{function}")
    with cloudwatch.listening(), apart(54, Trouble()):
        raise error
    assert cloudwatch.rang("advance-needs-a-person")
    assert [(line["wave"], line["level"]) for line in cloudwatch.lines] == [(54, "ERROR")]


@pytest.mark.parametrize(
    "error", [answered("ThrottlingException"), BeaconUnavailable(round=1), Unavailable()], ids=repr
)
def test_a_wave_that_is_held_up_for_a_while_does_not_ring(error, cloudwatch):
    trouble = Trouble()
    with cloudwatch.listening(), apart(54, trouble):
        raise error
    assert not cloudwatch.points
    assert trouble.held_up


def functions_with_an_alarm() -> Iterator[tuple[str, str]]:
    for name, alarm in CloudWatch().alarms.items():
        if alarm["MetricName"] == logs.ERRORS:
            yield alarm["Dimensions"][0]["Value"], name


@pytest.mark.parametrize(("function", "alarm"), list(functions_with_an_alarm()))
def test_an_error_that_a_function_logs_rings_its_alarm_and_no_other(function, alarm, cloudwatch, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", f"gelombang-test-{function if function != 'others' else 'award'}")
    with cloudwatch.listening():
        logging.getLogger("chalicelib.any").warning("of_no_importance")
    assert not cloudwatch.points
    with cloudwatch.listening():
        logging.getLogger("chalicelib.any").error("for_a_person")
    assert [name for _, name in functions_with_an_alarm() if cloudwatch.rang(name)] == [alarm]


def test_every_name_that_errors_are_counted_under_has_its_alarm():
    assert {function for function, _ in functions_with_an_alarm()} == {*logs.ALARMED.values(), "others"}


def test_an_error_line_with_a_metric_of_its_own_counts_in_both(cloudwatch):
    told: dict[str, Any] = logs.metric("gelombang-test", "PayoutDifferences", 2, datetime(2026, 11, 24, tzinfo=UTC))
    with cloudwatch.listening():
        logging.getLogger("chalicelib.any").error("payouts_reconciled", extra=told)
    assert [(point.name, point.value) for point in cloudwatch.points] == [("PayoutDifferences", 2), ("ErrorsLogged", 1)]
    assert cloudwatch.rang("payouts-differ")


def test_an_error_is_counted_once_with_several_log_handlers(cloudwatch):
    another = CloudWatch()
    with another.listening(), cloudwatch.listening():
        logging.getLogger("chalicelib.any").error("for_a_person")
    assert [point.value for point in another.points] == [point.value for point in cloudwatch.points] == [1]


def test_nothing_is_counted_outside_of_lambda(monkeypatch):
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    cloudwatch = CloudWatch()
    with cloudwatch.listening():
        logging.getLogger("chalicelib.any").error("for_a_person")
    assert cloudwatch.lines
    assert not cloudwatch.points
