"""A partner that attests more than its courses allow rings; test_training_reports.py plays the cause."""

from __future__ import annotations

from typing import Any

from chalicelib.training import reports

from .test_packaged_template import of_type


def test_an_unusual_partner_is_counted_from_the_log_of_the_api_and_rings(app_template: dict[str, Any]) -> None:
    (counted,) = (
        one
        for one in of_type(app_template, "AWS::Logs::MetricFilter").values()
        if one["FilterPattern"] == f'{{ $.message = "{reports.UNUSUAL}" }}'
    )
    assert counted["LogGroupName"]["Ref"] == "ApiHandlerLogGroup"
    ((metric,),) = [counted["MetricTransformations"]]
    (alarm,) = (
        one
        for one in of_type(app_template, "AWS::CloudWatch::Alarm").values()
        if (one["Namespace"], one["MetricName"]) == (metric["MetricNamespace"], metric["MetricName"])
    )
    assert (alarm["Threshold"], alarm["Statistic"], metric["MetricValue"]) == (1, "Sum", "1")
