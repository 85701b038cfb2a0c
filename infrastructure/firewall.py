"""The rate rules of AWS WAF before the API: how many requests one IP address may send in five minutes.

A stage has no rule unless a parameter sets its limit, since a mobile carrier puts thousands of people behind one
address.
"""

from __future__ import annotations

from collections.abc import Mapping

from .cloudformation import Json, attribute, if_, named, parameter, ref, resource, sub

NUMBER = {"default": "0", "AllowedPattern": "0|[1-9][0-9]{1,8}"}
"""The rules of a limit. WAF accepts no limit below ten."""

PARAMETERS = {
    "WafRequests": parameter(about="Requests of one address in five minutes; 0: no limit", **NUMBER),
    "WafSignIns": parameter(about="Sign-ins that one address starts in five minutes; 0: no limit", **NUMBER),
}

CONDITIONS = {
    "LimitsRequests": {"Fn::Not": [{"Fn::Equals": [ref("WafRequests"), "0"]}]},
    "LimitsSignIns": {"Fn::Not": [{"Fn::Equals": [ref("WafSignIns"), "0"]}]},
    "HasFirewall": {"Fn::Or": [{"Condition": "LimitsRequests"}, {"Condition": "LimitsSignIns"}]},
}


def resources(refusal: str, headers: Mapping[str, str]) -> dict[str, Json]:
    """The rules and the API that they protect. Above a limit they answer 429 with `refusal` (JSON) and `headers`."""
    given = [{"Name": name, "Value": value} for name, value in headers.items()]
    block = {
        "Block": {
            "CustomResponse": {
                "ResponseCode": 429,
                "CustomResponseBodyKey": "TooMany",
                "ResponseHeaders": given,
            }
        }
    }
    starts = {
        "AndStatement": {
            "Statements": [
                _matches({"Method": {}}, "EXACTLY", "POST"),
                _matches({"UriPath": {}}, "ENDS_WITH", "/sign-ins"),
            ]
        }
    }
    rules = [
        _rule(0, "SignIns", block, {"ScopeDownStatement": starts}),
        _rule(1, "Requests", block, {}),
    ]
    properties = {
        "Name": named(),
        "Scope": "REGIONAL",
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": _seen("firewall"),
        "CustomResponseBodies": {"TooMany": {"ContentType": "APPLICATION_JSON", "Content": refusal}},
        "Rules": rules,
    }
    api = sub("arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${RestAPI}/stages/${RestAPI.Stage}")
    guarded = {"ResourceArn": api, "WebACLArn": attribute("Firewall", "Arn")}
    return {
        "Firewall": resource("WAFv2::WebACL", properties, Condition="HasFirewall"),
        "FirewallOfApi": resource("WAFv2::WebACLAssociation", guarded, Condition="HasFirewall"),
    }


def _rule(priority: int, name: str, action: Json, scope: Json) -> Json:
    """A rule that counts each IP address, if its parameter is not 0."""
    rate = {"Limit": ref(f"Waf{name}"), "EvaluationWindowSec": 300, "AggregateKeyType": "IP", **scope}
    rule = {
        "Name": name,
        "Priority": priority,
        "Action": action,
        "Statement": {"RateBasedStatement": rate},
        "VisibilityConfig": _seen(name),
    }
    return if_(f"Limits{name}", rule, ref("AWS::NoValue"))


def _matches(part: Json, how: str, text: str) -> Json:
    plain = [{"Priority": 0, "Type": "NONE"}]
    said = {"FieldToMatch": part, "PositionalConstraint": how, "SearchString": text, "TextTransformations": plain}
    return {"ByteMatchStatement": said}


def _seen(name: str) -> Json:
    """Has WAF send its figures to CloudWatch, without samples of people's requests."""
    return {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": False, "MetricName": name}
