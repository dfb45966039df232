"""Guide §9: uninstall. Objects first, while their controllers can still remove their finalizers, then everything else.

Each run plans from what exists, so an interrupted cleanup continues when it is run again, and at the end the result is
observed (docs/ack/deletion.md#order; the guide's own order leaves objects that nothing can delete: G11).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from acksm.aws.account import Aws
from acksm.engine import lease
from acksm.engine.change import Change, Plan
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.exits import ExitCode
from acksm.guide.carm import accounts as carm_accounts
from acksm.guide.cleanup import (
    carm as cleanup_carm,
    cluster,
    iam as cleanup_iam,
    objects as cleanup_objects,
    observation,
    repair,
)
from acksm.guide.cleanup.calls import Calls
from acksm.guide.cleanup.objects import Choice
from acksm.guide.cleanup.observation import Desired, Observed, RoleState
from acksm.guide.cleanup.report import MAX_NAMES, Outcome, Planned, facts, fate_of, inventory_text
from acksm.guide.cleanup.unchecked import elsewhere, unchecked
from acksm.guide.connect import rights
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.rights import OTHER_ACCOUNT
from acksm.guide.connect.target import Target, connect, without_cluster
from acksm.guide.identity import trust
from acksm.guide.identity.judged import Verdict
from acksm.guide.install import command as install
from acksm.guide.samples import roles as sample_roles
from acksm.kube.paths import ref
from acksm.live import bindings, discovery
from acksm.live.inventory import Effect, Inventory
from acksm.output import Output
from acksm.settings import RunSettings, Settings
from acksm.words import counted

COMMAND = "cleanup"


def plan(observed: Observed, desired: Desired, choice: Choice, *, temporary: frozenset[str] = frozenset()) -> Planned:
    """The whole uninstall, from `observed`. `temporary`: what is installed only for this run, and deleted whatever the
    options are."""
    whole = with_temporary(desired, temporary)
    others = cluster.kept_elsewhere(observed, whole)
    desired = replace(whole, services=tuple(name for name in whole.services if name not in others))
    inventory = observed.inventory
    cleanup_objects.check(choice, inventory.controllers, delete_aws=desired.delete_aws, orphan=desired.orphan)
    handled = any(item.has("adopted-resource") for item in inventory.controllers.working)
    objects = cleanup_objects.plan(choice, delete_aws=desired.delete_aws, orphan=desired.orphan, handled=handled)
    releases = cluster.plan_releases(observed, desired)
    selectors = cleanup_carm.plan_selectors(observed, desired)
    crds = cluster.plan_crds(observed, desired, choice)
    carm = cleanup_carm.plan_carm(observed, desired)
    # no controller may reconcile an object while its finalizers are removed
    before = [*releases, *objects, *selectors.changes] if desired.orphan else [*objects, *selectors.changes, *releases]
    granted = cluster.plan_grants(observed, desired)
    changes = [*before, *crds.changes, *carm.changes, *granted.changes]
    kept = [*cluster.kept_rows(observed, others), *selectors.kept, *crds.kept, *carm.kept, *granted.kept]
    kept += [
        (f"release {item.namespace}/{item.release}", f"in another namespace; acksm cleanup -n {item.namespace}")
        for item in inventory.controllers.remaining(desired.services)
        if item.namespace != observed.namespace and discovery.is_managed(item)
    ]
    associated = cleanup_iam.plan_associations(observed, desired)
    iam, kept_in_iam = plan_iam(observed, desired, cleanup_iam.dissociated(associated, observed))
    namespaces = cluster.plan_namespaces(observed, desired, choice, changes)
    kept += [*associated.kept, *kept_in_iam, *namespaces.kept]
    return Planned(
        (*changes, *associated.changes, *iam, *namespaces.changes),
        tuple(kept),
        tuple(_notes(observed, desired, choice)),
        choice,
        tuple(unchecked(observed, desired, choice)),
        tuple(elsewhere(desired, observed)),
        tuple(others),
    )


def with_temporary(desired: Desired, temporary: frozenset[str]) -> Desired:
    return replace(
        desired,
        iam=desired.iam or "iam" in temporary,
        oidc=desired.oidc or "oidc" in temporary,
        namespace=desired.namespace or "namespace" in temporary,
    )


def plan_iam(
    observed: Observed, desired: Desired, dissociated: Collection[tuple[str, str]] = ()
) -> tuple[list[Change], list[tuple[str, str]]]:
    """Roles of both accounts, acksm's statement in a role that is kept, and the provider. `dissociated`: the service
    accounts whose association is deleted before."""
    changes: list[Change] = []
    kept: list[tuple[str, str]] = []
    others = observed.inventory.others(desired.services, observed.namespace)
    deleted_accounts = {state.account for service, state in observed.releases.items() if service in desired.services}
    deleted_roles: set[str] = set()
    own_roles = {state.arn for state in observed.roles if state.role}
    for state in observed.target_roles if desired.carm else ():
        uses = cleanup_iam.uses(state, providers=observed.providers, principals=own_roles | _own_arns(observed))
        why = [*(f"used by {other}" for other in others[:1]), *uses]
        target_iam = f"{OTHER_ACCOUNT}iam"
        deleted = _role(state, observed, why, changes, kept, step=cleanup_iam.TARGET_STEP, iam=target_iam)
        if not deleted and not others:
            own = own_roles | _own_arns(observed)
            changes += cleanup_iam.plan_target_trust(state, observed.cluster_arn, own, target_iam)
    for state in observed.roles:
        uses = cleanup_iam.uses(
            state,
            providers=observed.providers,
            deleted=deleted_accounts,
            dissociated=dissociated,
            cluster_arn=observed.cluster_arn,
            accounts=_trusted_accounts(state, observed),
            principals=cleanup_iam.trusted_by_acksm(state),
        )
        why = uses[:1] or ([] if desired.iam else ["delete with --iam"])
        if _role(state, observed, why, changes, kept):
            deleted_roles.add(state.arn)
        elif desired.carm and not others:
            changes += cleanup_iam.plan_own_policy(state, observed.cluster_arn)
    for arn in observed.providers.owned:
        if not desired.oidc:
            kept.append((arn, "delete with --oidc"))
            continue
        if observed.providers.trusts is None:
            kept.append((arn, "roles cannot be listed, so which of them trust it is unknown"))
            continue
        users = cleanup_iam.provider_users(arn, observed.providers, deleted_roles)
        if users:
            kept.append((arn, f"trusted by {users[0]}"))
        else:
            changes.append(cleanup_iam.plan_provider(arn))
    issuer = observed.providers.issuer
    if desired.oidc and issuer in observed.providers.existing and issuer not in observed.providers.owned:
        kept.append((issuer, "not created by acksm"))
    return changes, kept


def _trusted_accounts(state: RoleState, observed: Observed) -> tuple[tuple[str, str, str], ...] | None:
    """The service accounts with a role's annotation that the role trusts: anyone can annotate their own service account
    with any role. None where service accounts cannot be listed."""
    if observed.service_accounts is None:
        return None
    document = state.role["trust"] if state.role else None
    return tuple(
        (namespace, name, role)
        for namespace, name, role in observed.service_accounts
        if trust.trusts(document, observed.providers.issuer, trust.subject(namespace, name)).verdict is not Verdict.NO
    )


def _own_arns(observed: Observed) -> set[str]:
    """ARNs of the controllers' roles, deleted ones too: `carm setup` wrote them into the target role's trust policy."""
    account, partition = observed.account, observed.cluster_arn.split(":")[1]
    return {f"arn:{partition}:iam::{account}:role/{state.name}" for state in observed.roles}


def _role(
    state: RoleState,
    observed: Observed,
    why: list[str],
    changes: list[Change],
    kept: list[tuple[str, str]],
    *,
    step: str = cleanup_iam.STEP,
    iam: str = "iam",
) -> bool:
    """Whether the role is deleted."""
    if state.role is None:
        return False
    if not state.owned(observed.cluster_arn):
        kept.append((state.arn, "not created by acksm for this cluster"))
        return False
    if why:
        kept.append((state.arn, why[0]))
        return False
    changes += cleanup_iam.plan_role(state, step=step, iam=iam)
    return True


def _notes(observed: Observed, desired: Desired, choice: Choice) -> list[str]:
    notes = list(choice.notes)
    adopted = [item for item in choice.items if item.live and item.adopted and item.policy.source != "object"]
    if desired.delete_aws and adopted:
        what = counted(len(adopted), "adopted AWS resource")
        notes.append(f"kept: {what}, which existed before ACK")
    terminating = [item for item in choice.items if item.terminating and item.live and not desired.orphan]
    if terminating and not desired.delete_aws:
        notes.append(
            f"{bindings.shortened(terminating, MAX_NAMES)}: already being deleted without deletion policy retain; what "
            "the controller has started in AWS is not undone"
        )
    for state in observed.roles if desired.iam else ():
        losing = [item for item in choice.items if state.arn in item.roles and fate_of(item, desired) is Effect.LEAVES]
        if losing and state.owned(observed.cluster_arn):
            words = "is kept in AWS and loses its" if len(losing) == 1 else "are kept in AWS and lose their"
            notes.append(f"{bindings.shortened(losing, MAX_NAMES)} {words} role {state.arn}")
    notes += [f"not checked in IAM: {why}" for why in observed.denied]
    return notes


def run(settings: Settings, ui: Output, desired: Desired, confirm: str) -> int:
    """Observe, plan, confirm, apply, and observe again. Exit 4 when something is left, 7 when something could not be
    checked."""
    desired = replace(desired, accounts=tuple(settings.declared.accounts))
    run = settings.run.model_copy(update={"wait": True})  # a reinstalled controller has finalizers to remove
    if desired.orphan and desired.delete_aws:
        raise AcksmError(
            "config-invalid", "--orphan cannot be used with --delete-aws: it keeps all AWS resources", where="--orphan"
        )
    try:
        target = connect(settings.target, run)
    except AcksmError as error:
        if error.id != "cluster-unknown" or not (desired.iam or desired.oidc):
            raise
        ui.emit(Event(Kind.WARNING, "note", f"{error.message}; only IAM is cleaned up"))
        return _run_without_cluster(settings, ui, desired, confirm)
    with target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        other = carm_accounts.session(target, settings.other_account) if desired.carm or desired.delete_aws else None
        observed = _observe(target, settings, desired, other, ui.emit)
        choice = cleanup_objects.choose(observed.inventory, desired.services)
        cluster.check_releases(
            observed, desired, sure=lambda: run.yes or lease.is_held(target.kube, observed.namespace)
        )
        repaired = repair.plan(target, settings.controllers, settings.role, observed, choice, desired, ui.emit)
        planned = plan(repaired.observed, desired, choice, temporary=repaired.temporary)

        def replan() -> Planned:
            after = _observe(target, settings, with_temporary(desired, repaired.temporary), other, ui.emit)
            chosen = cleanup_objects.choose(after.inventory, desired.services)
            return plan(after, desired, chosen, temporary=repaired.temporary)

        if desired.orphan and planned.by_others:
            raise cluster.would_reconcile(observed, planned.by_others)
        changes = (*repaired.changes, *planned.changes)
        outcome = Outcome(planned, facts(planned, desired), replan, executed=bool(changes) and not run.dry_run)
        whole = Plan(COMMAND, changes, planned.notes, outcome.facts())
        table = _dispatch(target, observed, other, ui.emit)
        _check_target_account(other, changes, run, ui.emit)
        return apply_plan(
            target,
            ui,
            whole,
            table,
            outcome.text,
            dry_text=inventory_text(outcome.report, planned.kept, ui.table),
            manifests=repaired.manifests,
            code=outcome.code,
            dry_code=int(ExitCode.REFUSED) if planned.by_others else 0,
            confirm=confirm,
            last=True,
        )


def _observe(target: Target, settings: Settings, desired: Desired, other: Aws | None, emit: Emit) -> Observed:
    emit(Event(Kind.PROGRESS, "observe", "reading the account and the cluster"))
    observed = observation.observe(target, settings.role, settings.other_account, desired, other)
    emit(Event(Kind.PROGRESS, "observe", ""))
    return observed


def _check_target_account(other: Aws | None, changes: Sequence[Change], run: RunSettings, emit: Emit) -> None:
    """Check permissions in the target account before the first write, as `apply_plan` does in the cluster account.
    Error: `aws-access-denied`."""
    in_target = [change for change in changes if change.call.startswith(OTHER_ACCOUNT)]
    if other is not None and in_target and not run.dry_run:
        for note in rights.check_iam(other.iam, other.identity().arn, in_target):
            emit(Event(Kind.NOTE, "note", note))


def _dispatch(target: Target, observed: Observed, other: Aws | None, emit: Emit) -> dict[str, Callable[..., object]]:
    from acksm.guide.carm import bind

    accounts = {observed.target_account: other} if other else {}
    calls = Calls(
        target.kube,
        target.aws,
        target.identity.account,
        target.deadline,
        emit,
        observed.namespace,
        accounts,
    )
    in_target = {f"{OTHER_ACCOUNT}{call}": work for call, work in other.dispatch_table().items()} if other else {}

    def delete(kind: str, name: str, namespace: str = "") -> None:
        target.kube.delete(ref(kind, name, namespace))

    def uninstall(release: str, namespace: str, kinds: object) -> None:  # `kinds` is for the check of permissions
        target.releases.uninstall(release, namespace, seconds=target.deadline.remaining)

    return {
        **bind.dispatch(target, emit),
        **install.dispatch(target, emit),
        **in_target,
        **calls.table(),
        "kube.delete": delete,
        "helm.uninstall": uninstall,
    }


def _run_without_cluster(settings: Settings, ui: Output, desired: Desired, confirm: str) -> int:
    """What acksm created in IAM for a cluster that no longer exists, found by its tags."""
    target = without_cluster(settings.target, settings.run)
    other = carm_accounts.session(target, settings.other_account) if desired.carm else None

    def observe() -> Observed:
        arn = target.cluster.arn
        in_target = [observation.observe_role(other, settings.other_account.target_role_name)] if other else []
        names = [install.role_name(target, settings.role), sample_roles.name(target.cluster.name)]
        found = observation.providers(target.aws, arn, "", scan=desired.oidc)
        return Observed(
            Inventory(),
            settings.target.controller_namespace,
            target.identity.account,
            arn,
            roles=tuple(observation.observe_role(target.aws, name) for name in names),
            target_roles=tuple(in_target),
            target_account=other.identity().account if other else "",
            providers=found,
        )

    def planned() -> Planned:
        observed = observe()
        changes, kept = plan_iam(observed, desired)
        missing = unchecked(observed, desired, Choice())
        return Planned(tuple(changes), tuple(kept), (), Choice(), tuple(missing), tuple(elsewhere(desired, observed)))

    first = planned()
    outcome = Outcome(first, facts(first, desired), planned, executed=bool(first.changes) and not settings.run.dry_run)
    whole = Plan(COMMAND, first.changes, (), outcome.facts())
    in_target = {f"{OTHER_ACCOUNT}{call}": work for call, work in other.dispatch_table().items()} if other else {}
    table = {**target.aws.dispatch_table(), **in_target}
    _check_target_account(other, first.changes, settings.run, ui.emit)
    return apply_plan(target, ui, whole, table, outcome.text, code=outcome.code, confirm=confirm, lock=False)
