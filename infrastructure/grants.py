"""The IAM policy of each function. Statements name their actions; none is a wildcard.

Each statement has a name (its Sid), which says what the permission is for.
"""

from __future__ import annotations

from typing import Any

from .cloudformation import Json, arn, own, ref, sub
from .functions import SCHEDULED


def allow(why: str, actions: str, *resources: Any) -> Json:
    """A statement that allows actions, separated by spaces, on resources. `why` is its Sid."""
    return {"Sid": why, "Effect": "Allow", "Action": actions.split(), "Resource": list(resources)}


def rows(*paths: str, read: str = "", write: str = "", why: str = "", partition: str = "") -> Json:
    """A statement that allows calls on the rows of a table (`waves`) or of an index (`waves/index/roster`).

    ConditionCheckItem counts as a write, because it is a leg of a transaction that writes. With `partition` only the
    rows with these partition keys are included, which are separated by spaces; each may end with a star.
    """
    calls = " ".join(f"dynamodb:{call}" for call in f"{read} {write}".split())
    given = allow(why or paths[0].capitalize(), calls, *(arn("dynamodb", f"table/{own(path)}") for path in paths))
    if partition:
        how = "StringLike" if "*" in partition else "StringEquals"
        given["Condition"] = {f"ForAllValues:{how}": {"dynamodb:LeadingKeys": partition.split()}}
    return given


def receive(queue: str) -> Json:
    calls = "sqs:ReceiveMessage sqs:DeleteMessage sqs:ChangeMessageVisibility sqs:GetQueueAttributes"
    return allow(f"Receive{queue.capitalize()}", calls, arn("sqs", own(queue)))


def send(queue: str, *, look: bool = False) -> Json:
    """Put messages into a queue; with `look` also see how many wait in it."""
    calls = "sqs:SendMessage sqs:GetQueueAttributes" if look else "sqs:SendMessage"
    return allow(f"Queue{queue.capitalize()}", calls, arn("sqs", own(queue)))


def read_files(bucket: str, folder: str, why: str) -> Json:
    return allow(why, "s3:GetObject", _files(bucket, folder))


def write_files(bucket: str, folder: str, why: str) -> tuple[Json, Json]:
    """Read and write the files below a folder, and get 404 for a missing one."""
    return (
        allow(why, "s3:GetObject s3:PutObject", _files(bucket, folder)),
        allow("TellAbsentFromForbidden", "s3:ListBucket", _files(bucket)),
    )


def _files(bucket: str, folder: str = "") -> Json:
    return sub(f"arn:${{AWS::Partition}}:s3:::${{{bucket}}}" + (f"/{folder}/*" if folder else ""))


def use_key(key: str, alias: str, actions: str, why: str) -> Json:
    """Some actions with a KMS key, by its ARN and by its alias."""
    return allow(why, actions, ref(f"{key}Arn"), arn("kms", f"alias/{own(alias)}"))


def read_fsp_secret(why: str) -> Json:
    """The provider's secret; AWS appends six characters to its name."""
    return allow(why, "secretsmanager:GetSecretValue", arn("secretsmanager", f"secret:{own('fsp')}-??????"))


TELL_REGISTRY_ANSWERS = allow(
    "TellRegistryAnswers",
    "secretsmanager:GetSecretValue",
    arn("secretsmanager", f"secret:{own('registry-answers')}-??????"),
)

QUEUES = ("payouts", "mails", "awards", "codes", "registry")

UNSUPPRESS = allow("ForgetAtSes", "ses:DeleteSuppressedDestination", "*")  # of the whole account's list

SAY_WHEN_ALL_IS_DONE = rows("runs", write="PutItem", why="SayWhenAllIsDone")

SEND_MAIL = allow(
    "SendMail", "ses:SendEmail", arn("ses", "identity/${MailDomain}"), arn("ses", f"configuration-set/{own('mails')}")
)
# A phone number has no ARN, so the statement allows everything but topics.
SEND_SMS = {
    "Sid": "SendSms",
    "Effect": "Allow",
    "Action": ["sns:Publish"],
    "NotResource": [sub("arn:${AWS::Partition}:sns:*:*:*")],
}

ENTITLE = rows("payouts", write="PutItem", why="EntitleAtAward")
"""Where a scheme pays from the award on, the award makes the first payment due."""

STEP = (
    rows("waves", read="GetItem BatchGetItem Query", write="ConditionCheckItem PutItem UpdateItem"),
    rows("registrations", read="GetItem BatchGetItem", write="UpdateItem"),
    *write_files("ResultsBucket", "draws", "PublishDraws"),
    rows("notices", read="GetItem", write="PutItem UpdateItem", why="RememberAnnouncements"),
    allow("Announce", "sns:Publish", ref("AnnouncementsTopic")),
    send("awards"),
    ENTITLE,
    send("payouts"),
)
"""What the step of a wave may do, whichever of its three triggers calls it."""

TABLES_OF_PEOPLE = (
    *("accounts", "sign-ins", "registrations", "waves", "payouts", "training", "jobs", "helpdesk", "outcomes"),
    "notices",
)

GRANTS: dict[str, tuple[Json, ...]] = {
    "api": (
        rows(
            "registrations", read="GetItem BatchGetItem Query", write="PutItem UpdateItem DeleteItem ConditionCheckItem"
        ),
        rows("waves", read="GetItem BatchGetItem Query", write="UpdateItem ConditionCheckItem"),
        rows("training", read="GetItem BatchGetItem Query", write="PutItem UpdateItem"),
        rows("jobs", read="GetItem BatchGetItem Query", write="PutItem UpdateItem DeleteItem ConditionCheckItem"),
        rows("payouts", read="GetItem BatchGetItem Query", write="PutItem ConditionCheckItem"),
        rows("outcomes", read="Query GetItem", write="UpdateItem"),
        rows("helpdesk", read="GetItem BatchGetItem Query", write="PutItem UpdateItem"),
        read_files("ResultsBucket", "draws", "FindInPublishedLists"),
        use_key("MacKey", "mac", "kms:GenerateMac", "HashIdentities"),
        use_key("DataKey", "data", "kms:GenerateDataKey kms:Decrypt", "SealPersonalData"),
        rows("accounts", read="GetItem BatchGetItem Query", write="PutItem UpdateItem DeleteItem"),
        rows("sign-ins", read="GetItem BatchGetItem", write="PutItem UpdateItem", why="SignIns"),
        use_key("ContactsKey", "contacts", "kms:GenerateMac", "HashContacts"),
        use_key("CodesKey", "codes", "kms:GenerateMac", "DeriveCodes"),
        use_key("DataKey", "data", "kms:GenerateDataKeyPairWithoutPlaintext", "MakeSigningKeys"),
        send("codes", look=True),
        send("payouts"),
        send("mails"),
        send("registry"),
        read_fsp_secret("ReadCallbackToken"),
        TELL_REGISTRY_ANSWERS,
        rows("notices", read="GetItem BatchGetItem Query", write="PutItem UpdateItem"),
        rows("runs", read="GetItem", why="ReadTheLastLook", partition="STATUS"),
        rows("journal", write="PutItem", why="KeepWhoRead", partition="SEEN#*"),
        rows("journal/index/readers", read="Query", why="ShowReaders"),
    ),
    "citizen": (rows("accounts", read="GetItem BatchGetItem Query", why="ReadSigningKeysAndSessions"),),
    "open_wave": STEP,
    "close_wave": STEP,
    "advance": STEP,
    "award": (
        rows("waves", read="GetItem BatchGetItem", write="PutItem UpdateItem"),
        rows("registrations", read="GetItem BatchGetItem", write="UpdateItem"),
        ENTITLE,
        receive("awards"),
        send("payouts"),
    ),
    "expire_places": (
        rows("waves", read="GetItem BatchGetItem Query", write="PutItem UpdateItem"),
        rows("waves/index/potential", read="Query", why="FindOverdue"),
        rows("registrations", read="GetItem", write="UpdateItem"),
        ENTITLE,
        send("payouts"),
        rows("notices", write="PutItem"),
        send("mails"),
        *write_files("ResultsBucket", "draws", "PublishDraws"),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "ask_registry": (
        rows("registrations", read="GetItem", write="UpdateItem"),
        use_key("DataKey", "data", "kms:Decrypt", "OpenRegistration"),
        receive("registry"),
        send("registry"),
        rows("notices", write="PutItem", why="TellThatSomethingDiffers"),
        send("mails"),
        allow(
            "ReadRegistrySecret",
            "secretsmanager:GetSecretValue",
            arn("secretsmanager", f"secret:{own('registry')}-??????"),
            arn("secretsmanager", f"secret:{own('students')}-??????"),
        ),
        TELL_REGISTRY_ANSWERS,
    ),
    "sweep_registry": (
        rows("registrations/index/unverified", read="Query", why="FindUnverified"),
        rows(
            "registrations",
            read="GetItem BatchGetItem Query",
            write="PutItem UpdateItem DeleteItem ConditionCheckItem",
            why="SettleClaims",
        ),
        rows("waves", read="GetItem BatchGetItem Query", write="PutItem UpdateItem", why="LetPlacesFollow"),
        rows("payouts", read="GetItem BatchGetItem", write="PutItem UpdateItem DeleteItem", why="LetPaymentsFollow"),
        rows("training", read="GetItem Query", write="UpdateItem", why="LetBalancesFollow"),
        send("payouts"),
        rows("notices", write="PutItem", why="TellOfClaims"),
        send("mails"),
        send("registry", look=True),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "pay": (
        rows("payouts", read="BatchGetItem GetItem", write="PutItem UpdateItem"),
        rows("registrations", read="BatchGetItem GetItem", write="UpdateItem"),
        rows("notices", read="GetItem Query", why="WhetherToldOfAChange"),
        use_key("DataKey", "data", "kms:Decrypt", "OpenFinancialAddress"),
        receive("payouts"),
        read_fsp_secret("ReadFspKey"),
    ),
    "sweep_payouts": (
        rows("payouts/index/unsettled", read="Query", why="FindUnsettled"),
        rows("payouts", write="UpdateItem", why="MarkQueued"),
        send("payouts", look=True),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "advance_plans": (
        rows("payouts/index/unsettled", read="Query", why="FindDue"),
        rows("payouts", read="BatchGetItem", write="PutItem"),
        send("payouts"),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "erase_people": (
        rows("accounts", read="GetItem BatchGetItem Query", write="PutItem UpdateItem DeleteItem"),
        rows("sign-ins", read="BatchGetItem", write="DeleteItem", why="SignIns"),
        rows("registrations", read="GetItem BatchGetItem Query", write="PutItem UpdateItem DeleteItem"),
        rows("waves", read="GetItem BatchGetItem Query", write="UpdateItem DeleteItem"),
        rows("payouts", read="GetItem BatchGetItem Query"),
        rows("training", read="BatchGetItem Query", write="UpdateItem DeleteItem"),
        *(rows(table, read="BatchGetItem Query", write="DeleteItem") for table in ("jobs", "helpdesk")),
        rows("notices", read="BatchGetItem Query", write="PutItem DeleteItem"),
        rows("outcomes", read="Query", write="DeleteItem"),
        send("mails"),
        send("registry"),
        use_key("DataKey", "data", "kms:Decrypt", "OpenCertificateNumbersAndContacts"),
        use_key("MacKey", "mac", "kms:GenerateMac", "HashCertificateNumbers"),
        UNSUPPRESS,
        allow("ListTheErased", "s3:PutObject", _files("ReportsBucket", "erasures")),
        *write_files("ReportsBucket", "errands/erase_people", "ErasedAgain"),
        rows(*TABLES_OF_PEOPLE, read="Scan", why="FindAgainAfterARestore"),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "end_terms": (
        rows("accounts", read="GetItem BatchGetItem Query Scan", write="PutItem DeleteItem"),
        rows("helpdesk", read="Scan", write="UpdateItem DeleteItem"),
        rows("waves", read="BatchGetItem GetItem Query", write="UpdateItem DeleteItem"),
        rows("waves/index/potential", read="Query", why="WhoMustStillBuy"),
        rows("registrations", read="BatchGetItem Query", write="DeleteItem"),
        rows("payouts", read="BatchGetItem GetItem Query", write="DeleteItem"),
        *(rows(table, read="Query", write="DeleteItem") for table in ("training", "outcomes")),
        rows("notices", read="Query", write="PutItem DeleteItem"),
        rows("journal", read="Scan", why="ReadLines"),
        rows("journal", write="DeleteItem", why="EndLines", partition="LINE#* SEEN#*"),
        send("mails"),
        rows("runs", read="GetItem", write="PutItem", why="SayWhereItIs"),
    ),
    "reconcile_payouts": (
        rows("payouts", read="GetItem BatchGetItem Query", why="ReadLedger"),
        rows("payouts", write="PutItem", why="RememberTheLastDay", partition="CONTROL"),
        rows("payouts/index/news", read="Query", why="ReadNews"),
        *write_files("ReportsBucket", "reconciliation", "WriteReports"),
        write_files("ReportsBucket", "errands/reconcile_payouts", "CompareAgain")[0],
        read_fsp_secret("ReadFspKey"),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "write_notices": (
        rows("notices", read="GetItem BatchGetItem Query", write="PutItem UpdateItem"),
        rows("notices/index/unsent", read="Query", why="FindUnsent"),
        rows("waves", read="GetItem BatchGetItem Query"),
        rows("waves/index/potential", read="Query", why="FindDeadlines"),
        rows("registrations", read="BatchGetItem", why="SeeWhoMayBuy"),
        rows("payouts", read="BatchGetItem"),
        rows("payouts/index/news", read="Query", why="FindNews"),
        send("mails", look=True),
        allow(
            "ReadChannelsSecret",
            "secretsmanager:GetSecretValue",
            arn("secretsmanager", f"secret:{own('channels')}-??????"),
        ),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "send_mail": (
        rows("notices", read="GetItem Query", write="PutItem UpdateItem"),
        receive("mails"),
        rows("accounts", read="GetItem", why="ReadContacts"),
        use_key("DataKey", "data", "kms:Decrypt", "OpenContacts"),
        rows("sign-ins", write="UpdateItem", why="CountSms"),
        SEND_MAIL,
        SEND_SMS,
    ),
    "send_code": (
        rows("sign-ins", read="GetItem", write="UpdateItem", why="SignIns"),
        use_key("CodesKey", "codes", "kms:GenerateMac", "DeriveCodes"),
        use_key("DataKey", "data", "kms:Decrypt", "OpenContacts"),
        receive("codes"),
        SEND_MAIL,
        SEND_SMS,
    ),
    "mail_feedback": (
        rows("accounts", read="GetItem", why="WhetherItIsErased"),
        rows("notices", write="PutItem", why="MarkMailbox"),
        rows("sign-ins", write="UpdateItem", why="MarkSignIn"),
    ),
    "open_surveys": (
        rows("payouts/index/news", read="Query", why="FindPayments"),
        rows("payouts", read="BatchGetItem", why="ReadPayments"),
        rows("waves", read="GetItem BatchGetItem Query", why="ReadWaves"),
        rows("outcomes", read="GetItem Query", write="PutItem", why="Surveys"),
        rows("outcomes/index/roster", read="Query", why="FindCompared"),
        rows("registrations", read="BatchGetItem", why="LeaveOutTheErased"),
        rows("notices", write="PutItem"),
        send("mails"),
        *write_files("ResultsBucket", "draws", "PublishSample"),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "tally_statistics": (
        rows("registrations/index/registered", read="Query", why="CountRegistrations"),
        rows("waves", "waves/index/roster", read="Query", why="CountBeneficiaries"),
        rows("payouts", read="BatchGetItem", why="CountPayments"),
        rows("training", read="BatchGetItem", why="CountTrainings"),
        rows("jobs", read="Query", why="CountVacancies"),
        rows("helpdesk", read="Query", why="CountGrievances"),
        rows("outcomes", read="GetItem Query", write="PutItem", why="Statistics"),
        rows("outcomes/index/roster", read="Query", why="CountSurveys"),
        read_files("ResultsBucket", "draws", "ReadEntriesByProvince"),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "check_grievances": (
        rows("helpdesk/index/open", read="Query", why="FindUnanswered"),
        rows("helpdesk", read="Query", write="PutItem", why="Count"),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "publish_journal": (
        rows("journal", read="Query"),
        *write_files("ResultsBucket", "journal", "PublishHeads"),
        allow("Announce", "sns:Publish", ref("AnnouncementsTopic")),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "watch": (
        rows("waves", read="GetItem Query"),
        rows("waves", write="PutItem", why="SaySinceWhen"),
        rows("payouts/index/unsettled", read="Query", why="FindUnsettled"),
        rows("payouts", read="BatchGetItem"),
        rows("notices", read="Query", why="Results"),
        rows("registrations/index/unverified", read="Query", why="FindUnverified"),
        rows("runs", read="Query", write="PutItem"),
    ),
    "administer": (
        rows("journal", read="Query"),
        rows("journal", write="PutItem", why="KeepWhatIsDone", partition="LINE#* ROSTER"),
        rows("journal/index/readers", read="Query", why="ShowReaders"),
        rows("waves", read="GetItem BatchGetItem Query", write="ConditionCheckItem PutItem UpdateItem"),
        rows(
            "payouts", read="GetItem BatchGetItem Query Scan", write="ConditionCheckItem PutItem UpdateItem DeleteItem"
        ),
        rows("payouts/index/unsettled", "payouts/index/news", read="Query", why="CountPayouts"),
        rows(
            "registrations",
            read="GetItem BatchGetItem Query Scan",
            write="ConditionCheckItem PutItem UpdateItem DeleteItem",
        ),
        rows("registrations/index/registered", "registrations/index/unverified", read="Query", why="FindUnasked"),
        rows("registrations/index/named", read="Query", why="FindNamed"),
        rows("accounts", read="GetItem Query", write="PutItem UpdateItem"),
        rows("training", read="GetItem Query", write="PutItem UpdateItem BatchWriteItem DeleteItem"),
        rows("jobs", read="BatchGetItem GetItem Query", write="UpdateItem DeleteItem", why="CloseVacancies"),
        rows("outcomes", read="GetItem Query", write="PutItem"),
        rows("helpdesk", read="GetItem Query", write="UpdateItem"),
        rows("helpdesk/index/open", read="Query", why="FindUnanswered"),
        rows("notices", read="GetItem Query", write="PutItem UpdateItem DeleteItem"),
        *map(send, ("payouts", "mails", "awards", "registry")),
        use_key("MacKey", "mac", "kms:GenerateMac", "FindPeople"),
        use_key("ContactsKey", "contacts", "kms:GenerateMac", "FindContacts"),
        use_key("DataKey", "data", "kms:Decrypt kms:Encrypt kms:GenerateDataKeyPairWithoutPlaintext", "OpenData"),
        read_fsp_secret("AskTheBank"),
        rows("runs", read="Query", write="PutItem"),
        read_files("ResultsBucket", "journal", "ReadPublishedHeads"),
        write_files("ReportsBucket", "errands", "HaveFunctionsDoIt")[0],
        allow("TellAbsentErrands", "s3:ListBucket", _files("ReportsBucket")),
        *write_files("ResultsBucket", "draws", "TakeSignaturesAndWitnesses"),
        allow("StartSchedules", "lambda:InvokeFunction", *(arn("lambda", f"function:{own(one)}") for one in SCHEDULED)),
        allow(
            "LookAtQueues",
            "sqs:GetQueueUrl sqs:GetQueueAttributes",
            *(arn("sqs", own(f"{queue}{dead}")) for queue in QUEUES for dead in ("", "-dead")),
        ),
        # A dead message of `codes` has what signs somebody in.
        allow(
            "RedriveDeadLetters",
            "sqs:ReceiveMessage sqs:ChangeMessageVisibility sqs:DeleteMessage",
            *(arn("sqs", own(f"{queue}-dead")) for queue in QUEUES if queue != "codes"),
        ),
        allow(
            "LookAtTheAccount",
            "cloudwatch:DescribeAlarms cloudwatch:GetMetricStatistics ses:GetAccount lambda:GetAccountSettings",
            "*",
        ),
    ),
}


def policy(function: str) -> Json:
    """The policy of a function, which may also write its own log."""
    streams = arn("logs", f"log-group:/aws/lambda/{own(function)}:*")
    log = {**allow("Log", "logs:CreateLogStream logs:PutLogEvents"), "Resource": streams}
    return {"Version": "2012-10-17", "Statement": [log, *GRANTS[function]]}
