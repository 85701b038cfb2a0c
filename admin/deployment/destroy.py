"""The end of a stage that was made to be thrown away."""

from __future__ import annotations

from typing import Any

from . import stages
from .stacks import DeployFailed, Report, Stacks, outputs, parameters

_BUCKETS = ("ResultsBucket", "ReportsBucket", "ArtifactsBucket")


def destroy(stage: str, report: Report) -> None:
    """Delete everything of a stage, its data included. Raises `DeployFailed` for production and protected stages."""
    aws = stages.connect()
    stacks = Stacks(aws.client("cloudformation"), report)
    data = stacks.find(stages.data_stack(stage))
    if data is not None and stages.is_production(data):
        raise DeployFailed(f"{stage} is production, which this command does not destroy")
    if data is not None and parameters(data).get("Protection") != "off":
        raise DeployFailed(f"{stage} is protected: only a stage deployed with --parameter Protection=off can go")
    stacks.delete(stages.app_stack(stage))
    if data is not None:
        # CloudFormation deletes empty buckets only.
        for bucket in _BUCKETS:
            if name := outputs(data).get(bucket):
                report(f"emptying {name}")
                empty(aws.client("s3"), name)
        stacks.delete(stages.data_stack(stage))


def empty(s3: Any, bucket: str) -> None:
    """Delete every version of every object; a bucket that is gone is empty."""
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if versions:
                keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
                s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    except s3.exceptions.NoSuchBucket:
        return
