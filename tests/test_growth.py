"""Nothing that a command works out grows faster than the number of objects and namespaces."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

import growth
from acksm.ack.kinds import KINDS
from acksm.aws.objects import Found
from acksm.engine.change import Change, Op, Plan
from acksm.engine.checks import judge
from acksm.engine.diff import outline, render_plan
from acksm.engine.executor import execute
from acksm.guide.adopt import apply as adopt_apply, placement, plan as adopt_plan, requested
from acksm.guide.adopt.placement import Location, Method
from acksm.guide.adopt.plan import Adoption
from acksm.guide.adopt.wait import Result, State, judge as judge_adoption
from acksm.guide.carm import command as carm, role_selector, verify
from acksm.guide.carm.evidence import Evidence
from acksm.guide.carm.role_map import ACCOUNT_MAP, TEAM_MAP, Map, Subject
from acksm.guide.cleanup import objects as cleanup_objects, report as cleanup_report
from acksm.guide.doctor import command as doctor
from acksm.kube.paths import Ref
from acksm.live import managed, synced
from acksm.live.bindings import ManagedObject, Namespace
from acksm.live.role_selectors import Selector
from acksm.live.running import CARM, SELECTOR
from acksm.ui import Ui
from carm_cluster import BOTH, OWN, PARTITIONS, ROLE, B, C, account, desired
from cleanup_world import EVERYTHING, bound as bound_by, item, observed, plan as plan_cleanup
from doctor_facts import inventory_of, whole as facts

HOME, MODEL = "ack-system", KINDS["sagemaker"]["Model"]
Work = Callable[[], object]


def names(count: int) -> list[str]:
    return [f"team-{number:04}" for number in range(count)]


def live(count: int, subject: Subject | None = None, *, mapped: bool = True) -> carm.Observed:
    """Namespaces with an object of the cluster's own account each, bound to `subject`."""
    keys = {subject.annotation: subject.id} if subject else {}
    spaces = {name: Namespace(name, keys, managers={key: ["acksm"] for key in keys}) for name in names(count)}
    data = {subject.id: ROLE.format(B)} if subject and mapped else None
    maps = {(HOME, name): Map(HOME, name, data, True) for name in (ACCOUNT_MAP, TEAM_MAP)}
    objects = [ManagedObject("Model", name, "m", OWN, "us-west-2", "sagemaker") for name in spaces]
    return carm.Observed(BOTH, spaces, maps, objects)


def applied(count: int) -> Work:
    changes = [Change(f"c-{n}", "s", Op.CREATE, "x", f"Model a/{n}", "do", {"n": n}, lane="one") for n in range(count)]
    return lambda: execute(Plan("x", tuple(changes)), {"do": lambda n: n})


def shown(count: int) -> Work:
    changes = [Change("c", "s", Op.CREATE, "x", f"Model a/{n}", "do", {}, after={"a": n}) for n in range(count)]
    return lambda: (render_plan(Plan("x", tuple(changes))), outline(changes))


def bound(count: int) -> Work:
    found = live(count)
    moved = replace(found, objects=[replace(one, account=B) for one in found.objects])
    return lambda: carm.plan(moved, desired({name: account(B) for name in names(count)}))


def moved(count: int) -> Work:
    found = live(count, Subject(carm.TEAM_LEVEL, "a"))
    other = {name: Subject(carm.TEAM_LEVEL, f"b-{name}") for name in names(count)}
    return lambda: carm.changing(found, other)


def unbound(count: int) -> Work:
    found = live(count, account(B))
    return lambda: carm.plan_unbind(found, names(count), OWN)


def evidence(count: int, **more: Any) -> Evidence:
    return Evidence(live(count, account(B), **more), CARM, "aws", PARTITIONS)


def verified(count: int) -> Work:
    found = evidence(count)
    return lambda: verify.chains(found)


def unmapped(count: int) -> Work:
    found = evidence(count, mapped=False)
    return lambda: verify.chains(found)


def selected(count: int) -> Work:
    found = replace(evidence(count), mode=SELECTOR, selectors=selectors(count))
    return lambda: verify.chains(found)


def selectors(count: int) -> list[Selector]:
    return [role_selector.binding_selector(name, ROLE.format(B)) for name in names(count)]


def selected_anew(count: int) -> Work:
    """Every other namespace has a selector already."""
    base = live(count)
    controllers = [replace(one, gates=frozenset({"IAMRoleSelector"}), enable_carm=False) for one in BOTH]
    base = replace(base, running=controllers, objects=[replace(one, account=B) for one in base.objects])
    found = role_selector.ObservedSelectors(base, selectors(count)[::2])
    return lambda: role_selector.plan(found, desired({name: account(B) for name in names(count)}))


def unselected(count: int) -> Work:
    found = role_selector.ObservedSelectors(live(count), selectors(count))
    return lambda: role_selector.plan_unbind(found, names(count), OWN)


def located(count: int) -> Work:
    spaces, kinds = live(count).namespaces, frozenset({f"{MODEL.plural}.{MODEL.group}"})
    controller = replace(BOTH[0], gates=frozenset({"IAMRoleSelector"}), enable_carm=False)
    found = placement.Observed((controller,), spaces, {}, selectors(count), kinds, OWN)
    return lambda: [placement.location(found, MODEL, name, "") for name in names(count)]


def adoptions(count: int, method: Method = Method.ANNOTATIONS) -> list[Adoption]:
    location = Location("team", BOTH[0], method, OWN, "us-west-2")
    return [
        Adoption(
            requested.request(MODEL, name, namespace=name), location, Found(MODEL, {"modelName": name}, "", "us"), name
        )
        for name in names(count)
    ]


def manifest(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": name, "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"]}
    status = {
        "ackResourceMetadata": {"arn": f"arn:{name}", "ownerAccountID": OWN, "region": "us-west-2"},
        "conditions": [{"type": "ACK.Recoverable", "status": "True", "message": "AccessDenied: no"}],
    }
    return {"kind": "Model", "metadata": metadata, "spec": {"modelName": name}, "status": status}


def adopted(count: int) -> Work:
    """The plan where every other one exists already."""
    wanted = [(one.request, one.location, one.found) for one in adoptions(count)]
    holders = [managed.of_object(MODEL, manifest(name)) for name in names(count)[::2]]

    def work() -> None:
        index = managed.Index(holders, lambda _kind, _namespace: (OWN, "us-west-2"))
        errors: list[Exception] = []
        found = adopt_plan.plan(wanted, index, errors.append, datetime.now(UTC))
        assert len(found) + len(errors) == count
        requested.duplicates([(one.request, (one.name,)) for one in found])

    return work


def adopted_by_resources(count: int) -> Work:
    """The calls of AdoptedResources, then a judgement of each."""
    results = [Result(one, State.PLANNED) for one in adoptions(count, Method.ADOPTED_RESOURCE)]
    target = SimpleNamespace(kube=SimpleNamespace(create=lambda _manifest: None))
    manifests = [adopt_plan.manifest(one.item) for one in results]

    def work() -> None:
        calls = adopt_apply.Calls(cast(Any, target), Ui(), {str(one.item.target): one for one in results})
        for one in manifests:
            calls.create(one)
        for result in results:
            judge_adoption(result.item, manifest(result.item.name), None)
        assert {one.state for one in results} == {State.WRITTEN}

    return work


def looked_at(count: int) -> Work:
    wanted = [Ref("sagemaker.services.k8s.aws/v1alpha1", "models", "Model", name, name) for name in names(count)]
    kube = SimpleNamespace(list=lambda *_args, **_more: [manifest(name) for name in names(count)])
    return lambda: synced.look(cast(Any, kube), wanted)


def cleaned_up(count: int) -> Work:
    spaces = bound_by("acksm")["namespaces"]
    items = [item(name=name, namespace=name, account=B) for name in names(count)]
    spaces |= {name: replace(spaces["team"], name=name) for name in names(count)}
    ui, found = Ui(stdout=io.StringIO()), observed(*items, **{**bound_by("acksm"), "namespaces": spaces})

    def work() -> None:
        planned = plan_cleanup(found, EVERYTHING)
        told = cleanup_report.facts(planned, EVERYTHING)
        cleanup_report.inventory_text(told, planned.kept, ui.table)
        cleanup_report.Outcome(planned, told, lambda: planned, executed=True).text()

    return work


def orphaned(count: int) -> Work:
    choice = cleanup_objects.Choice(tuple(item(name=name, namespace=name) for name in names(count)))
    return lambda: cleanup_objects.plan(choice, delete_aws=False, orphan=True)


def examined(count: int) -> Work:
    """doctor, with objects that fail and namespaces that are not in the map."""
    failing = {"type": "ACK.Recoverable", "status": "True", "message": "AccessDenied: no"}
    items = [item(name=name, namespace=name, account=C, conditions=(failing,)) for name in names(count)]
    found = facts(inventory=inventory_of(*items), chains=verify.chains(evidence(count, mapped=False)))

    def work() -> None:
        results = judge(doctor.CHECKS, found)
        assert doctor.text_of(results, full=True)
        doctor.known_symptoms(found)

    return work


def tabulated(count: int) -> Work:
    ui = Ui(stdout=io.StringIO(), stderr=io.StringIO())
    return lambda: ui.table(("KIND", "OBJECT"), [("Model", name) for name in names(count)])


ALL = (
    applied,
    shown,
    bound,
    moved,
    unbound,
    verified,
    unmapped,
    selected,
    selected_anew,
    unselected,
    located,
    adopted,
    adopted_by_resources,
    looked_at,
    cleaned_up,
    orphaned,
    examined,
    tabulated,
)


def test_a_square_is_found() -> None:
    assert growth.of(lambda count: lambda: [one for one in range(count) if one]) == pytest.approx(2, abs=0.1)
    assert growth.of(lambda count: lambda: [one for one in range(count) for _ in range(count)]) > 3.5


@pytest.mark.parametrize("prepare", ALL, ids=lambda one: str(one.__name__))
def test_work_grows_with_the_number_of_objects_at_most(prepare: Callable[[int], Work]) -> None:
    assert growth.of(prepare) <= growth.MOST
