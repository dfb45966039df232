"""`acksm identity migrate`: observed, planned, applied, proven."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from acksm import reports
from acksm.aws.documents import Role
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op, Plan
from acksm.engine.executor import Dispatch
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.guide.connect import compute
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target, connect
from acksm.guide.identity import limits, oidc
from acksm.guide.identity.ways import Ways
from acksm.guide.install import command as install, controllers as section, identities, kept, recorded
from acksm.guide.migrate import plan as planning, reading, tagging
from acksm.guide.migrate.plan import Observed, One
from acksm.helm.releases import recovery
from acksm.json_types import Document
from acksm.kube.paths import ref
from acksm.live import discovery, readiness, running
from acksm.live.identities import Way
from acksm.live.running import Running
from acksm.output import Output, Table
from acksm.settings import ControllerSettings, OtherAccountSettings, RoleSettings, RunSettings, TargetSettings

COMMAND = "identity migrate"


@dataclass(frozen=True)
class Settings:
    """The groups of settings that a migration uses."""

    target: TargetSettings
    controllers: ControllerSettings
    role: RoleSettings
    other: OtherAccountSettings
    run: RunSettings


def way_of(text: str) -> Way:
    """The way that --to names. Error: `config-invalid`."""
    if text not in {Way.IRSA, Way.POD_IDENTITY}:
        raise AcksmError(
            "config-invalid",
            f'invalid --to "{text}": expected irsa or pod-identity',
            where="--to",
            remedy="acksm identity migrate --to pod-identity   (or: --to irsa)",
        )
    return Way(text)


def run(settings: Settings, ui: Output, *, to: str, finish: bool) -> int:
    """Exit 0 once every pod is proven to have its role by `to`; with `finish` the other way is removed after that."""
    way = way_of(to)
    with connect(settings.target, settings.run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        ui.emit(Event(Kind.PROGRESS, "observe", "reading the account and the cluster"))
        found = observe(target, settings.controllers)
        ui.emit(Event(Kind.PROGRESS, "observe", ""))
        planning.check(found, way, target.cluster, target.identity.account)
        work = _Planner(target, settings, ui, found, way)
        planned = work.plan(finish=finish)
        after = partial(_rows, target, found)
        facts: dict[str, object] = {"to": str(way), "finished": partial(_is_finished, target, found, way)}
        facts["controllers"] = after
        notes = [f"not checked: {found.unseen}"] if found.unseen else []
        plan = Plan(COMMAND, tuple(planned), (*notes, *work.notes), facts)
        return apply_plan(
            target,
            ui,
            plan,
            work.dispatch(),
            lambda: _text(after(), way, work.next_step(finish=finish), ui.table),
            manifests=work.manifests,
            outlined=True,
        )


def observe(target: Target, controllers: ControllerSettings) -> Observed:
    """The controllers of the controllers' namespace, with their roles. Errors: `controllers-missing`, and what the
    reads raise."""
    namespace = target.settings.controller_namespace
    seen = discovery.observe(target.kube, namespace)
    chosen = [item for item in seen.own if item.service in controllers.service]
    running.require(chosen)
    with ThreadPoolExecutor(max_workers=4) as pool:
        provider = pool.submit(oidc.observe, target.aws, target.cluster)
        releases = recorded.installed(target, [item.service for item in chosen])
        ones = [_with_release(item, releases) for item in pool.map(lambda item: one(target, item), chosen)]
        arns = sorted({item.role for item in ones if f"::{target.identity.account}:" in item.role})
        roles = dict(zip(arns, pool.map(lambda arn: _role(target, arn), arns), strict=True))
        return Observed(ones, roles, provider.result(), seen.unseen(namespace))


def one(target: Target, item: Running) -> One:
    """A controller as it is."""
    association = target.aws.eks.pod_identity(target.cluster.name, item.namespace, item.service_account)
    deployment = target.kube.get(ref("Deployment", item.deployment, item.namespace))
    pods = tuple(reading.pods_of(target, item))
    if deployment is None:
        return One(item, association, pods)
    rolls = _rolls_out(readiness.rollout(deployment))
    return One(item, association, pods, rolls, deployment)


def _with_release(item: One, releases: Mapping[str, recorded.Installed]) -> One:
    """With what helm's record says of its annotation, unless another tool keeps it."""
    installed = releases.get(item.running.service, recorded.NOTHING)
    found = installed.release
    if found is None or installed.kept_by:
        return replace(item, kept_by=installed.kept_by)
    role = section.annotated_role(found.complete)
    interrupted = found.status != "deployed" or bool(recovery(found, installed.worked)[0])
    return replace(item, recorded=role, interrupted=interrupted)


def _rolls_out(state: tuple[bool, str]) -> bool:
    available, text = state
    return not available and text != readiness.SCALED_TO_ZERO


def _role(target: Target, arn: str) -> Role | None:
    found = target.aws.iam.get_role(arn.rpartition("/")[2])
    return found if found and found["arn"] == arn else None


class _Planner:
    """The plan of one run, with what it needs besides: notes, calls, and objects of releases for the check of
    rights."""

    def __init__(self, target: Target, settings: Settings, ui: Output, found: Observed, to: Way) -> None:
        self._target, self._settings, self._ui, self._found, self._to = target, settings, ui, found, to
        self._assumed: tagging.Assumed | None = None
        self.notes: list[str] = []
        self.manifests: Sequence[Document] = ()

    def plan(self, *, finish: bool) -> list[Change]:
        """The changes, in the order in which each leaves a working identity."""
        found, to, cluster = self._found, self._to, self._target.cluster
        adopt = self._settings.role.adopt_role
        provider = oidc.plan(found.provider, oidc.desired(cluster, {})) if to is Way.IRSA else []
        trusting = planning.trusts(found, to, cluster, adopt=adopt)
        ground = [*provider, *self._checked(trusting)]
        if to is Way.POD_IDENTITY:
            ground += self._other_accounts()
        wanted = [item for item in found.controllers if to is Way.IRSA and item.to_annotate(item.role)]
        annotated = self._annotations(wanted, {item.running.service: item.role for item in wanted})
        changes = list(ground)
        for item in found.controllers:
            lane = item.running.service
            changes += [one for one in annotated if one.lane == lane]
            if to is Way.POD_IDENTITY:
                changes += planning.associate(item, cluster, self._settings.role.tag)
            else:
                changes += planning.dissociate(item, cluster)
            changes += planning.turn(item, to, iam_changed=bool(ground))
        if to is Way.POD_IDENTITY:
            changes[:0] = self._agent(changes)
        if finish:
            proven = {one.target for one in changes if one.id == "release.ready"}
            changes += self._finish(planning.after_trusts(found, trusting), proven)
        return changes

    def _finish(self, found: Observed, proven: Collection[str]) -> list[Change]:
        """The removal of the other way, after the proof of this one: the annotation, then the statement in the trust
        policy. The provider is kept, as other roles may use it. `proven`: the controllers whose proof is planned."""
        to, cluster = self._to, self._target.cluster
        changes: list[Change] = []
        if to is Way.POD_IDENTITY:
            left = [item for item in found.controllers if item.to_annotate("")]
            changes += self._annotations(left, {})
        removed = planning.untrusts(found, to, cluster, adopt=self._settings.role.adopt_role)
        changes += [replace(one, danger=Danger.MILD) for one in self._checked(removed)]
        if not changes:
            return []
        proofs = [planning.proven(item, to) for item in found.controllers]
        return [*(one for one in proofs if one.target not in proven), *changes]

    def _checked(self, planned: Sequence[tuple[Role, list[Change]]]) -> list[Change]:
        """The changes of roles, within IAM's limits. Error: `trust-too-long`."""
        for role, changes in planned:
            limits.check(changes, role, self._target.aws.iam.quotas)
        return [one for _, changes in planned for one in changes]

    def _agent(self, changes: Sequence[Change]) -> list[Change]:
        """What makes the agent run where pods with an association may. Errors: of `identities.agents`."""
        manifests = [item.manifest for item in self._found.controllers if item.manifest]
        services = [item.running.service for item in self._found.controllers]
        nodes, writes = compute.nodes(self._target), any(one.op is not Op.WAIT for one in changes)
        ways = Ways(associate=True)
        found, notes = identities.agents(self._target, self._settings.role, services, nodes, manifests, ways, writes)
        self.notes += notes
        return found

    def _other_accounts(self) -> list[Change]:
        """sts:TagSession for the roles in other accounts, where sessions have tags."""
        tagged = [item for item in self._found.controllers if item.association is None or item.association.tags]
        if not tagged:
            return []
        self._assumed = tagging.observe(self._target, [item.running for item in tagged], self._settings.other)
        tagging.check(self._assumed, self._target)
        own = {arn: role for arn, role in self._found.roles.items() if role and arn in {item.role for item in tagged}}
        adopt = (self._settings.role.adopt_role, self._settings.other.adopt_target_role)
        changes, notes = tagging.plan(self._assumed, own, self._target, adopt=adopt[0], adopt_target=adopt[1])
        self.notes += notes
        if changes and not self._settings.run.dry_run:
            self.notes += tagging.check_rights(self._assumed, changes)
        return changes

    def _annotations(self, items: Sequence[One], roles: dict[str, str]) -> list[Change]:
        """The upgrades of helm by which the service accounts are annotated with `roles` (by service), or with none."""
        if not items:
            return []
        services = [item.running.service for item in items]
        for item in (one.running for one in items if one.recorded is None and one.kept_by is None):
            raise AcksmError(
                "release-not-ours",
                f"{item} is no release of helm, so acksm cannot change the annotation of its service account",
                where=f"service account {item.namespace}/{item.service_account}",
                remedy=f"kubectl -n {item.namespace} get serviceaccount {item.service_account} -o yaml   (change it "
                "where it comes from)",
            )
        changes: list[Change] = []
        for role_arn in dict.fromkeys(roles.get(service, "") for service in services):
            chosen = [service for service in services if roles.get(service, "") == role_arn]
            only = self._settings.controllers.model_copy(update={"service": chosen})
            observed = section.observe(self._target, only, self._ui.emit)
            planned = section.plan(self._target, only, observed, role_arn, iam_is_new=False)
            requested = self._settings.role.model_copy(update={"identity": str(self._to)})
            if error := kept.refused(planned.kept, only, requested, self._target.settings.controller_namespace):
                raise error
            changes += [_worded(one, role_arn) for one in planned.releases if one.system == "helm"]
            self.manifests = [*self.manifests, *planned.manifests]
            self.notes += planned.notes
        return changes

    def dispatch(self) -> Dispatch:
        """Every call that a change may name."""
        others = tagging.calls(self._assumed) if self._assumed else {}
        return {**install.dispatch(self._target, self._ui.emit), **others}

    def next_step(self, *, finish: bool) -> str:
        """What removes the other way, where that is left."""
        return "" if finish else f"acksm identity migrate --to {self._to} --finish"


def _worded(change: Change, role_arn: str) -> Change:
    """The upgrade of a release with what it is for."""
    reason = f"annotation {role_arn}" if role_arn else "without the role annotation"
    return replace(change, reason=reason) if change.reason == "values differ" else change


def _rows(target: Target, before: Observed) -> list[reports.IdentityMigrated]:
    """What each controller had, and what its pods have now."""
    rows: list[reports.IdentityMigrated] = []
    for item in before.controllers:
        pods = reading.pods_of(target, item.running)
        proofs = [set(pod.proofs) for pod in pods]
        rows.append(
            {
                "service": item.running.service,
                "role": item.role,
                "before": sorted({str(pod.way) for pod in item.pods}),
                "now": sorted({str(pod.way) for pod in pods}),
                "proven_by": [
                    name for name in ("variables", "token", "ready") if proofs and all(name in one for one in proofs)
                ],
            }
        )
    return rows


def _is_finished(target: Target, before: Observed, to: Way) -> bool:
    """Whether the other way is removed: the annotation or the association, and the trust of it."""
    namespace = target.settings.controller_namespace
    found = discovery.observe(target.kube, namespace).own
    services = {item.running.service for item in before.controllers}
    now = [one(target, item) for item in found if item.service in services]
    observed = replace(before, controllers=now, roles={arn: _role(target, arn) for arn in before.roles})
    other = [item.running.role_arn if to is Way.POD_IDENTITY else item.association for item in now]
    return not any(other) and not planning.is_trusted(observed, to, target.cluster)


def _text(rows: Sequence[reports.IdentityMigrated], to: Way, step: str, table: Table) -> str:
    header = ("SERVICE", "BEFORE", "NOW", "ROLE", "PROVEN BY")
    cells = [
        (row["service"], ", ".join(row["before"]), ", ".join(row["now"]), row["role"], ", ".join(row["proven_by"]))
        for row in rows
    ]
    lines = [table(header, cells, drop=("ROLE",))]
    if step:
        lines.append(f"next: {step}   (removes the other way; until then both are set up)")
    return "\n".join(lines)
