"""What is removed from a support bundle before it is written: secrets always, account ids unless they are requested.

By the key's name, and by the form of the value anywhere, since a log line or a chart's value may contain anything.
Hiding too much is better than showing a secret. Others write the texts, so every pattern takes time linear in their
length (tests/test_linear.py), and lines are cut after the search: a cut secret would not be recognised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from acksm.json_types import Value

HIDDEN = "(hidden)"
LONGEST_TEXT = 4000  # characters of one value, and of one line of a text
_SECRET_KEY = re.compile(
    r"passw|secret|token|credential|private.?key|access.?key|session.?key|api.?key|authorization|auth$|cookie|bearer"
    r"|signature|dockerconfig",
    re.I,
)
# Keys with these endings say where a secret is, not what it is.
_NAME_OF = re.compile(r"(name|namespace|file|path|ref|profile|kind|count|lifetime|seconds|mount\w{0,64})$", re.I)
# Annotations and fields that repeat whole objects.
_DROPPED = frozenset({"managedFields", "kubectl.kubernetes.io/last-applied-configuration"})
_FORMS = (
    # to its end, or to that of the text
    re.compile(r"-----BEGIN [A-Z ]{1,64}-----[^-]*+(?:-(?!----END )[^-]*+)*+(?:-----END [A-Z ]{1,64}-----)?"),
    re.compile(r"\b(A3T[A-Z0-9]|AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{12,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}"),  # JSON in base64: a JWT, or a docker config
    re.compile(r"k8s-aws-v1\.[A-Za-z0-9_-]+"),
    re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)X-Amz-(Signature|Security-Token|Credential)=[^&\s\"']+"),
    re.compile(r"\b(ghp|gho|ghs|ghr|github_pat|glpat|xox[abp])[-_][A-Za-z0-9_-]{10,}"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    re.compile(r"\b(IQoJ|FwoG|FQoG)[A-Za-z0-9+/=_-]{16,}"),  # session tokens of STS
)
# "password=…", "token: …" in running text
_ASSIGNED = re.compile(
    r"(?i)((?:passw\w{0,64}|secret\w{0,64}|token|api[_-]?key|access[_-]?key\w{0,64}|credential\w{0,64})"
    r"[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&]{3,})"
)
# 40 characters of base64 with capitals, small letters and digits: a secret access key. A commit's id has no capitals.
_KEY_LIKE = re.compile(
    r"(?<![A-Za-z0-9/+])(?=[a-z0-9/+]{0,39}[A-Z])(?=[A-Z0-9/+]{0,39}[a-z])(?=[A-Za-z/+]{0,39}[0-9])"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
)
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z.])\d{8}(\d{4})(?![0-9A-Za-z]|\.\d)")


def text(value: str, *, accounts: bool = False) -> str:
    """`value` without anything that has the form of a secret, its lines cut to LONGEST_TEXT; account ids keep their
    last four digits unless `accounts`."""
    for form in _FORMS:
        value = form.sub(HIDDEN, value)
    value = _ASSIGNED.sub(lambda match: match[1] + HIDDEN, value)
    value = _KEY_LIKE.sub(HIDDEN, value)
    value = value if accounts else _ACCOUNT.sub(r"********\1", value)
    return "\n".join(line if len(line) <= LONGEST_TEXT else f"{line[:LONGEST_TEXT]} …" for line in value.split("\n"))


def data(value: object, *, accounts: bool = False, key: str = "") -> Value:
    """The same for JSON data, at any depth. Variables of containers ({"name", "value"}) never keep their values."""
    if isinstance(value, Mapping):
        pair = {"name", "value"} <= set(value) and len(value) <= 3
        return {
            text(str(name), accounts=accounts): (
                HIDDEN if pair and name == "value" else data(item, accounts=accounts, key=str(name))
            )
            for name, item in value.items()
            if name not in _DROPPED
        }
    if isinstance(value, list | tuple):
        return [data(item, accounts=accounts, key=key) for item in value]
    if value is None or value == "" or isinstance(value, bool):
        return value
    if is_secret(key):
        return HIDDEN
    if isinstance(value, int | float):
        redacted = text(str(value), accounts=accounts)
        return value if redacted == str(value) else redacted
    return text(str(value), accounts=accounts)[:LONGEST_TEXT]


def is_secret(key: str) -> bool:
    """Whether a key's name says that its value is a secret."""
    return bool(_SECRET_KEY.search(key)) and not _NAME_OF.search(key)
