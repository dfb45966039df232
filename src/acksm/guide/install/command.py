"""Guide §2 and §3 as one plan: OIDC provider, IAM role, namespaces, CRDs, releases, and the proof that they run.

`oidc`, `iam-role` and `install` are the same engine over fewer or more sections. What is independent is observed
concurrently, and so are the changes of the two services applied (`lane`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import field, replace
from datetime import UTC, datetime
from functools import partial

from acksm.aws.account import Aws
from acksm.aws.documents import Role
from acksm.aws.eks import Association
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op, Plan
from acksm.engine.executor import Dispatch
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.guide.connect import compute
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target, connect
from acksm.guide.identity import (
    agent,
    associations,
    iam_role,
    limits,
    live_accounts,
    oidc,
    pod_trust,
    policies,
    role_names,
    role_policies,
    trust,
)
from acksm.guide.identity.ways import IRSA, POD_IDENTITY, Ways
from acksm.guide.install import (
    admission,
    controller_values,
    controllers as section,
    crds,
    identities,
    kept,
    recorded,
    stored,
)
from acksm.guide.install.around import Compose, Result as Result, composed
from acksm.guide.install.release import Observed as ReleaseObserved
from acksm.json_types import Json, Manifest
from acksm.live import readiness
from acksm.live.drift import Drift
from acksm.live.once import Once
from acksm.live.placement import pod_of
from acksm.live.unread import Unread
from acksm.output import Output
from acksm.remedies import filled
from acksm.settings import CONTROLLER_NAMESPACE, ControllerSettings, RoleSettings, RunSettings, TargetSettings

ALL = ("oidc", "iam-role", "controllers")


def run(
    at: TargetSettings,
    controllers: ControllerSettings,
    role: RoleSettings,
    run: RunSettings,
    ui: Output,
    *,
    command: str,
    sections: Sequence[str],
    narrowed: Callable[[Target, ControllerSettings], ControllerSettings] | None = None,
    around: Sequence[Compose] = (),
    settled: Collection[str] = (),
) -> int:
    """Observe, plan, show or execute, verify. Returns the exit code; raises AcksmError.

    `narrowed` limits `controllers` to what is installed; `around` adds to the plan; `settled` as in `plan`. What
    another tool keeps is not changed: where it would have to be, the rest of the plan is applied, and the exit code
    says so. Error: `kept-by-engine`, where there is no rest.
    """
    with connect(at, run, partial(_ahead, role, sections)) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        if narrowed:
            controllers = narrowed(target, controllers)
        result = plan(target, controllers, role, command, sections, ui.emit, settled=settled)
        if result.refused and not result.plan.mutations:
            raise result.refused
        # what is around an upgrade follows from controllers that are changed
        more = [] if result.refused else [compose(target, controllers, result, ui) for compose in around]
        whole = composed(result.plan, more)
        text, refusal = _text(command, replace(result, plan=whole), target, ui), _refusal(result.refused)
        shown = [_releases_text(result, full=run.full), *(item.shown for item in more), refusal]
        code = int(result.refused.exit_code) if result.refused else 0
        return apply_plan(
            target,
            ui,
            whole,
            {**dispatch(target, ui.emit), **{name: call for item in more for name, call in item.calls.items()}},
            lambda: "\n".join([text, *filter(None, (*(item.text() for item in more), refusal and f"\n{refusal}"))]),
            dry_text="\n\n".join(filter(None, shown)),
            manifests=result.manifests,
            code=lambda: next(filter(None, [item.ended() for item in more]), code),
            dry_code=code,
            outlined=True,
        )


def _ahead(role: RoleSettings, sections: Sequence[str], aws: Aws, cluster: str) -> None:
    """Begin the reads of IAM that need only the cluster's name; a name that is refused is refused by the plan."""
    if "iam-role" in sections and not role.role_arn:
        with suppress(AcksmError):
            aws.iam.look_ahead(role_names.of_controllers(cluster, role))
            aws.iam.look_ahead(policies.SERVICE_LINKED_ROLE)


def _refusal(error: AcksmError | None) -> str:
    """What is not written, below the result of what is; "" where all is."""
    if error is None:
        return ""
    lines = [f"{error.id}: {error.message}", *(f"    {line}" for line in error.details["diff"])]
    return "\n".join([*lines, f"  remedy: {error.remedy}"])


@dataclass(frozen=True)
class Observed:
    """What exists. `controllers` is None where the command has none; `accounts` are (namespace, service account)."""

    provider: oidc.Observed
    role: iam_role.Observed | None
    controllers: section.Observed | None
    accounts: Sequence[tuple[str, str]]
    nodes: Sequence[Manifest] | AcksmError = ()
    unread: Unread = field(default_factory=Unread)
    identities: identities.Observed = identities.NONE


def plan(
    target: Target,
    controllers: ControllerSettings,
    role: RoleSettings,
    command: str,
    sections: Sequence[str],
    emit: Emit,
    *,
    only_missing_crds: bool = False,
    releases: Mapping[str, ReleaseObserved] | None = None,
    kube: Once | None = None,
    settled: Collection[str] = (),
) -> Result:
    """Observe everything concurrently and plan it. Reads only.

    `only_missing_crds`: existing CRDs are not changed (cleanup reinstalls a controller that has to remove finalizers).
    `releases`: the releases, where they were read before; `kube`: where other parts of one observation read the
    cluster, by what they do. `settled`: ids of refusals whose reason the caller removes by
    changes of its own.
    """
    emit(Event(Kind.PROGRESS, "observe", "reading the account and the cluster"))
    observed = observe(target, controllers, role, sections, emit, releases, kube)
    emit(Event(Kind.PROGRESS, "observe", ""))
    changes: list[Change] = []
    notes: list[str] = []
    facts: Json = {}
    manifests: Sequence[Manifest] = ()
    drift: Sequence[Drift] = ()
    refused: AcksmError | None = None
    has = observed.identities
    ways, more = identities.chosen(role.identity, has, observed.accounts)
    notes += more
    role_arn = role.role_arn or kept_role(target, role, observed, notes)
    wants_role = "iam-role" in sections and not role_arn
    if "oidc" in sections and ((wants_role and ways.irsa) or command == "oidc"):
        changes += oidc.plan(observed.provider, oidc.desired(target.cluster, role.tag))
        facts["oidc_provider_arn"] = observed.provider.arn
    elif wants_role and ways.irsa and observed.provider.audiences is None:
        notes.append(
            "the cluster has no OIDC provider, so no service account can assume the role; create it with: acksm oidc"
        )
    if wants_role and observed.role is not None:
        desired, more = desired_role(target, controllers, role, observed, observed.role.role, ways)
        planned_role = iam_role.plan(observed.role, desired)
        limits.check(planned_role, observed.role.role, target.aws.iam.quotas)
        changes += planned_role
        wider = iam_role.not_narrowed(observed.role.role, desired)
        notes += [*more, *observed.unread.notes]
        notes += role_policies.notes(planned_role, desired.name, wider, target.cluster, role, controllers.service)
        role_arn = desired.arn
    if "iam-role" in sections:
        facts |= {"role_arn": role_arn, "identity": ways.text}
    if observed.controllers is not None:
        associating = identities.plan(target, role, has, observed.accounts, ways, role_arn)
        new = bool(changes or associating)
        new = new or iam_role.is_new(observed.role.role if observed.role else None, datetime.now(UTC))
        planned = section.plan(
            target,
            controllers,
            observed.controllers,
            role_arn if ways.irsa else "",
            iam_is_new=new,
            only_missing_crds=only_missing_crds,
            by_agent=ways.by_agent,
            associating=identities.fresh(associating),
            associated=None if has.unread else ways.associated,
            settled=settled,
        )
        manifests, drift = planned.manifests, planned.drift
        notes += planned.notes + _runnable(target, observed, manifests)
        writes = bool(changes or associating or planned.releases)
        agents, more = identities.agents(target, role, controllers.service, observed.nodes, manifests, ways, writes)
        notes += more
        changes = _ordered(changes, planned, role_arn, agents, associating)
        facts["controllers"] = planned.facts
        refused = kept.refused(planned.kept, controllers, role, target.settings.controller_namespace)
        if refused:
            facts["kept"] = {"differs": refused.details["diff"], "commit": refused.remedy}
    pending = observed.controllers.adopted_resources if observed.controllers else ()
    return Result(Plan(command, tuple(changes), tuple(notes), facts), facts, manifests, drift, pending, refused)


def observe(
    target: Target,
    controllers: ControllerSettings,
    role: RoleSettings,
    sections: Sequence[str],
    emit: Emit,
    releases: Mapping[str, ReleaseObserved] | None,
    kube: Once | None = None,
) -> Observed:
    has_controllers, has_role = "controllers" in sections, "iam-role" in sections and not role.role_arn
    with ThreadPoolExecutor(max_workers=8) as pool:
        # what is farthest first: it is under way while charts are read
        provider = pool.submit(oidc.observe, target.aws, target.cluster)
        observed_role = pool.submit(iam_role.observe, target.aws, role_name(target, role)) if has_role else None
        associated = pool.submit(_associated, target) if has_controllers or has_role else None
        nodes = pool.submit(compute.nodes, target) if has_controllers else None
        found = pool.submit(section.observe, target, controllers, emit, releases, kube) if has_controllers else None
        observed = found.result() if found else None
        accounts: Sequence[tuple[str, str]] = ()
        unread = Unread()
        if observed:
            accounts = section.service_accounts(target, controllers, observed)
        elif observed_role:
            accounts = section.installed_accounts(target, controllers.service, unread)
        has = identities.NONE
        if accounts and associated:
            has = identities.observe(target, role, observed, accounts, associated.result)
        return Observed(
            provider.result(),
            observed_role.result() if observed_role else None,
            observed,
            accounts,
            nodes.result() if nodes else (),
            unread,
            has,
        )


def _associated(target: Target) -> dict[associations.Account, Association]:
    return associations.of_namespace(target.aws, target.cluster, target.settings.controller_namespace)


def _runnable(target: Target, observed: Observed, manifests: Sequence[Manifest]) -> list[str]:
    """Whether the pods of what changes can run and are admitted. Errors as in `compute.check` and `admission.check`."""
    if observed.controllers is None:
        return []
    namespace = target.settings.controller_namespace
    pods = [pod_of(item, namespace) for item in manifests if item["kind"] == "Deployment"]
    notes = compute.check(target, observed.nodes, pods)
    return notes + admission.check(target, manifests, observed.controllers.namespaces)


def desired_role(
    target: Target,
    controllers: ControllerSettings,
    role_settings: RoleSettings,
    observed: Observed,
    role: Role | None,
    ways: Ways,
) -> tuple[iam_role.Desired, list[str]]:
    """The desired role, and notes. Other subjects that its trust policy trusts are looked up in the cluster, if any."""
    desired = {trust.subject(namespace, name) for namespace, name in observed.accounts}
    document, found = role["trust"] if role else None, observed.identities.found
    others = trust.subjects_of(document, observed.provider.arn) if ways.irsa else frozenset()
    others = (others | (pod_trust.subjects_of(document, target.cluster.arn) - {"*"})) - desired
    live = live_accounts.observe(target.kube, others, target.settings.controller_namespace)
    if observed.controllers is not None:
        kinds = {
            item.service: controller_values.reconciled(target, controllers, item)
            for item in observed.controllers.controllers
        }
    else:
        kinds = controller_values.reconciled_now(target, controllers, observed.unread)
    for service, more in live.kinds.items():
        kinds[service] = live_accounts.united(kinds.get(service), more)
    want = iam_role.desired(
        target.identity,
        target.cluster,
        role_settings,
        observed.accounts,
        observed.provider.arn,
        role=role,
        live=live.kept,
        kinds=kinds,
        irsa=ways.irsa,
        pods=identities.by_pods(found, observed.accounts, ways, _arn(target, role_settings)),
        tags=associations.have_tags(found),
    )
    return want, live.notes


def role_name(target: Target, role: RoleSettings) -> str:
    """Errors: `role-name-too-long`, `config-invalid`."""
    return role_names.of_controllers(target.cluster.name, role)


def _arn(target: Target, role: RoleSettings) -> str:
    return iam_role.arn(target.identity, role_name(target, role), role.role_path)


def kept_role(target: Target, role: RoleSettings, observed: Observed, notes: list[str]) -> str:
    """The role that the installed controllers use, where it is not the default one and no option names another."""
    if observed.controllers is None or role.role_name:
        return ""
    kept = section.installed_role(observed.controllers) or associations.role_of(observed.identities.found)
    if not kept or kept == _arn(target, role):
        return ""
    notes.append(f"the installed controllers use role {kept}, which is kept; change it with --role-arn or --role-name")
    return kept


def _ordered(
    iam: Sequence[Change],
    planned: section.Planned,
    role_arn: str,
    agents: Sequence[Change] = (),
    associating: Sequence[Change] = (),
) -> list[Change]:
    """IAM, the agent and the CRDs concurrently, as none needs the other; every release after them, as each needs the
    role, and a common CRD may come from the other service's chart. An association needs its role, and pods need it.
    The OIDC provider is needed by pods alone."""
    served = [crds.served(planned.crds)] if planned.crds else []
    visible = [_role_is_visible(role_arn)] if iam else []
    # what follows has to wait for one of the two, and so for everything before
    beside, before = (visible, served) if served else ([], visible)
    concurrent = [replace(change, lane=change.step if change.step == "oidc" else "iam") for change in [*iam, *beside]]
    concurrent += [replace(change, lane="agent") for change in agents]
    return [
        *planned.namespaces,
        *concurrent,
        *planned.crds,
        *before,
        *associating,
        *planned.releases,
        *planned.conversions,
    ]


def _role_is_visible(role_arn: str) -> Change:
    return Change(
        id="iam.visible",
        step="iam-role",
        op=Op.WAIT,
        system="aws",
        target=f"role {role_arn}",
        call="iam.await_visible",
        params={"role_arn": role_arn},
    )


def dispatch(target: Target, emit: Emit) -> Dispatch:
    """Every call that a change may name, bound to this target's adapters."""
    kube, deadline = target.kube, target.deadline

    def await_crds(names: Iterable[str]) -> None:
        crds.await_established(kube, deadline, list(names), emit)

    table: dict[str, Callable[..., object]] = {
        "kube.apply": kube.apply,
        "kube.restart": kube.restart,
        "crds.apply_common": partial(crds.apply_common, kube),
        stored.CONVERT: partial(stored.convert, kube, partial(crds.apply_kept, kube)),
        "crds.await": await_crds,
        "controller.await_ready": partial(readiness.await_ready, kube, deadline, emit),
        "controller.await_agent": partial(readiness.await_agent, kube, deadline, emit),
        "agent.await_ready": partial(agent.await_ready, kube, target.aws, target.cluster, deadline, emit),
        "iam.await_visible": lambda role_arn: iam_role.await_visible(target.aws, role_arn, deadline, emit),
        **recorded.helm_calls(target),
        **target.aws.dispatch_table(),
    }
    return table


def _releases_text(result: Result, *, full: bool) -> str:
    """What a release that changes means: the namespaces that it watches, and the objects that helm would create and
    delete. `full`: its values against the chart's too, and every object."""
    parts = []
    for service, found in result.facts.get("controllers", {}).items():
        if not found["changes"]:
            continue
        lines = [f"# objects of release {found['release']}"]
        before, after = found["watched_before"], found["watched"]
        if before is not None and set(before) != set(after):
            lines.append(f"    watches {_namespaces(after)} instead of {_namespaces(before)}")
        if before is None and not full:
            kinds = Counter(name.split(" ")[0] for name in found["objects"])
            lines.append("    + " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
        else:
            lines += [f"    - {name}" for name in found["objects_deleted"]]
            lines += [f"    + {name}" for name in found["objects_created"]]
        if full:
            lines += [f"      {name}" for name in found["objects"] if name not in found["objects_created"]]
        if full and found["values_diff"]:
            parts.append(f"# values.yaml of {service}\n" + "\n".join(f"    {line}" for line in found["values_diff"]))
        if len(lines) > 1:
            parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _namespaces(names: Sequence[str]) -> str:
    return f"{'namespaces' if len(names) > 1 else 'namespace'} {', '.join(names)}" if names else "all namespaces"


def _role_line(facts: Json) -> str:
    way = {POD_IDENTITY: " by EKS Pod Identity", IRSA: ""}.get(str(facts["identity"]), " by IRSA and EKS Pod Identity")
    return f"role {facts['role_arn']}{way}"


def _text(command: str, result: Result, target: Target, ui: Output) -> str:
    facts = result.facts
    if command == "iam-role":
        return str(facts["role_arn"])
    if command == "oidc":
        return str(facts["oidc_provider_arn"])
    rows = [
        (service, found["version"], found["scope"], found["release"]) for service, found in facts["controllers"].items()
    ]
    lines = [ui.table(("SERVICE", "VERSION", "SCOPE", "RELEASE"), rows, drop=("RELEASE",)), _role_line(facts)]
    if result.plan.mutations:
        option = f"--cluster {target.cluster.name} --region {target.cluster.region}"
        namespace = target.settings.controller_namespace
        option += f" -n {namespace}" if namespace != CONTROLLER_NAMESPACE else ""
        lines += [f"next: {filled('acksm status ' + option)}", "      acksm samples list"]
    return "\n".join(lines)
