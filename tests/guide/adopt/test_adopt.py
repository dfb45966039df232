"""Adoption: where an object would be, what is made of it, and what its conditions and logs mean."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.ack.kinds import KINDS, Kind
from acksm.aws.objects import Found
from acksm.catalog import lookup
from acksm.engine.change import Danger
from acksm.errors import AcksmError
from acksm.guide.adopt import apply, command as adopt, placement, plan as adopt_plan, requested, wait as adopt_wait
from acksm.guide.adopt.placement import ADOPTED_CRD, Method, Observed
from acksm.guide.adopt.plan import Adoption
from acksm.guide.adopt.requested import ALL, Request
from acksm.guide.adopt.wait import State
from acksm.guide.carm.role_map import ACCOUNT_MAP, TEAM_MAP, Map
from acksm.live import managed
from acksm.live.bindings import OWNER, REGION, TEAM, Namespace
from acksm.live.managed import Holder, Index
from acksm.live.role_selectors import Selector
from acksm.live.running import Running
from acksm.live.symptoms import Location
from acksm.ui import Ui

A, B = "012345678901", "111111111111"
ROLE = f"arn:aws:iam::{B}:role/SagemakerCrossAccountAccess"
MODEL, ENDPOINT = KINDS["sagemaker"]["Model"], KINDS["sagemaker"]["Endpoint"]
TARGET = KINDS["applicationautoscaling"]["ScalableTarget"]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ARN = f"arn:aws:sagemaker:us-west-2:{A}"


def running(version: str = "1.9.1", service: str = "sagemaker", **more: Any) -> Running:
    base = Running(service, "ack-system", f"ack-{service}-controller", "d", version, "sa", region="us-west-2")
    return replace(base, **more)


def observed(*controllers: Running, without: str = "", **more: Any) -> Observed:
    served = {f"{kind.plural}.{kind.group}" for kind in ALL} | {ADOPTED_CRD}
    base = Observed(controllers or (running(),), {"team": Namespace("team")}, {}, (), frozenset(served - {without}), A)
    return replace(base, **more)


def namespace(**annotations: str) -> dict[str, Namespace]:
    return {"team": Namespace("team", annotations)}


def maps(name: str = ACCOUNT_MAP, **data: str) -> dict[tuple[str, str], Map]:
    return {("ack-system", name): Map("ack-system", name, data)}


def where(found: Observed, kind: Kind = MODEL) -> placement.Location:
    return placement.location(found, kind, "team", "here")


# where it would be


@pytest.mark.parametrize(
    ("controller", "expected"),
    [
        (running("0.0.3"), Method.ADOPTED_RESOURCE),
        (running("1.2.13"), Method.ADOPTED_RESOURCE),
        (running("1.2.14"), "adopt-off"),
        (running("1.3.3", gates=frozenset({"ResourceAdoption"})), Method.ANNOTATIONS),
        (running("1.4.0"), Method.ANNOTATIONS),
        (running("1.4.0", gates_off=frozenset({"ResourceAdoption"})), "adopt-off"),
        (running("1.9.1"), Method.ANNOTATIONS),
    ],
)
def test_the_way_follows_from_version_and_gates(controller: Running, expected: str) -> None:
    if expected != "adopt-off":
        assert where(observed(controller)).method == expected
        return
    with pytest.raises(AcksmError) as caught:
        where(observed(controller))
    assert caught.value.id == expected
    assert caught.value.remedy == "acksm install --set featureGates.ResourceAdoption=true"


def test_an_old_cluster_without_the_crd_has_no_way() -> None:
    with pytest.raises(AcksmError) as caught:
        where(observed(running("1.2.13"), without=ADOPTED_CRD))
    assert caught.value.id == "adopt-off"
    assert "featureGates" not in caught.value.remedy


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (observed(), (A, "us-west-2", "")),
        (observed(namespaces=namespace(**{REGION: "eu-west-1"})), (A, "eu-west-1", "")),
        (observed(namespaces=namespace(**{OWNER: B}), maps=maps(**{B: ROLE})), (B, "us-west-2", ROLE)),
        (observed(namespaces=namespace(**{OWNER: A})), (A, "us-west-2", "")),
        (
            observed(
                running(gates=frozenset({"TeamLevelCARM"})),
                namespaces=namespace(**{OWNER: A, TEAM: "t"}),
                maps=maps(TEAM_MAP, t=ROLE),
            ),
            (B, "us-west-2", ROLE),
        ),
        (
            observed(
                running(gates=frozenset({"ServiceLevelCARM"})),
                namespaces=namespace(**{OWNER: B}),
                maps=maps(**{B: ROLE, f"sagemaker.{B}": ROLE.replace(B, "222222222222")}),
            ),
            ("222222222222", "us-west-2", ROLE.replace(B, "222222222222")),
        ),
        (
            observed(
                running(gates=frozenset({"IAMRoleSelector"}), enable_carm=False),
                selectors=(
                    Selector("s", ROLE, ("team",)),
                    Selector("t", ROLE, types=(("", "", "Endpoint"),)),
                    Selector("u", ROLE, labels={"a": "b"}),
                ),
            ),
            (B, "us-west-2", ROLE),
        ),
    ],
)
def test_account_and_region_are_those_that_the_controller_takes(found: Observed, expected: tuple[str, ...]) -> None:
    location = where(found)
    assert (location.account, location.region, location.role) == expected


@pytest.mark.parametrize(
    ("found", "id"),
    [
        (observed(running(watched=("other",))), "adopt-not-watched"),
        (observed(running(service="applicationautoscaling", version="1.4.1")), "controllers-missing"),
        (observed(running(), running(namespace="two")), "adopt-two-controllers"),
        (observed(without="models.sagemaker.services.k8s.aws"), "adopt-kind-not-served"),
        (observed(running(kinds=("Endpoint",))), "adopt-kind-off"),
        (observed(namespaces={}), "object-namespace-missing"),
        (observed(namespaces={"team": Namespace("team", terminating=True)}), "namespace-terminating"),
        (observed(namespaces=namespace(**{OWNER: B})), "adopt-account-unmapped"),
        (observed(namespaces=namespace(**{OWNER: B}), maps=maps(**{B: "x"})), "adopt-account-unmapped"),
        (observed(running(watched=("team",)), namespaces=namespace(**{OWNER: B})), "annotations-ignored"),
        (observed(running(enable_carm=False), namespaces=namespace(**{REGION: "eu-west-1"})), "carm-disabled"),
        (observed(running(selector="team in (a)")), "adopt-selector"),
        (
            observed(
                running(gates=frozenset({"IAMRoleSelector"}), enable_carm=False),
                selectors=(Selector("s", ROLE), Selector("t", ROLE, ("team",))),
            ),
            "adopt-selectors",
        ),
    ],
)
def test_what_a_controller_would_pass_over_in_silence_is_refused(found: Observed, id: str) -> None:
    with pytest.raises(AcksmError) as caught:
        where(found)
    assert caught.value.id == id


def test_labels_that_the_controller_asks_for_are_given() -> None:
    assert where(observed(running(selector="team=a, stage==b"))).labels == {"team": "a", "stage": "b"}


# what is made of it


def found(kind: Kind = MODEL, state: str = "", **key: str) -> Found:
    arn = key.get("arn", f"{ARN}:{kind.arn_kind}/{kind.write(key)}")
    return Found(kind, key or {"modelName": "Churn"}, arn, "us-west-2", state)


def planned(
    request: Request, seen: Observed | None = None, *holders: Holder, of: Found | None = None
) -> tuple[list[Adoption], list[AcksmError]]:
    errors: list[AcksmError] = []
    seen = seen or observed()
    index = Index(holders, lambda _kind, _namespace: (A, "us-west-2"))
    asked = [(request, where(seen, request.kind), of or found())]
    return adopt_plan.plan(asked, index, errors.append, NOW), errors


def asked(text: str = "Churn", kind: Kind = MODEL, **more: Any) -> Request:
    return requested.request(kind, text, namespace="team", **more)


def test_an_annotated_object_has_no_spec_and_keeps_what_it_stands_for() -> None:
    (item,), _ = planned(asked(region="eu-west-1", read_only=True))
    made = adopt_plan.manifest(item)
    assert "spec" not in made  # an empty one would not be valid
    assert made["metadata"]["name"] == "churn"
    notes = made["metadata"]["annotations"]
    assert json.loads(notes["services.k8s.aws/adoption-fields"]) == {"modelName": "Churn"}
    assert notes["services.k8s.aws/adoption-policy"] == "adopt"
    assert notes["services.k8s.aws/deletion-policy"] == "retain"
    assert notes["services.k8s.aws/read-only"] == "true"
    assert notes["services.k8s.aws/region"] == "eu-west-1"
    assert item.change is not None
    assert item.change.id == "adopt.create"


def test_an_adopted_resource_has_the_additional_keys() -> None:
    key = {"resourceID": "endpoint/e/variant/v", "serviceNamespace": "sagemaker", "scalableDimension": "d"}
    seen = observed(running("1.0.17", "applicationautoscaling"))
    request = asked("endpoint/e/variant/v", TARGET, region="eu-west-1")
    (item,), _ = planned(request, seen, of=found(TARGET, **key))
    made = adopt_plan.manifest(item)
    assert made["spec"]["aws"] == {
        "nameOrID": "endpoint/e/variant/v",
        "additionalKeys": {"serviceNamespace": "sagemaker", "scalableDimension": "d"},
    }
    meta = made["spec"]["kubernetes"]["metadata"]
    assert meta["name"] == "endpoint-e-variant-v"
    assert made["metadata"]["name"] == "adopt-scalabletarget-endpoint-e-variant-v"
    # the controller takes the region from the AdoptedResource, and the object keeps it
    assert made["metadata"]["annotations"] == {"services.k8s.aws/region": "eu-west-1"}
    assert meta["annotations"] == {"services.k8s.aws/region": "eu-west-1", "services.k8s.aws/deletion-policy": "retain"}
    user = KINDS["sagemaker"]["UserProfile"]
    (item,), _ = planned(
        asked("d-1/alice", user), observed(running("1.2.13")), of=found(user, domainID="d-1", userProfileName="alice")
    )
    assert adopt_plan.manifest(item)["spec"]["aws"] == {"nameOrID": "alice", "additionalKeys": {"domainID": "d-1"}}


def test_an_execution_is_adopted_by_its_arn_either_way() -> None:
    kind, arn = KINDS["sagemaker"]["PipelineExecution"], f"{ARN}:pipeline/p/execution/abc"
    for version in ("1.2.13", "1.9.1"):
        (item,), _ = planned(asked(arn, kind), observed(running(version)), of=found(kind, arn=arn))
        assert item.name == "p-execution-abc"
        made = adopt_plan.manifest(item)
        if version == "1.2.13":
            assert made["spec"]["aws"] == {"arn": arn}
        else:
            assert json.loads(made["metadata"]["annotations"]["services.k8s.aws/adoption-fields"]) == {"arn": arn}


def test_versions_that_do_not_follow_the_marks() -> None:
    (item,), _ = planned(asked(), observed(running("0.3.1")))
    assert "does not support deletion policies" in item.notes[0]
    _, errors = planned(asked(read_only=True), observed(running("1.2.13")))
    assert [error.id for error in errors] == ["adopt-read-only"]


def manifest(name: str = "churn", namespace: str = "team", key: str = "Churn", **more: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "resourceVersion": "7",
        "creationTimestamp": (NOW - timedelta(seconds=more.pop("age", 5))).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "labels": {"acksm.dev/owned": "true"} if more.pop("owned", True) else {},
        "annotations": {
            "services.k8s.aws/adoption-policy": "adopt",
            "services.k8s.aws/adoption-fields": json.dumps({"modelName": key}),
            "services.k8s.aws/deletion-policy": "retain",
            **more.pop("annotations", {}),
        },
        "finalizers": [],
    }
    status = more.pop("status", {})
    if more.pop("adopted", True):
        meta |= {"finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"]}
        meta["annotations"]["services.k8s.aws/adopted"] = "true"
        status = {"ackResourceMetadata": {"ownerAccountID": A, "region": "us-west-2"}, **status}
    return {"metadata": meta, "spec": {"modelName": key}, "status": status, **more}


def holder(**more: Any) -> Holder:
    return managed.of_object(MODEL, manifest(**more))


def test_what_is_adopted_is_left_alone() -> None:
    (item,), _ = planned(asked(), None, holder())
    assert item.is_done
    assert item.change is None


def test_what_is_on_its_way_is_waited_for_and_made_anew_when_it_is_late() -> None:
    (item,), _ = planned(asked(), None, holder(adopted=False))
    assert (item.is_done, item.change) == (False, None)
    (item,), _ = planned(asked(), None, holder(adopted=False, age=3600))
    assert item.change is not None
    assert (item.change.id, item.change.params["resource_version"]) == ("adopt.renew", "7")
    # somebody else's is theirs
    (item,), _ = planned(asked(), None, holder(adopted=False, age=3600, owned=False))
    assert item.change is None


def test_marks_that_are_asked_for_otherwise_are_changed() -> None:
    (item,), _ = planned(asked(retain=False, read_only=True), None, holder())
    assert item.change is not None
    assert item.change.params["annotations"] == {
        "services.k8s.aws/deletion-policy": None,
        "services.k8s.aws/read-only": "true",
    }
    assert item.change.danger == "mild"
    (item,), _ = planned(asked(retain=False), None, holder(owned=False))
    assert item.change is None
    assert "not created by acksm" in item.notes[0]


@pytest.mark.parametrize(
    ("other", "id"),
    [
        (holder(namespace="else"), "adopt-managed"),
        (holder(name="another"), "adopt-managed"),
        (holder(namespace="else", adopted=False), "adopt-managed"),  # on its way there
        (holder(name="another", key="CHURN"), "adopt-managed"),  # names differ by more than case
        (holder(key="other"), "adopt-name-taken"),
        (holder(adopted=False, annotations={"services.k8s.aws/adoption-policy": ""}), "adopt-name-taken"),
        (holder(namespace="else", status={"ackResourceMetadata": {"ownerAccountID": B, "region": "us-west-2"}}), ""),
        (holder(namespace="else", status={"ackResourceMetadata": {"ownerAccountID": A, "region": "eu-west-1"}}), ""),
        (holder(namespace="else", adopted=False, annotations={"services.k8s.aws/region": "eu-west-1"}), ""),
    ],
)
def test_another_that_holds_it_is_named(other: Holder, id: str) -> None:
    made, errors = planned(asked(), None, other)
    assert [error.id for error in errors] == ([id] if id else [])
    assert len(made) == (0 if id else 1)


def test_an_adopted_resource_on_its_way_holds_too() -> None:
    (item,), _ = planned(asked(), observed(running("1.2.13")))
    made = adopt_plan.manifest(item)
    pending = managed.of_adopted_resource(made)
    assert pending is not None
    assert (pending.namespace, pending.name, pending.key) == ("team", "churn", {"modelName": "Churn"})
    (again,), errors = planned(asked(), observed(running("1.2.13")), pending)
    assert (again.change, errors) == (None, [])
    _, errors = planned(asked(name="x"), observed(running("1.2.13")), pending)
    assert [error.id for error in errors] == ["adopt-managed"]
    done = {**made, "status": {"conditions": [{"type": "ACK.Adopted", "status": "True"}]}}
    spent = managed.of_adopted_resource(done)
    assert spent is not None
    # once it has made its object it holds nothing; it is in the way only when that one is gone
    (item,), errors = planned(asked(), observed(running("1.2.13")), spent, holder())
    assert (item.is_done, errors) == (True, [])
    _, errors = planned(asked(), observed(running("1.2.13")), spent)
    assert [error.id for error in errors] == ["adopt-name-taken"]
    assert "kubectl delete adoptedresources.services.k8s.aws adopt-model-churn -n team" in errors[0].remedy
    another = replace(spent, by="adopt-endpoint-sample")
    (item,), errors = planned(asked(), observed(running("1.2.13")), another)
    assert (item.live, errors) == (None, [])


def test_an_object_that_goes_is_not_adopted() -> None:
    _, errors = planned(asked("e", ENDPOINT), of=found(ENDPOINT, "Deleting", endpointName="e"))
    assert [error.id for error in errors] == ["adopt-deleting"]


@pytest.mark.parametrize("name", ["A_b", "-a", "a" * 254, "a/b"])
def test_names_that_the_cluster_cannot_have(name: str) -> None:
    _, errors = planned(asked(name=name))
    assert [error.id for error in errors] == ["adopt-name"]


@given(st.sampled_from(ALL), st.data())
def test_every_object_gets_a_name_that_the_cluster_can_have(kind: Kind, data: st.DataObject) -> None:
    fields = ("arn",) if kind.by_arn else kind.key
    key = {name: data.draw(st.text(min_size=1, max_size=300)) for name in fields}
    name = adopt_plan.kube_name(kind, key)
    for one in (name, adopt_plan.helper_name(kind, name)):
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", one), one
        assert len(one) <= 253


@given(st.lists(st.text("aA-_.", min_size=1, max_size=5), unique=True, min_size=2))
def test_names_that_had_to_be_changed_do_not_meet(names: list[str]) -> None:
    made = {name: adopt_plan.kube_name(MODEL, {"modelName": name}) for name in names}
    for one in names:
        for other in names:
            if one.lower() != other.lower():
                assert made[one] != made[other]


# what becomes of it


def adoption(version: str = "1.9.1") -> Adoption:
    (item,), _ = planned(asked(), observed(running(version)))
    return item


SYNCED = {"type": "ACK.ResourceSynced", "status": "True", "message": "synced"}
BUSY = {"type": "ACK.ResourceSynced", "status": "False", "message": "Endpoint is in Creating status."}
ENDED = {"type": "ACK.Terminal", "status": "True", "message": "required field missing: x"}
DENIED = {"type": "ACK.Recoverable", "status": "True", "message": "AccessDenied"}


@pytest.mark.parametrize(
    ("made", "done", "told"),
    [
        (None, False, "does not exist yet"),
        (manifest(adopted=False), False, "not reconciled by the controller yet"),
        (manifest(), False, "not reconciled by the controller yet"),
        (manifest(status={"conditions": [SYNCED]}), True, "synced"),
        (manifest(status={"conditions": [BUSY]}), True, BUSY["message"]),
        (manifest(status={"conditions": [SYNCED, ENDED]}), True, ENDED["message"]),
        (manifest(adopted=False, status={"conditions": [ENDED]}), False, ENDED["message"]),
        (manifest(adopted=False, status={"conditions": [DENIED]}), False, DENIED["message"]),
        (manifest(adopted=False, status={"conditions": [BUSY]}), False, BUSY["message"]),
    ],
)
def test_conditions_tell_whether_it_is_adopted(made: dict[str, Any] | None, done: bool, told: str) -> None:
    seen = adopt_wait.judge(adoption(), made, None)
    assert seen.done is done
    assert told in (seen.text or seen.problem or seen.terminal)


def test_an_adopted_resource_tells_what_fails() -> None:
    failed = {"status": {"conditions": [{"type": "ACK.Adopted", "status": "False", "message": "resource not found"}]}}
    seen = adopt_wait.judge(adoption("1.2.13"), None, failed)
    assert seen.problem == "resource not found"
    result = adopt_wait.Result(adoption("1.2.13"))
    result.fail_by(seen.problem, Location.CONDITION)
    assert result.error
    assert result.error.id == "adopt-not-found-there"
    # before runtimes had the condition, the object itself is all there is
    assert adopt_wait.judge(adoption("0.2.0"), manifest(), {}).done
    assert not adopt_wait.judge(adoption("1.2.13"), manifest(), {}).done


MODEL_LINE = '{"controllerKind": "Model", "namespace": "team", "name": "churn", "error": "adopted resource not found"}'
LOG = f"""
{{"level":"info","msg":"adopted resource","kind":"Model","namespace":"team","name":"churn"}}
{{"level":"error","msg":"Reconciler error","controllerKind":"Model","namespace":"team","name":"churn","error":"first"}}
2026-01-02T03:04:05.000Z\tERROR\tReconciler error\t{MODEL_LINE}
not json {{"error": x
{{"error": ""}}
[{{"error": 1}}]
"""


def test_errors_in_logs_of_both_forms() -> None:
    errors = adopt_wait.log_errors(LOG)
    assert [error.text for error in errors] == [
        "Reconciler error: first",
        "Reconciler error: adopted resource not found",
    ]
    assert {error.object for error in errors} == {"Model team/churn"}
    assert adopt_wait.is_older(errors[1].time, "2026-01-02T03:04:06Z")
    assert not adopt_wait.is_older(errors[1].time, "2026-01-02T03:04:05Z")
    assert not adopt_wait.is_older(errors[0].time, "2026-01-02T03:04:05Z")  # it tells no time


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("adopted resource not found", "adopt-not-found-there"),
        ("multiple (2) matching IAMRoleSelectors found", "adopt-selectors"),
        ("Resource already exists in account 1, but the role used", "adopt-drift"),
        ("Resource already exists in region a, but the desired", "adopt-drift"),
        ("resource manager factory not found", "adopt-not-adoptable"),
        ("AccessDenied: no", "adopt-failing"),
    ],
)
def test_what_a_logs_error_means(text: str, id: str) -> None:
    result = adopt_wait.Result(adoption())
    result.fail_by(text, Location.LOG)
    assert result.error
    assert (result.state, result.error.id) == (adopt_wait.State.FAILED, id)


def test_a_symptom_of_its_own_brings_its_remedy() -> None:
    result = adopt_wait.Result(adoption())
    result.fail_by("AccessDenied: x is not authorized to perform: sts:AssumeRole on resource: y", Location.CONDITION)
    assert result.error
    assert result.error.details == {"symptom": "symptom.assume-role-denied"}
    assert result.error.remedy == lookup("symptom.assume-role-denied").remedy


@given(st.text())
def test_any_log_is_read(text: str) -> None:
    adopt_wait.log_errors(text)


@pytest.mark.parametrize(("where", "expected"), [("a.yaml#adopt.x", "a.yaml#adopt.x"), ("Model m", "Model m")])
def test_places_that_are_none_stay(where: str, expected: str) -> None:
    assert adopt.locate(where) == expected


_states = st.sampled_from(["none", "pending", "late", "adopted", "no-retain", "read-only"])


@given(_states, st.booleans(), st.booleans(), st.sampled_from(["1.9.1", "1.4.1"]))
def test_from_any_state_it_converges_and_a_second_plan_is_empty(
    state: str, retain: bool, read_only: bool, version: str
) -> None:
    seen = observed(running(version))
    request = asked(retain=retain, read_only=read_only)
    marks = {"no-retain": {adopt_plan.RETAIN: ""}, "read-only": {adopt_plan.READ_ONLY: "true"}}.get(state, {})
    before = {
        "none": [],
        "pending": [holder(adopted=False)],
        "late": [holder(adopted=False, age=3600)],
    }.get(state, [holder(annotations=marks)])
    (item,), errors = planned(request, seen, *before)
    assert errors == []
    after = before[0].manifest if before else {}
    if item.change and item.change.id in {"adopt.create", "adopt.renew"}:
        after = {**item.change.params["manifest"]}
    notes = dict(after["metadata"]["annotations"])
    if item.change and item.change.id == "adopt.update":
        notes |= item.change.params["annotations"]
    # what the controller makes of it
    notes = {key: value for key, value in notes.items() if value is not None} | {managed.ADOPTED: "true"}
    held = ["finalizers.sagemaker.services.k8s.aws/Model"]
    meta = {**after["metadata"], "annotations": notes, "finalizers": held}
    where_ = {"ackResourceMetadata": {"ownerAccountID": A, "region": "us-west-2"}}
    (again,), errors = planned(request, seen, managed.of_object(MODEL, {**after, "metadata": meta, "status": where_}))
    assert errors == []
    if state == "pending":  # it was left as it was; its marks are changed once it is adopted
        assert again.change is None or again.change.id == "adopt.update"
        return
    assert again.change is None


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([State.ADOPTED, State.UP_TO_DATE], 0),
        ([State.ADOPTED, State.WAITING], 5),
        ([State.WAITING, State.FAILED], 4),
        ([], 0),
    ],
)
def test_the_exit_code_is_that_of_the_worst(states: list[State], code: int) -> None:
    results = [adopt_wait.Result(adoption(), state) for state in states]
    assert apply.code(results) == code
    for result in results:
        told = apply.row(result)
        assert told["id"] == ("timed-out" if result.state is State.WAITING else "")
    text = apply.text(Ui(), results)
    assert ("next: acksm doctor " in text) is bool(results)


# adopt-or-create

SPEC = {"modelName": "Churn", "executionRoleARN": ROLE}
BOTH = "adopt-or-create"


def either(**more: Any) -> Request:
    return replace(asked(), creates=True, spec=SPEC, **more)


def test_adopt_or_create_keeps_policy_and_spec_and_says_what_it_does() -> None:
    (item,), _ = planned(either())
    made = adopt_plan.manifest(item)
    notes = made["metadata"]["annotations"]
    assert (notes["services.k8s.aws/adoption-policy"], made["spec"]) == (BOTH, SPEC)
    assert "services.k8s.aws/adoption-fields" not in notes
    assert item.change is not None
    assert (item.change.danger, item.change.reason.endswith("changes it to this spec")) == (Danger.MILD, True)
    (item,), _ = planned(
        either(fields={"modelName": "Churn"}), of=Found(MODEL, {"modelName": "Churn"}, "", "us-west-2")
    )
    notes = adopt_plan.manifest(item)["metadata"]["annotations"]
    assert json.loads(notes["services.k8s.aws/adoption-fields"]) == {"modelName": "Churn"}
    assert item.change is not None
    assert (item.change.danger, item.change.reason) == (Danger.NONE, "creates it in AWS, where it does not exist")


def test_what_a_release_does_not_do_with_a_spec_is_told() -> None:
    (item,), _ = planned(replace(asked(), spec=SPEC))
    assert "spec" not in adopt_plan.manifest(item)
    assert "is ignored" in item.notes[0]
    old = observed(running("1.2.16", gates=frozenset({"ResourceAdoption"})))
    (item,), _ = planned(either(), old)
    assert "does not change what it adopts" in item.notes[0]
    made, (error,) = planned(either(), observed(running("1.2.13")))
    assert (made, error.id) == ([], "adopt-off")


def test_what_adopt_or_create_created_is_never_recreated() -> None:
    """Its controller marks only what it adopted; deleting it could delete the AWS resource."""
    policy = {"services.k8s.aws/adoption-policy": BOTH}
    live = manifest(adopted=False, age=3600)
    live["metadata"]["annotations"] |= policy
    live["metadata"]["finalizers"] = ["finalizers.sagemaker.services.k8s.aws/Model"]
    live["spec"] = {"modelName": "Churn", "executionRoleARN": "another"}
    (item,), _ = planned(either(), None, managed.of_object(MODEL, live))
    assert (item.is_done, item.change) == (True, None)
    assert "another spec" in item.notes[0]


def test_an_adopted_resource_of_another_group_holds_nothing() -> None:
    def target(group: str) -> Any:
        spec = {"aws": {"nameOrID": "a"}, "kubernetes": {"group": group, "kind": "Model", "metadata": {"name": "a"}}}
        return managed.of_adopted_resource({"metadata": {"name": "a", "namespace": "team"}, "spec": spec})

    assert target(MODEL.group).holds
    for group in ("sagemaker", "sagemaker.example.com", "applicationautoscaling.services.k8s.aws"):
        assert target(group) is None


def test_another_policy_of_the_same_target_is_told_by_its_arn() -> None:
    kind = KINDS["applicationautoscaling"]["ScalingPolicy"]
    head = f"arn:aws:autoscaling:us-west-2:{A}:scalingPolicy:1:resource/sagemaker/endpoint/e/variant/v:policyName"
    key = {"resourceID": "endpoint/e/variant/v", "serviceNamespace": "sagemaker", "policyName": "p"}
    request = requested.request(kind, "endpoint/e/variant/v/p", namespace="team")
    seen = observed(running(service="applicationautoscaling", version="1.4.1"))
    (item,), _ = planned(request, seen, of=Found(kind, key, f"{head}/p", "us-west-2"))
    meta = {"annotations": {"services.k8s.aws/adopted": "true"}, "finalizers": [f"finalizers.{kind.group}/{kind.name}"]}
    conditions = [{"type": "ACK.ResourceSynced", "status": "True"}]
    for arn, done in ((f"{head}/P", True), (f"{head}/other", False), ("arn:aws:x:y:z:made/up", True)):
        live = {"metadata": meta, "status": {"ackResourceMetadata": {"arn": arn}, "conditions": conditions}}
        progress = adopt_wait.judge(item, live, None)
        assert (progress.done, bool(progress.other)) == (done, not done)
