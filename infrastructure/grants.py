"""What each function may do: enough, and no more."""

from __future__ import annotations

from .cloudformation import Json, arn, own, ref
from .permissions import (
    SAY_WHEN_ALL_IS_DONE,
    allow,
    log,
    read_files,
    read_fsp_secret,
    receive,
    rows,
    send,
    use_key,
    write_files,
)

STEP = (
    rows("waves", read="GetItem BatchGetItem Query", write="ConditionCheckItem PutItem UpdateItem"),
    rows("registrations", read="GetItem BatchGetItem", write="UpdateItem"),
    *write_files("ResultsBucket", "draws", "PublishDraws"),
    rows("notices", read="GetItem", write="PutItem UpdateItem", why="RememberAnnouncements"),
    allow("Announce", "sns:Publish", ref("AnnouncementsTopic")),
    send("awards"),
)
"""What the step of a wave may, whichever of its three triggers calls it."""

GRANTS: dict[str, tuple[Json, ...]] = {
    "api": (
        rows("registrations", read="GetItem BatchGetItem", write="PutItem UpdateItem DeleteItem ConditionCheckItem"),
        rows("waves", read="GetItem BatchGetItem Query", write="UpdateItem ConditionCheckItem"),
        rows("training", read="GetItem Query", write="PutItem UpdateItem"),
        rows("jobs", read="GetItem BatchGetItem Query", write="PutItem UpdateItem DeleteItem ConditionCheckItem"),
        rows("payouts", read="BatchGetItem", write="PutItem ConditionCheckItem"),
        rows("outcomes", read="Query GetItem", write="UpdateItem"),
        rows("helpdesk", read="GetItem Query", write="PutItem UpdateItem"),
        read_files("ResultsBucket", "draws", "FindInPublishedLists"),
        use_key("MacKey", "mac", "kms:GenerateMac", "HashIdentities"),
        use_key("DataKey", "data", "kms:GenerateDataKey kms:Decrypt", "SealPersonalData"),
        send("payouts"),
        send("mails"),
        read_fsp_secret("ReadCallbackToken"),
        rows("notices", read="GetItem Query", write="PutItem UpdateItem"),
    ),
    "citizen": (),
    "open_wave": STEP,
    "close_wave": STEP,
    "advance": STEP,
    "award": (
        rows("waves", read="GetItem BatchGetItem", write="PutItem UpdateItem"),
        rows("registrations", read="GetItem BatchGetItem", write="UpdateItem"),
        receive("awards"),
    ),
    "expire_places": (
        rows("waves", read="GetItem BatchGetItem Query", write="PutItem UpdateItem"),
        rows("waves/index/potential", read="Query", why="FindOverdue"),
        rows("registrations", read="GetItem", write="UpdateItem"),
        rows("notices", write="PutItem"),
        send("mails"),
        *write_files("ResultsBucket", "draws", "PublishDraws"),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "pay": (
        rows("payouts", read="BatchGetItem GetItem", write="PutItem UpdateItem"),
        rows("registrations", read="BatchGetItem GetItem", write="UpdateItem"),
        rows("notices", read="GetItem", why="WhetherToldOfAChange"),
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
    "reconcile_payouts": (
        rows("payouts", read="GetItem BatchGetItem Query", why="ReadLedger"),
        rows("payouts", write="PutItem", why="RememberTheLastDay", partition="CONTROL"),
        rows("payouts/index/news", read="Query", why="ReadNews"),
        *write_files("ReportsBucket", "reconciliation", "WriteReports"),
        read_fsp_secret("ReadFspKey"),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "write_notices": (
        rows("notices", read="GetItem BatchGetItem Query", write="PutItem UpdateItem"),
        rows("notices/index/unsent", read="Query", why="FindUnsent"),
        rows("waves", read="GetItem BatchGetItem Query"),
        rows("waves/index/potential", read="Query", why="FindDeadlines"),
        rows("payouts", read="BatchGetItem"),
        rows("payouts/index/news", read="Query", why="FindNews"),
        send("mails", look=True),
        SAY_WHEN_ALL_IS_DONE,
    ),
    "send_mail": (
        rows("notices", read="GetItem", write="PutItem UpdateItem"),
        receive("mails"),
        allow("ReadAddress", "cognito-idp:AdminGetUser", arn("cognito-idp", "userpool/${UserPool}")),
        allow(
            "SendMail",
            "ses:SendEmail",
            arn("ses", "identity/${MailDomain}"),
            arn("ses", f"configuration-set/{own('mails')}"),
        ),
    ),
    "mail_feedback": (rows("notices", write="UpdateItem", why="MarkMailbox"),),
    "open_surveys": (
        rows("payouts/index/news", read="Query", why="FindPayments"),
        rows("payouts", read="BatchGetItem", why="ReadPayments"),
        rows("waves", read="GetItem BatchGetItem Query", why="ReadWaves"),
        rows("outcomes", read="GetItem Query", write="PutItem", why="Surveys"),
        rows("outcomes/index/roster", read="Query", why="FindCompared"),
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
    "watch": (
        rows("waves", read="GetItem Query"),
        rows("waves", write="PutItem", why="SaySinceWhen"),
        rows("payouts/index/unsettled", read="Query", why="FindUnsettled"),
        rows("payouts", read="BatchGetItem"),
        rows("notices", read="Query", why="Results"),
        rows("runs", read="Query", write="PutItem"),
    ),
}


def policy(function: str) -> Json:
    """The policy of a function, which may also write its own log."""
    return {"Version": "2012-10-17", "Statement": [log(function), *GRANTS[function]]}
