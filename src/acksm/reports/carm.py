"""`carm setup|bind|unbind|list|verify`."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.common import Changes, CheckResult, Target


class CarmSetupFacts(TypedDict):
    """Result of `acksm carm setup`."""

    account: str
    """The target account."""
    target_role: str
    """ARN of the role in it."""
    controller_roles: list[str]
    """ARNs of the roles that it trusts."""
    template: NotRequired[str]
    """Only with --print: a CloudFormation template."""
    commands: NotRequired[list[str]]
    """Only with --print: aws commands that do the same."""


class CarmSetupReport(Changes):
    result: CarmSetupFacts


class CarmBinding(TypedDict):
    """A namespace and the account of its AWS resources."""

    namespace: str
    level: str
    """account or team; empty with role selectors."""
    id: str
    """The account's or team's id, as the annotation has it."""
    roles: dict[str, str]
    """Role ARN by service; `all` is for every service without an entry of its own."""


class CarmBindFacts(TypedDict):
    """Result of `acksm carm bind`."""

    bindings: list[CarmBinding]


class CarmBindReport(Changes):
    result: CarmBindFacts


class CarmUnbound(TypedDict):
    namespace: str
    was: list[str]
    """What it was bound to: accounts, teams, or the roles of its selectors."""


class CarmUnbindFacts(TypedDict):
    """Result of `acksm carm unbind`."""

    bindings: list[CarmUnbound]


class CarmUnbindReport(Changes):
    result: CarmUnbindFacts


class CarmRow(CarmBinding):
    """A bound namespace. `roles` is by service here, empty where none is found."""

    assumable: str
    """yes, unknown, or `no: ` and the id of the first failed check."""


class CarmListReport(TypedDict):
    target: Target
    mode: str
    """carm or role-selector."""
    verified: bool
    """No check failed and none is unknown."""
    bindings: list[CarmRow]
    notes: NotRequired[list[str]]
    """What could not be read, where the list is incomplete; `mode` and `roles` are empty then."""


class CarmVerifyReport(CarmListReport):
    checks: list[CheckResult]
