"""Change sets: what is printed and done when something changes or fails."""

from __future__ import annotations

import pytest

from admin.deployment.stacks import DeployFailed, Stacks, Template
from tests.builders.aws.cloudformation import TEMPLATE, CloudFormation, event, stacks


def deployed() -> CloudFormation:
    """A stack that is there."""
    return CloudFormation("CREATE_COMPLETE", {"Stage": "demo"})


def refusal(cloudformation: CloudFormation) -> str:
    """Why a deployment fails."""
    with pytest.raises(DeployFailed) as failed:
        stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"})
    return str(failed.value)


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS"])
def test_a_missing_or_never_executed_stack_is_created_and_watched(status):
    cloudformation = CloudFormation(status)
    cloudformation.to_come = [event("Queue", "CREATE_COMPLETE"), event("demo", "CREATE_COMPLETE")]
    deployer, lines = stacks(cloudformation)

    assert deployer.deploy("demo", TEMPLATE, {"Stage": "demo"}) is True

    assert cloudformation.done("create_change_set")[0]["ChangeSetType"] == "CREATE"
    assert lines == ["demo: 1 to add", "demo: Queue CREATE_COMPLETE", "demo: CREATE_COMPLETE, 1 resources"]


def test_a_change_whose_answer_was_lost_and_that_boto3_sent_again_is_one_change():
    cloudformation = CloudFormation(None)
    cloudformation.lost_answers = True
    cloudformation.to_come = [event("Queue", "CREATE_COMPLETE"), event("demo", "CREATE_COMPLETE")]
    assert stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"}) is True
    assert len(cloudformation.done("execute_change_set")) == 1


def test_a_stack_that_somebody_else_created_meanwhile_is_not_changed():
    cloudformation = CloudFormation(None)
    cloudformation.lost_answers, cloudformation.proposal = True, {}
    assert refusal(cloudformation) == "demo: refused, nothing was changed: it exists"


def test_resources_may_be_counted_but_failures_are_still_listed():
    cloudformation = CloudFormation(None)
    cloudformation.changes *= 3
    cloudformation.to_come = [
        event("Queue", "CREATE_COMPLETE"),
        event("Topic", "CREATE_COMPLETE"),
        event("Table", "CREATE_FAILED", "it exists"),
        event("demo", "ROLLBACK_COMPLETE"),
    ]
    lines: list[str] = []
    counts: list[tuple[str, int, int]] = []
    deployer = Stacks(cloudformation, lines.append, sleep=lambda _: None, count=lambda *each: counts.append(each))

    with pytest.raises(DeployFailed):
        deployer.deploy("demo", TEMPLATE, {"Stage": "demo"})

    assert counts[0] == ("demo", 1, 3)
    assert counts[-1] == ("demo", 2, 3)
    assert lines == ["demo: 3 to add", "FAILED Table (AWS::SQS::Queue): it exists", "demo: ROLLBACK_COMPLETE"]


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_a_deployment_without_changes_says_so(reason):
    cloudformation = deployed()
    cloudformation.proposal = {"Status": "FAILED", "StatusReason": reason}
    deployer, lines = stacks(cloudformation)

    assert deployer.deploy("demo", TEMPLATE, {"Stage": "demo"}) is False

    assert lines == ["demo: no changes"]
    assert not cloudformation.done("execute_change_set")
    assert cloudformation.done("delete_change_set")


def test_a_parameter_that_is_not_given_keeps_its_value():
    cloudformation = CloudFormation("UPDATE_COMPLETE", {"Stage": "demo", "Visibility": "20"})
    cloudformation.to_come = [event("demo", "UPDATE_COMPLETE")]

    stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"})

    assert cloudformation.done("create_change_set")[0]["Parameters"] == [
        {"ParameterKey": "Stage", "ParameterValue": "demo"},
        {"ParameterKey": "Visibility", "UsePreviousValue": True},
    ]


def test_failed_resources_are_shown_without_those_cancelled_because_of_them():
    cloudformation = deployed()
    cloudformation.to_come = [
        event("Queue", "UPDATE_FAILED", "VisibilityTimeout must be below 43200"),
        event("Topic", "UPDATE_FAILED", "Resource update cancelled"),
        event("demo", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Queue]."),
        event("demo", "UPDATE_ROLLBACK_COMPLETE"),
    ]
    deployer, lines = stacks(cloudformation)

    with pytest.raises(DeployFailed) as failed:
        deployer.deploy("demo", TEMPLATE, {})

    shown = "Queue (AWS::SQS::Queue): VisibilityTimeout must be below 43200"
    assert str(failed.value) == f"demo is UPDATE_ROLLBACK_COMPLETE:\n{shown}"
    assert f"FAILED {shown}" in lines


def test_errors_found_before_the_deployment_are_listed_by_resource():
    cloudformation = CloudFormation(None)
    cloudformation.proposal = {"Status": "FAILED", "StatusReason": "Validation failed. Call DescribeEvents for more."}
    assert refusal(cloudformation).splitlines()[1:] == ["Bucket (AWS::S3::Bucket): it exists"]


def test_a_template_that_is_refused_outright_is_one_line():
    cloudformation = CloudFormation(None)
    cloudformation.refusal = "Template format error: Unrecognized resource types: [AWS::Nope]"
    assert "nothing was changed: Template format error" in refusal(cloudformation)


def test_a_stack_whose_creation_failed_is_deleted_and_created_again():
    cloudformation = CloudFormation("ROLLBACK_COMPLETE")
    cloudformation.to_come = [event("demo", "CREATE_COMPLETE")]

    assert stacks(cloudformation)[0].deploy("demo", TEMPLATE, {"Stage": "demo"}) is True
    assert [said for said, _ in cloudformation.said] == ["delete_stack", "create_change_set", "execute_change_set"]


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", None])
def test_a_stack_that_is_busy_or_broken_or_lacks_a_parameter_is_not_changed(status):
    cloudformation = CloudFormation(status, {"Stage": "demo"})

    with pytest.raises(DeployFailed, match=status or "--parameter Stage="):
        stacks(cloudformation)[0].deploy("demo", TEMPLATE, {})
    assert not cloudformation.said


def test_waiting_for_a_stack_has_a_time_limit():
    cloudformation = deployed()
    cloudformation.to_come = [event("demo", "UPDATE_IN_PROGRESS")]
    assert "not done after 30 s" in refusal(cloudformation)


def test_resources_whose_data_would_be_lost_are_named():
    cloudformation = deployed()
    cloudformation.changes = [
        {"ResourceChange": {"Action": "Remove", "LogicalResourceId": "Topic"}},
        {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Pool", "Replacement": "True"}},
        {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Queue", "Replacement": "False"}},
    ]
    cloudformation.to_come = [event("demo", "UPDATE_COMPLETE")]
    deployer, lines = stacks(cloudformation)

    deployer.deploy("demo", TEMPLATE, {})

    assert lines[0] == "demo: 2 to modify, 1 to remove; removed or replaced: Topic, Pool"


def test_a_large_template_is_read_from_the_bucket():
    cloudformation = CloudFormation(None)
    cloudformation.to_come = [event("demo", "CREATE_COMPLETE")]
    template = Template(TEMPLATE.document, url="https://s3/bucket/template.json")

    stacks(cloudformation)[0].deploy("demo", template, {"Stage": "demo"})

    asked = cloudformation.done("create_change_set")[0]
    assert asked["TemplateURL"] == "https://s3/bucket/template.json"
    assert "TemplateBody" not in asked
