"""The policies of `infrastructure/grants.py`: each function may do what it needs, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from infrastructure.grants import GRANTS, policy
from tests.builders.aws import rights

from .conftest import FUNCTIONS, Template, of_type

POLICIES = {function: policy(function) for function in GRANTS}
STEP = ("waves registrations notices payouts", "")
MATRIX = {
    "api": ("registrations waves training jobs payouts outcomes helpdesk notices accounts sign-ins journal", "runs"),
    "citizen": ("", "accounts"),
    "open_wave": STEP,
    "close_wave": STEP,
    "advance": STEP,
    "award": ("waves registrations payouts", ""),
    "expire_places": ("waves registrations payouts notices runs", ""),
    "ask_registry": ("registrations notices", ""),
    # It gives a NIK to whoever has proven it, with the place and the money; and lets them join the open wave.
    "sweep_registry": ("registrations waves payouts training notices runs", ""),
    "pay": ("payouts registrations", "notices"),
    "sweep_payouts": ("payouts runs", ""),
    "advance_plans": ("payouts runs", ""),
    "erase_people": ("accounts sign-ins registrations waves training jobs helpdesk notices outcomes runs", "payouts"),
    "end_terms": ("accounts helpdesk waves registrations payouts training outcomes notices journal runs", ""),
    "reconcile_payouts": ("payouts runs", ""),
    "write_notices": ("notices runs", "waves payouts registrations"),
    "send_mail": ("notices sign-ins", "accounts"),
    "send_code": ("sign-ins", ""),
    "mail_feedback": ("notices sign-ins", "accounts"),
    "open_surveys": ("outcomes notices runs", "payouts waves registrations"),
    "check_grievances": ("helpdesk runs", ""),
    "tally_statistics": ("outcomes runs", "registrations waves payouts training jobs helpdesk"),
    "publish_journal": ("runs", "journal"),
    # It writes since when there is anything to watch, since when it looks for a job, and what it found.
    "watch": ("waves runs", "payouts notices registrations"),
    "administer": ("journal waves payouts registrations accounts training jobs outcomes helpdesk notices runs", ""),
}
"""Which tables a function writes to, and which others it reads."""
READS = {"GetItem", "BatchGetItem", "Query", "ConditionCheckItem"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
MORE = {"end_terms": {"Scan"}, "erase_people": {"Scan"}, "administer": {"Scan", "BatchWriteItem"}}
"""The list of payouts is all of them; an approved catalogue is written in batches."""


OF_THE_ACCOUNT = {
    "administer": {
        *("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics"),
        *("ses:GetAccount", "lambda:GetAccountSettings"),
    },
    "erase_people": {"ses:DeleteSuppressedDestination"},
}
"""Nothing narrower can be named for these."""


NO_TOPIC = [{"Fn::Sub": "arn:${AWS::Partition}:sns:*:*:*"}]
"""Anything but a topic or a subscription: what is left are phone numbers."""


def resources(statement: dict[str, Any]) -> list[str]:
    """The resources of a statement as text; a reference to a parameter as `${Parameter}`."""
    if statement.get("NotResource") == NO_TOPIC:
        return ["phone-numbers"]
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


TRIGGERS = {"open_wave", "close_wave", "advance"}
DOERS = {
    "kms:GenerateMac": {"api", "send_code", "erase_people", "administer"},
    "kms:GenerateDataKey": {"api"},
    "kms:GenerateDataKeyPairWithoutPlaintext": {"api", "administer"},
    "kms:Decrypt": {"api", "pay", "ask_registry", "send_mail", "send_code", "erase_people", "administer"},
    "sns:Publish": {*TRIGGERS, "send_mail", "send_code", "publish_journal"},
    "ses:DeleteSuppressedDestination": {"erase_people"},
    "ses:SendEmail": {"send_mail", "send_code"},
    "sqs:ReceiveMessage": {"award", "pay", "ask_registry", "send_mail", "send_code", "administer"},
    "lambda:InvokeFunction": {"administer"},
    "sqs:SendMessage": {"api", "sweep_payouts", "advance_plans", "expire_places", "open_surveys", "write_notices"}
    | {"award", "ask_registry", "sweep_registry", "erase_people", "end_terms", "administer", *TRIGGERS},
}


@pytest.mark.parametrize("action", DOERS)
def test_only_the_listed_functions_may_hash_decrypt_announce_mail_or_queue(action: str) -> None:
    assert {function for function in POLICIES if action in dict(grants(function))} == DOERS[action]


def test_every_function_has_a_policy_of_its_own_and_a_role_with_nothing_else(
    app_template: Template, administration_template: Template
) -> None:
    used: dict[tuple[str, str], str] = {}
    for stack, names in ((app_template, FUNCTIONS), (administration_template, {"APIHandler": "administer"})):
        roles = of_type(stack, "AWS::IAM::Role")
        for name, function in of_type(stack, "AWS::Serverless::Function").items():
            role = function["Role"]["Fn::GetAtt"][0]
            used[stack["Resources"]["APIHandler"]["Properties"]["Handler"], role] = names[name]
            assert [policy["PolicyDocument"] for policy in roles[role]["Policies"]] == [POLICIES[names[name]]]
            assert "ManagedPolicyArns" not in roles[role]
    assert sorted(used.values()) == sorted(POLICIES)


@pytest.mark.parametrize("function", POLICIES)
def test_a_grant_is_of_a_known_action_on_a_named_resource_of_any_account_region_and_stage(function: str) -> None:
    known = json.loads(files("cfnlint").joinpath("data/AdditionalSpecs/Policies.json").read_text())
    for action, resource in grants(function):
        service, _, call = action.partition(":")
        assert call.lower() in known[service]["Actions"], action
        assert "*" not in action
        if resource == "*":
            assert action in OF_THE_ACCOUNT[function]
            continue
        # Behind a named resource a star stands for the objects of one folder or the streams of one log group.
        named = resource.replace(f"-{function}:", "-FUNCTION:")
        folder = r"/(draws|journal|reconciliation|erasures|errands(/[a-z_]+)?)/\*"
        assert re.fullmatch(rf"[^*]+({folder}|-FUNCTION:\*)?", named), named
        assert "/index/" not in resource or action == "dynamodb:Query"
        assert not re.search(r"\d{12}|[a-z]{2}-[a-z]+-\d", resource)
        assert "gelombang-" not in resource or "gelombang-${Stage}-" in resource


@pytest.mark.parametrize("function", POLICIES)
def test_a_function_logs_to_its_own_group_only(function: str) -> None:
    logged = {(act, on.rpartition("/")[2]) for act, on in grants(function) if act.startswith("logs:")}
    group = f"gelombang-${{Stage}}-{function}:*"
    assert logged == {("logs:CreateLogStream", group), ("logs:PutLogEvents", group)}


@pytest.mark.parametrize("function", POLICIES)
def test_a_function_reaches_the_tables_of_the_matrix_only(function: str) -> None:
    written, read = set[str](), set[str]()
    for action, resource in grants(function):
        service, _, call = action.partition(":")
        if service == "dynamodb":
            # No request and no step reads a whole table.
            assert call in READS | WRITES | MORE.get(function, set())
            table = re.search(r":table/gelombang-\$\{Stage\}-([a-z-]+)(/index/\w+)?$", resource)
            assert table, resource
            (read if call in READS | {"Scan"} else written).add(table[1])
    assert (written, read - written) == tuple(set(tables.split()) for tables in MATRIX[function])


def test_every_table_queue_key_and_secret_is_used_by_a_function(data_template: Template) -> None:
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
    keys = {f"${{{name}Arn}}" for name in of_type(data_template, "AWS::KMS::Key")}
    assert keys | {"${AnnouncementsTopic}"} <= granted


def test_only_who_asks_the_civil_registry_reads_our_key_and_token_for_it() -> None:
    reads = {(name, on.rpartition("-${Stage}-")[2]) for name in POLICIES for act, on in grants(name) if "Secret" in act}
    kept = ("registry-answers-??????", "registry-??????", "students-??????")
    found = {name: [one for one in kept if (name, one) in reads] for name in POLICIES}
    assert {name: one for name, one in found.items() if one} == {"api": [kept[0]], "ask_registry": [*kept]}


def test_every_index_is_read_by_someone(data_template: Template) -> None:
    granted = {resource for function in POLICIES for action, resource in grants(function) if action == "dynamodb:Query"}
    for table in of_type(data_template, "AWS::DynamoDB::Table").values():
        for index in table.get("GlobalSecondaryIndexes", []):
            assert any(one.endswith(f"{table['TableName']['Fn::Sub']}/index/{index['IndexName']}") for one in granted)


def test_only_who_gives_a_place_checks_an_account_or_a_person_or_erases_changes_a_registration() -> None:
    changes = {(name, on) for name in POLICIES for act, on in grants(name) if act == "dynamodb:UpdateItem"}
    changing = {name for name, on in changes if on.endswith("-registrations")}
    changing.remove("administer")
    giving, checking = TRIGGERS | {"award", "expire_places"}, {"api", "pay", "ask_registry", "sweep_registry"}
    erasing = {"erase_people"}  # a claimant takes the claim back before they are erased
    assert changing == giving | checking | erasing


def test_the_api_makes_payouts_due_and_shows_a_person_s_own_and_does_nothing_else_to_the_ledger() -> None:
    calls = {action.partition(":")[2] for action, resource in grants("api") if resource.endswith("-payouts")}
    assert calls == {"GetItem", "BatchGetItem", "Query", "PutItem", "ConditionCheckItem", "SendMessage"}


def test_no_function_changes_a_line_of_the_journal_and_one_deletes_what_is_past_its_term() -> None:
    calls = {(name, action) for name in POLICIES for action, on in grants(name) if "-journal" in on}
    others = {action for name, action in calls if name != "end_terms"}
    assert others <= {"dynamodb:PutItem", "dynamodb:Query"}
    assert calls - {(name, action) for name, action in calls if action in others} == {
        ("end_terms", "dynamodb:Scan"),
        ("end_terms", "dynamodb:DeleteItem"),
    }


@pytest.mark.parametrize(("function", "partitions"), [("api", ["SEEN#*"]), ("administer", ["LINE#*", "ROSTER"])])
def test_the_api_adds_partners_looks_and_cannot_forge_a_line_of_an_administrator(
    function: str, partitions: list[str]
) -> None:
    puts = [
        one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for one in POLICIES[function]["Statement"]
        if "dynamodb:PutItem" in one["Action"] and any(name.endswith("-journal") for name in resources(one))
    ]
    assert puts == [partitions]
    others = {name for name in POLICIES for act, on in grants(name) if act.endswith(":PutItem") and "-journal" in on}
    assert others == {"api", "administer"}


def test_nobody_but_its_function_receives_what_signs_somebody_in() -> None:
    names = {name for name in POLICIES for act, on in grants(name) if act == "sqs:ReceiveMessage" and "-codes" in on}
    assert names == {"send_code"}


def test_only_the_step_publishes_all_of_a_draw() -> None:
    # Two others publish a file each: who followed on a revoked place, and whom the surveys compare with. One more
    # publishes what is of no draw.
    put = "s3:PutObject"
    writers = {name for name in POLICIES for act, on in grants(name) if act == put and "Results" in on}
    assert writers == TRIGGERS | {"expire_places", "open_surveys", "administer", "publish_journal"}
    assert {on for act, on in grants("publish_journal") if act == put} == {
        "arn:${AWS::Partition}:s3:::${ResultsBucket}/journal/*"
    }


def test_the_three_triggers_of_the_step_may_do_the_same() -> None:
    first, *others = ({one for one in grants(name) if not one[0].startswith("logs:")} for name in TRIGGERS)
    assert others == [first] * 2


@pytest.mark.parametrize(
    ("operation", "asked", "may", "may_not"),
    [
        ("GenerateMac", {"KeyId": "alias/gelombang-test-mac"}, "administer", "pay"),
        ("PutObject", {"Bucket": "any", "Key": "journal/heads.jsonl"}, "publish_journal", "administer"),
        ("HeadObject", {"Bucket": "any", "Key": "draws/1/seed.json"}, "advance", "watch"),
        ("Query", {"TableName": "gelombang-test-registrations", "IndexName": "named"}, "administer", "api"),
        ("GetSecretValue", {"SecretId": "gelombang-test-registry"}, "ask_registry", "api"),
        ("SendEmail", {"ConfigurationSetName": "gelombang-test-mails"}, "send_code", "write_notices"),
        ("Publish", {"TopicArn": "arn:aws:sns:r:1:gelombang-test-announcements"}, "publish_journal", "send_code"),
        ("Publish", {"PhoneNumber": "+6281"}, "send_mail", "advance"),
    ],
)
def test_a_run_is_held_to_the_rights_of_its_function(
    operation: str, asked: dict[str, str], may: str, may_not: str
) -> None:
    [right] = rights.needed(operation, asked)
    assert right in rights.given(may) - rights.given(may_not)
