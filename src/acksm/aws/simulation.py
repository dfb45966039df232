"""IAM's SimulatePrincipalPolicy: what the policies of a user or role allow, as far as the answer shows.

A denial counts only where nothing else can be its cause. IAM's simulator evaluates no conditions of service control
policies, lacks the context of the real call, and knows no session policies
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from acksm.aws.iam_calls import Calls
from acksm.errors import AcksmError
from acksm.json_types import Document, Json, Value

NOT_SIMULATED = frozenset({"aws-access-denied", "aws-failed"})


class Decision(NamedTuple):
    """`allowed` is None where the simulation does not show it, for the reason `why`."""

    allowed: bool | None
    why: str = ""


Decisions = Mapping[tuple[str, str], Decision]


class Simulation(Calls):
    """The simulation of policies of the session's account."""

    def decisions(self, caller_arn: str, needs: Mapping[str, Sequence[str]]) -> Decisions:
        """(action, resource) of `needs` (resource ARN to actions) to what IAM's simulation decides for `caller_arn`.

        All are unknown where the caller may not simulate; {} for the root user and federated users, who have no
        policies that could be simulated.
        """
        found: dict[tuple[str, str], Decision] = {}
        try:
            source = self._policy_source(caller_arn)
            asked = needs if source else {}
            with ThreadPoolExecutor(max_workers=4) as pool:
                answers = pool.map(lambda resource: self._simulate(source, asked[resource], resource), asked)
                for resource, rows in zip(asked, answers, strict=True):
                    found |= {(str(row["EvalActionName"]), resource): _decision(row, resource) for row in rows}
        except AcksmError as error:
            if error.id not in NOT_SIMULATED:
                raise
            denied = error.details.get("action", "")
            unknown = Decision(None, f"{denied} is not allowed" if denied else error.message)
            return {(action, resource): unknown for resource, actions in needs.items() for action in actions}
        return found

    def simulated(
        self, principal_arn: str, action: str, resource: str, context: Mapping[str, str] | None = None
    ) -> bool | None:
        """Whether IAM's simulation allows it, over all policies of the user or role; None where it is unknown.

        `context` are condition keys with one value each, as in the real call.
        """
        try:
            rows = list(self._simulate(principal_arn, [action], resource, context))
        except AcksmError as error:
            if error.id in NOT_SIMULATED:
                return None
            raise
        found = {_decision(row, resource).allowed for row in rows}
        return None if not found or None in found else found == {True}

    def _simulate(
        self, source: str, actions: Sequence[str], resource: str, context: Mapping[str, str] | None = None
    ) -> list[Value]:
        """IAM's result on each action; they come in pages of 100."""
        entries = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in (context or {}).items()
        ]
        return self._pages(
            "SimulatePrincipalPolicy",
            "simulate_principal_policy",
            "EvaluationResults",
            PolicySourceArn=source,
            ActionNames=list(actions),
            ResourceArns=[resource],
            **({"ContextEntries": entries} if entries else {}),
        )

    def _policy_source(self, caller_arn: str) -> str:
        """The user or role whose policies count; the ARN of an assumed role does not have the role's path."""
        partition, account, rest = caller_arn.split(":")[1], caller_arn.split(":")[4], caller_arn.split(":", 5)[5]
        if rest.startswith("assumed-role/"):
            role = self.get_role_arn(rest.split("/")[1])
            return role or f"arn:{partition}:iam::{account}:role/{rest.split('/')[1]}"
        return caller_arn if rest.startswith(("user/", "role/")) else ""

    def get_role_arn(self, name: str) -> str:
        """The role's ARN, or "" when it does not exist: one request, without its policies."""
        found = self._find_role(name)
        return str(found["Role"]["Arn"]) if found else ""


def _decision(row: Document, resource: str) -> Decision:
    """One result, by its own decision on `resource` where it has one: missing context is reported there only."""
    rows = row.get("ResourceSpecificResults") or []
    mine: Json = next((dict(item) for item in rows if item["EvalResourceName"] == resource), {})
    if mine.get("EvalResourceDecision", row["EvalDecision"]) == "allowed":
        return Decision(True)
    if (row.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations") is False:
        return Decision(None, "a service control policy, whose conditions IAM's simulation does not evaluate")
    boundaries = [item.get("PermissionsBoundaryDecisionDetail") or {} for item in (mine, row)]
    if any(item.get("AllowedByPermissionsBoundary") is False for item in boundaries):  # missing keys: of others only
        return Decision(None, "the caller's permissions boundary")
    missing = sorted({str(key) for item in (mine, row) for key in item.get("MissingContextValues") or ()})
    if missing:
        return Decision(None, f"conditions on {', '.join(missing)}")
    return Decision(False)
