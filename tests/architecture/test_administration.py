"""The administration's stack: who may call it, what each permission set has, and that only its API invokes it."""

from __future__ import annotations

import json

import pytest

from admin.commands.administered import COMMANDS
from chalicelib.administration.identity import SETS
from infrastructure.functions import ADMINISTER

from .conftest import Template, of_type

ROUTE = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${RestAPI}/api/POST"
HAS = {name: {words for words, command in COMMANDS.items() if name in command.sets} for name in SETS}
"""The commands of each permission set."""
POLICY_MAX = 6_144
"""Characters of a managed policy, without white space."""
NAMED = len("arn:aws-us-gov:execute-api:ap-southeast-3:123456789012:abcdefghij/api/POST")


@pytest.fixture
def paths(administration_template: Template) -> Template:
    body: Template = of_type(administration_template, "AWS::Serverless::Api")["RestAPI"]["DefinitionBody"]
    return body["paths"]


def test_every_route_asks_iam_who_calls(administration_template: Template, paths: Template) -> None:
    [api] = of_type(administration_template, "AWS::Serverless::Api").values()
    assert api["DefinitionBody"]["securityDefinitions"]["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert {json.dumps(one["security"]) for path in paths.values() for one in path.values()} == {'[{"sigv4": []}]'}
    assert {method for path in paths.values() for method in path} == {"post"}


def test_nothing_but_its_own_api_invokes_the_function(
    administration_template: Template, app_template: Template
) -> None:
    """So the gateway's word who calls is believed: whoever could invoke the function could say anything."""
    [permission] = of_type(administration_template, "AWS::Lambda::Permission").values()
    assert permission["FunctionName"] == {"Ref": "APIHandler"}
    assert permission["Principal"] == "apigateway.amazonaws.com"
    source, of = permission["SourceArn"]["Fn::Sub"]
    assert source.endswith(":${AWS::AccountId}:${RestAPIId}/*")
    assert of == {"RestAPIId": {"Ref": "RestAPI"}}
    [function] = of_type(administration_template, "AWS::Serverless::Function").values()
    assert "Events" not in function
    assert "FunctionUrlConfig" not in function
    for stack in (administration_template, app_template):
        policies = [policy["PolicyDocument"] for policy in of_type(stack, "AWS::IAM::ManagedPolicy").values()]
        for role in of_type(stack, "AWS::IAM::Role").values():
            policies += [policy["PolicyDocument"] for policy in role.get("Policies", ())]
        for statement in (one for policy in policies for one in policy["Statement"]):
            if any(
                action.startswith(("lambda:Invoke", "lambda:Add", "lambda:Update", "iam:", "sts:", "*"))
                for action in statement["Action"]
            ):
                assert "administer" not in json.dumps(statement["Resource"])
                assert "*" not in json.dumps(statement["Resource"])


def test_citizens_take_no_place_of_administrators(administration_template: Template) -> None:
    [function] = of_type(administration_template, "AWS::Serverless::Function").values()
    assert function["ReservedConcurrentExecutions"] == ADMINISTER.at_once >= 5
    assert function["FunctionName"] == {"Fn::Sub": "gelombang-${Stage}-administer"}
    assert function["Handler"] == "administration.app"
    assert function["Timeout"] <= 29, "API Gateway waits for no longer"


def test_however_many_watch_an_execution_is_free_for_what_stops_money(
    administration_template: Template, paths: Template
) -> None:
    settings = of_type(administration_template, "AWS::Serverless::Api")["RestAPI"]["MethodSettings"]
    watched = [one for one in settings if one["HttpMethod"] == "POST"]
    routes = {one["ResourcePath"].removeprefix("/").replace("~1", "/") for one in watched}
    assert routes == {"/status", "/draw/progress"} <= paths.keys()
    held = sum(one["ThrottlingBurstLimit"] + 29 * one["ThrottlingRateLimit"] for one in watched)
    assert held < ADMINISTER.at_once, "though each look takes as long as the gateway waits"


def test_a_dead_administration_rings(administration_template: Template) -> None:
    alarms = of_type(administration_template, "AWS::CloudWatch::Alarm").values()
    api, function = {"ApiName": {"Fn::Sub": "gelombang-${Stage}-administration"}, "Stage": "api"}, "APIHandler"
    told = {
        (one["Namespace"], one["MetricName"]): {pair["Name"]: pair["Value"] for pair in one["Dimensions"]}
        for one in alarms
    }
    assert told == {
        ("AWS/ApiGateway", "5XXError"): api,
        ("AWS/Lambda", "Errors"): {"FunctionName": {"Ref": function}},
        ("AWS/Lambda", "Throttles"): {"FunctionName": {"Ref": function}},
    }
    assert all(one["AlarmActions"] == [{"Ref": "AlarmsTopic"}] for one in alarms)
    assert "AlarmsTopic" in administration_template["Parameters"]


def test_both_applications_are_told_the_same(administration_template: Template, app_template: Template) -> None:
    assert administration_template["Globals"] == app_template["Globals"]
    shared = administration_template["Parameters"].keys() - {"AdministratorRoles"}
    assert {name: administration_template["Parameters"][name] for name in shared}.items() <= app_template[
        "Parameters"
    ].items()


def test_every_command_is_a_route_and_in_a_set(paths: Template) -> None:
    assert {path.removeprefix("/").replace("/", " ") for path in paths} == COMMANDS.keys() == set().union(*HAS.values())


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_a_policy_of_the_routes_of_its_commands_and_of_nothing_else(
    administration_template: Template, name: str
) -> None:
    policy = of_type(administration_template, "AWS::IAM::ManagedPolicy")[f"{name.title()}Set"]
    assert policy["ManagedPolicyName"] == {"Fn::Sub": f"gelombang-${{Stage}}-{name}"}
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement.keys() == {"Sid", "Effect", "Action", "Resource"}
    assert (statement["Effect"], statement["Action"]) == ("Allow", ["execute-api:Invoke"])
    called = [one["Fn::Sub"].removeprefix(f"{ROUTE}/").replace("/", " ") for one in statement["Resource"]]
    assert sorted(called) == sorted(HAS[name])
    written = json.dumps(policy["PolicyDocument"], separators=(",", ":")).replace(ROUTE, "A" * NAMED)
    assert len(written.replace('{"Fn::Sub":', "").replace("}", "")) < POLICY_MAX


@pytest.mark.parametrize("name", SETS)
def test_a_role_is_a_set_for_users_with_mfa_under_their_own_name(administration_template: Template, name: str) -> None:
    assert administration_template["Parameters"]["AdministratorRoles"]["Default"] == "off"
    assert administration_template["Resources"][f"{name.title()}Role"]["Condition"] == "HasRoles"
    role = of_type(administration_template, "AWS::IAM::Role")[f"{name.title()}Role"]
    assert role["ManagedPolicyArns"] == [{"Ref": f"{name.title()}Set"}]
    assert role["RoleName"] == {"Fn::Sub": f"gelombang-${{Stage}}-{name}"}
    assert "Policies" not in role
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == ["sts:AssumeRole"]
    assert trust["Condition"] == {
        "StringEquals": {"sts:RoleSessionName": "${aws:username}"},
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
    }


LOOKING = {
    "list",
    "show",
    "status",
    "history",
    "schemes",
    "progress",
    "undecided",
    "audit-records",
    "ledger",
    "written-off",
    "reconcile",
    "find",
    "verify",
}


def test_who_looks_changes_nothing_and_who_proposes_approves_nothing() -> None:
    assert {words.split()[-1] for words in HAS["viewer"] | HAS["auditor"]} <= LOOKING
    assert {words for words in COMMANDS if words.endswith("approve")} <= HAS["checker"] - HAS["maker"]
    # Both take proposals away, and it takes two people who import a bank's rejection.
    both = {words.split()[-1] for words in HAS["maker"] & HAS["checker"]} - LOOKING
    assert both == {"reject", "cancel", "import", "give-up"}
