"""What the tests of cleanup share: acksm's own installation as it is observed, with whatever is put into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from acksm.ack import charts
from acksm.ack.kinds import KINDS
from acksm.aws.documents import PolicyDocument, Role
from acksm.guide.carm.role_map import ACCOUNT_MAP, Map
from acksm.guide.cleanup import cluster, command as cleanup, objects as cleanup_objects
from acksm.guide.cleanup.observation import Desired, Observed, Providers, ReleaseState, RoleState
from acksm.guide.cleanup.report import Planned
from acksm.kube.contents import Contents
from acksm.kube.owners import Owner
from acksm.kube.paths import Ref, ref
from acksm.live.bindings import OWNER, REGION, Namespace
from acksm.live.discovery import Controllers
from acksm.live.inventory import Crd, Effect, Inventory, Item
from acksm.live.readiness import Health
from carm_cluster import OWN, B, running

HOME, ARN = "ack-system", f"arn:aws:eks:us-west-2:{OWN}:cluster/demo"
ISSUER = f"arn:aws:iam::{OWN}:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/AAAA"
ROLE = f"arn:aws:iam::{OWN}:role/ack-controller-role-demo"
MARKS = {"acksm:owned": "true", "acksm:cluster-arn": ARN}
ACKSM = Owner("acksm", "")
EVERYTHING = Desired(crds="all", named_crds=True, iam=True, oidc=True, carm=True, namespace=True)


def statement(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def trusted(*statements: Any) -> PolicyDocument:
    return {"Version": "2012-10-17", "Statement": list(statements)}


OURS = statement({"Federated": ISSUER}, Action="sts:AssumeRoleWithWebIdentity")


def role(*more: Any, tags: Mapping[str, str] = MARKS, **fields: Any) -> RoleState:
    found: Role = {
        "created": "",
        "arn": ROLE,
        "path": "/",
        "trust": trusted(OURS, *more),
        "tags": dict(tags),
        "boundary": "",
        "attached": ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"],
        "inline": {"acksm-autoscaling": {}},
    }
    return RoleState("ack-controller-role-demo", found, **fields)


def item(kind: str = "Model", name: str = "one", namespace: str = "team", **more: Any) -> Item:
    service = next(service for service, kinds in KINDS.items() if kind in kinds)
    known = KINDS[service][kind]
    location = Ref(f"{service}.services.k8s.aws/v1alpha1", known.plural, kind, name, namespace)
    finalizer = f"finalizers.{service}.services.k8s.aws/{kind}"
    base = Item(service, kind, location, f"uid-{name}", OWN, "us-west-2", f"arn:{name}", effect=Effect.DELETES)
    return replace(base, **{"finalizers": (finalizer,), "key": {known.key[0]: name}, **more})


def crds(*services: str, owner: Owner | None = ACKSM) -> dict[str, Crd]:
    names = [f"{KINDS[s][kind].plural}.{s}.services.k8s.aws" for s in services for kind in list(KINDS[s])[:2]]
    names += [f"{name}.services.k8s.aws" for name in ("fieldexports", "iamroleselectors")]
    return {name: Crd(name, owner, f"{name.split('.')[1]}-chart 1.9.1") for name in names}


def release(service: str, **more: Any) -> ReleaseState:
    name = charts.release_name(service)
    health = Health(f"{name}-{service}-chart", True, "1 of 1 pods available", True, name, ROLE)
    objects = (ref("Deployment", name, HOME), ref("ServiceAccount", name, HOME), ref("ClusterRole", name))
    return replace(ReleaseState(service, HOME, charts.TESTED[service], "deployed", True, True, objects, health), **more)


def observed(*items: Item, services: tuple[str, ...] = charts.SERVICES, **more: Any) -> Observed:
    """acksm's own installation of `services`, with objects."""
    live = Controllers(tuple(running(service, charts.TESTED[service]) for service in services))
    spaces = {name: Namespace(name) for name in (HOME, "team")}
    base = Observed(
        Inventory(items, (), crds(*services), live, spaces),
        HOME,
        OWN,
        ARN,
        {service: release(service) for service in services},
        roles=(role(),),
        providers=Providers(ISSUER, frozenset({ISSUER}), (ISSUER,), {ROLE: trusted(OURS)}),
        service_accounts=tuple((HOME, charts.release_name(service), ROLE) for service in services),
        contents={HOME: Contents(tuple((one, meta(one)) for s in services for one in release(s).objects[:2]))},
        owned_namespaces=frozenset({HOME}),
    )
    within = {key: value for key, value in more.items() if key in Inventory.__dataclass_fields__}
    rest = {key: value for key, value in more.items() if key not in within}
    return replace(base, inventory=replace(base.inventory, **within), **rest)


def meta(location: Ref) -> dict[str, Any]:
    return {"metadata": {"name": location.name, "namespace": location.namespace}}


def plan(seen: Observed, desired: Desired) -> Planned:
    choice = cleanup_objects.choose(seen.inventory, desired.services)
    cluster.check_releases(seen, desired, sure=lambda: True)
    return cleanup.plan(seen, desired, choice)


def targets(planned: Planned, *ids: str) -> list[str]:
    return [change.target for change in planned.changes if change.id in ids]


def why(planned: Planned, what: str) -> str:
    return next((reason for name, reason in planned.kept if what in name), "")


def bound(manager: str) -> dict[str, Any]:
    team = Namespace("team", {OWNER: B, REGION: "eu-west-1"}, managers={OWNER: [manager], REGION: [manager]})
    table = Map(
        HOME, ACCOUNT_MAP, {B: f"arn:aws:iam::{B}:role/x", "sagemaker.222222222222": "arn"}, True, {B: [manager]}
    )
    return {"namespaces": {HOME: Namespace(HOME), "team": team}, "maps": {(HOME, ACCOUNT_MAP): table}}
