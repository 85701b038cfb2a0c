"""Every function: its memory and time, and how it is invoked.

`app.py` has the routes, schedules and sizes of batches, because Chalice reads them there.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cloudformation import Json, arn, named, own

_BEHIND_AN_API = ("api", "administer")


@dataclass(frozen=True)
class Function:
    """A function, named as in `app.py`, except the handlers of the two APIs."""

    name: str
    memory_mb: int
    """A function with 1,769 MB has one whole processor."""
    timeout_s: int
    at_once: int = 0
    """How many may run at a time, which no other function can take from it; 0: what the account has left."""
    retries: int = 0
    """How often Lambda itself invokes it again after a failure. Functions that run every minute are not retried."""
    within_s: int = 0
    """For how many seconds Lambda keeps such an invocation; 0: AWS's default."""
    queue: str = ""
    """The queue whose messages it consumes."""
    topic: str = ""
    """The topic whose messages it receives."""

    @property
    def chalice_name(self) -> str:
        return "api_handler" if self.name in _BEHIND_AN_API else self.name

    @property
    def logical_id(self) -> str:
        return "APIHandler" if self.name in _BEHIND_AN_API else pascal(self.name)

    def settings(self) -> Json:
        reserved = {"reserved_concurrency": self.at_once} if self.at_once else {}
        return {
            "iam_policy_file": f"policies/{self.name}.json",
            "lambda_memory_size": self.memory_mb,
            "lambda_timeout": self.timeout_s,
            **reserved,
        }

    def resource(self) -> Json:
        """The properties that Chalice's template lacks."""
        properties: Json = {"FunctionName": named(self.name)}
        if self.within_s:
            properties["EventInvokeConfig"] = {
                "MaximumRetryAttempts": self.retries,
                "MaximumEventAgeInSeconds": self.within_s,
            }
        if self.queue:
            source = {"Queue": arn("sqs", own(self.queue)), "FunctionResponseTypes": ["ReportBatchItemFailures"]}
            properties["Events"] = {f"{self.logical_id}SqsEventSource": {"Properties": source}}
        if self.topic:
            heard = {"Topic": arn("sns", own(self.topic))}
            properties["Events"] = {f"{self.logical_id}SnsSubscription": {"Properties": heard}}
        return {"Properties": properties}


def pascal(name: str) -> str:
    """A name in the form of Chalice's template: OpenWave for open_wave."""
    return name.title().replace("_", "").replace("-", "")


FUNCTIONS = (
    Function("api", memory_mb=1024, timeout_s=10),
    Function("citizen", memory_mb=512, timeout_s=5),
    Function("open_wave", memory_mb=3008, timeout_s=900),
    Function("close_wave", memory_mb=3008, timeout_s=900),
    Function("advance", memory_mb=3008, timeout_s=900, at_once=1, retries=0, within_s=60),
    Function("award", memory_mb=512, timeout_s=60, queue="awards"),
    Function("expire_places", memory_mb=3008, timeout_s=900, retries=2, within_s=3600),
    Function("ask_registry", memory_mb=1024, timeout_s=180, queue="registry"),
    Function("sweep_registry", memory_mb=512, timeout_s=300, retries=0, within_s=300),
    Function("pay", memory_mb=512, timeout_s=120, queue="payouts"),
    Function("sweep_payouts", memory_mb=512, timeout_s=60, retries=0, within_s=60),
    Function("advance_plans", memory_mb=1769, timeout_s=900, retries=0, within_s=900),
    Function("erase_people", memory_mb=512, timeout_s=900, at_once=1, retries=0, within_s=3600),
    Function("end_terms", memory_mb=1024, timeout_s=900, at_once=1, retries=0, within_s=3600),
    Function("reconcile_payouts", memory_mb=1024, timeout_s=900, retries=0, within_s=3600),
    Function("write_notices", memory_mb=512, timeout_s=900, at_once=1, retries=0, within_s=300),
    Function("send_mail", memory_mb=512, timeout_s=120, queue="mails"),
    Function("send_code", memory_mb=512, timeout_s=60, queue="codes"),
    Function("mail_feedback", memory_mb=512, timeout_s=30, topic="mail-feedback"),
    Function("open_surveys", memory_mb=2048, timeout_s=900, retries=2, within_s=3600),
    Function("tally_statistics", memory_mb=1024, timeout_s=900, retries=0, within_s=3600),
    Function("check_grievances", memory_mb=512, timeout_s=300, retries=2, within_s=3600),
    Function("publish_journal", memory_mb=1024, timeout_s=900, retries=2, within_s=3600),
    Function("watch", memory_mb=512, timeout_s=120, retries=0, within_s=60),
)

ADMINISTER = Function("administer", memory_mb=1769, timeout_s=29, at_once=10)
"""The function of the administration's API, which waits for 29 seconds. No rush of citizens takes its place."""

SCHEDULED = tuple(
    one.name for one in FUNCTIONS if one.name not in _BEHIND_AN_API + ("citizen",) and not (one.queue or one.topic)
)
"""The functions that a schedule invokes."""
