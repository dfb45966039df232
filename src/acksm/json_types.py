"""Names for values whose form others define, so that a signature says what they are.

What has a known form has a type of its own. ruff (TID251) keeps `typing.Any` to this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Value = Any
"""Any JSON or YAML value that is inspected; where it is only passed on or compared, the type is `object`."""

Json = dict[str, Any]
"""A JSON object of others: an answer of AWS, a chart's values, a file of the user."""

Document = Mapping[str, Any]
"""The same, only read."""

Object = dict[str, Any]
"""A Kubernetes object from the apiserver, or a part of one."""

Manifest = Mapping[str, Any]
"""The same, only read, or as it is sent."""

Untyped = Any
"""A value of a library without types, or whose types are Any: clients of boto3, kubernetes, ruamel, moto."""
