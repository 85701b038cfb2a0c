"""The app stack: what Chalice packages, and what is merged into the template that it makes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from http import HTTPStatus
from pathlib import Path

from . import alarms, firewall
from .cloudformation import FILES_DAYS, STAGE, Json, named, parameter, ref, sub
from .functions import FUNCTIONS, Function
from .grants import policy

MERGED = "merge-template.json"

API_STAGE = "api"
"""The name of API Gateway's stage; it is the same in every deployment."""

COMPRESSED_FROM = 1_024
"""API Gateway compresses answers from this length on, in bytes."""

TOLD = {
    "Stage": STAGE,
    **{name: parameter() for name in ("PayoutsQueueUrl", "MailsQueueUrl", "AwardsQueueUrl", "CodesQueueUrl")},
    "RegistryQueueUrl": parameter(),
    **{name: parameter() for name in ("ResultsBucket", "ResultsUrl", "ReportsBucket", "AnnouncementsTopic")},
    "BeaconRelays": parameter(about="drand HTTP relays, separated by commas"),
    **{name: parameter() for name in ("FspUrl", "FspSecret")},
    "MailDomain": parameter(
        about="The domain that mails come from, verified at SES", AllowedPattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+"
    ),
    "RpId": parameter(
        about="The domain to which passkeys belong: another one later makes all of them useless",
        AllowedPattern=r"[a-z0-9-]+(\.[a-z0-9-]+)*",
    ),
    "PublicUrl": parameter(
        default="https://not-yet.invalid",
        about="The public address of the API; the deployment finds out its own unless a domain is given",
    ),
    "RegistryUrl": parameter(
        default="none",
        about="The civil registry's DCI interface; files: batches by file; none: nobody is asked about registrations",
        AllowedPattern=r"none|files|https://[^\s?#]+|http://127\.0\.0\.1:[0-9]+",
    ),
    "StudentsUrl": parameter(
        default="none",
        about="The DCI interface of the register of pupils and students; none: it is not asked",
        AllowedPattern=r"none|https://[^\s?#]+|http://127\.0\.0\.1:[0-9]+",
    ),
    "Programme": parameter(
        default="prakerja-2023",  # as `config.DEFAULT_PROGRAMME`; this folder imports nothing of the application
        about="The programme that is run: the name of a file in chalicelib/programmes",
        AllowedPattern="[a-z0-9]+(-[a-z0-9]+)*",
    ),
    "AwsClient": parameter(
        default="lean",
        about="How the functions call DynamoDB and KMS: the short way, or the ordinary one of botocore",
        AllowedValues=["lean", "ordinary"],
    ),
}
"""Parameters that become environment variables of every function."""

PARAMETERS = TOLD | {
    **{name: parameter() for name in ("MacKeyArn", "DataKeyArn", "ContactsKeyArn", "CodesKeyArn", "AlarmsTopic")},
    **firewall.PARAMETERS,
}

STAGES: dict[str, dict[str, str]] = {
    "prod": {
        "BeaconRelays": "https://api.drand.sh,https://api2.drand.sh,https://api3.drand.sh,https://drand.cloudflare.com"
    },
    "local": {"Protection": "off", "QueuesVisibilityS": "20", "MailDomain": "gelombang.example", "RpId": "localhost"},
}
"""Parameters of each stage; `gelombang deploy --parameter` overrides them. A deployment finds out the others."""


def variable(name: str) -> str:
    """The environment variable of a parameter: GELOMBANG_MAIL_DOMAIN for MailDomain."""
    return "GELOMBANG_" + re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


# API Gateway: its limits, and its own refusals, which have the form of the application's

LIMITS = {
    "ResourcePath": "/*",
    "HttpMethod": "*",
    "ThrottlingRateLimit": 3000,
    "ThrottlingBurstLimit": 3000,
    "MetricsEnabled": True,
}
"""The limits of all methods together: requests a second, and requests at once."""

HEADERS = {
    "Content-Type": "application/problem+json",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
}


def problem(status: int, code: str, detail: str) -> str:
    """A problem document like the application's. `detail` is in Indonesian and English."""
    said = {
        "type": f"urn:gelombang:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return json.dumps(said)


def refusal(status: int, code: str, detail: str, **headers: str) -> Json:
    """The gateway's answer. Names of headers have `_` instead of `-`."""
    given = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "StatusCode": status,
        "ResponseParameters": {"Headers": {name: f"'{value}'" for name, value in given.items()}},
        "ResponseTemplates": {"application/json": problem(status, code, detail)},
    }


SIGN_IN = "Silakan masuk terlebih dahulu. / Please sign in first."
TOO_MANY = "Terlalu banyak permintaan; coba lagi sebentar lagi. / Too many requests; try again shortly."
BUSY = "Layanan sedang sibuk; coba lagi sebentar lagi. / The service is busy; try again shortly."

REFUSALS = {
    "UNAUTHORIZED": refusal(401, "not_signed_in", SIGN_IN, WWW_Authenticate="Bearer"),
    "ACCESS_DENIED": refusal(403, "not_signed_in", "Tidak diizinkan. / Not allowed."),
    "MISSING_AUTHENTICATION_TOKEN": refusal(404, "not_found", "Tidak ditemukan. / There is no such thing here."),
    "THROTTLED": refusal(429, "too_many_requests", TOO_MANY, Retry_After="5"),
    "DEFAULT_5XX": refusal(503, "temporarily_unavailable", BUSY, Retry_After="5"),
}


FIREWALL_HEADERS = {name: value for name, value in HEADERS.items() if name != "Content-Type"} | {"Retry-After": "300"}
"""Headers of the firewall's refusals. The firewall itself sets their Content-Type."""


ENVIRONMENT = {"Function": {"Environment": {"Variables": {variable(name): ref(name) for name in TOLD}}}}
"""What every function is told (`Globals`)."""

# The name that Chalice gives this log group is not that of the function's group.
LOG_GROUP = {"ApiHandlerLogGroup": {"Properties": {"LogGroupName": sub("/aws/lambda/${APIHandler}")}}}


def merged() -> Json:
    resources = {
        **{function.logical_id: function.resource() for function in FUNCTIONS},
        **LOG_GROUP,
        "RestAPI": {"Properties": {"Name": named(), "MethodSettings": [LIMITS], "GatewayResponses": REFUSALS}},
        **firewall.resources(problem(429, "too_many_requests", TOO_MANY), FIREWALL_HEADERS),
        **dict(alarms.resources()),
    }
    whole = {
        "Parameters": PARAMETERS,
        "Conditions": firewall.CONDITIONS,
        "Globals": ENVIRONMENT,
        "Resources": resources,
    }
    return deepcopy(whole)


def write(folder: Path, architecture: str) -> None:
    """Write the folder `.chalice`, from which Chalice packages for an architecture (`x86_64` or `arm64`)."""
    write_project(folder, architecture, "gelombang", FUNCTIONS, merged())


def write_project(
    folder: Path, architecture: str, app_name: str, functions: Sequence[Function], template: Json
) -> None:
    """Write the folder of an application with these functions; `template` is merged into the one that Chalice makes."""
    config = {
        "version": "2.0",
        "app_name": app_name,
        "api_gateway_stage": API_STAGE,
        "api_gateway_endpoint_type": "REGIONAL",
        "autogen_policy": False,
        "minimum_compression_size": COMPRESSED_FROM,
        "log_retention_in_days": FILES_DAYS,
        "lambda_architecture": architecture,
        "lambda_functions": {function.chalice_name: function.settings() for function in functions},
    }
    policies = {f"policies/{function.name}.json": policy(function.name) for function in functions}
    for name, document in {"config.json": config, MERGED: template, **policies}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document))
