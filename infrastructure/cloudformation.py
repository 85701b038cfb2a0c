"""Helpers for CloudFormation: references, parameters, resources with their usual properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

BACKUPS_DAYS = 35
"""To how long ago a table can be restored: as long as AWS keeps backups if a table says nothing else.

Whoever was erased may be in them so long. So versions, messages, files and logs live no longer.
"""
FILES_DAYS = BACKUPS_DAYS - 5
"""A file is still a version after its term, and S3 deletes once a day. CloudWatch keeps logs for 30 days or for 60."""


def ref(name: str) -> Json:
    """A reference to a parameter's value or to the name of a resource."""
    return {"Ref": name}


def sub(text: str) -> Json:
    """A text in which `${name}` stands for a parameter or a resource."""
    return {"Fn::Sub": text}


def attribute(resource: str, name: str) -> Json:
    return {"Fn::GetAtt": [resource, name]}


def if_(condition: str, then: Any, otherwise: Any) -> Json:
    return {"Fn::If": [condition, then, otherwise]}


def named(name: str = "", *, before: str = "", after: str = "") -> Json:
    """A name with the stage in it, such as gelombang-prod-payouts; without `name` gelombang-prod."""
    return sub(before + own(name) + after)


def own(name: str = "") -> str:
    """The same as a text, for use in a longer one."""
    return f"gelombang-${{Stage}}-{name}" if name else "gelombang-${Stage}"


def arn(service: str, resource: str) -> Json:
    return sub(f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}")


def parameter(kind: str = "String", *, default: str | int | None = None, about: str = "", **rules: Any) -> Json:
    """A parameter of a stack; `rules` are CloudFormation's, such as AllowedPattern."""
    known = {"Default": default, "Description": about or None}
    return {"Type": kind, **{name: value for name, value in known.items() if value is not None}, **rules}


STAGE = parameter(AllowedPattern="[a-z][a-z0-9]{1,15}")


def resource(kind: str, properties: Mapping[str, Any], **attributes: Any) -> Json:
    """A resource without data, which each deployment can make again."""
    return {"Type": f"AWS::{kind}", **attributes, "Properties": dict(properties)}


def kept(kind: str, properties: Mapping[str, Any]) -> Json:
    """A resource that holds data: it stays when its stack is deleted, unless the stack's own creation failed."""
    return resource(kind, properties, DeletionPolicy="RetainExceptOnCreate", UpdateReplacePolicy="Retain")


def statement(sid: str, principal: Any, action: str | list[str], on: Any, **more: Any) -> Json:
    """The policy of a resource, with one statement."""
    said = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": action, "Resource": on, **more}
    return {"Version": "2012-10-17", "Statement": [said]}


@dataclass(frozen=True)
class Index:
    """A global secondary index of a table: its two keys, and the other attributes that it holds."""

    name: str
    partition: str
    sort: str
    holds: str | Sequence[str] = "KEYS_ONLY"
    """KEYS_ONLY, ALL, or the names of attributes."""

    def definition(self) -> Json:
        projection: Json = {"ProjectionType": self.holds}
        if not isinstance(self.holds, str):
            projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(self.holds)}
        return {"IndexName": self.name, "KeySchema": _keys(self.partition, self.sort), "Projection": projection}


def table(name: str, *indexes: Index, recoverable: bool = True, expires: bool = True, **more: Any) -> Json:
    """A table on demand with the keys `pk` and `sk`: TTL on `expires_at` and recoverable to any second (PITR)."""
    keys = dict.fromkeys(["pk", "sk", *(key for index in indexes for key in (index.partition, index.sort))])
    properties = {
        "TableName": named(name),
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
        "KeySchema": _keys("pk", "sk"),
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": recoverable},
        "DeletionProtectionEnabled": if_("Keep", True, False),
        "SSESpecification": {"SSEEnabled": True},
        **more,
    }
    if expires:
        properties["TimeToLiveSpecification"] = {"AttributeName": "expires_at", "Enabled": True}
    if indexes:
        properties["GlobalSecondaryIndexes"] = [index.definition() for index in indexes]
    return kept("DynamoDB::Table", properties)


def _keys(partition: str, sort: str) -> list[Json]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def queue(name: str, visibility_s: int) -> dict[str, Json]:
    """A queue, its dead-letter queue after five tries, and an alarm that rings when a message is in the latter.

    A message that failed is tried again after `visibility_s` seconds: six times its consumer's time-out.
    """
    title = name.capitalize()
    dead = f"{title}DeadLetters"
    common = {"MessageRetentionPeriod": 14 * 24 * 3600, "SqsManagedSseEnabled": True}
    tries = {
        "VisibilityTimeout": if_("Hurried", ref("QueuesVisibilityS"), visibility_s),
        "RedrivePolicy": {"deadLetterTargetArn": attribute(dead, "Arn"), "maxReceiveCount": 5},
    }
    visible = Metric(
        "ApproximateNumberOfMessagesVisible", {"QueueName": attribute(dead, "QueueName")}, "AWS/SQS", "Maximum"
    )
    return {
        dead: resource("SQS::Queue", {"QueueName": named(f"{name}-dead"), **common}),
        f"{title}Queue": resource("SQS::Queue", {"QueueName": named(name), **common, **tries}),
        f"{title}GivenUp": alarm(f"{name}-given-up", "", visible, period_s=60),
    }


def bucket(name: str, *, public: bool = False, **properties: Any) -> Json:
    """A bucket whose name ends with the AWS account's number. Only with `public` may a policy let anyone read it."""
    return kept(
        "S3::Bucket",
        {
            "BucketName": named(name, after="-${AWS::AccountId}"),
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": not public,
                "RestrictPublicBuckets": not public,
            },
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            **properties,
        },
    )


def hmac_key(title: str, alias: str, about: str) -> dict[str, Json]:
    """A KMS key that makes keyed hashes, and its alias."""
    return key(title, alias, about, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")


def key(title: str, alias: str, about: str, **properties: Any) -> dict[str, Json]:
    """A KMS key that is controlled by the account's IAM policies, and its alias. By default it encrypts."""
    account = {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}
    policy = statement("AccountDecides", account, "kms:*", "*")
    said = {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "Description": about, "KeyPolicy": policy}
    return {
        title: kept("KMS::Key", said | properties),
        f"{title}Alias": resource(
            "KMS::Alias", {"AliasName": named(alias, before="alias/"), "TargetKeyId": ref(title)}
        ),
    }


def topic(name: str) -> Json:
    return resource("SNS::Topic", {"TopicName": named(name)})


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch."""

    name: str
    dimensions: Mapping[str, Any] | None = None
    namespace: str = ""
    """A namespace of AWS; if empty, the one that is named after the stage."""
    statistic: str = "Sum"
    silence: str = "notBreaching"
    """What an alarm does when the metric has no value (`TreatMissingData`)."""


def alarm(
    name: str,
    about: str,
    metric: Metric,
    *,
    at_least: int = 1,
    over: float | None = None,
    period_s: int = 300,
    periods: int = 1,
) -> Json:
    """An alarm for the administrators: the metric is `at_least` a number, or `over` one, for `periods` periods."""
    how = "GreaterThanOrEqualToThreshold" if over is None else "GreaterThanThreshold"
    properties = {
        "AlarmName": named(name),
        **({"AlarmDescription": about} if about else {}),
        "Namespace": metric.namespace or named(),
        "MetricName": metric.name,
        "Statistic": metric.statistic,
        "Period": period_s,
        "EvaluationPeriods": periods,
        "Threshold": at_least if over is None else over,
        "ComparisonOperator": how,
        "TreatMissingData": metric.silence,
        "AlarmActions": [ref("AlarmsTopic")],
    }
    if metric.dimensions is not None:
        properties["Dimensions"] = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    return resource("CloudWatch::Alarm", properties)


def log_filter(group: str, word: str, value: str = "1") -> Json:
    """A metric named `word` that counts the log lines with this message, or adds up a field of theirs (`$.count`)."""
    counted = {"MetricNamespace": named(), "MetricName": word, "MetricValue": value, "DefaultValue": 0}
    return resource(
        "Logs::MetricFilter",
        {
            "LogGroupName": ref(group),
            "FilterPattern": f'{{ $.message = "{word}" }}',
            "MetricTransformations": [counted],
        },
    )
