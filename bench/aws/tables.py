"""Creates the tables of the data stack on DynamoDB Local."""

from __future__ import annotations

from typing import Any

from infrastructure import data_stack


def create_tables(client: Any, stage: str) -> list[str]:
    """Create every table of the data stack for a stage; returns their names."""
    template = data_stack.template()
    # Only the properties that DynamoDB Local supports and a test could depend on.
    kept = {"AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes"}
    names = []
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::DynamoDB::Table":
            asked = resource["Properties"]
            name = asked["TableName"]["Fn::Sub"].replace("${Stage}", stage)
            client.create_table(TableName=name, **{key: asked[key] for key in kept & asked.keys()})
            names.append(name)
    return names
