"""README.md of a fleet's export: its clusters, the rollout, deletion, and what files cannot express. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acksm.fleet.applicationset import PATH, Destinations, Element, folder_of
from acksm.fleet.file import Fleet
from acksm.fleet.rollout import Step, allowed
from acksm.guide.export import argocd
from acksm.guide.export.repository import Repository
from acksm.words import counted, duration

_ENABLED = '{"data": {"applicationsetcontroller.enable.progressive.syncs": "true"}}'


def text(
    fleet: Fleet,
    rollout: Sequence[Step],
    engine: str,
    at: Repository | None = None,
    name: str = "",
    found: Sequence[Element] = (),
    destinations: Destinations | None = None,
) -> str:
    """The page. Of an ApplicationSet where there is one: its `name`, `found` clusters and `destinations`."""
    applications = {one.member.id: one for one in found}
    parts = [_head(rollout, engine, applications), _iam()]
    if at is not None and destinations is not None:
        parts += [_argocd(at, name, destinations), _rollout(rollout), _deletion(), _limits(fleet, rollout)]
    else:
        parts.append(_alone())
    parts.append(_checked())
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _head(rollout: Sequence[Step], engine: str, applications: Mapping[str, Element]) -> str:
    title = counted(sum(len(step.members) for step in rollout), "cluster")
    header = ("Wave", "Directory", *(("Application", "Destination") if applications else ()))
    rows = []
    for step in rollout:
        for one in step.members:
            element = applications.get(one.id)
            more = (element.application, element.destination) if element else ()
            rows.append((step.wave.name, folder_of(one), *more))
    table = [header, ("---",) * len(header), *rows]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in table)
    return f"""
# ACK controllers of {title}

Written by `acksm export --fleet --to {engine}`; do not edit these files, but export again. Each directory is the export
of one cluster, with a README.md of its own.

{lines}
"""


def _iam() -> str:
    return """
## IAM first

Each cluster's `iam.yaml` in its own account and region, by the command in its README.md. Without their role the
controllers do not become ready.
"""


def _alone() -> str:
    return """
## Apply

Each cluster by itself, as its README.md says: the waves of the fleet are not part of these files.
"""


def _argocd(at: Repository, name: str, destinations: Destinations) -> str:
    where = f"`{at.path}` of {at.url}" if at.path else at.url
    return f"""
## Argo CD

Argo CD 3.0 or newer (3.1 for oci://), in namespace {argocd.NAMESPACE} of the hub cluster. Its project `default` may use
the repository and the clusters. Before the first sync:

- The files are in {where}, revision {at.revision}.
- Each cluster is registered, and its {destinations.key} is the destination above: `argocd cluster list`. Other ones are
  set by `--destination`.
- In ConfigMap argocd-cm `application.resourceTrackingMethod` is `annotation` (the default since 3.0). With `label`
  Argo CD overwrites `app.kubernetes.io/instance`, by which the controllers' Deployments select their pods.
- Progressive syncs are enabled, which is not the default. Without them nothing is synced:

```sh
kubectl -n {argocd.NAMESPACE} patch configmap argocd-cmd-params-cm --type merge -p '{_ENABLED}'
kubectl -n {argocd.NAMESPACE} rollout restart deployment/argocd-applicationset-controller
```

## Apply

```sh
kubectl apply --server-side -f {PATH}
```

`kubectl -n {argocd.NAMESPACE} get applicationset {name} -o yaml` has the step of each Application in its status. A
changed fleet is exported again, and the ApplicationSet applied again.
"""


def _rollout(rollout: Sequence[Step]) -> str:
    rows = "".join(
        f"| {number} | {step.wave.name} | {len(step.members)} | {step.wave.concurrency} |\n"
        for number, step in enumerate(rollout, 1)
    )
    return f"""
## Rollout

| Step | Wave | Clusters | At a time |
|---|---|---|---|
{rows}
A step begins when every Application of the steps before it is Synced and Healthy. Argo CD never syncs them
automatically: the ApplicationSet controller does, a change in a cluster is reverted in the same order, and one cluster
that is not Healthy holds all later waves. Within a cluster namespaces and CRDs are applied before the controllers.

Objects that are no longer exported are not pruned, and their Application is OutOfSync until they are:
`argocd app sync NAME --prune`. CRDs and namespaces are kept.
"""


def _deletion() -> str:
    return """
## Deletion

A cluster that the fleet no longer has keeps its Application, its directory and its controllers, and so do all when
the ApplicationSet is deleted with kubectl's default, `--cascade=background`. (A controller with `--policy` needs
`--enable-policy-override` for this.) To uninstall ACK from a cluster:

1. Remove it from the fleet, export, and apply the ApplicationSet.
2. Delete ACK's objects while the controllers run: see what exists with `acksm cleanup --dry-run`.
3. `argocd app delete NAME --propagation-policy background`: a foreground deletion removes ACK's objects before
   their controller has deleted the AWS resources.
4. Delete its directory. CRDs and namespaces remain: `kubectl get crd -l acksm.dev/export`.
"""


def _limits(fleet: Fleet, rollout: Sequence[Step]) -> str:
    lines = [
        f"`writers-per-account: {fleet.writers_per_account}`: a step counts Applications, whatever their account.",
        "An Application that Argo CD cannot compare (sync status Unknown: repository or cluster cannot be read) "
        "does not delay later waves.",
        "Discovery: clusters are those of the time of the export.",
        "The Lease by which two runs of acksm exclude each other: Git's history takes its place.",
    ]
    for step in rollout:
        wave = step.wave
        if most := allowed(wave.max_failures, len(step.members)):
            lines.append(f"`max-failures` of wave {wave.name}, {most}: no cluster may fail, or later waves wait.")
        if wave.soak:
            lines.append(
                f"`soak` of wave {wave.name}, {duration(wave.soak)}: the next wave begins as soon as all are Healthy."
            )
    return "\n## What files cannot express\n\n" + "".join(f"- {line}\n" for line in lines)


def _checked() -> str:
    return """
## In CI

`acksm export --check DIR` exits with 10 and shows a diff when these files are not what acksm would write.
"""
