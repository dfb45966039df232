"""One cause is reported once: what objects and logs say because of a failed check is counted under that check. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from acksm.engine.checks import Check, Result, State

# Checks of the controllers' identity: without it every request to AWS is made as the node, or not at all.
_IDENTITY = ("check.annotation", "check.oidc", "check.role", "check.trust", "check.pod-identity", "check.pod-role")
_SAY_SO = ("check.log", "check.objects")
_OF_IDENTITY = ("symptom.web-identity-denied", "symptom.oidc-provider", "symptom.no-identity")
# The session of an instance profile has the instance's id as its name
# (docs.aws.amazonaws.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-infotouse).
_AS_NODE = re.compile(r":assumed-role/([\w+=,.@-]{1,64})/i-[0-9a-f]{8,17}\b")
_FOLLOWS = "follows from "


def node_role(text: str) -> str:
    """The role of a node in a message of AWS: the pod that asked had no role of its own. "" for any other."""
    found = _AS_NODE.search(text)
    return found[1] if found else ""


def folded(results: Sequence[Result]) -> list[Result]:
    """`results`, where what follows from a failed check of the controllers' identity is skipped and names it."""
    cause = next((one.check.id for one in results if one.check.state is State.FAILED and one.check.id in _IDENTITY), "")
    return [_fold(one, cause) if cause and _follows(one.check) else one for one in results]


def _follows(check: Check) -> bool:
    if check.id not in _SAY_SO or check.state not in {State.FAILED, State.WARNING}:
        return False
    return check.text.startswith(_OF_IDENTITY) or bool(node_role(check.text))


def _fold(one: Result, cause: str) -> Result:
    text = f"{_FOLLOWS}{cause}: {one.check.text}"
    return replace(one, check=replace(one.check, state=State.SKIPPED, text=text, remedy=""))


def consequences(results: Sequence[Result], cause: str) -> list[Check]:
    """What was folded under a check."""
    return [one.check for one in results if one.check.text.startswith(f"{_FOLLOWS}{cause}: ")]
