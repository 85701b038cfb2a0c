"""The template that `chalice package` makes with our merge template: it has everything that Chalice leaves out."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Iterator

import pytest

from admin.deployment import stages
from admin.deployment.stacks import HOLDS_DATA
from chalicelib.config import API_TIMEOUT_S, AUTHORIZER_TIMEOUT_S, DEFAULT_PROGRAMME, Settings, load_programme
from chalicelib.draw.leaves import LEAF_BYTES
from chalicelib.ids import random_id
from chalicelib.notices.ses import CONSUMERS
from chalicelib.waves.entries import Row
from chalicelib.waves.publication.leaf_owners import LeafOwners
from chalicelib.waves.rules import SHARDS
from infrastructure import firewall
from infrastructure.app_stack import STAGES
from infrastructure.cloudformation import BACKUPS_DAYS
from infrastructure.grants import GRANTS
from tests.conftest import REGION

from .conftest import FUNCTIONS, Template, events, of_type


def faults(template: Template) -> list[str]:
    """What cfn-lint finds."""
    from cfnlint.api import lint  # a second's work, for one of the workers
    from cfnlint.config import ManualArgs

    found = lint(json.dumps(template), config=ManualArgs(regions=[REGION]))
    return [f"{match.rule.id} {match.message}" for match in found]


@pytest.mark.deep  # ten seconds of CPU; `make check` lints what is packaged, too
def test_cfn_lint_finds_a_planted_error_and_nothing_else(
    app_template: Template, administration_template: Template, data_template: Template
) -> None:
    assert faults(data_template) == faults(administration_template) == []
    broken = json.loads(json.dumps(app_template))
    broken["Resources"]["Pay"]["Properties"]["Timeoutt"] = 3
    assert [fault[:5] for fault in faults(broken)] == ["E3002"]


MADE_AGAIN = {
    "AWS::Serverless::Function": "code, rules, subscriptions and event source mappings of queues",
    "AWS::IAM::ManagedPolicy": "it names routes; whom it is given to is known by its name",
    "AWS::IAM::Role": "what it may is in its policy, and who is meant by its name",
    "AWS::Lambda::Permission": "it says who may invoke",
    "AWS::CloudWatch::Alarm": "its state follows from its metric",
    "AWS::Logs::MetricFilter": "what it counted stays with CloudWatch",
    "AWS::WAFv2::WebACL": "it says what one address may ask for; what it counted is forgotten within minutes",
    "AWS::WAFv2::WebACLAssociation": "it says what is guarded",
    "AWS::S3::BucketPolicy": "it says who may read",
    "AWS::SNS::TopicPolicy": "it says who may publish",
    "AWS::SES::ConfigurationSet": "it has rules only; whom SES suppresses is the account's",
    "AWS::SES::ConfigurationSetEventDestination": "it says where reports go",
}
"""Why nothing is lost with these kinds of a resource: the same deployment makes them again as they were."""
EXPANDED = {"AWS::Serverless::Api": "AWS::ApiGateway::RestApi"}
"""What becomes of a kind before it is changed."""


def test_every_kind_of_resource_is_classified_as_holding_data_or_not(
    app_template: Template, administration_template: Template, data_template: Template
) -> None:
    stacks = (app_template, administration_template, data_template)
    kinds = {one["Type"] for stack in stacks for one in stack["Resources"].values()}
    kinds = {EXPANDED.get(kind, kind) for kind in kinds}
    assert kinds - HOLDS_DATA == MADE_AGAIN.keys()


def test_the_functions_are_those_that_are_described(functions: Template) -> None:
    named = {name: function["FunctionName"] for name, function in functions.items()}
    assert named == {name: {"Fn::Sub": f"gelombang-${{Stage}}-{short}"} for name, short in FUNCTIONS.items()}


def test_the_api_compresses_what_is_long(app_template: Template) -> None:
    [api] = of_type(app_template, "AWS::Serverless::Api").values()
    assert api["MinimumCompressionSize"] == 1_024


def test_every_queue_has_a_dead_letter_queue_and_every_dead_letter_queue_an_alarm(
    app_template: Template, data_template: Template, queues: Template
) -> None:
    assert not of_type(app_template, "AWS::SQS::Queue")
    policies = [queue["RedrivePolicy"] for queue in queues.values() if "RedrivePolicy" in queue]
    dead = {policy["deadLetterTargetArn"]["Fn::GetAtt"][0] for policy in policies}
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in of_type(data_template, "AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible" and alarm["Threshold"] == 1
    }
    assert {name for name, queue in queues.items() if "RedrivePolicy" not in queue} == dead == watched


def test_a_request_ends_before_the_freeze_can_begin(functions: Template) -> None:
    # `config` holds the freeze's delay to these two; this holds the two to what is deployed.
    assert functions["APIHandler"]["Timeout"] == API_TIMEOUT_S
    assert functions["Citizen"]["Timeout"] == AUTHORIZER_TIMEOUT_S


def visible_after_s(queue: Template) -> int:
    """When a message that failed, or was held back, is handed out again; a hurried stage is not one on AWS."""
    hurried, _, seconds = queue["VisibilityTimeout"]["Fn::If"]
    assert hurried == "Hurried"
    return int(seconds)


CONSUMERS_OF = {f"{name}SqsEventSource": name for name in ("Award", "Pay", "SendMail", "SendCode", "AskRegistry")}


def test_every_queue_has_exactly_its_known_consumer(functions: Template) -> None:
    listening = {event: name for name, one in functions.items() for event in events({name: one}, "SQS")}
    assert listening == CONSUMERS_OF


@pytest.mark.parametrize("event", CONSUMERS_OF)
def test_a_throttled_message_does_not_end_in_the_dead_letter_queue(
    event: str, functions: Template, queues: Template
) -> None:
    """As AWS advises: six times the time-out and what a batch is gathered for, few at once, and five tries or more."""
    source = events(functions, "SQS")[event]
    name = source["Queue"]["Fn::Sub"].rpartition(":")[2]
    [queue] = [one for one in queues.values() if one["QueueName"]["Fn::Sub"] == name]
    time_out_s, tries = functions[CONSUMERS_OF[event]]["Timeout"], queue["RedrivePolicy"]["maxReceiveCount"]

    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert visible_after_s(queue) >= 6 * time_out_s + source.get("MaximumBatchingWindowInSeconds", 0)
    assert source["ScalingConfig"]["MaximumConcurrency"] in range(2, 101)
    assert tries >= 5
    # Tried to the last, a message is still there when its dead-letter queue rings.
    assert visible_after_s(queue) * tries < queue["MessageRetentionPeriod"] / 2


def test_a_sweep_queues_again_only_after_the_queues_own_retry(queues: Template) -> None:
    programme = load_programme("prod")
    assert visible_after_s(queues["AwardsQueue"]) < programme.draw.awards.resend_after_s
    assert visible_after_s(queues["MailsQueue"]) < programme.notices.requeue_after_s
    assert visible_after_s(queues["RegistryQueue"]) < programme.registry.ask_again_after_s


def test_only_the_local_stage_has_short_retries(data_template: Template) -> None:
    assert {stage for stage, values in STAGES.items() if "QueuesVisibilityS" in values} == {"local"}
    assert data_template["Parameters"]["QueuesVisibilityS"]["Default"] == 0
    assert data_template["Conditions"]["Hurried"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "QueuesVisibilityS"}, "0"]}]}


def test_mails_are_sent_by_as_many_consumers_as_share_the_rate(functions: Template) -> None:
    assert events(functions, "SQS")["SendMailSqsEventSource"]["ScalingConfig"] == {"MaximumConcurrency": CONSUMERS}


def test_bounces_and_complaints_reach_the_function_that_marks_mailboxes(
    functions: Template, data_template: Template
) -> None:
    [topic] = [topic["Topic"]["Fn::Sub"].rpartition(":")[2] for topic in events(functions, "SNS").values()]
    reports = of_type(data_template, "AWS::SES::ConfigurationSetEventDestination")["MailReports"]
    [rules] = of_type(data_template, "AWS::SES::ConfigurationSet").values()

    assert of_type(data_template, "AWS::SNS::Topic")["MailFeedbackTopic"]["TopicName"]["Fn::Sub"] == topic
    assert reports["EventDestination"]["SnsDestination"] == {"TopicARN": {"Ref": "MailFeedbackTopic"}}
    assert set(reports["EventDestination"]["MatchingEventTypes"]) == {"bounce", "complaint"}
    assert rules["Name"]["Fn::Sub"] == "gelombang-${Stage}-mails", "as Settings.configuration_set"


def test_the_step_has_lambdas_longest_time_out_and_runs_alone(functions: Template) -> None:
    for name in ("OpenWave", "CloseWave", "Advance"):
        assert functions[name]["Timeout"] == 900
    assert functions["Advance"]["ReservedConcurrentExecutions"] == 1


def test_functions_that_read_all_entries_have_a_whole_core(functions: Template) -> None:
    # Lambda gives cores by memory, a whole one from 1,769 MB; with a third of one ten million entries take too long.
    for name in ("OpenWave", "CloseWave", "Advance", "ExpirePlaces", "OpenSurveys"):
        assert functions[name]["MemorySize"] >= 1_769, name


def test_whatever_awards_places_holds_ten_million_entries_in_memory(functions: Template) -> None:
    """Measured with fewer people of all provinces, half of them from four."""
    mb, largest, sample, started_mb = 1 << 20, 10_000_000, 20_000, 200

    def entries(shard: int) -> Iterator[Iterator[Row]]:
        yield (
            (random_id(os.urandom), 31 + number % 4 if number % 2 else 11 + number % 38, os.urandom(32), None)
            for number in range(shard, sample, SHARDS)
        )

    tracemalloc.start()
    roster = LeafOwners(54, entries)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del roster
    whole_mb = largest * peak / sample / mb
    assert whole_mb < 1_300
    for name in ("OpenWave", "CloseWave", "Advance", "ExpirePlaces"):
        assert whole_mb + largest * LEAF_BYTES / mb + started_mb < functions[name]["MemorySize"], name


def test_functions_that_run_every_minute_are_not_retried(functions: Template, schedules: dict[str, str]) -> None:
    assert {name for name, when in schedules.items() if when == "rate(1 minute)"} == {"advance", "sweep_payouts"}
    for name in ("Advance", "SweepPayouts"):
        assert functions[name]["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


def test_the_schedules_are_friday_noon_and_tuesday_midnight_in_wib(schedules: dict[str, str]) -> None:
    assert schedules["open_wave"] == "cron(0 5 ? * FRI *)"  # 12:00 WIB
    assert schedules["close_wave"] == "cron(0 17 ? * MON *)"  # 00:00 WIB of Tuesday
    assert schedules["expire_places"] == "cron(10 17-20 * * ? *)"  # from 00:10 WIB on, soon after a deadline


def test_every_function_and_the_command_line_have_every_setting(app_template: Template, functions: Template) -> None:
    settings = {field for field in Settings.__struct_fields__ if field != "region"}  # Lambda itself tells the region
    told = app_template["Globals"]["Function"]["Environment"]["Variables"]
    assert set(told) == {f"GELOMBANG_{field.upper()}" for field in settings}
    assert all("Environment" not in function for function in functions.values())

    parameters = {name: f"value of {name}" for name in app_template["Parameters"]}
    read = stages.function_environment(parameters, REGION)
    assert {name: parameters[reference["Ref"]] for name, reference in told.items()}.items() <= read.items()


def test_a_deployment_that_names_no_programme_runs_the_default(app_template: Template) -> None:
    assert app_template["Parameters"]["Programme"]["Default"] == DEFAULT_PROGRAMME


def test_every_parameter_is_an_output_of_the_data_stack_or_given_by_the_deployment(
    app_template: Template, data_template: Template
) -> None:
    given = {"Stage", "BeaconRelays", "FspUrl", "MailDomain", "RpId", "PublicUrl", "Programme", "AwsClient"}
    given |= {"RegistryUrl", "StudentsUrl"}
    given |= firewall.PARAMETERS.keys()
    assert set(app_template["Parameters"]) <= given | set(data_template["Outputs"])


def test_every_function_logs_for_a_limited_time_to_a_group_of_its_own_name(app_template: Template) -> None:
    groups = of_type(app_template, "AWS::Logs::LogGroup").values()
    assert {group["LogGroupName"]["Fn::Sub"] for group in groups} == {f"/aws/lambda/${{{name}}}" for name in FUNCTIONS}


OUTLIVES_BACKUPS = {
    "ArtifactsBucket": "code and templates: nothing of a person",
    "ResultsBucket": "published draws and heads of the journal: hashes that lead to nobody; versions prove a change",
    "erasures": "ids that lead to nobody: what a restore brings back is erased again by this list",
    "reconciliation": "each day's report is of the books (10 years), by references of payouts; its parts have a term",
}
"""By bucket, or folder of the reports bucket, why files stay for longer than the tables' backups."""


def test_versions_dead_letters_files_and_logs_live_no_longer_than_the_backups(
    app_template: Template, administration_template: Template, data_template: Template, queues: Template
) -> None:
    tables = of_type(data_template, "AWS::DynamoDB::Table").values()
    recoverable = [table["PointInTimeRecoverySpecification"] for table in tables]
    assert all(one.get("RecoveryPeriodInDays", 35) == BACKUPS_DAYS for one in recoverable)

    assert queues
    assert all(queue["MessageRetentionPeriod"] <= BACKUPS_DAYS * 24 * 3600 for queue in queues.values())
    for template in (app_template, administration_template):
        groups = of_type(template, "AWS::Logs::LogGroup").values()
        assert len(groups) == len(of_type(template, "AWS::Serverless::Function"))
        assert all(group["RetentionInDays"] <= BACKUPS_DAYS for group in groups)

    buckets = of_type(data_template, "AWS::S3::Bucket")
    rules = {name: one.get("LifecycleConfiguration", {"Rules": []})["Rules"] for name, one in buckets.items()}
    assert {name for name, found in rules.items() if not found} == OUTLIVES_BACKUPS.keys() & buckets.keys()
    [reports] = [found for found in rules.values() if found]
    assert all(rule["Status"] == "Enabled" for rule in reports)
    for rule in reports:
        days = rule.get("ExpirationInDays", 0) + rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        assert 0 < days < BACKUPS_DAYS, "S3 deletes once a day"
    assert [rule["Id"] for rule in reports if "Prefix" not in rule] == ["Versions"], "of whatever has no other rule"

    passing = tuple(f"{rule['Prefix']}" for rule in reports if "Prefix" in rule)
    written = {
        path["Fn::Sub"].partition("${ReportsBucket}/")[2]
        for granted in GRANTS.values()
        for one in granted
        if "s3:PutObject" in one["Action"]
        for path in one["Resource"]
    }
    stay = {folder.partition("/")[0] for folder in written if folder and not folder.startswith(passing)}
    assert stay == OUTLIVES_BACKUPS.keys() - buckets.keys()


def test_the_gateway_refuses_in_the_same_form_as_the_application(app_template: Template) -> None:
    responses = app_template["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]
    named = {"UNAUTHORIZED", "ACCESS_DENIED", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED", "DEFAULT_5XX"}
    assert named <= responses.keys()
    for response in responses.values():
        body = json.loads(response["ResponseTemplates"]["application/json"])
        assert body["status"] == response["StatusCode"]
        assert set(body) == {"type", "title", "status", "detail", "code"}
        assert response["ResponseParameters"]["Headers"]["Content-Type"] == "'application/problem+json'"


def test_every_table_is_on_demand_recoverable_protected_and_kept(data_template: Template) -> None:
    tables = of_type(data_template, "AWS::DynamoDB::Table")
    rooms = "Registrations Waves Payouts Training Jobs Helpdesk Outcomes Notices Runs Accounts SignIns Journal"
    assert set(tables) == {f"{room}Table" for room in rooms.split()}
    for name, table in tables.items():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        # What waits for a code is meant to be gone after an hour.
        kept = {"PointInTimeRecoveryEnabled": name != "SignInsTable"}
        assert table["PointInTimeRecoverySpecification"] == kept
        assert table["DeletionProtectionEnabled"] == {"Fn::If": ["Keep", True, False]}
        # A line of the journal that got an expiry would be deleted past the table's own policy.
        expiry = None if name == "JournalTable" else {"AttributeName": "expires_at", "Enabled": True}
        assert table.get("TimeToLiveSpecification") == expiry
        assert data_template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert data_template["Resources"][name]["UpdateReplacePolicy"] == "Retain"


def test_the_journal_itself_refuses_to_change_or_delete_a_line(data_template: Template) -> None:
    table = of_type(data_template, "AWS::DynamoDB::Table")["JournalTable"]
    changes, deletes = table["ResourcePolicy"]["PolicyDocument"]["Statement"]
    assert {(one["Effect"], one["Principal"]) for one in (changes, deletes)} == {("Deny", "*")}
    calls = {"UpdateItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete"}
    assert set(changes["Action"]) == {f"dynamodb:{call}" for call in calls}
    assert "Condition" not in changes
    assert deletes["Action"] == ["dynamodb:DeleteItem"]
    role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/gelombang-${Stage}-app-EndTermsRole-*"
    assert deletes["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": {"Fn::Sub": role}}}


def test_the_function_that_ends_terms_has_the_role_that_may_delete_lines(app_template: Template) -> None:
    assert app_template["Resources"]["EndTerms"]["Properties"]["Role"] == {"Fn::GetAtt": ["EndTermsRole", "Arn"]}


def test_only_a_stage_that_says_so_has_tables_that_are_warm_from_the_first_second(data_template: Template) -> None:
    tables = of_type(data_template, "AWS::DynamoDB::Table")
    warm = {name: table["WarmThroughput"] for name, table in tables.items() if "WarmThroughput" in table}
    units = {"Fn::If": ["Warm", {"WriteUnitsPerSecond": {"Ref": "WarmWrites"}}, {"Ref": "AWS::NoValue"}]}
    assert warm == {"AccountsTable": units, "SignInsTable": units}
    assert data_template["Conditions"]["Warm"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "WarmWrites"}, "0"]}]}
    assert data_template["Parameters"]["WarmWrites"]["Default"] == 0


def test_only_a_stage_that_says_so_has_a_firewall_which_refuses_as_the_application_does(app_template: Template) -> None:
    [wall] = of_type(app_template, "AWS::WAFv2::WebACL").values()
    [guarded] = of_type(app_template, "AWS::WAFv2::WebACLAssociation").values()
    assert guarded["ResourceArn"]["Fn::Sub"].endswith("/restapis/${RestAPI}/stages/${RestAPI.Stage}")
    assert all(app_template["Resources"][name]["Condition"] == "HasFirewall" for name in ("Firewall", "FirewallOfApi"))

    limits = {}
    for rule in wall["Rules"]:
        condition, said, otherwise = rule["Fn::If"]
        rate = said["Statement"]["RateBasedStatement"]
        limits[condition] = (rate["Limit"]["Ref"], "ScopeDownStatement" in rate)
        refused = said["Action"]["Block"]["CustomResponse"]
        assert refused["ResponseCode"] == 429
        assert {"Name": "Retry-After", "Value": "300"} in refused["ResponseHeaders"]
        assert otherwise == {"Ref": "AWS::NoValue"}
    assert limits == {"LimitsSignIns": ("WafSignIns", True), "LimitsRequests": ("WafRequests", False)}
    assert {app_template["Parameters"][name]["Default"] for name, _ in limits.values()} == {"0"}
    throttled = app_template["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]["THROTTLED"]
    assert wall["CustomResponseBodies"]["TooMany"]["Content"] == throttled["ResponseTemplates"]["application/json"]


def test_only_draws_and_heads_of_the_journal_are_public(data_template: Template) -> None:
    policies = of_type(data_template, "AWS::S3::BucketPolicy").values()
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    public = [(one["Action"], one["Resource"]) for one in statements if one["Principal"] == "*"]
    folders = [{"Fn::Sub": f"${{ResultsBucket.Arn}}/{folder}/*"} for folder in ("draws", "journal")]
    assert public == [("s3:GetObject", folders)]
    artifacts = of_type(data_template, "AWS::S3::Bucket")["ArtifactsBucket"]
    assert all(artifacts["PublicAccessBlockConfiguration"].values())


def test_production_draws_with_relays_of_drand_and_is_protected() -> None:
    assert all(url.startswith("https://") for url in STAGES["prod"]["BeaconRelays"].split(","))
    assert STAGES["prod"].get("Protection", "on") == "on"
