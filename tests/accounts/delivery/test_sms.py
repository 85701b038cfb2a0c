"""The limits on SMS: a sum for each day, and the closing of prefixes whose numbers enter no codes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber
from msgspec.structs import replace

from chalicelib.accounts.contacts.contact import Contact
from chalicelib.accounts.delivery.channels import SnsSms
from chalicelib.accounts.delivery.sms_costs import DAY_STOP, PREFIX_SHUT, SmsCosts
from chalicelib.accounts.delivery.texts import code_text
from chalicelib.accounts.errors import SmsNotOffered
from chalicelib.notices.ses import NeverTaken, NotTaken, OutcomeUnknown, Pace
from tests.builders.accounts.sign_ins import SignInsWorld, offering_sms
from tests.conftest import REGION, T0

NUMBER = "+6281234567890"
SAME_PREFIX, OTHER_PREFIX = "+6281234999999", "+6281334567890"
TEXT = code_text("012345", "phone", "id", 10, "akun.example")
SENT = {
    "PhoneNumber": NUMBER,
    "Message": TEXT.sms,
    "MessageAttributes": {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}},
}


@pytest.fixture
def costs(signing: SignInsWorld) -> SmsCosts:
    """A day's stop of ten messages, and a prefix is looked at from its fifth one on."""
    assert signing.sign_ins  # as it is built, the table gets its name
    rules = replace(signing.rules.sms, price_idr=600, day_stop_idr=6_100, prefix_min=4, prefix_entered_percent=50)
    return SmsCosts(rules)


def test_sms_are_off_unless_somebody_switched_them_on(signing: SignInsWorld):
    with pytest.raises(SmsNotOffered):
        signing.start("0812-3456-7890")
    assert signing.rows() == []
    world = SignInsWorld(signing.settings, offering_sms(signing.services.programme))
    started = world.start("0812-3456-7890")
    assert world.deliver() == []
    [(to, text, _)] = world.channel.taken
    assert to == Contact("phone", NUMBER)
    assert text.sms.endswith(f"@{world.settings.rp_id} #{world.code(started)}")
    assert world.judge(started, world.code(started)).contact == to
    [row] = world.rows("P#")
    assert (row["pk"], row["entered"]) == ({"S": "P#+6281234"}, {"N": "1"})


def test_the_daily_limit_of_sms_holds_for_many_at_once_and_rings(costs: SmsCosts, caplog):
    numbers = [f"+628{n}{n}{n}34567890" for n in range(10) for _ in range(3)]
    with ThreadPoolExecutor(8) as threads:
        allowed = list(threads.map(lambda number: costs.allows(number, T0), numbers))
    assert allowed.count(True) == 10
    assert {record.message for record in caplog.records if record.levelname == "ERROR"} == {DAY_STOP}
    assert costs.allows(NUMBER, T0 + timedelta(hours=14)), "03:00 UTC is 10:00 WIB: the next day has come"


def test_notices_use_at_most_half_of_the_daily_limit_and_count_for_no_prefix(costs: SmsCosts, caplog):
    assert [costs.allows_notice(T0) for _ in range(8)] == [True] * 5 + [False] * 3
    assert [costs.allows(NUMBER, T0) for _ in range(4)] == [True] * 4
    assert caplog.records == [], "nobody is called for a notice that goes out tomorrow"
    sms = SnsSms(lambda: None, costs, Pace(100, lambda _: None))
    with pytest.raises(NotTaken):
        sms.tell(NUMBER, "Gelombang: Anda terpilih", T0)


def test_only_a_prefix_that_gets_codes_and_enters_none_is_closed(costs: SmsCosts, caplog):
    assert [costs.allows(NUMBER, T0) for _ in range(4)] == [True] * 4
    assert not costs.allows(SAME_PREFIX, T0)
    assert costs.allows(OTHER_PREFIX, T0)
    [rung] = [record for record in caplog.records if record.message == PREFIX_SHUT]
    assert (rung.prefix, rung.sent, rung.entered) == ("+6281234", 5, 0)
    assert NUMBER[8:] not in caplog.text


def test_a_prefix_whose_people_enter_their_codes_stays_open(costs: SmsCosts):
    for _ in range(10):
        assert costs.allows(NUMBER, T0)
        costs.entered(SAME_PREFIX, T0)


def channel(costs: SmsCosts, sns: Any) -> SnsSms:
    return SnsSms(lambda: sns, costs, Pace(1000, lambda _: None))


def send(sms: SnsSms) -> None:
    sms.send(Contact("phone", NUMBER), TEXT, "a" * 26, T0)


def test_an_sms_is_published_to_its_number_once(costs: SmsCosts):
    with Stubber(sns := boto3.client("sns", REGION)) as stub:
        stub.add_response("publish", {"MessageId": "m-1"}, SENT)
        send(channel(costs, sns))
        stub.assert_no_pending_responses()


def test_above_the_limit_no_sms_is_published(costs: SmsCosts):
    for _ in range(10):
        costs.allows(OTHER_PREFIX, T0)
        costs.entered(OTHER_PREFIX, T0)
    with Stubber(sns := boto3.client("sns", REGION)), pytest.raises(NeverTaken, match="sms_stopped"):
        send(channel(costs, sns))


def failing(error: Exception) -> Callable[..., Any]:
    class Sns:
        def publish(self, **_: Any) -> None:
            raise error

    return Sns()  # type: ignore[return-value]


def refusal(code: str, status: int) -> ClientError:
    told = {"Error": {"Code": code, "Message": NUMBER}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "Publish")


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (refusal("InvalidParameter", 400), NeverTaken),  # also: this number has opted out
        (refusal("Throttling", 400), NotTaken),
        (refusal("AuthorizationError", 403), NotTaken),
        (refusal("InternalError", 500), OutcomeUnknown),
        (ReadTimeoutError(endpoint_url="https://sns"), OutcomeUnknown),
        (ConnectTimeoutError(endpoint_url="https://sns"), NotTaken),
        (EndpointConnectionError(endpoint_url="https://sns"), NotTaken),
    ],
)
def test_each_answer_of_sns_has_one_of_three_meanings(costs: SmsCosts, error, meaning):
    with pytest.raises(meaning) as said:
        send(channel(costs, failing(error)))
    assert NUMBER not in str(said.value)
