"""What controllers report when something is wrong, and what it means: a table (docs/ack/messages.md) and its matching.

In logs of controllers, conditions of objects and messages of helm. Several failures never reach an object's conditions
(docs/ack/messages.md#only-in-the-log), so a wait for an object reads the log too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from functools import cache

from acksm.dataclass import dataclass
from acksm.json_types import Manifest
from acksm.kube import conditions

LONGEST_LINE = 4000  # characters of a log line that are read
_OBJECT_KEYS = ("kind", "controllerKind")
# Types of conditions, and the status by which each reports a failure.
_FAILING = {
    "ACK.Terminal": ("True",),
    "ACK.Recoverable": ("True",),
    "ACK.ResourceSynced": ("False", "Unknown"),
    "ACK.ReferencesResolved": ("False", "Unknown"),
    "Ready": ("False", "Unknown"),
}


class Location(StrEnum):
    LOG = "log"
    CONDITION = "condition"
    HELM = "helm"


_SPECIAL = frozenset(r"\.[]{}()*+?^$|")  # of regular expressions
_LOG, _BOTH, _HELM = (Location.LOG,), (Location.LOG, Location.CONDITION), (Location.HELM,)


@dataclass(frozen=True)
class Symptom:
    """`id` is the catalogue's entry with cause and remedy. `fatal`: the controller ends with it."""

    id: str
    locations: tuple[Location, ...]
    pattern: str
    fatal: bool = False


# The first match of a line counts, so narrower ones come first. Anyone who creates objects can write into the logs, so
# everything in a pattern is bounded.
SYMPTOMS = (
    Symptom(
        "symptom.web-identity-denied", _LOG, r"Not authorized to perform sts:AssumeRoleWithWebIdentity", fatal=True
    ),
    Symptom(
        "symptom.oidc-provider",
        _LOG,
        r"No OpenIDConnect provider found in your account|InvalidIdentityToken|Incorrect token audience",
        fatal=True,
    ),
    Symptom(
        "symptom.no-identity",
        _LOG,
        r"unable to determine account (info|ID)\b(?! is nil)|unable to get caller identity",
        fatal=True,
    ),
    Symptom("symptom.account-id-missing", _LOG, r"unable to start service controller as account ID is nil", fatal=True),
    Symptom("symptom.region-missing", _LOG, r"AWS region is missing", fatal=True),
    Symptom(
        "symptom.selector-needs-carm-off",
        _LOG,
        r"cannot enable feature gate 'IAMRoleSelector' when flag 'enable-carm' is set to true",
        fatal=True,
    ),
    Symptom("symptom.feature-gate", _LOG, r"unknown feature gate: ", fatal=True),
    Symptom(
        "symptom.reconcile-resources", _LOG, r"invalid value for flag 'reconcile-resources': resource kind", fatal=True
    ),
    Symptom("symptom.selector-invalid", _LOG, r"invalid IAMRoleSelector, not caching"),
    Symptom(
        "symptom.watch-namespace",
        _LOG,
        r"\binvalid namespace\b(?! selector)|\bduplicate namespace\b(?! name)",
        fatal=True,
    ),
    Symptom("symptom.list-forbidden", _LOG, r"failed to list \*?[\w.]{1,200}: [^\n]{0,500}\bis forbidden"),
    Symptom(
        "symptom.kind-not-served",
        _LOG,
        r'no matches for kind "[^"]{1,100}" in version "(\w{1,100}\.)?services\.k8s\.aws/\w+"',
    ),
    Symptom("symptom.carm-off", _LOG, r"--watch-namespace is set to a single namespace\. CARM will not be enabled"),
    Symptom("symptom.selectors-overlap", _LOG, r"multiple \(\d+\) matching IAMRoleSelectors found"),
    Symptom("symptom.region-moved", _LOG, r"Resource already exists in region"),
    Symptom("symptom.account-moved", _LOG, r"Resource already exists in account"),
    Symptom("symptom.adopted-not-found", _LOG, r"adopted resource not found|read-only resource not found"),
    Symptom("symptom.adoption-kind", _LOG, r"resource manager factory not found"),
    Symptom("symptom.not-adoptable", _LOG, r"resource not adoptable"),
    Symptom("symptom.carm-map-missing", _BOTH, r"\bCARM configmap not found"),
    Symptom("symptom.carm-key-missing", _BOTH, r"(key|account ID) not found in CARM configmap"),
    Symptom("symptom.carm-role-empty", _BOTH, r"role (value|ARN) is empty in CARM configmap"),
    Symptom("symptom.role-not-available", (Location.CONDITION,), r"IAM Role is not available"),
    Symptom("symptom.not-managed", _BOTH, r"Resource already exists\b.{0,500}not managed by ACK"),
    Symptom("symptom.adoption-field", _BOTH, r"required field missing: "),
    Symptom("symptom.adoption-policy", _BOTH, r"unrecognized adoption policy"),
    Symptom(
        "symptom.assume-role-denied", _BOTH, r"is not authorized to perform: sts:(AssumeRole|TagSession) on resource"
    ),
    Symptom("symptom.pass-role-denied", _BOTH, r"is not authorized to perform: iam:PassRole"),
    Symptom("symptom.action-denied", _BOTH, r"is not authorized to perform: [\w-]+:\w+"),
    Symptom("chart-format-old", _HELM, r"manifest does not contain minimum number of descriptors"),
    Symptom("registry-forbidden", _HELM, r"\b403 Forbidden"),
    Symptom("helm-ownership", _HELM, r"cannot be imported into the current release: invalid ownership metadata"),
    Symptom("chart-version-unknown", _HELM, r"-chart:\S{1,128}: not found"),
)


@cache
def _searches(location: Location) -> list[tuple[Symptom, Callable[[str], object]]]:
    """Most runs look at no message, and compiling takes longer than importing the module. Half of the patterns are
    plain text, which is not compiled."""
    return [(symptom, _search(symptom.pattern)) for symptom in SYMPTOMS if location in symptom.locations]


def _search(pattern: str) -> Callable[[str], object]:
    if _SPECIAL.isdisjoint(pattern):
        return lambda line: pattern in line
    return re.compile(pattern, re.S).search


@dataclass(frozen=True)
class Found:
    """A symptom that was seen: `text` is where it stood, `object` "Kind namespace/name" or "", `count` how often."""

    symptom: Symptom
    location: Location
    text: str
    object: str = ""
    count: int = 1

    @property
    def id(self) -> str:
        return self.symptom.id


@dataclass(frozen=True)
class Line:
    """A line of a controller's log. `text` is message and error; `object` "Kind namespace/name" or ""."""

    text: str
    time: str = ""
    level: str = ""
    object: str = ""


def match(text: str, location: Location) -> Symptom | None:
    """The symptom in `text`, None for none."""
    line = text[:LONGEST_LINE]
    return next((symptom for symptom, found in _searches(location) if found(line)), None)


def parse(raw: str) -> Line:
    """A line in either form of the controllers' logs: JSON, or columns with JSON at the end (development logging)."""
    raw = raw[:LONGEST_LINE]
    columns = raw.split("\t")
    fields = _mapping(columns[-1])
    if len(columns) > 1:
        head = [column.strip() for column in (columns[:-1] if fields else columns)]
        error = str(fields.get("error") or "")
        level = next((item for item in head if item in {"DEBUG", "INFO", "WARN", "ERROR", "DPANIC", "FATAL"}), "")
        text = _joined(head[-1], error)
        return Line(text, head[0], level.lower(), _object(fields))
    if not fields:
        return Line(raw.strip())
    text = _joined(str(fields.get("msg") or ""), str(fields.get("error") or ""))
    return Line(text, str(fields.get("ts") or ""), str(fields.get("level") or ""), _object(fields))


def _joined(message: str, error: str) -> str:
    return f"{message}: {error}" if message and error and error not in message else message or error


def _mapping(text: str) -> Manifest:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _object(fields: Manifest) -> str:
    kind = next((str(fields[key]) for key in _OBJECT_KEYS if fields.get(key)), "")
    name, namespace = str(fields.get("name") or ""), str(fields.get("namespace") or "")
    return f"{kind} {namespace}/{name}" if kind and name else ""


def of_log(text: str, object: str = "") -> list[Found]:
    """Symptoms of a log, each once for each object, with its newest line; with `object` only those about it."""
    found: dict[tuple[str, str], Found] = {}
    for raw in text.splitlines():
        line = parse(raw)
        symptom = match(line.text, Location.LOG)
        if symptom is None or (object and line.object != object):
            continue
        before = found.pop((symptom.id, line.object), None)
        fresh = Found(symptom, Location.LOG, line.text, line.object)
        found[(symptom.id, line.object)] = replace(fresh, count=before.count + 1) if before else fresh
    return list(found.values())


def failing(manifest: Manifest) -> list[tuple[str, str]]:
    """(type, message and reason) of the conditions of an object that report a failure; `Ready` only without others."""
    found = []
    for item in conditions.listed(manifest):
        kind = str(item.get("type", ""))
        if str(item.get("status", "")) in _FAILING.get(kind, ()):
            found.append((kind, conditions.describe(item)))
    others = [item for item in found if item[0] != "Ready"]
    return others or found


def of_object(manifest: Manifest) -> list[Found]:
    """Symptoms of an object's conditions, each once."""
    metadata = manifest.get("metadata") or {}
    name = f"{manifest.get('kind', '')} {metadata.get('namespace', '')}/{metadata.get('name', '')}"
    found: dict[str, Found] = {}
    for _, text in failing(manifest):
        symptom = match(text, Location.CONDITION)
        if symptom is not None:
            found.setdefault(symptom.id, Found(symptom, Location.CONDITION, text[:LONGEST_LINE], name))
    return list(found.values())


def of_helm(text: str) -> Symptom | None:
    """The symptom that a message of helm shows."""
    return match(text, Location.HELM)


def merged(parts: Iterable[Found]) -> list[Found]:
    """Each symptom once for each object and place, in the order of first sight."""
    found: dict[tuple[str, str, Location], Found] = {}
    for item in parts:
        key = (item.id, item.object, item.location)
        before = found.get(key)
        found[key] = replace(item, count=item.count + before.count) if before else item
    return list(found.values())
