"""README.md of an export: what the engine needs, the order, deletion, and what files cannot express. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from acksm.guide.export.layers import Layer
from acksm.guide.export.reading import Source
from acksm.guide.export.repository import Repository
from acksm.guide.identity import policies

STACK = "acksm-iam"  # and the cluster: an account and region may have several
# What an engine reads a folder with, where the export has no such object
_OWN = {
    "flux": "a Kustomization of Flux over this folder, with `prune: true` and `wait: true`",
    "argocd": "an Application of Argo CD over this folder, as an ApplicationSet creates it, with sync option "
    "`ServerSideApply=true` and finalizer `resources-finalizer.argocd.argoproj.io/background`",
}


def text(source: Source, layers: Sequence[Layer], engine: str, at: Repository | None, *, has_iam: bool) -> str:
    """The page, for an engine of `files.ENGINES`."""
    parts = [_head(source, engine), _iam(source, has_iam=has_iam)]
    if engine in _OWN and at is None:
        parts.append(_bare(engine))
    elif engine == "flux":
        parts.append(_flux(at))
    elif engine == "argocd":
        parts.append(_argocd(at))
    elif engine == "kustomize":
        parts.append(_kustomize(layers))
    if layers:
        parts += [_layers(layers), _deletion(source, engine, bare=at is None), _limits(source, engine)]
    parts.append(_checked())
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


def _head(source: Source, engine: str) -> str:
    rows = "".join(
        f"| {one.service} | {one.name} {one.version} | {one.manifest_digest or one.digest} |\n" for one in source.charts
    )
    return f"""
# ACK controllers of cluster {source.cluster.name}

Written by `acksm export --to {engine}`; do not edit these files, but export again. EXPORT.json has the settings and
the digest of each file.

| Service | Chart | Digest |
|---|---|---|
{rows}"""


def _iam(source: Source, *, has_iam: bool) -> str:
    if not has_iam:
        return f"""
## IAM

No template: the controllers use role {source.iam.role_arn}, which is another owner's."""
    region, provider = source.cluster.region, ""
    stack = f"{STACK}-{source.cluster.name}".replace("_", "-")
    if source.iam.provider is not None:
        provider = f"""
Where the account already has the cluster's OIDC provider (`aws iam list-open-id-connect-providers` lists
{source.iam.provider.url.removeprefix("https://")}), add `--parameter-overrides CreateOIDCProvider=false`.
"""
    linked = ""
    if source.iam.role is not None and source.iam.role.service_linked:
        linked = f"""
Once per account, unless {policies.SERVICE_LINKED_ROLE} exists (a template cannot say "unless it exists"):

```sh
aws iam create-service-linked-role --aws-service-name {source.iam.role.service_linked}
```
"""
    return f"""
## IAM first

```sh
aws cloudformation deploy --region {region} --stack-name {stack} --template-file iam.yaml \\
  --capabilities CAPABILITY_NAMED_IAM
```
{provider}{linked}
A role of that name that exists, from `acksm install` for example, makes the stack fail: import it into a stack, or
export with `--role-arn {source.iam.role_arn}`. Everything in the template is retained when its stack is deleted.
"""


def _bare(engine: str) -> str:
    return f"""
## Apply

By {_OWN[engine]}. `kustomization.yaml` has all layers: the engine applies namespaces and CRDs before the controllers.

There is no helm release, so `helm list` shows nothing.
"""


def _flux(at: Repository | None) -> str:
    where = _push(at, "flux push artifact URL:TAG --path=. --source=GIT_URL --revision=REVISION")
    return f"""
## Flux

Flux 2.4 or newer: its source-controller and kustomize-controller, in namespace flux-system. {where} Then

```sh
kubectl apply -k flux
flux get kustomizations
```

A private repository needs a Secret that the source names; add `spec.secretRef` with a patch in your own Kustomization
over flux/, not in these files. There is no helm release, so `helm list` shows nothing.
"""


def _argocd(at: Repository | None) -> str:
    where = _push(at, "oras push URL:TAG .   (Argo CD 3.1 or newer reads OCI)")
    return f"""
## Argo CD

Argo CD 3.0 or newer, in namespace argocd of this cluster, with permission for its project `default` to use the
repository. {where} Then

```sh
kubectl apply -f argocd/root.yaml
```

A private repository needs a Secret with label `argocd.argoproj.io/secret-type: repository`
(https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#repositories).

In ConfigMap argocd-cm, `application.resourceTrackingMethod` is `annotation` (the default since 3.0). With `label` Argo
CD overwrites `app.kubernetes.io/instance`, by which the controllers' Deployments select their pods.

Waves are two seconds apart, and none waits for the one before it: a controller restarts until its CRDs are established.
To have them wait, give Applications a health that counts for the Application over them, in argocd-cm:

```yaml
data:
  resource.customizations.health.argoproj.io_Application: |
    hs = {{status = "Progressing", message = ""}}
    if obj.status ~= nil and obj.status.sync ~= nil and obj.status.health ~= nil then
      if obj.status.sync.status == "Synced" and obj.status.health.status == "Healthy" then
        hs.status = "Healthy"
      end
    end
    return hs
```

The health of Argo CD's own page is not enough: an Application is Healthy before its CRDs exist, and Degraded until
they are established, by which the sync of the Application over it fails.

There is no helm release, so `helm list` shows nothing.
"""


def _push(at: Repository | None, command: str) -> str:
    if at is None:
        return ""
    place = f"`{at.path}` of " if at.path else ""
    if at.is_oci:
        return f"The files are to be in {place}{at.url}, for example by: {command}"
    return f"Commit the files to {place}{at.url}, {at.revision_kind} {at.revision}."


def _kustomize(layers: Sequence[Layer]) -> str:
    first = [layer for layer in layers if layer.kept]
    rest = [layer for layer in layers if not layer.kept]
    lines = [f"kubectl apply --server-side -k {layer.path}" for layer in first]
    lines += [
        f"kubectl kustomize {layer.path} | kubectl wait --for=condition=Established --timeout=60s -f -"
        for layer in first
        if layer.order in {1, 2}
    ]
    lines += [f"kubectl apply --server-side -k {layer.path}" for layer in rest]
    lines += [
        f"kubectl -n {namespace} rollout status deployment/{name} --timeout=5m"
        for layer in rest
        for namespace, name in layer.deployments
    ]
    commands = "\n".join(lines)
    return f"""
## kubectl

kubectl 1.27 or newer, in this order, so that the CRDs are established before their controllers start:

```sh
{commands}
```

`kubectl apply --server-side -k .` applies everything in one pass, in the same order but without the waits: a controller
may restart until its CRDs are established. Objects that are no longer exported are not deleted by it. There is no helm
release, so `helm list` shows nothing.
"""


def _layers(layers: Sequence[Layer]) -> str:
    rows = "".join(
        f"| {layer.path} | {layer.name} | {', '.join(layer.needs) or '-'} | {'no' if layer.kept else 'yes'} |\n"
        for layer in layers
    )
    return f"""
## Layers

| Folder | Name | After | Deleted by the engine |
|---|---|---|---|
{rows}
Every ACK chart has the common CRDs. A cluster has them once: a second export or chart that applies them too would
change them in turn with this one.
"""


_APPLICATIONS = "the Applications, the one over the others first, then the controllers'"


def _deletion(source: Source, engine: str, *, bare: bool) -> str:
    how = {
        "flux": "Then delete the Kustomizations, the controllers' first: what they applied is pruned, except CRDs and "
        "namespaces. A Kustomization that is suspended when it is deleted prunes nothing.",
        "argocd": f"Then delete {'its Application' if bare else _APPLICATIONS}: by kubectl, or with "
        "`--propagation-policy background` in the argocd command, whose default is foreground: that removes ACK's "
        "objects before their controller has deleted the AWS resources.",
        "kustomize": "Then `kubectl delete -k` of the controllers' folders. Never use `kubectl delete -k .`: it "
        "deletes the CRDs, and with them every object of theirs.",
        "cloudformation": "",
    }[engine]
    option = f"--cluster {source.cluster.name} --region {source.cluster.region}"
    return f"""
## Deletion

ACK's objects first, while the controllers run, or their finalizers keep them in Terminating: delete them in Git, or see
what exists with `acksm cleanup {option} --dry-run`. {how}

CRDs and namespaces are kept by every engine. Delete them by hand when no object of theirs is left:
`kubectl get crd -l acksm.dev/export`.
"""


def _limits(source: Source, engine: str) -> str:
    engines = {"flux": "Flux", "argocd": "Argo CD", "kustomize": "kubectl", "cloudformation": "CloudFormation"}
    lines = [
        "The Lease by which two runs of acksm exclude each other: Git's history takes its place.",
        "One deadline for everything (`--timeout`): each layer has its own.",
        "The proof that pods have the role: `acksm doctor` reports it.",
        f"Checks before the first write, such as nodes, quotas and admission: {engines[engine]} reports what fails.",
    ]
    if source.watched:
        lines.append(f"Namespaces that are watched and not created here have to exist: {', '.join(source.watched)}.")
    unpinned = [one.reference for one in source.images if not one.digest]
    if unpinned:
        lines.append(f"Images without a digest, as their registry did not answer: {', '.join(unpinned)}.")
    return "\n## What files cannot express\n\n" + "".join(f"- {line}\n" for line in lines)


def _checked() -> str:
    return """
## In CI

`acksm export --check DIR` exits with 10 and shows a diff when these files are not what acksm would write.
"""
