"""How IAM is called: not found is an answer, lists come in pages, and what is new may be unknown for a while."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import unquote

from acksm.aws.documents import PolicyDocument
from acksm.aws.errors import translated
from acksm.aws.session import Session
from acksm.errors import AcksmError
from acksm.json_types import Json, Value

# IAM is eventually consistent (IAM User Guide, "Changes that I make are not always immediately visible").
SETTLING_SECONDS, PAUSE_SECONDS = 60.0, 1.0
# What a role's name may be (IAM API reference, CreateRole).
_ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_UNKNOWN_ROLE = re.compile(r": NoSuchEntity: (The )?role ", re.IGNORECASE)  # and not a policy that does not exist


def document_of(value: str | PolicyDocument) -> PolicyDocument:
    """IAM gives policy documents URL-encoded (RFC 3986); botocore decodes most of them already."""
    if isinstance(value, str):
        decoded: PolicyDocument = json.loads(unquote(value))
        return decoded
    return value


def unknown_principal(error: AcksmError) -> bool:
    """IAM refuses a trust policy that names a role it does not know; a new one is unknown for a while."""
    return error.details.get("code") == "MalformedPolicyDocument" and "Invalid principal" in error.message


class Quotas(NamedTuple):
    """Of each role in an account: characters of its trust policy, white space not counted, and attached policies. The
    defaults are IAM's (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""

    trust: int = 2_048
    attached: int = 10


def is_role_name(name: str) -> bool:
    """Whether IAM can have a role of that name."""
    return bool(_ROLE_NAME.fullmatch(name))


def tags_of(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def mapping(tags: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or []}


class Calls:
    """IAM of the session's account, below its reads and writes."""

    def __init__(
        self, aws: Session, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._aws, self._clock, self._sleep = aws, clock, sleep
        self._made: set[str] = set()  # roles that this process created, and IAM may not show everywhere yet
        self._emptied: set[str] = set()  # roles that it removed policies from
        self._ahead: dict[str, Future[Json | None]] = {}  # roles that are read before they are needed

    def _call(self, operation: str, method: str, where: str, **params: object) -> Json:
        client = self._aws.client("iam")
        with translated("iam", operation, where):
            answer: Json = getattr(client, method)(**params)
            return answer

    def _get(self, operation: str, method: str, where: str, **params: object) -> Json | None:
        try:
            return self._call(operation, method, where, **params)
        except AcksmError as error:
            if error.details.get("code") in {"NoSuchEntity", "NoSuchEntityException"}:
                return None
            raise

    def look_ahead(self, name: str) -> None:
        """Begin to read a role for whoever needs it first; an error is raised there."""
        with_one = ThreadPoolExecutor(max_workers=1)
        self._ahead[name] = with_one.submit(self._read_role, name)
        with_one.shutdown(wait=False)

    def _find_role(self, name: str) -> Json | None:
        """GetRole's answer, or None; no request is sent for a name that IAM cannot have."""
        begun = self._ahead.pop(name, None)
        return begun.result() if begun else self._read_role(name)

    def _read_role(self, name: str) -> Json | None:
        return self._get("GetRole", "get_role", f"role {name}", RoleName=name) if is_role_name(name) else None

    def _settled(
        self, lagging: Callable[[AcksmError], bool], operation: str, method: str, where: str, **params: object
    ) -> None:
        """A write that is repeated while it is refused because IAM lags, for SETTLING_SECONDS at most."""
        began = self._clock()
        while True:
            try:
                self._call(operation, method, where, **params)
                return
            except AcksmError as error:
                late = self._clock() - began >= SETTLING_SECONDS or self._aws.left() <= PAUSE_SECONDS
                if late or not lagging(error):
                    raise
            self._sleep(PAUSE_SECONDS)

    def _on_role(self, operation: str, method: str, name: str, **params: object) -> None:
        """A write on a role. One that was just created may still be unknown, as may a principal that it names."""

        def lagging(error: AcksmError) -> bool:
            return (name in self._made and bool(_UNKNOWN_ROLE.search(error.message))) or unknown_principal(error)

        self._settled(lagging, operation, method, f"role {name}", RoleName=name, **params)

    def _pages(self, operation: str, method: str, key: str, **params: object) -> list[Value]:
        client = self._aws.client("iam")
        with translated("iam", operation):
            return [item for page in client.get_paginator(method).paginate(**params) for item in page[key]]
