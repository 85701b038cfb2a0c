"""Who calls is the gateway's word, and only a name that the caller could not choose counts."""

from __future__ import annotations

import pytest

from chalicelib.administration.errors import UnnamedSession
from chalicelib.administration.identity import SETS, Principal, principal

ACCOUNT = "123456789012"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role"


def of(arn: str | None, stage: str = "prod", owner: str = ACCOUNT) -> Principal:
    return principal({"accountId": owner, "identity": {"userArn": arn}}, stage)


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/Sari", "sari"),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:user/office/payouts/Sari", "sari"),
        (f"{SESSION}/AWSReservedSSO_Maker_0123456789abcdef/Sari@Example.go.id", "sari@example.go.id"),
        *((f"{SESSION}/gelombang-prod-{one}/budi", "budi") for one in SETS),
    ],
)
def test_a_name_is_one_that_nobody_chooses_for_a_call(arn: str, name: str) -> None:
    assert of(arn) == Principal(arn, name)


@pytest.mark.parametrize(
    "arn",
    [
        None,
        "",
        "sari",
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:iam::{ACCOUNT}:user/",
        f"arn:aws:sts::{ACCOUNT}:federated-user/sari",
        f"{SESSION}/office/sari",
        f"{SESSION}/AWSReservedSSO_Maker/sari",
        f"{SESSION}/AWSReservedSSO_Maker_0123456789abcdef-mine/sari",
        f"{SESSION}/myAWSReservedSSO_Maker_0123456789abcdef/sari",
        f"{SESSION}/gelombang-prod-maker/",
        f"{SESSION}/gelombang-prod-makers/sari",
        f"{SESSION}/gelombang-staging-maker/sari",
        f"{SESSION}/gelombang-prod-api/sari",
        f"arn:aws:iam::{ACCOUNT}:assumed-role/gelombang-prod-maker/sari",
        "arn:aws:iam::210987654321:user/sari",
    ],
)
def test_whoever_could_choose_a_name_has_none(arn: str | None) -> None:
    with pytest.raises(UnnamedSession):
        of(arn)


def test_the_root_is_somebody_on_the_local_stage_only() -> None:
    root = f"arn:aws:iam::{ACCOUNT}:root"
    assert of(root, "local").name == "root"
    with pytest.raises(UnnamedSession):
        principal({}, "local")
