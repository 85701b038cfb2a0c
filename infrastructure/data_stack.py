"""The data stack: what outlives a release. It has tables, queues, keys, buckets and topics."""

from __future__ import annotations

from copy import deepcopy

from .cloudformation import (
    FILES_DAYS,
    STAGE,
    Index,
    Json,
    arn,
    attribute,
    bucket,
    hmac_key,
    if_,
    kept,
    key,
    named,
    own,
    parameter,
    queue,
    ref,
    resource,
    statement,
    sub,
    table,
    topic,
)

PARAMETERS = {
    "Stage": STAGE,
    "Protection": parameter(default="on", about="off only where a stage may be destroyed", AllowedValues=["on", "off"]),
    "Production": parameter(
        default="no",
        about="Decided by the first deployment and by no later one: "
        "a production stage is protected and is not destroyed",
        AllowedValues=["yes", "no"],
    ),
    "QueuesVisibilityS": parameter(
        "Number",
        default=0,
        about="After how many seconds a message that failed is tried again, "
        "where that is to be sooner than AWS advises; 0: as it advises",
        MinValue=0,
        MaxValue=12 * 3600,
    ),
    "WarmWrites": parameter(
        "Number",
        default=0,
        about="How many write units a second the tables of accounts and of sign-ins take from the first second on; "
        "0: as many as AWS gives a new table, which are 4000",
        MinValue=0,
    ),
}

CONDITIONS = {
    "Keep": {"Fn::Equals": [ref("Protection"), "on"]},
    "Warm": {"Fn::Not": [{"Fn::Equals": [ref("WarmWrites"), "0"]}]},
    "Hurried": {"Fn::Not": [{"Fn::Equals": [ref("QueuesVisibilityS"), "0"]}]},
}

WARM = if_("Warm", {"WriteUnitsPerSecond": ref("WarmWrites")}, ref("AWS::NoValue"))

_ENDS_TERMS = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/gelombang-${Stage}-app-EndTermsRole-*")
"""The role that the app's stack makes for the function that ends terms."""


def _deny(sid: str, calls: str, **more: Json) -> Json:
    on = arn("dynamodb", f"table/{own('journal')}")
    [denied] = statement(sid, "*", [f"dynamodb:{call}" for call in calls.split()], on, **more)["Statement"]
    return {**denied, "Effect": "Deny"}


LINES_STAY = {
    "Version": "2012-10-17",
    "Statement": [
        _deny("NobodyChangesALine", "UpdateItem BatchWriteItem PartiQLUpdate PartiQLDelete"),
        _deny("LinesGoByTheirTerm", "DeleteItem", Condition={"ArnNotLike": {"aws:PrincipalArn": _ENDS_TERMS}}),
    ],
}
"""Of the journal's table: it holds for the account's administrators too, until they replace this policy."""

TABLES = {
    "AccountsTable": table("accounts", WarmThroughput=WARM),
    # A sign-in is deleted after an hour, so no backup may keep it longer.
    "SignInsTable": table("sign-ins", recoverable=False, WarmThroughput=WARM),
    "RegistrationsTable": table(
        "registrations",
        Index("registered", "registered_shard", "pk", holds=["region", "registered_at"]),
        Index("unverified", "unverified_shard", "ask_from", holds=["version", "waits_since"]),
        Index("named", "name_mac", "pk"),
    ),
    "WavesTable": table(
        "waves", Index("roster", "roster_shard", "pk", holds="ALL"), Index("potential", "potential_shard", "buy_by")
    ),
    "PayoutsTable": table(
        "payouts",
        Index("unsettled", "unsettled_shard", "updated_at"),
        Index("news", "news_shard", "at", holds=["state"]),
    ),
    "TrainingTable": table("training"),
    "JobsTable": table("jobs"),
    "HelpdeskTable": table("helpdesk", Index("open", "open_shard", "deadline_at", holds="ALL")),
    "OutcomesTable": table("outcomes", Index("roster", "roster_shard", "pk", holds="ALL")),
    "NoticesTable": table("notices", Index("unsent", "unsent_shard", "updated_at")),
    "RunsTable": table("runs"),
    # A line that was put anew with an expiry would vanish, whatever the policy denies.
    "JournalTable": table(
        "journal",
        Index("readers", "registrant", "sk", holds="ALL"),
        expires=False,
        ResourcePolicy={"PolicyDocument": LINES_STAY},
    ),
}

QUEUES = {
    **queue("payouts", visibility_s=720),
    **queue("mails", visibility_s=720),
    **queue("awards", visibility_s=360),
    **queue("codes", visibility_s=360),
    **queue("registry", visibility_s=1080),
}

KEYS = {
    **hmac_key("MacKey", "mac", "Keyed hashes of NIK, KK, phone and account numbers"),
    **hmac_key("ContactsKey", "contacts", "Keyed hashes of e-mail addresses, phone numbers and networks"),
    **hmac_key("CodesKey", "codes", "From it the codes of sign-ins are derived"),
    **key("DataKey", "data", "Wraps each person's data key", EnableKeyRotation=True),
}

CORS = {
    "AllowedMethods": ["GET", "HEAD"],
    "AllowedOrigins": ["*"],
    "AllowedHeaders": ["Range"],
    "ExposedHeaders": ["ETag", "Last-Modified", "Content-Range", "Accept-Ranges", "Content-Length"],
    "MaxAge": 3600,
}
"""Scripts of any web page may read the published files, also in parts (range requests)."""

FOR_A_WHILE = [
    *(
        {
            "Id": name,
            "Status": "Enabled",
            "Prefix": prefix,
            "ExpirationInDays": FILES_DAYS,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        }
        for name, prefix in (("PartsOfReconciliations", "reconciliation/parts/"), ("Errands", "errands/"))
    ),
    {"Id": "Versions", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": FILES_DAYS}},
]

BUCKETS = {
    "ResultsBucket": bucket(
        "results",
        public=True,
        VersioningConfiguration={"Status": "Enabled"},
        CorsConfiguration={"CorsRules": [CORS]},
    ),
    "ResultsBucketPolicy": resource(
        "S3::BucketPolicy",
        {
            "Bucket": ref("ResultsBucket"),
            "PolicyDocument": statement(
                "AnyoneMayRecomputeADraw",
                "*",
                "s3:GetObject",
                [sub(f"${{ResultsBucket.Arn}}/{folder}/*") for folder in ("draws", "journal")],
            ),
        },
    ),
    "ReportsBucket": bucket(
        "reports", VersioningConfiguration={"Status": "Enabled"}, LifecycleConfiguration={"Rules": FOR_A_WHILE}
    ),
    "ArtifactsBucket": bucket("artifacts"),
}

MAIL_SERVICE = {
    "StringEquals": {"AWS:SourceAccount": ref("AWS::AccountId")},
    "ArnLike": {"AWS:SourceArn": arn("ses", f"configuration-set/{own('mails')}")},
}

MAILS = {
    "MailFeedbackTopic": topic("mail-feedback"),
    "MailFeedbackPolicy": resource(
        "SNS::TopicPolicy",
        {
            "Topics": [ref("MailFeedbackTopic")],
            "PolicyDocument": statement(
                "MailServiceReports",
                {"Service": "ses.amazonaws.com"},
                "sns:Publish",
                ref("MailFeedbackTopic"),
                Condition=MAIL_SERVICE,
            ),
        },
    ),
    "MailRules": resource(
        "SES::ConfigurationSet",
        {
            "Name": named("mails"),
            "ReputationOptions": {"ReputationMetricsEnabled": True},
            "SuppressionOptions": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
            "DeliveryOptions": {"TlsPolicy": "REQUIRE"},
        },
    ),
    "MailReports": resource(
        "SES::ConfigurationSetEventDestination",
        {
            "ConfigurationSetName": ref("MailRules"),
            "EventDestination": {
                "Name": "feedback",
                "Enabled": True,
                "MatchingEventTypes": ["bounce", "complaint"],
                "SnsDestination": {"TopicARN": ref("MailFeedbackTopic")},
            },
        },
        DependsOn="MailFeedbackPolicy",
    ),
}

FSP_SECRET = kept(
    "SecretsManager::Secret",
    {
        "Name": named("fsp"),
        "Description": "The provider's api_key (set by an administrator) and the callback_token it must send",
        "GenerateSecretString": {
            "SecretStringTemplate": '{"api_key": ""}',
            "GenerateStringKey": "callback_token",
            "PasswordLength": 40,
            "ExcludePunctuation": True,
        },
    },
)

REGISTRY_ANSWERS_SECRET = kept(
    "SecretsManager::Secret",
    {
        "Name": named("registry-answers"),
        "Description": "The civil registry's public key (set by an administrator), and what seals our questions",
        "GenerateSecretString": {
            "SecretStringTemplate": '{"verify_with": {}}',
            "GenerateStringKey": "transactions",
            "PasswordLength": 43,
            "ExcludePunctuation": True,
        },
    },
)

RESOURCES = {
    **TABLES,
    **QUEUES,
    **KEYS,
    **BUCKETS,
    **MAILS,
    "FspSecret": FSP_SECRET,
    "RegistryAnswersSecret": REGISTRY_ANSWERS_SECRET,
    "AnnouncementsTopic": topic("announcements"),
    "AlarmsTopic": topic("alarms"),
}

OUTPUTS = {
    **{name: ref(name) for name in ("Production", "FspSecret")},
    **{name: ref(name) for name in ("AnnouncementsTopic", "AlarmsTopic")},
    **{name: ref(name) for name in ("ReportsBucket", "ResultsBucket", "ArtifactsBucket")},
    **{
        f"{name}Url": ref(name) for name in ("PayoutsQueue", "MailsQueue", "AwardsQueue", "CodesQueue", "RegistryQueue")
    },
    **{f"{name}Arn": attribute(name, "Arn") for name in ("MacKey", "DataKey", "ContactsKey", "CodesKey")},
    "ResultsUrl": sub("https://${ResultsBucket.RegionalDomainName}"),
}


def template() -> Json:
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Gelombang: what outlives a release. Tables, queues, keys, public results, announcements.",
        "Parameters": PARAMETERS,
        "Conditions": CONDITIONS,
        "Resources": RESOURCES,
        "Outputs": {name: {"Value": value} for name, value in OUTPUTS.items()},
    }
    return deepcopy(document)
