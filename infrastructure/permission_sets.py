"""Permission sets: what an administrator may call. Each is a managed policy of named routes and of nothing else.

IAM Identity Center takes these policies by name. A stage without it has a role for each, to which an IAM user changes
with MFA; the role forces the session's name to be the user's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from .cloudformation import Json, arn, named, parameter, ref, resource, sub
from .functions import pascal
from .grants import allow

PARAMETERS = {
    "AdministratorRoles": parameter(
        default="off",
        about="on: a role for each permission set, where there is no IAM Identity Center",
        AllowedValues=["on", "off"],
    )
}
CONDITIONS = {"HasRoles": {"Fn::Equals": [ref("AdministratorRoles"), "on"]}}

_TRUST = {
    "Effect": "Allow",
    "Principal": {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
    "Action": ["sts:AssumeRole"],
    "Condition": {
        "StringEquals": {"sts:RoleSessionName": "${aws:username}"},
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
    },
}
"""Who may change to a role: a user of this account, with MFA, under their own name."""


def resources(sets: Mapping[str, Collection[str]], api_stage: str) -> Iterator[tuple[str, Json]]:
    """The policies and roles; `sets` has the routes of each set, such as `/payout/hold`."""
    for name, routes in sets.items():
        called = [arn("execute-api", f"${{RestAPI}}/{api_stage}/POST{route}") for route in sorted(routes)]
        policy = {"Version": "2012-10-17", "Statement": [allow("CallRoutes", "execute-api:Invoke", *called)]}
        yield (
            f"{pascal(name)}Set",
            resource("IAM::ManagedPolicy", {"ManagedPolicyName": named(name), "PolicyDocument": policy}),
        )
        role = {
            "RoleName": named(name),
            "ManagedPolicyArns": [ref(f"{pascal(name)}Set")],
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [_TRUST]},
        }
        yield f"{pascal(name)}Role", resource("IAM::Role", role, Condition="HasRoles")
