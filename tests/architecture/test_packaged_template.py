"""What `chalice package` and our merge template make together: everything that Chalice leaves out is in it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from admin.deployment import stages
from admin.deployment.losses import HOLDS_DATA
from chalicelib import logs, watch
from chalicelib.config import API_TIMEOUT_S, AUTHORIZER_TIMEOUT_S, Settings, load_programme
from chalicelib.notices.ses import CONSUMERS
from infrastructure.stages import STAGES
from tests.conftest import REGION

Template = dict[str, Any]
FUNCTIONS = {
    "APIHandler": "api",
    "Citizen": "citizen",
    "OpenWave": "open_wave",
    "CloseWave": "close_wave",
    "Advance": "advance",
    "Award": "award",
    "ExpirePlaces": "expire_places",
    "Pay": "pay",
    "SweepPayouts": "sweep_payouts",
    "ReconcilePayouts": "reconcile_payouts",
    "WriteNotices": "write_notices",
    "SendMail": "send_mail",
    "MailFeedback": "mail_feedback",
    "OpenSurveys": "open_surveys",
    "CheckGrievances": "check_grievances",
    "TallyStatistics": "tally_statistics",
    "Watch": "watch",
}


def of_type(template: Template, kind: str) -> dict[str, Any]:
    """The properties of every resource of a type, by logical id."""
    return {
        name: resource["Properties"] for name, resource in template["Resources"].items() if resource["Type"] == kind
    }


def functions(template: Template) -> dict[str, Any]:
    return of_type(template, "AWS::Serverless::Function")


def events(template: Template, kind: str) -> dict[str, Any]:
    return {
        name: event["Properties"]
        for function in functions(template).values()
        for name, event in function.get("Events", {}).items()
        if event["Type"] == kind
    }


@pytest.mark.parametrize("which", ["app_template", "data_template"])
def test_cfn_lint_finds_nothing(which: str, request: pytest.FixtureRequest) -> None:
    found = lint(json.dumps(request.getfixturevalue(which)), config=ManualArgs(regions=[REGION]))

    assert [f"{match.rule.id} {match.message}" for match in found] == []


def test_cfn_lint_would_find_a_planted_error(app_template: Template) -> None:
    broken = json.loads(json.dumps(app_template))
    broken["Resources"]["Pay"]["Properties"]["Timeoutt"] = 3

    found = lint(json.dumps(broken), config=ManualArgs(regions=[REGION]))

    assert [match.rule.id for match in found] == ["E3002"]


MADE_AGAIN = {
    "AWS::Serverless::Function": "code, rules, subscriptions and event source mappings of queues",
    "AWS::IAM::Role": "what it may is in its policy, and who is meant by its name",
    "AWS::Lambda::Permission": "it says who may invoke",
    "AWS::CloudWatch::Alarm": "its state follows from its metric",
    "AWS::Logs::MetricFilter": "what it counted stays with CloudWatch",
    "AWS::Cognito::UserPoolClient": "people sign in again",
    "AWS::S3::BucketPolicy": "it says who may read",
    "AWS::SNS::TopicPolicy": "it says who may publish",
    "AWS::SES::ConfigurationSet": "it has rules only; whom SES suppresses is the account's",
    "AWS::SES::ConfigurationSetEventDestination": "it says where reports go",
}
"""Why nothing is lost with these kinds of a resource: the same deployment makes them again as they were."""
EXPANDED = {"AWS::Serverless::Api": "AWS::ApiGateway::RestApi"}
"""What becomes of a kind before it is changed."""


def test_of_each_kind_of_resource_it_is_decided_whether_it_can_be_made_again(
    app_template: Template, data_template: Template
) -> None:
    kinds = {one["Type"] for stack in (app_template, data_template) for one in stack["Resources"].values()}
    kinds = {EXPANDED.get(kind, kind) for kind in kinds}
    assert kinds - HOLDS_DATA == MADE_AGAIN.keys()


def test_the_functions_are_the_ones_the_architecture_names(app_template: Template) -> None:
    named = {name: function["FunctionName"] for name, function in functions(app_template).items()}

    assert named == {name: {"Fn::Sub": f"gelombang-${{Stage}}-{short}"} for name, short in FUNCTIONS.items()}


def test_the_api_compresses_what_is_long(app_template: Template) -> None:
    [api] = of_type(app_template, "AWS::Serverless::Api").values()
    assert api["MinimumCompressionSize"] == 10_000


def test_every_queue_reports_failures_message_by_message(app_template: Template) -> None:
    sources = events(app_template, "SQS")

    assert sources
    for source in sources.values():
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_queue_that_is_listened_to_is_one_of_the_data_stack(
    app_template: Template, data_template: Template
) -> None:
    kept = {queue["QueueName"]["Fn::Sub"] for queue in of_type(data_template, "AWS::SQS::Queue").values()}

    for source in events(app_template, "SQS").values():
        assert source["Queue"]["Fn::Sub"].rpartition(":")[2] in kept


def test_every_queue_has_a_dead_letter_queue_and_every_dead_letter_queue_an_alarm(
    app_template: Template, data_template: Template
) -> None:
    assert not of_type(app_template, "AWS::SQS::Queue")
    queues = of_type(data_template, "AWS::SQS::Queue")
    dead = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in of_type(data_template, "AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible" and alarm["Threshold"] == 1
    }

    assert {name for name, queue in queues.items() if "RedrivePolicy" not in queue} == dead
    assert dead == watched


def test_a_request_ends_before_the_freeze_can_begin(app_template: Template) -> None:
    # `config` holds the freeze's delay to these two; this holds the two to what is deployed.
    assert functions(app_template)["APIHandler"]["Timeout"] == API_TIMEOUT_S
    assert functions(app_template)["Citizen"]["Timeout"] == AUTHORIZER_TIMEOUT_S


def queue_of(source: dict[str, Any], data_template: Template) -> dict[str, Any]:
    """The queue of the data stack that a consumer listens to."""
    name = source["Queue"]["Fn::Sub"].rpartition(":")[2]
    (queue,) = [
        one for one in of_type(data_template, "AWS::SQS::Queue").values() if one["QueueName"]["Fn::Sub"] == name
    ]
    return queue


def visible_after_s(queue: dict[str, Any]) -> int:
    """When a message that failed, or was held back, is handed out again; a hurried stage is not one on AWS."""
    hurried, _, seconds = queue["VisibilityTimeout"]["Fn::If"]
    assert hurried == "Hurried"
    return int(seconds)


CONSUMERS_OF = {"AwardSqsEventSource": "Award", "PaySqsEventSource": "Pay", "SendMailSqsEventSource": "SendMail"}


def test_whoever_listens_to_a_queue_is_known(app_template: Template) -> None:
    listening = {
        event: name
        for name, function in functions(app_template).items()
        for event, source in function.get("Events", {}).items()
        if source["Type"] == "SQS"
    }
    receiving = {
        FUNCTIONS[name] for name in FUNCTIONS if "sqs:ReceiveMessage" in json.dumps(policy_of(app_template, name))
    }

    assert listening == CONSUMERS_OF
    assert receiving == {FUNCTIONS[name] for name in CONSUMERS_OF.values()}


def policy_of(template: Template, function: str) -> Any:
    """What a function may do."""
    role = functions(template)[function]["Role"]["Fn::GetAtt"][0]
    return of_type(template, "AWS::IAM::Role")[role]["Policies"]


@pytest.mark.parametrize("event", CONSUMERS_OF)
def test_a_message_that_is_held_back_does_not_end_in_the_dead_letter_queue(
    event: str, app_template: Template, data_template: Template
) -> None:
    """As AWS advises: six times the time-out and what a batch is gathered for, few at once, and five tries or more."""
    source = events(app_template, "SQS")[event]
    queue = queue_of(source, data_template)
    time_out_s = functions(app_template)[CONSUMERS_OF[event]]["Timeout"]

    assert visible_after_s(queue) >= 6 * time_out_s + source.get("MaximumBatchingWindowInSeconds", 0)
    assert source["ScalingConfig"]["MaximumConcurrency"] in range(2, 101)
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    # Tried to the last, a message is still there when its dead-letter queue rings.
    assert visible_after_s(queue) * queue["RedrivePolicy"]["maxReceiveCount"] < queue["MessageRetentionPeriod"] / 2


def test_what_sends_again_waits_until_the_queue_itself_has_tried_again(data_template: Template) -> None:
    queues = of_type(data_template, "AWS::SQS::Queue")
    programme = load_programme("prod")

    assert visible_after_s(queues["AwardsQueue"]) < programme.draw.awards.resend_after_s
    assert visible_after_s(queues["MailsQueue"]) < programme.notices.requeue_after_s


def test_only_the_local_cloud_is_in_a_hurry(data_template: Template) -> None:
    assert {stage for stage, values in STAGES.items() if "QueuesVisibilityS" in values} == {"local"}
    assert data_template["Parameters"]["QueuesVisibilityS"]["Default"] == 0
    assert data_template["Conditions"]["Hurried"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "QueuesVisibilityS"}, "0"]}]}


def test_mails_are_sent_by_as_many_consumers_as_share_the_rate(app_template: Template) -> None:
    source = events(app_template, "SQS")["SendMailSqsEventSource"]

    assert source["ScalingConfig"] == {"MaximumConcurrency": CONSUMERS}


def test_bounces_and_complaints_reach_the_function_that_marks_mailboxes(
    app_template: Template, data_template: Template
) -> None:
    (topic,) = [topic["Topic"]["Fn::Sub"].rpartition(":")[2] for topic in events(app_template, "SNS").values()]
    reports = of_type(data_template, "AWS::SES::ConfigurationSetEventDestination")["MailReports"]
    (rules,) = of_type(data_template, "AWS::SES::ConfigurationSet").values()

    assert of_type(data_template, "AWS::SNS::Topic")["MailFeedbackTopic"]["TopicName"]["Fn::Sub"] == topic
    assert reports["EventDestination"]["SnsDestination"] == {"TopicARN": {"Ref": "MailFeedbackTopic"}}
    assert set(reports["EventDestination"]["MatchingEventTypes"]) == {"bounce", "complaint"}
    assert rules["Name"]["Fn::Sub"] == "gelombang-${Stage}-mails", "as Settings.configuration_set"


def test_a_draw_has_as_long_as_lambda_allows_and_is_alone(app_template: Template) -> None:
    for name in ("OpenWave", "CloseWave", "Advance"):
        assert functions(app_template)[name]["Timeout"] == 900
    assert functions(app_template)["Advance"]["ReservedConcurrentExecutions"] == 1


def test_whoever_reads_all_the_entries_of_a_wave_has_a_whole_core(app_template: Template) -> None:
    # Lambda gives cores by memory, a whole one from 1,769 MB; with a third of one ten million entries take too long.
    for name in ("OpenWave", "CloseWave", "Advance", "ExpirePlaces", "OpenSurveys"):
        assert functions(app_template)[name]["MemorySize"] >= 1_769, name


def test_what_comes_again_every_minute_is_not_tried_again_in_between(app_template: Template) -> None:
    every_minute = {
        name
        for name, function in functions(app_template).items()
        for event in function.get("Events", {}).values()
        if event["Properties"].get("Schedule") == "rate(1 minute)"
    }

    assert every_minute == {"Advance", "SweepPayouts"}
    for name in every_minute:
        assert functions(app_template)[name]["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


def test_the_schedules_are_friday_noon_and_tuesday_midnight_in_wib(app_template: Template) -> None:
    schedules = {name: event["Schedule"] for name, event in events(app_template, "Schedule").items()}

    assert schedules["OpenWaveEvent"] == "cron(0 5 ? * FRI *)"  # 12:00 WIB
    assert schedules["CloseWaveEvent"] == "cron(0 17 ? * MON *)"  # 00:00 WIB of Tuesday
    assert schedules["ExpirePlacesEvent"] == "cron(10 17-20 * * ? *)"  # from 00:10 WIB on, soon after a deadline


def test_every_function_has_every_setting_and_nothing_else_in_its_environment(app_template: Template) -> None:
    settings = {field for field in Settings.__struct_fields__ if field != "region"}  # Lambda itself tells the region
    variables = app_template["Globals"]["Function"]["Environment"]["Variables"]

    assert set(variables) == {f"GELOMBANG_{field.upper()}" for field in settings}
    assert all("Environment" not in function for function in functions(app_template).values())


def test_the_command_line_reads_from_a_stack_what_its_functions_are_told(app_template: Template) -> None:
    told = app_template["Globals"]["Function"]["Environment"]["Variables"]
    parameters = {name: f"value of {name}" for name in app_template["Parameters"]}

    read = stages.function_environment(parameters, REGION)

    assert {name: parameters[reference["Ref"]] for name, reference in told.items()}.items() <= read.items()


def test_every_parameter_is_an_output_of_the_data_stack_or_given_by_the_deployment(
    app_template: Template, data_template: Template
) -> None:
    given = {"Stage", "JwksUrl", "BeaconRelays", "FspUrl", "MailDomain", "PublicUrl"}

    assert set(app_template["Parameters"]) <= given | set(data_template["Outputs"])


def test_every_function_logs_for_a_limited_time_to_a_group_of_its_own_name(app_template: Template) -> None:
    groups = of_type(app_template, "AWS::Logs::LogGroup").values()

    assert {group["LogGroupName"]["Fn::Sub"] for group in groups} == {f"/aws/lambda/${{{name}}}" for name in FUNCTIONS}
    assert all(group["RetentionInDays"] <= 90 for group in groups)


def test_every_alarm_tells_someone(app_template: Template, data_template: Template) -> None:
    alarms = of_type(app_template, "AWS::CloudWatch::Alarm") | of_type(data_template, "AWS::CloudWatch::Alarm")
    consumers = {
        dimension["Value"]["Ref"]
        for alarm in alarms.values()
        for dimension in alarm.get("Dimensions", ())
        if dimension["Name"] == "FunctionName"
    }

    assert all(alarm["AlarmActions"] == [{"Ref": "AlarmsTopic"}] for alarm in alarms.values())
    scheduled = {name.removesuffix("Event") for name in events(app_template, "Schedule")}
    # A refused token ends `citizen` with an error, so these two are watched by the API's own 5xx.
    assert consumers == set(FUNCTIONS) - {"APIHandler", "Citizen"} - scheduled


def test_every_schedule_is_watched_by_what_it_promises(app_template: Template) -> None:
    schedules = {
        FUNCTIONS[name.removesuffix("Event")]: event["Schedule"]
        for name, event in events(app_template, "Schedule").items()
    }
    rates = {timedelta(minutes=1): "rate(1 minute)", timedelta(minutes=5): "rate(5 minutes)"}
    rates[timedelta(hours=1)] = "rate(1 hour)"
    step = {"open_wave", "close_wave", "advance"}

    assert set(schedules) == {*watch.EVERY, *watch.DAILY, *step, "watch"}
    for job, every in watch.EVERY.items():
        assert schedules[job] == rates[every], job
    for job, first in watch.DAILY.items():
        minute, hours, *days = schedules[job].removeprefix("cron(").split()
        assert (minute, hours.partition("-")[0]) == (str(first.minute), str(first.hour)), job
        assert days == ["*", "*", "?", "*)"], job


def test_every_promise_has_an_alarm_that_hears_the_watch_fall_silent(app_template: Template) -> None:
    late = [one for one in of_type(app_template, "AWS::CloudWatch::Alarm").values() if one["MetricName"] == watch.LATE]

    assert sorted(alarm["Dimensions"][0]["Value"] for alarm in late) == sorted(watch.JOBS)
    for alarm in late:
        assert (alarm["Namespace"], alarm["Statistic"]) == ({"Fn::Sub": "gelombang-${Stage}"}, "Maximum")
        assert alarm["TreatMissingData"] == "breaching"
        # A look for each period, and two of them: one that comes a little late leaves one period empty.
        assert events(app_template, "Schedule")["WatchEvent"]["Schedule"] == "rate(5 minutes)"
        assert (alarm["Period"], alarm["EvaluationPeriods"]) == (300, 2)
        assert "DatapointsToAlarm" not in alarm


def test_the_watch_shares_nothing_with_what_it_watches(app_template: Template) -> None:
    for name in ("Advance", "SweepPayouts"):
        assert functions(app_template)["Watch"]["Role"] != functions(app_template)[name]["Role"]
    assert "ReservedConcurrentExecutions" not in functions(app_template)["Watch"]
    assert functions(app_template)["Watch"]["Timeout"] < 300


def test_an_error_that_is_logged_rings_whichever_function_logs_it(app_template: Template) -> None:
    alarms = of_type(app_template, "AWS::CloudWatch::Alarm").values()
    counted = {alarm["Dimensions"][0]["Value"] for alarm in alarms if alarm["MetricName"] == logs.ERRORS}

    assert counted == {*logs.ALARMED.values(), "others"}
    assert set(logs.ALARMED) <= set(FUNCTIONS.values())


def test_the_gateway_refuses_in_the_same_form_as_the_application(app_template: Template) -> None:
    responses = app_template["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]

    assert {"UNAUTHORIZED", "ACCESS_DENIED", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED", "DEFAULT_5XX"} <= set(
        responses
    )
    for response in responses.values():
        body = json.loads(response["ResponseTemplates"]["application/json"])
        assert body["status"] == response["StatusCode"]
        assert set(body) == {"type", "title", "status", "detail", "code"}
        assert response["ResponseParameters"]["Headers"]["Content-Type"] == "'application/problem+json'"


def test_every_table_is_on_demand_recoverable_protected_and_kept(data_template: Template) -> None:
    tables = of_type(data_template, "AWS::DynamoDB::Table")

    assert set(tables) == {
        "RegistrationsTable",
        "WavesTable",
        "PayoutsTable",
        "TrainingTable",
        "JobsTable",
        "HelpdeskTable",
        "OutcomesTable",
        "NoticesTable",
        "RunsTable",
    }
    for name, table in tables.items():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["DeletionProtectionEnabled"] == {"Fn::If": ["Keep", True, False]}
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert data_template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert data_template["Resources"][name]["UpdateReplacePolicy"] == "Retain"


def test_only_draws_are_public(data_template: Template) -> None:
    statements = [
        statement
        for policy in of_type(data_template, "AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Principal"] == "*"
    ]

    assert [(statement["Action"], statement["Resource"]) for statement in statements] == [
        ("s3:GetObject", {"Fn::Sub": "${ResultsBucket.Arn}/draws/*"})
    ]
    artifacts = of_type(data_template, "AWS::S3::Bucket")["ArtifactsBucket"]
    assert all(artifacts["PublicAccessBlockConfiguration"].values())


def test_production_draws_with_relays_of_drand_and_is_protected() -> None:
    parameters = STAGES["prod"]

    assert all(url.startswith("https://") for url in parameters["BeaconRelays"].split(","))
    assert parameters.get("Protection", "on") == "on"
