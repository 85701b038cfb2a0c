"""What each function may do by `infrastructure/grants.py`: enough, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from infrastructure.grants import GRANTS, policy

from .test_packaged_template import FUNCTIONS, functions, of_type

Template = dict[str, Any]
POLICIES = {function: policy(function) for function in GRANTS}
STEP = {"waves": "write", "registrations": "write", "notices": "write"}
MATRIX = {
    "api": {
        "registrations": "write",
        "waves": "write",
        "training": "write",
        "jobs": "write",
        "payouts": "write",
        "outcomes": "write",
        "helpdesk": "write",
        "notices": "write",
    },
    "citizen": {},
    "open_wave": STEP,
    "close_wave": STEP,
    "advance": STEP,
    "award": {"waves": "write", "registrations": "write"},
    "expire_places": {**STEP, "runs": "write"},
    "pay": {"payouts": "write", "registrations": "write", "notices": "read"},
    "sweep_payouts": {"payouts": "write", "runs": "write"},
    "reconcile_payouts": {"payouts": "write", "runs": "write"},
    "write_notices": {"notices": "write", "waves": "read", "payouts": "read", "runs": "write"},
    "send_mail": {"notices": "write"},
    "mail_feedback": {"notices": "write"},
    "open_surveys": {"payouts": "read", "waves": "read", "outcomes": "write", "notices": "write", "runs": "write"},
    "check_grievances": {"helpdesk": "write", "runs": "write"},
    "tally_statistics": {
        "registrations": "read",
        "waves": "read",
        "payouts": "read",
        "training": "read",
        "jobs": "read",
        "helpdesk": "read",
        "outcomes": "write",
        "runs": "write",
    },
    # It writes two things: since when there is anything to watch, and since when it looks for a job.
    "watch": {"waves": "write", "payouts": "read", "notices": "read", "runs": "write"},
}
"""Who reads or writes which table."""
READS = {"GetItem", "BatchGetItem", "Query", "ConditionCheckItem"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}


def resources(statement: dict[str, Any]) -> list[str]:
    """The resources of a statement as text; a reference to a parameter as `${Parameter}`."""
    given = statement["Resource"]
    return [
        one if isinstance(one, str) else one.get("Fn::Sub") or f"${{{one['Ref']}}}"
        for one in (given if isinstance(given, list) else [given])
    ]


def grants(function: str) -> Iterator[tuple[str, str]]:
    """Every action with every resource it is allowed on."""
    for statement in POLICIES[function]["Statement"]:
        assert statement["Effect"] == "Allow"
        yield from ((action, resource) for action in statement["Action"] for resource in resources(statement))


def doers(action: str) -> set[str]:
    return {function for function in POLICIES if any(granted == action for granted, _ in grants(function))}


def test_every_function_has_a_policy_of_its_own_and_a_role_with_nothing_else(app_template: Template) -> None:
    roles = of_type(app_template, "AWS::IAM::Role")
    used = {FUNCTIONS[name]: function["Role"]["Fn::GetAtt"][0] for name, function in functions(app_template).items()}

    assert set(POLICIES) == set(FUNCTIONS.values())
    assert len(set(used.values())) == len(FUNCTIONS)
    for function, role in used.items():
        assert [policy["PolicyDocument"] for policy in roles[role]["Policies"]] == [POLICIES[function]]
        assert "ManagedPolicyArns" not in roles[role]


@pytest.mark.parametrize("function", POLICIES)
def test_nothing_is_granted_by_a_star(function: str) -> None:
    for action, resource in grants(function):
        assert "*" not in action
        # Behind a named resource a star stands for the objects of one folder or the streams of one log group.
        named = resource.replace(f"-{function}:", "-FUNCTION:")
        assert re.fullmatch(r"[^*]+(/(draws|reconciliation)/\*|-FUNCTION:\*)?", named), named


def test_every_action_is_one_that_aws_knows() -> None:
    known = json.loads(files("cfnlint").joinpath("data/AdditionalSpecs/Policies.json").read_text())
    for function in POLICIES:
        for action, _ in grants(function):
            service, _, call = action.partition(":")
            assert call.lower() in known[service]["Actions"], f"{function}: {action}"


@pytest.mark.parametrize("function", POLICIES)
def test_an_index_is_only_queried(function: str) -> None:
    assert {action for action, resource in grants(function) if "/index/" in resource} <= {"dynamodb:Query"}


@pytest.mark.parametrize("function", POLICIES)
def test_no_account_region_or_stage_is_written_down(function: str) -> None:
    for _, resource in grants(function):
        assert not re.search(r"\d{12}|[a-z]{2}-[a-z]+-\d", resource)
        assert "gelombang-" not in resource or "gelombang-${Stage}-" in resource


@pytest.mark.parametrize("function", POLICIES)
def test_a_function_logs_to_its_own_group_only(function: str) -> None:
    logged = {resource for action, resource in grants(function) if action.startswith("logs:")}

    assert {resource.rpartition("/")[2] for resource in logged} == {f"gelombang-${{Stage}}-{function}:*"}
    assert {action for action, _ in grants(function) if action.startswith("logs:")} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }


@pytest.mark.parametrize("function", POLICIES)
def test_a_function_reaches_the_tables_of_the_matrix_only(function: str) -> None:
    reached: dict[str, str] = {}
    for action, resource in grants(function):
        service, _, call = action.partition(":")
        if service != "dynamodb":
            continue
        assert call in READS | WRITES  # no Scan: a request or a step never reads a whole table
        table = re.search(r":table/gelombang-\$\{Stage\}-(\w+)(/index/\w+)?$", resource)
        assert table, resource
        reached[table[1]] = "write" if call in WRITES else reached.get(table[1], "read")

    assert reached == MATRIX[function]


def test_every_table_queue_key_and_secret_of_the_data_stack_is_somebodys(data_template: Template) -> None:
    granted = {resource for function in POLICIES for _, resource in grants(function)}
    named = {
        "AWS::DynamoDB::Table": ("TableName", ":table/{}"),
        "AWS::SQS::Queue": ("QueueName", ":{}"),
        "AWS::SecretsManager::Secret": ("Name", ":secret:{}-??????"),
    }
    for kind, (key, form) in named.items():
        for logical_id, resource in of_type(data_template, kind).items():
            if not logical_id.endswith("DeadLetters"):  # SQS itself moves messages there
                ending = form.format(resource[key]["Fn::Sub"])
                assert any(one.endswith(ending) for one in granted), ending
    assert {"${MacKeyArn}", "${DataKeyArn}", "${AnnouncementsTopic}"} <= granted


def test_every_index_is_read_by_someone(data_template: Template) -> None:
    granted = {resource for function in POLICIES for action, resource in grants(function) if action == "dynamodb:Query"}
    for table in of_type(data_template, "AWS::DynamoDB::Table").values():
        for index in table.get("GlobalSecondaryIndexes", []):
            assert any(one.endswith(f"{table['TableName']['Fn::Sub']}/index/{index['IndexName']}") for one in granted)


def test_only_the_api_hashes_identities_and_makes_data_keys() -> None:
    assert doers("kms:GenerateMac") == {"api"}
    assert doers("kms:GenerateDataKey") == {"api"}


def test_only_who_gives_a_place_or_checks_an_account_changes_a_registration() -> None:
    changing = {
        function
        for function in POLICIES
        for action, resource in grants(function)
        if action == "dynamodb:UpdateItem" and resource.endswith("-registrations")
    }
    giving, checking = {"open_wave", "close_wave", "advance", "award", "expire_places"}, {"api", "pay"}
    assert changing == giving | checking


def test_the_api_makes_payouts_due_and_shows_a_person_s_own_and_does_nothing_else_to_the_ledger() -> None:
    calls = {action.partition(":")[2] for action, resource in grants("api") if resource.endswith("-payouts")}
    assert calls == {"BatchGetItem", "PutItem", "ConditionCheckItem", "SendMessage"}


def test_only_those_who_show_or_pay_may_open_personal_data() -> None:
    assert doers("kms:Decrypt") == {"api", "pay"}


def test_only_the_step_publishes_and_announces() -> None:
    step = {"open_wave", "close_wave", "advance"}

    # Two others publish a file each: who followed on a revoked place, and whom the surveys compare with.
    writers = {
        function for function in POLICIES for act, on in grants(function) if act == "s3:PutObject" and "Results" in on
    }
    assert writers == step | {"expire_places", "open_surveys"}
    assert doers("sns:Publish") == step


def test_only_who_sends_a_mail_learns_an_address() -> None:
    assert doers("cognito-idp:AdminGetUser") == {"send_mail"}
    assert doers("ses:SendEmail") == {"send_mail"}


def test_the_three_triggers_of_the_step_may_do_the_same() -> None:
    def doing(function: str) -> set[tuple[str, str]]:
        return {grant for grant in grants(function) if not grant[0].startswith("logs:")}

    assert doing("open_wave") == doing("close_wave") == doing("advance")


def test_a_listener_may_receive_from_its_queue_and_a_queuer_may_only_send() -> None:
    assert doers("sqs:ReceiveMessage") == {"award", "pay", "send_mail"}
    step = {"open_wave", "close_wave", "advance"}
    notices = {"expire_places", "open_surveys", "write_notices"}
    assert doers("sqs:SendMessage") == {"api", "sweep_payouts", *notices, *step}
