"""What an AdoptedResource has done, and who would act on it; and whether its controller would finish a deletion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acksm.guide.carm.role_map import ACCOUNT_MAP, TEAM_MAP, Map
from acksm.guide.upgrade.conversion import waits_for_role
from acksm.live.adopted_resources import State, judge, service_of
from acksm.live.bindings import OWNER, TEAM, Namespace
from acksm.live.running import SERVICE_CARM, TEAM_CARM, Running
from memory_adoption import FINALIZER, adopted_resource

OLD = Running("sagemaker", "ack-system", "ack-sagemaker-controller", "d", "1.4.1", "sa")
NEW, ELSEWHERE, OTHER = replace(OLD, version="1.9.1"), replace(OLD, watched=("x",)), replace(OLD, service="s3")
GONE: dict[str, Any] = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
KUBERNETES = {"group": "sagemaker.services.k8s.aws", "kind": "Model"}


def with_target(**target: str) -> dict[str, Any]:
    spec = {"aws": {"nameOrID": "x"}, "kubernetes": {**KUBERNETES, **target}}
    return {**adopted_resource("a"), "spec": spec}


DONE = adopted_resource("a", adopted="True")
CASES: dict[str, tuple[dict[str, Any], bool | None, list[Running], State, str]] = {
    "done": (DONE, True, [OLD], State.DONE, "done"),
    "done, its object deleted": (DONE, None, [OLD], State.DONE, "done: Model team/a does not exist"),
    "done, its object another's": (DONE, False, [OLD], State.DONE, "done: no controller manages Model team/a"),
    "done, deletable": (
        adopted_resource("a", adopted="True", finalizers=[]),
        True,
        [NEW],
        State.DONE,
        "done; without a finalizer",
    ),
    "pending": (adopted_resource("a"), None, [OLD], State.PENDING, "pending; without a finalizer"),
    "pending for ever": (
        adopted_resource("a"),
        None,
        [NEW, ELSEWHERE, OTHER],
        State.PENDING,
        "pending: no controller handles it; without a finalizer",
    ),
    "failing": (
        adopted_resource("a", adopted="False"),
        None,
        [OLD],
        State.FAILING,
        "failing: resource not found; without a finalizer",
    ),
    "an unknown kind": (
        with_target(kind="Gadget"),
        None,
        [OLD],
        State.FAILING,
        "failing: sagemaker has no kind 'Gadget'; without a finalizer",
    ),
    "no service": (
        with_target(group=""),
        None,
        [OLD],
        State.FAILING,
        "failing: group '' is of no service, so no controller acts on it; without a finalizer",
    ),
    "terminating": (
        adopted_resource("a", adopted="True", **GONE),
        True,
        [OLD],
        State.TERMINATING,
        "terminating: its controller removes the finalizer",
    ),
    "stuck": (
        adopted_resource("a", adopted="True", **GONE),
        True,
        [NEW],
        State.STUCK,
        "stuck in Terminating: no controller removes its finalizer",
    ),
    "held by another program": (
        adopted_resource("a", finalizers=["example.com/x"], **GONE),
        None,
        [NEW],
        State.TERMINATING,
        "terminating: finalizer example.com/x has to be removed by its owner; without a finalizer",
    ),
    "of Flux": (
        adopted_resource("a", adopted="True", labels={"kustomize.toolkit.fluxcd.io/name": "apps"}),
        True,
        [OLD],
        State.DONE,
        "done; owned by flux apps",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_state_has_its_name(case: str) -> None:
    manifest, managed, working, state, text = CASES[case]
    found = judge(manifest, lambda *_: managed, working)
    assert (found.state, found.text) == (state, text)
    assert found.finalizers == ((FINALIZER,) if FINALIZER in manifest["metadata"].get("finalizers", ()) else ())


def test_whose_it_is() -> None:
    groups = ("sagemaker.services.k8s.aws", "s3.services.k8s.aws", "", "sagemaker", "services.k8s.aws")
    assert [service_of(with_target(group=group)) for group in groups] == ["sagemaker", None, "", "", ""]


FAR = "222222222222"
ROLE = f"arn:aws:iam::{FAR}:role/r"
TEAMS, SERVICES = frozenset({TEAM_CARM}), frozenset({SERVICE_CARM})
NO_ROLE = f"namespace n is bound to account {FAR}, which has no role in ConfigMap {ACCOUNT_MAP}"


@pytest.mark.parametrize(
    ("controller", "annotations", "accounts", "teams", "why"),
    [
        (OLD, {}, None, None, ""),
        (OLD, {OWNER: FAR}, None, None, NO_ROLE),
        (OLD, {OWNER: FAR}, {FAR: ""}, None, NO_ROLE),
        (OLD, {OWNER: FAR}, {FAR: ROLE}, None, ""),
        (OLD, {OWNER: FAR}, {f"sagemaker.{FAR}": ROLE}, None, NO_ROLE),
        (replace(OLD, gates=SERVICES), {OWNER: FAR}, {f"sagemaker.{FAR}": ROLE}, None, ""),
        (OLD, {TEAM: "t"}, None, None, ""),  # its gate is off
        (
            replace(OLD, gates=TEAMS),
            {TEAM: "t", OWNER: FAR},
            {FAR: ROLE},
            {},
            f"namespace n is bound to team t, which has no role in ConfigMap {TEAM_MAP}",
        ),
        (
            replace(OLD, gates=TEAMS),
            {TEAM: "t"},
            None,
            {"t": "x"},
            "namespace n is bound to team t, which has the role 'x'",
        ),
        (replace(OLD, version="1.2.4"), {OWNER: FAR}, None, None, ""),  # it takes its own role instead
        (replace(OLD, watched=("n",)), {OWNER: FAR}, None, None, ""),  # it reads no annotations
    ],
)
def test_whether_a_deletion_waits_for_a_role(
    controller: Running, annotations: dict[str, str], accounts: Any, teams: Any, why: str
) -> None:
    maps = {
        ("ack-system", name): Map("ack-system", name, data)
        for name, data in ((ACCOUNT_MAP, accounts), (TEAM_MAP, teams))
    }
    found = judge(DONE, lambda *_: True, [controller])
    assert waits_for_role(found, controller, Namespace("n", annotations), maps) == why
