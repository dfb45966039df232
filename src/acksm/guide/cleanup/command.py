"""Guide §9: the safe way out: objects first, while somebody is there to let go of them, then what served them.

Everything is planned from what is there now, so a cleanup that was interrupted goes on where it was, and at the end it
looks once more (docs/ack/deletion.md#order; the guide's own order leaves objects that nobody can delete: G11).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from acksm.aws.account import Aws
from acksm.engine import lease
from acksm.engine.change import Change, Plan
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
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
from acksm.guide.cleanup.report import MOST_TOLD, Ending, Planned, facts, fate_of, inventory_text
from acksm.guide.connect import rights
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.rights import OTHER_ACCOUNT
from acksm.guide.connect.target import Target, connect, without_cluster
from acksm.guide.identity import trust
from acksm.guide.identity.judged import Verdict
from acksm.guide.install import command as install
from acksm.guide.samples import roles as sample_roles
from acksm.kube.paths import ref
from acksm.live import bindings
from acksm.live.inventory import Effect, Inventory
from acksm.output import Output
from acksm.settings import RunSettings, Settings

COMMAND = "cleanup"


def plan(observed: Observed, desired: Desired, choice: Choice, *, made: frozenset[str] = frozenset()) -> Planned:
    """The whole way out, from `observed`. `made`: what was brought back only for this, and goes whatever was asked."""
    desired = with_made(desired, made)
    inventory = observed.inventory
    cleanup_objects.check(choice, inventory.controllers, delete_aws=desired.delete_aws, orphan=desired.orphan)
    handled = any(item.has("adopted-resource") for item in inventory.controllers.working)
    objects = cleanup_objects.plan(choice, delete_aws=desired.delete_aws, orphan=desired.orphan, handled=handled)
    releases = cluster.plan_releases(observed, desired)
    selectors = cleanup_carm.plan_selectors(observed, desired)
    crds = cluster.plan_crds(observed, desired, choice)
    carm = cleanup_carm.plan_carm(observed, desired)
    # nobody may work on an object while its finalizers are taken off
    before = [*releases, *objects, *selectors.changes] if desired.orphan else [*objects, *selectors.changes, *releases]
    changes = [*before, *crds.changes, *carm.changes]
    kept = [*selectors.kept, *crds.kept, *carm.kept]
    iam, kept_in_iam = plan_iam(observed, desired)
    namespaces = cluster.plan_namespaces(observed, desired, choice, changes)
    kept += [*kept_in_iam, *namespaces.kept]
    return Planned(
        (*changes, *iam, *namespaces.changes), tuple(kept), tuple(_notes(inventory, observed, desired, choice)), choice
    )


def with_made(desired: Desired, made: frozenset[str]) -> Desired:
    return replace(
        desired,
        iam=desired.iam or "iam" in made,
        oidc=desired.oidc or "oidc" in made,
        namespace=desired.namespace or "namespace" in made,
    )


def plan_iam(observed: Observed, desired: Desired) -> tuple[list[Change], list[tuple[str, str]]]:
    """Roles of both accounts, acksm's statement in a role that stays, and the provider."""
    changes: list[Change] = []
    kept: list[tuple[str, str]] = []
    others = observed.inventory.others(desired.services, observed.namespace)
    going = {seen.account for service, seen in observed.releases.items() if service in desired.services}
    roles_gone: set[str] = set()
    own_roles = {seen.arn for seen in observed.roles if seen.role}
    for seen in observed.far if desired.carm else ():
        users = cleanup_iam.users(seen, providers=observed.providers, principals=own_roles | _own_arns(observed))
        why = [f"{user} uses it" for user in [*others[:1], *users]]
        far_iam = f"{OTHER_ACCOUNT}iam"
        goes = _role(seen, observed, why, changes, kept, step=cleanup_iam.FAR_STEP, iam=far_iam)
        if not goes and not others:
            own = own_roles | _own_arns(observed)
            changes += cleanup_iam.plan_far_trust(seen, observed.cluster_arn, own, far_iam)
    for seen in observed.roles:
        users = cleanup_iam.users(
            seen,
            providers=observed.providers,
            going=going,
            accounts=_let_in(seen, observed),
            principals=cleanup_iam.written(seen),
        )
        why = [f"{user} uses it" for user in users[:1]] or ([] if desired.iam else ["--iam takes it away"])
        if _role(seen, observed, why, changes, kept):
            roles_gone.add(seen.arn)
        elif desired.carm and not others:
            changes += cleanup_iam.plan_own_policy(seen, observed.cluster_arn)
    for arn in observed.providers.ours:
        if not desired.oidc:
            kept.append((arn, "--oidc takes it away"))
            continue
        if observed.providers.trusts is None:
            kept.append((arn, "roles cannot be listed, so it cannot be told who trusts it"))
            continue
        users = cleanup_iam.provider_users(arn, observed.providers, roles_gone)
        if users:
            kept.append((arn, f"{users[0]} trusts it"))
        else:
            changes.append(cleanup_iam.plan_provider(arn))
    issuer = observed.providers.issuer
    if desired.oidc and issuer in observed.providers.there and issuer not in observed.providers.ours:
        kept.append((issuer, "acksm did not make it"))
    return changes, kept


def _let_in(seen: RoleState, observed: Observed) -> tuple[tuple[str, str, str], ...] | None:
    """The service accounts that carry a role and that the role's trust policy lets in: anyone can write a role's name
    on his own service account."""
    if observed.service_accounts is None:
        return None
    document = seen.role["trust"] if seen.role else None
    return tuple(
        (namespace, name, role)
        for namespace, name, role in observed.service_accounts
        if trust.lets_in(document, observed.providers.issuer, trust.subject(namespace, name)).verdict is not Verdict.NO
    )


def _own_arns(observed: Observed) -> set[str]:
    """ARNs of the controllers' roles, also of one that is gone: `carm setup` wrote them into the other's trust."""
    account, partition = observed.own, observed.cluster_arn.split(":")[1]
    return {f"arn:{partition}:iam::{account}:role/{seen.name}" for seen in observed.roles}


def _role(
    seen: RoleState,
    observed: Observed,
    why: list[str],
    changes: list[Change],
    kept: list[tuple[str, str]],
    *,
    step: str = cleanup_iam.STEP,
    iam: str = "iam",
) -> bool:
    """Whether the role goes."""
    if seen.role is None:
        return False
    if not seen.owned(observed.cluster_arn):
        kept.append((seen.arn, "acksm did not make it for this cluster"))
        return False
    if why:
        kept.append((seen.arn, why[0]))
        return False
    changes += cleanup_iam.plan_role(seen, step=step, iam=iam)
    return True


def _notes(inventory: Inventory, observed: Observed, desired: Desired, choice: Choice) -> list[str]:
    notes = list(choice.notes)
    if desired.carm:
        named = {item.account for item in inventory.of(desired.services) if item.account}
        named |= {
            role.split(":")[4]
            for one in observed.maps.values()
            for role in (one.data or {}).values()
            if role.count(":") >= 5
        }
        notes += [
            f"roles in account {account} are not looked at; name a way into it by --target-profile or --target-role-arn"
            for account in sorted(named - {observed.own, observed.reached})
        ]
    if desired.delete_aws:
        blind = {item.account for item in choice.items if fate_of(item, desired) in {Effect.DELETES, Effect.STOPS}}
        notes += [
            f"objects in account {account} are deleted there, and not looked for afterwards"
            for account in sorted(blind - {observed.own, observed.reached, ""})
        ]
    adopted = [item for item in choice.items if item.live and item.adopted and item.policy.source != "object"]
    if desired.delete_aws and adopted:
        notes.append(f"{len(adopted)} adopted objects stay in AWS: they were there before ACK")
    begun = [item for item in choice.items if item.terminating and item.live and not desired.orphan]
    if begun and not desired.delete_aws:
        notes.append(
            f"{bindings.told(begun, MOST_TOLD)}: deleted before, without retain; what the controller has begun in AWS "
            "is not taken back"
        )
    for seen in observed.roles if desired.iam else ():
        losing = [item for item in choice.items if seen.arn in item.roles and fate_of(item, desired) is Effect.LEAVES]
        if losing and seen.owned(observed.cluster_arn):
            words = "stays in AWS and loses its" if len(losing) == 1 else "stay in AWS and lose their"
            notes.append(f"{bindings.told(losing, MOST_TOLD)} {words} role {seen.arn}")
    notes += [f"{what} could not be looked at" for what in inventory.forbidden]
    notes += [f"not looked at in IAM: {why}" for why in observed.denied]
    return notes


def run(settings: Settings, ui: Output, desired: Desired, confirm: str) -> int:
    """Look, plan, ask, carry out, and look once more. Exit 4 when something is left."""
    run = settings.run.model_copy(update={"wait": True})  # a controller that comes back has objects to let go of
    if desired.orphan and desired.delete_aws:
        raise AcksmError(
            "config-invalid", "--orphan leaves everything in AWS, and --delete-aws deletes it", where="--orphan"
        )
    try:
        target = connect(settings.target, run)
    except AcksmError as error:
        if error.id != "cluster-unknown" or not (desired.iam or desired.oidc):
            raise
        ui.emit(Event(Kind.WARNING, "note", f"{error.message}: only what is in IAM is looked at"))
        return _run_without_cluster(settings, ui, desired, confirm)
    with target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        other = carm_accounts.session(target, settings.other_account) if desired.carm or desired.delete_aws else None
        observed = _look(target, settings, desired, other, ui.emit)
        choice = cleanup_objects.choose(observed.inventory, desired.services)
        cluster.check_releases(
            observed, desired, sure=lambda: run.yes or lease.is_held(target.kube, observed.namespace)
        )
        repaired = repair.plan(target, settings.controllers, settings.role, observed, choice, desired, ui.emit)
        planned = plan(repaired.observed, desired, choice, made=repaired.made)

        def again() -> Planned:
            after = _look(target, settings, with_made(desired, repaired.made), other, ui.emit)
            chosen = cleanup_objects.choose(after.inventory, desired.services)
            return plan(after, desired, chosen, made=repaired.made)

        changes = (*repaired.changes, *planned.changes)
        ending = Ending(planned, facts(planned, desired), again, executed=bool(changes) and not run.dry_run)
        whole = Plan(COMMAND, changes, planned.notes, ending.facts())
        table = _dispatch(target, observed, other, ui.emit)
        _check_far(other, changes, run)
        return apply_plan(
            target,
            ui,
            whole,
            table,
            ending.text,
            dry_text=inventory_text(ending.told, planned.kept, ui.table),
            manifests=repaired.manifests,
            code=ending.code,
            confirm=confirm,
        )


def _look(target: Target, settings: Settings, desired: Desired, other: Aws | None, emit: Emit) -> Observed:
    emit(Event(Kind.PROGRESS, "observe", "looking at the account and the cluster"))
    observed = observation.observe(target, settings.role, settings.other_account, desired, other)
    emit(Event(Kind.PROGRESS, "observe", ""))
    return observed


def _check_far(other: Aws | None, changes: Sequence[Change], run: RunSettings) -> None:
    """Check permissions in the other account before the first write, as `apply_plan` does in the cluster's own.
    Error: `aws-access-denied`."""
    far = [change for change in changes if change.call.startswith(OTHER_ACCOUNT)]
    if other is not None and far and not run.dry_run:
        rights.check_iam(other.iam, other.identity().arn, far)


def _dispatch(target: Target, observed: Observed, other: Aws | None, emit: Emit) -> dict[str, Callable[..., object]]:
    from acksm.guide.carm import bind

    accounts = {observed.reached: other} if other else {}
    calls = Calls(
        target.kube,
        target.aws,
        target.identity.account,
        target.deadline,
        emit,
        observed.namespace,
        accounts,
    )
    far = {f"{OTHER_ACCOUNT}{call}": work for call, work in other.dispatch_table().items()} if other else {}

    def delete(kind: str, name: str, namespace: str = "") -> None:
        target.kube.delete(ref(kind, name, namespace))

    def uninstall(release: str, namespace: str, kinds: object) -> None:  # `kinds` is for the check of rights
        target.releases.uninstall(release, namespace, seconds=target.deadline.remaining)

    return {
        **bind.dispatch(target, emit),
        **install.dispatch(target, emit),
        **far,
        **calls.table(),
        "kube.delete": delete,
        "helm.uninstall": uninstall,
    }


def _run_without_cluster(settings: Settings, ui: Output, desired: Desired, confirm: str) -> int:
    """What acksm made in IAM for a cluster that EKS has no more: known by its tags."""
    target = without_cluster(settings.target, settings.run)
    other = carm_accounts.session(target, settings.other_account) if desired.carm else None

    def look() -> Observed:
        arn = target.cluster.arn
        far = [observation.role_seen(other, settings.other_account.target_role_name)] if other else []
        names = [install.role_name(target, settings.role), sample_roles.name(target.cluster.name)]
        found = observation.providers(target.aws, arn, "", scan=desired.oidc)
        return Observed(
            Inventory(),
            settings.target.controller_namespace,
            target.identity.account,
            arn,
            roles=tuple(observation.role_seen(target.aws, name) for name in names),
            far=tuple(far),
            reached=other.identity().account if other else "",
            providers=found,
        )

    def planned() -> Planned:
        changes, kept = plan_iam(look(), desired)
        return Planned(tuple(changes), tuple(kept))

    first = planned()
    ending = Ending(first, facts(first, desired), planned, executed=bool(first.changes) and not settings.run.dry_run)
    whole = Plan(COMMAND, first.changes, (), ending.facts())
    far = {f"{OTHER_ACCOUNT}{call}": work for call, work in other.dispatch_table().items()} if other else {}
    table = {**target.aws.dispatch_table(), **far}
    _check_far(other, first.changes, settings.run)
    return apply_plan(target, ui, whole, table, ending.text, code=ending.code, confirm=confirm, lock=False)
