"""The app stack: what Chalice is told to package, and what is merged into the template that it makes."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path

from . import alarms, gateway
from .cloudformation import STAGE, Json, parameter, ref, sub
from .functions import FUNCTIONS
from .grants import policy

API_STAGE = "api"
"""API Gateway's own stage, the same in every deployment."""

TOLD = {
    "Stage": STAGE,
    **{name: parameter() for name in ("UserPool", "UserPoolClient", "JwksUrl")},
    **{name: parameter() for name in ("PayoutsQueueUrl", "MailsQueueUrl", "AwardsQueueUrl")},
    **{name: parameter() for name in ("ResultsBucket", "ResultsUrl", "ReportsBucket", "AnnouncementsTopic")},
    "BeaconRelays": parameter(about="drand HTTP relays, separated by commas"),
    **{name: parameter() for name in ("FspUrl", "FspSecret")},
    "MailDomain": parameter(
        about="The domain that mails come from, verified at SES", AllowedPattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+"
    ),
    "PublicUrl": parameter(
        default="https://not-yet.invalid",
        about="The public address of the API; the deployment finds out its own unless a domain is given",
    ),
}
"""Parameters that every function finds in its environment."""

PARAMETERS = TOLD | {name: parameter() for name in ("MacKeyArn", "DataKeyArn", "AlarmsTopic")}


def variable(name: str) -> str:
    """The environment variable of a parameter: GELOMBANG_USER_POOL of UserPool."""
    return "GELOMBANG_" + re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def merged() -> Json:
    """What is merged into Chalice's template."""
    environment = {variable(name): ref(name) for name in TOLD}
    resources = {
        **{function.logical_id: function.resource() for function in FUNCTIONS},
        # Chalice names this group by a name that the function does not have.
        "ApiHandlerLogGroup": {"Properties": {"LogGroupName": sub("/aws/lambda/${APIHandler}")}},
        "RestAPI": gateway.resource(),
        **dict(alarms.resources()),
    }
    whole = {
        "Parameters": PARAMETERS,
        "Globals": {"Function": {"Environment": {"Variables": environment}}},
        "Resources": resources,
    }
    return deepcopy(whole)


def config(architecture: str) -> Json:
    """Chalice's config.json."""
    return {
        "version": "2.0",
        "app_name": "gelombang",
        "api_gateway_stage": API_STAGE,
        "api_gateway_endpoint_type": "REGIONAL",
        "autogen_policy": False,
        "minimum_compression_size": 10_000,
        "log_retention_in_days": 90,
        "lambda_architecture": architecture,
        "lambda_functions": {function.chalice_name: function.settings() for function in FUNCTIONS},
    }


MERGED = "merge-template.json"


def write(folder: Path, architecture: str) -> None:
    """Make the folder `.chalice` of a project that is to be packaged for a processor."""
    policies = {f"policies/{function.name}.json": policy(function.name) for function in FUNCTIONS}
    for name, document in {"config.json": config(architecture), MERGED: merged(), **policies}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document))
