"""The administration's stack: an API of its own that asks IAM who calls, its function, and the permission sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path

from . import alarms, app_stack, permission_sets
from .cloudformation import Json, named
from .functions import ADMINISTER

HANDLER = "administration.app"

PARAMETERS = {
    name: one
    for name, one in app_stack.PARAMETERS.items()
    if name in app_stack.TOLD or name.endswith("KeyArn") or name == "AlarmsTopic"
} | permission_sets.PARAMETERS

LIMITS = app_stack.LIMITS | {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 50}

WATCHED = [
    # The gateway wants slashes after the first one written so.
    {**LIMITS, "ResourcePath": f"/{path}", "HttpMethod": "POST", "ThrottlingRateLimit": 0.1, "ThrottlingBurstLimit": 2}
    for path in ("~1status", "~1draw~1progress")
]
"""What terminals ask again and again (`--watch`), whoever many they are: even if each look takes the gateway's whole 29
seconds, both together have fewer than the function's ten executions (2 x (2 + 29 x 0.1)). So `payout pause` has one.
"""


def merged(sets: Mapping[str, Collection[str]]) -> Json:
    """What is merged into Chalice's template; `sets` has the routes of each permission set."""
    function = ADMINISTER.resource()
    function["Properties"]["Handler"] = HANDLER
    whole = {
        "Parameters": PARAMETERS,
        "Conditions": permission_sets.CONDITIONS,
        "Globals": app_stack.ENVIRONMENT,
        "Resources": {
            ADMINISTER.logical_id: function,
            **app_stack.LOG_GROUP,
            "RestAPI": {"Properties": {"Name": named("administration"), "MethodSettings": [LIMITS, *WATCHED]}},
            **dict(permission_sets.resources(sets, app_stack.API_STAGE)),
            **dict(alarms.of_administration()),
        },
    }
    return deepcopy(whole)


def write(folder: Path, architecture: str, sets: Mapping[str, Collection[str]]) -> None:
    """Write the folder `.chalice`, from which Chalice packages the administration."""
    app_stack.write_project(folder, architecture, "gelombang-administration", [ADMINISTER], merged(sets))
