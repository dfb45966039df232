"""Over worlds of every kind: no plan takes what is not ours, and every plan keeps the order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, strategies as st

from acksm.ack import charts
from acksm.ack.kinds import KINDS, deletion_rank
from acksm.engine.change import Change, Danger, Op, Plan
from acksm.guide.cleanup.observation import Desired, Observed
from acksm.kube.contents import Contents
from acksm.kube.owners import Owner
from acksm.kube.paths import ref
from acksm.live.discovery import Controllers
from acksm.live.inventory import Crd, Effect, Policy
from carm_cluster import B, running
from cleanup_world import ACKSM, ARN, HOME, MARKS, bound, crds, item, meta, observed, plan, role, statement, targets

OWNERS = st.sampled_from([None, ACKSM, Owner("argocd", "a"), Owner("helm", "x/y")])
MANAGERS = st.sampled_from(["acksm", "kubectl", "argocd-controller"])


@st.composite
def worlds(draw: st.DrawFn) -> Observed:
    services = draw(st.lists(st.sampled_from(charts.SERVICES), unique=True))
    items = [
        item(
            draw(st.sampled_from([kind for kinds in KINDS.values() for kind in kinds])),
            f"n{number}",
            draw(st.sampled_from(["team", HOME, "other"])),
            effect=draw(st.sampled_from(Effect)),
            adopted=draw(st.booleans()),
            terminating=draw(st.booleans()),
            policy=Policy("delete", draw(st.sampled_from(["object", "namespace", "controller"]))),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    live = Controllers(tuple(running(service, charts.TESTED[service]) for service in services))
    if draw(st.booleans()):
        rival = running(draw(st.sampled_from(charts.SERVICES)), "1.4.1", "elsewhere", watched=("other",), ready=1)
        live = Controllers(live.own, (rival,))
    there = {
        name: replace(crd, owner=draw(OWNERS), terminating=draw(st.booleans()))
        for name, crd in {
            **crds(*charts.SERVICES),
            "buckets.s3.services.k8s.aws": Crd("buckets.s3.services.k8s.aws"),
        }.items()
        if draw(st.booleans())
    }
    more = bound(draw(MANAGERS))
    foreign = (ref("ConfigMap", "theirs", HOME), meta(ref("ConfigMap", "theirs", HOME)))
    other = statement({"Service": "ec2.amazonaws.com"})
    return replace(
        observed(*items, services=tuple(services), **more, crds=there, controllers=live),
        roles=(role(*draw(st.sampled_from([(), (other,)])), tags=draw(st.sampled_from([MARKS, {}]))),),
        owned_namespaces=draw(st.sampled_from([frozenset({HOME}), frozenset()])),
        contents={HOME: Contents(draw(st.sampled_from([(), (foreign,)])))},
    )


WANTED = st.builds(
    Desired,
    st.lists(st.sampled_from(charts.SERVICES), min_size=1, unique=True).map(tuple),
    st.sampled_from(["none", "service", "all"]),
    *[st.booleans() for _ in range(8)],
)


@given(worlds(), WANTED)
def test_no_plan_ever_takes_what_is_not_ours(seen: Observed, desired: Desired) -> None:
    planned = plan(seen, desired)
    for one in planned.changes:
        if one.op is not Op.WAIT:
            assert is_ours(one, seen, desired), one


def is_ours(one: Change, seen: Observed, desired: Desired) -> bool:
    """Written apart from the plan, from what each kind of change may touch."""
    names: dict[str, Callable[[], bool]] = {
        "cleanup.retain": lambda: wanted_object(one, seen, desired),
        "cleanup.object": lambda: wanted_object(one, seen, desired),
        "cleanup.orphan": lambda: wanted_object(one, seen, desired) and desired.orphan,
        "cleanup.release": lambda: one.params["namespace"] == HOME and one.lane in desired.services,
        "cleanup.crd": lambda: wanted_crd(seen.inventory.crds[one.params["name"]], seen, desired),
        "carm.unbind": lambda: desired.carm and managers(one, seen) == ["acksm"],
        "region.unbind": lambda: desired.carm and managers(one, seen) == ["acksm"],
        "carm.release": lambda: desired.carm and B in one.params["keys"] and len(one.params["keys"]) == 1,
        "cleanup.role-detach": lambda: desired.iam and seen.roles[0].owned(ARN),
        "cleanup.role-inline": lambda: desired.iam and seen.roles[0].owned(ARN),
        "cleanup.role": lambda: desired.iam and seen.roles[0].owned(ARN),
        "cleanup.oidc": lambda: desired.oidc and one.target in seen.providers.owned,
        "cleanup.namespace": lambda: desired.namespace and one.params["name"] in seen.owned_namespaces,
    }
    return names[one.id]()


def wanted_object(one: Change, seen: Observed, desired: Desired) -> bool:
    service = one.params["api_version"].partition(".")[0]
    others = [x for x in seen.inventory.controllers.others if x.service == service]
    return service in desired.services and not any(x.watches(one.params["namespace"]) for x in others)


def wanted_crd(crd: Crd, seen: Observed, desired: Desired) -> bool:
    marked = crd.owner == ACKSM or (crd.owner is None and desired.named_crds)
    if crd.is_common:
        rest = set(charts.SERVICES) - set(desired.services)
        controllers = seen.inventory.controllers
        staying = [x for x in controllers.working if x.service in rest or x in controllers.others]
        foreign = [x for x in seen.inventory.crds.values() if x.service == "s3"]
        return marked and desired.crds == "all" and not staying and not foreign
    return marked and desired.crds != "none" and crd.group in {f"{s}.services.k8s.aws" for s in desired.services}


def managers(one: Change, seen: Observed) -> list[str]:
    (key,) = one.params["keys"]
    return list(seen.inventory.namespaces[one.params["name"]].managers[key])


@given(worlds(), WANTED)
def test_every_plan_keeps_the_order_and_what_is_in_aws(seen: Observed, desired: Desired) -> None:
    planned = plan(seen, desired)
    changes = [one for one in planned.changes if one.op is not Op.WAIT]
    ranks = ["policies", "objects", "common", "release", "crds"]
    if desired.orphan:
        ranks = ["release", "objects", "common", "crds"]
    order = [ranks.index(one.step) for one in changes if one.step in ranks]
    assert order == sorted(order)
    last = max((index for index, one in enumerate(changes) if one.step in ranks), default=-1)
    assert all(index > last for index, one in enumerate(changes) if one.step in {"iam", "oidc", "namespace"})
    # what is in one stage runs side by side: an object's own two changes are in one lane, and bindings need no order
    together = [{one.step for lane in stage for one in lane} for stage in Plan("x", planned.changes).stages()]
    assert all(len(steps) == 1 or steps in ({"policies", "objects"}, {"carm", "region"}) for steps in together), (
        together
    )
    severe = [one for one in changes if one.danger is Danger.SEVERE]
    assert not severe or (desired.delete_aws and not desired.orphan)
    locations = {str(one.location): one for one in seen.inventory.items}
    for one in changes:
        if one.id == "cleanup.object" and locations[one.target].live and one not in severe:
            assert one.params["retain"]
            assert one.target in targets(planned, "cleanup.retain")
    if not desired.orphan:
        used = [deletion_rank(locations[one.target].kind) for one in severe]
        assert used == sorted(used)
    assert len({(one.id, one.target, str(one.params)) for one in changes}) == len(changes)
