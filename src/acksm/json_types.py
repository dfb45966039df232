"""Names for what has a form that others decide, so that wherever anything may stand it is said what it is.

What has a known form has a type of its own. ruff (TID251) keeps `typing.Any` to this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Value = Any
"""Any JSON or YAML value that is looked into; where it is passed on or compared only, the type is `object`."""

Json = dict[str, Any]
"""A JSON object of others: an answer of AWS, a chart's values, a file of the user."""

Document = Mapping[str, Any]
"""The same, only read."""

Object = dict[str, Any]
"""A Kubernetes object as the apiserver gives it, or a part of one."""

Manifest = Mapping[str, Any]
"""The same, only read, or as it is sent."""

Untyped = Any
"""Something of a library that has no types, or whose own are Any: clients of boto3, kubernetes, ruamel, moto."""
