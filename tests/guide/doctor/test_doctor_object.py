"""One object's way from its kind to AWS, broken at one link at a time: that link is the first thing named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from acksm.catalog import lookup
from acksm.engine.checks import Check, State, healthy
from acksm.guide.carm.verify import Chain
from acksm.guide.doctor import command as doctor, trace
from acksm.guide.doctor.object import Facts
from acksm.guide.doctor.trace import first, follow
from acksm.guide.region.explain import explain
from acksm.kube.paths import Ref
from acksm.live.bindings import OBJECT_REGION, OWNER, REGION, Namespace
from acksm.live.controller_logs import PodLog
from acksm.live.readiness import Health
from acksm.live.running import Flags, Running
from carm_cluster import OWN, running
from doctor_facts import crd, error

PLACE = Ref("sagemaker.services.k8s.aws/v1alpha1", "models", "Model", "m", "team")
WELL = Health("d", True, "1 of 1 pods available")
B, FAR = "011111111111", "arn:aws:iam::011111111111:role/Far"
CONTROLLER = running(region="us-west-2")
ACKS = "finalizers.sagemaker.services.k8s.aws/Model"
SYNCED = {"type": "ACK.ResourceSynced", "status": "True"}
LOST = '{"msg": "Reconciler error", "controllerKind": "Model", "namespace": "team", "name": "m", "error": "%s"}'


def model(*conditions: dict[str, str], **metadata: Any) -> dict[str, Any]:
    where = {"ownerAccountID": OWN, "region": "us-west-2", "arn": "arn:x"}
    status = {"ackResourceMetadata": where, "conditions": list(conditions or (SYNCED,))}
    return {"kind": "Model", "metadata": {"name": "m", "namespace": "team", **metadata}, "status": status}


def whole(by: Running = CONTROLLER, space: Any = None, **more: Any) -> Facts:
    """A synced model in the controller's own account and region."""
    found = space or Namespace("team")
    thing = more.get("manifest", model())
    seen = thing if isinstance(thing, dict) else None
    base = Facts(
        "model/m",
        "sagemaker",
        PLACE,
        crd(),
        model(),
        found,
        [by],
        by,
        Flags({"reconcile-resources": "Model,Endpoint"}),
        WELL,
        region=explain(seen, found, by, {}),
        own_account=OWN,
        logs=[
            PodLog("sagemaker", "ack-system", "p", False, LOST.replace('"m"', '"other"') % "adopted resource not found")
        ],
        aws="InService arn:x",
    )
    return replace(base, **more)


def bound(*links: Check, roles: Any = None, **more: Any) -> Facts:
    chain = Chain("team", None, {"sagemaker": FAR} if roles is None else roles, links)
    return whole(space=Namespace("team", {OWNER: B}), chain=chain, **more)


def moved(**annotations: str) -> Facts:
    return whole(manifest=model(annotations=annotations))


B_OBJECT = model()
B_OBJECT["status"]["ackResourceMetadata"]["ownerAccountID"] = B
WAITS = {
    "type": "ACK.ResourceSynced",
    "status": "False",
    "message": "IAM Role is not available",
    "reason": "key not found in CARM configmap",
}
# what is broken -> the link that is named first, and words of it
BREAKS: dict[str, tuple[Callable[[], Facts], str, str]] = {
    "a kind nobody serves": (lambda: whole(kind=error("kind-unknown", "no kind")), "check.object-kind", "no kind"),
    "a CRD that is gone": (lambda: whole(kind=None), "check.object-kind", "not served"),
    "a CRD that goes": (lambda: whole(kind=crd(going=True)), "check.object-kind", "being deleted"),
    "no object": (lambda: whole(manifest=None), "check.object-there", "does not exist"),
    "no namespace": (lambda: replace(whole(manifest=None), namespace=None), "check.object-there", "namespace"),
    "no controller": (lambda: whole(controllers=[], controller=None), "check.object-controller", "sagemaker"),
    "a controller that watches others": (
        lambda: whole(running(watched=("other", "third"))),
        "check.object-scope",
        "other, third only",
    ),
    "a controller that does not run": (
        lambda: whole(health=replace(WELL, problems=("scaled to zero",))),
        "check.object-running",
        "scaled to zero",
    ),
    "no Deployment": (lambda: whole(health=None), "check.object-running", "no Deployment"),
    "a kind that is left out": (
        lambda: whole(flags=Flags({"reconcile-resources": "Endpoint"})),
        "check.object-reconciled",
        "Model is not among Endpoint",
    ),
    "labels that do not match": (
        lambda: whole(selected=False, flags=Flags({"watch-selectors": "team=ml"})),
        "check.object-selector",
        "team=ml",
    ),
    "another region asked for": (
        lambda: moved(**{OBJECT_REGION: "eu-west-1"}),
        "check.object-region",
        "exists in us-west-2, but eu-west-1 is requested now",
    ),
    "no region": (
        lambda: whole(running(region=""), manifest={"kind": "Model", "metadata": {}}),
        "check.object-region",
        "no region is set",
    ),
    "an account that is ignored": (
        lambda: whole(running(watched=("team",)), Namespace("team", {OWNER: B})),
        "check.object-account",
        OWNER,
    ),
    "another account asked for": (
        lambda: bound(),
        "check.object-account",
        f"exists in account {OWN}, but account {B} is requested now",
    ),
    "a role nobody can assume": (
        lambda: bound(Check("check.carm-trust", State.FAILED, FAR, "does not admit"), manifest=B_OBJECT),
        "check.object-role",
        "check.carm-trust: does not admit",
    ),
    "a condition": (lambda: whole(manifest=model(WAITS)), "check.object-conditions", "symptom.carm-key-missing"),
    "an unknown failure": (
        lambda: whole(manifest=model({"type": "ACK.Terminal", "status": "True", "message": "moon"})),
        "check.object-conditions",
        "ACK.Terminal: moon",
    ),
    "silence": (
        lambda: whole(manifest={"kind": "Model", "metadata": {"name": "m", "namespace": "team"}}),
        "check.object-conditions",
        "has not reconciled it",
    ),
    "a log": (
        lambda: whole(logs=[PodLog("sagemaker", "ack-system", "p", False, LOST % "adopted resource not found")]),
        "check.object-log",
        "symptom.adopted-not-found",
    ),
    "a foreign finalizer": (
        lambda: whole(manifest=model(deletionTimestamp="now", finalizers=["theirs/x"])),
        "check.object-deletion",
        "not ACK's: theirs/x",
    ),
    "a deletion": (
        lambda: whole(
            manifest=model(deletionTimestamp="now", finalizers=["finalizers.sagemaker.services.k8s.aws/Model"])
        ),
        "check.object-deletion",
        "being deleted since now",
    ),
    "AWS without it": (lambda: whole(aws=""), "check.object-aws", "does not exist in AWS"),
}


def test_a_whole_way() -> None:
    results = follow(whole())
    assert {result.check.state for result in results} == {State.OK}
    assert first(results) is None
    assert doctor.object_text("Model team/m", results).endswith("no problems found")
    abroad = follow(bound(Check("check.carm-map", State.OK, "map"), manifest=B_OBJECT))
    assert first(abroad) is None


@pytest.mark.parametrize("name", BREAKS)
def test_the_first_thing_wrong_is_named(name: str) -> None:
    made, link, words = BREAKS[name]
    results = follow(made())
    wrong = first(results)
    assert wrong is not None
    assert wrong.check.id == link
    assert words in wrong.check.text
    text = doctor.object_text("Model team/m", results).splitlines()
    assert text[-3].startswith(("first failed: ", "first warning: "))
    assert text[-2] == f"  remedy: {wrong.check.effective_remedy}"
    assert text[-1] == f"  more:   acksm explain {link}"


def test_every_link_is_seen_failing() -> None:
    assert {link for _, link, _ in BREAKS.values()} == {one.id for one in trace.CHECKS}


def test_a_known_symptom_has_its_own_remedy() -> None:
    wrong = first(follow(whole(manifest=model(WAITS))))
    assert wrong is not None
    assert wrong.check.effective_remedy == lookup("symptom.carm-key-missing").remedy


def test_an_old_version_keeps_on_with_an_object_that_would_move() -> None:
    old = running(version="1.4.0", region="us-west-2")
    results = follow(whole(old, manifest=model(annotations={OBJECT_REGION: "eu-west-1"})))
    wrong = first(results)
    assert wrong is not None
    assert (wrong.check.id, wrong.check.state) == ("check.object-region", State.WARNING)
    assert first(follow(whole(space=Namespace("team", {REGION: "us-west-2"})))) is None


@pytest.mark.parametrize("name", ["kind", "manifest", "controllers", "health", "selected", "chain", "logs", "aws"])
def test_what_cannot_be_looked_at_is_not_said_to_be_wrong(name: str) -> None:
    # only administrators read CRDs: that one may not proves nothing, for discovery has the kind
    broken: dict[str, Any] = {name: error("kube-failed" if name == "kind" else "kube-forbidden")}
    results = follow(replace(whole(), **broken))
    assert first(results) is None
    unknown = [result.check for result in results if result.check.state is State.UNKNOWN]
    assert [check.text for check in unknown if "kube-f" in check.text or check.text == "told"] != []
    assert healthy(results) is None
    assert "no problems found" not in doctor.object_text("Model team/m", results)


def test_the_first_failure_is_shown_and_what_needs_it_folded() -> None:
    text = doctor.object_text("model/m", follow(whole(kind=error("kind-unknown", "no kind"))))
    assert text.count("skipped") == 1
    assert "first failed: check.object-kind (the cluster serves the kind): no kind" in text
    assert "no problems found" not in text


def test_no_problem_is_found_only_in_what_was_looked_at() -> None:
    nothing = doctor.object_text("model/m", follow(whole(kind=error("kube-unreachable"))))
    assert "no problems found" not in nothing
    assert "incomplete: 1 check could not be made" in nothing
    warned = follow(whole(manifest=model(deletionTimestamp="now", finalizers=[ACKS]), health=error("kube-failed")))
    text = doctor.object_text("model/m", warned)
    assert "first " in text
    assert "incomplete: " in text  # a warning besides does not hide it
    far = doctor.object_text("model/m", follow(whole(aws=error("not-looked-at"))))
    assert "no problems found in what was checked; not checked: check.object-aws" in far
