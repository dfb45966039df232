"""What the tests of samples share: values for parameters that have no default, and errors as ids."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.guide.samples import values as sample_values
from acksm.guide.samples.files import Sample, samples
from acksm.guide.samples.values import Location

ACCOUNT = "012345678901"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"
GIVEN = {
    "role": ROLE,
    "bucket": "practice-sagemaker",
    "vpc": "vpc-0a1b2c3d",
    "subnets": "subnet-0a1b2c3d,subnet-4e5f6a7b",
    "product": "prod-abc123",
    "artifact": "pa-abc123",
    "workteam": f"arn:aws:sagemaker:us-west-2:{ACCOUNT}:workteam/private-crowd/team",
}

HERE = Location("us-west-2", account=ACCOUNT)
NEEDS = {"role": ROLE, "bucket": "practice"}


def error_of(call: Any, *words: Any, **more: Any) -> AcksmError:
    """The error that the call raises."""
    with pytest.raises(AcksmError) as caught:
        call(*words, **more)
    return caught.value


def outcome(call: Any, *words: Any) -> tuple[str, Any]:
    """The id of the error, or "" and the result."""
    try:
        return "", call(*words)
    except AcksmError as error:
        return error.id, None


def needed(sample: Sample) -> dict[str, str]:
    """What of GIVEN the sample has to be given."""
    return {name: GIVEN[name] for name, parameter in sample.parameters.items() if parameter.required}


def values(sample: Sample, region: str = "us-west-2") -> dict[str, Any]:
    """A value for each of its parameters."""
    location, found = Location(region, account=ACCOUNT), {}
    for name, parameter in sample.parameters.items():
        text = GIVEN[name] if parameter.required else str(parameter.default or parameter.like)
        if parameter.sample and not parameter.of:
            text = str(samples()[parameter.sample].parameters["name"].default)
        found[name] = sample_values.value(parameter, text, location)
    return found
