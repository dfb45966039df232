"""`acksm doctor KIND/NAME`: read everything about one object, from its kind to AWS.

When an object does nothing, the reason may be anywhere on that path (community#1388).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace

from acksm.ack.kinds import KINDS
from acksm.aws import objects
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.carm import accounts, command as carm, evidence, verify
from acksm.guide.connect.target import Target
from acksm.guide.doctor.facts import UNREAD, Known, attempt
from acksm.guide.region import explain
from acksm.guide.region.explain import Explained
from acksm.json_types import Manifest
from acksm.kube.paths import Ref, ref
from acksm.live import controller_logs, discovery, readiness, running
from acksm.live.bindings import Namespace
from acksm.live.controller_logs import PodLog
from acksm.live.readiness import Health
from acksm.live.running import Flags, Running
from acksm.settings import OtherAccountSettings


@dataclass(frozen=True)
class Facts:
    """What is known of one object. `place` is its reference; `controller` the one of its service that watches its
    namespace, else the first of the service. `selected`: it has the labels that the controller's selector requires.
    `chain`: of its namespace, None where that is not bound. `aws`: its state and ARN, "" where it does not exist.
    `elsewhere`: only the controllers' namespace could be searched for controllers. `unread`: why `namespace`, `flags`
    or the pod's `environment` are not known."""

    requested: str
    service: str = ""
    location: Ref | None = None
    kind: Known[Manifest | None] = UNREAD
    manifest: Known[Manifest | None] = UNREAD
    namespace: Namespace | None = None
    controllers: Known[Sequence[Running]] = UNREAD
    controller: Running | None = None
    flags: Flags = field(default_factory=Flags)
    health: Known[Health | None] = None
    selected: Known[bool] = True
    region: Explained | None = None
    chain: Known[verify.Chain | None] = None
    own_account: str = ""
    logs: Known[Sequence[PodLog]] = ()
    aws: Known[str] = UNREAD
    elsewhere: bool = False
    unread: Mapping[str, AcksmError] = field(default_factory=dict)

    @property
    def object(self) -> Manifest:
        return self.manifest if isinstance(self.manifest, Mapping) else {}

    @property
    def name(self) -> str:
        """ "Kind namespace/name"."""
        return (
            f"{self.location.kind} {self.location.namespace}/{self.location.name}" if self.location else self.requested
        )

    @property
    def recorded(self) -> Manifest:
        """status.ackResourceMetadata."""
        return ((self.object.get("status") or {}).get("ackResourceMetadata")) or {}


def gather(target: Target, other: OtherAccountSettings, requested: str, namespace: str) -> Facts:
    """Read everything of `asked` (KIND/NAME). Errors: `object-missing` for what names no object."""
    kind_name, _, name = requested.partition("/")
    if not name:
        raise AcksmError(
            "object-missing", f"no object name in {requested!r}", where=requested, remedy="acksm doctor KIND/NAME"
        )
    kube = target.kube
    found = attempt(lambda: explain.find_kind(kube, kind_name))
    if isinstance(found, AcksmError):
        return Facts(requested, kind=found)
    service, kind = found
    location = replace(kind, name=name, namespace=namespace)
    group = kind.api_version.partition("/")[0]
    with ThreadPoolExecutor(max_workers=8) as pool:
        crd = pool.submit(attempt, lambda: kube.get(ref("CustomResourceDefinition", f"{kind.plural}.{group}")))
        live = pool.submit(attempt, lambda: kube.get(location))
        space = pool.submit(attempt, lambda: kube.get(ref("Namespace", namespace)))
        seen = attempt(lambda: discovery.observe(kube, target.settings.controller_namespace))
        controllers = seen if isinstance(seen, AcksmError) else seen.working
        facts = Facts(
            requested,
            service,
            location,
            crd.result(),
            live.result(),
            controllers=controllers,
            own_account=target.identity.account,
            elsewhere=not isinstance(seen, AcksmError) and seen.partial,
        )
        manifest = space.result()
        if isinstance(manifest, AcksmError):
            facts = replace(facts, unread={"namespace": manifest})
        if isinstance(manifest, Mapping):
            facts = replace(facts, namespace=Namespace.of(manifest))
        if facts.object:
            facts = replace(facts, aws=attempt(lambda: _in_aws(target, other, facts)))
        of_service = (
            [] if isinstance(controllers, AcksmError) else [one for one in controllers if one.service == service]
        )
        controller = next((one for one in of_service if one.watches(namespace)), of_service[0] if of_service else None)
        if controller is None:
            return facts
        return _with_controller(target, other, replace(facts, controller=controller), controller, pool)


def _with_controller(
    target: Target, other: OtherAccountSettings, facts: Facts, controller: Running, pool: ThreadPoolExecutor
) -> Facts:
    kube, namespace = target.kube, facts.namespace or Namespace("")
    deployment = attempt(lambda: kube.get(ref("Deployment", controller.deployment, controller.namespace)))
    flags = running.flags_of(deployment) if isinstance(deployment, Mapping) else Flags()
    health = pool.submit(attempt, lambda: readiness.look(kube, controller.namespace, controller.release))
    logs = pool.submit(attempt, lambda: controller_logs.read(kube, [controller]))
    chain = pool.submit(attempt, lambda: _chain(target, other, namespace, controller))
    selected = attempt(lambda: _selected(target, facts.location, flags.get("watch-selectors")))
    env = attempt(lambda: explain.pod_environment(kube, controller))
    region = explain.explain(facts.object or None, namespace, controller, {} if isinstance(env, AcksmError) else env)
    known = {"flags": deployment, "environment": env}
    return replace(
        facts,
        unread={**facts.unread, **{name: one for name, one in known.items() if isinstance(one, AcksmError)}},
        flags=flags,
        health=health.result(),
        selected=selected,
        region=region,
        chain=chain.result(),
        logs=logs.result(),
    )


def _selected(target: Target, location: Ref | None, selector: str) -> bool:
    """Whether the object matches a label selector, by the apiserver."""
    if not selector or location is None:
        return True
    return bool(target.kube.list(replace(location, name=""), selector=selector, field=f"metadata.name={location.name}"))


def _chain(
    target: Target, other: OtherAccountSettings, namespace: Namespace, controller: Running
) -> verify.Chain | None:
    if controller.mode != running.SELECTOR and not carm.bound_to(namespace):
        return None
    return verify.chain(evidence.gather(target, other, live=False), namespace)


def _in_aws(target: Target, other: OtherAccountSettings, facts: Facts) -> str:
    """The state and ARN of the object in AWS, "" when it does not exist. Errors: `not-looked-at`, aws-…"""
    kind = KINDS[facts.service].get(facts.location.kind if facts.location else "")
    values = {**(facts.object.get("status") or {}), **(facts.object.get("spec") or {})}
    account, region = str(facts.recorded.get("ownerAccountID", "")), str(facts.recorded.get("region", ""))
    arn = str(facts.recorded.get("arn", ""))
    if kind is None:
        raise AcksmError("not-looked-at", "acksm cannot read this kind in AWS")
    key = {name: str(values[name]) for name in kind.key if values.get(name)}
    if kind.by_arn:
        key = {"arn": arn} if arn else {}
    if not key or any(name not in key for name in kind.key if name not in kind.optional and not kind.by_arn):
        raise AcksmError("not-looked-at", "its name in AWS is in neither its spec nor its status")
    aws = target.aws
    if account and account != target.identity.account:
        session = accounts.session(target, other)
        if session is None or session.identity().account != account:
            raise AcksmError(
                "not-looked-at",
                f"no credentials for account {account}",
                remedy=f"acksm doctor {facts.requested} --target-profile PROFILE",
            )
        aws = session
    found = objects.describe(aws, kind, key, region or aws.region)
    return "" if found is None else " ".join(part for part in (found.state, found.arn or arn or "exists") if part)
