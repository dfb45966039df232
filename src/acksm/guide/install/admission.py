"""Whether the pods of the releases would be created and could start, before the first write: what they refer to
exists, and the apiserver admits them, by a server-side dry run (quotas, limit ranges, Pod Security, classes, webhooks).

The dry run is the caller's, and the real pod is the ReplicaSet controller's: what a webhook answers may differ, so that
is a note. What the apiserver itself decides is the same for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.json_types import Document, Manifest
from acksm.kube.paths import Ref, ref
from acksm.live import causes
from acksm.live.unread import unless_forbidden

_UID = "00000000-0000-0000-0000-000000000000"
Found = list[AcksmError | str]


def check(target: Target, manifests: Sequence[Manifest], namespaces: Document) -> list[str]:
    """Notes on what could not be checked. `manifests` are the releases' objects, `namespaces` the live ones by name.

    Errors: `service-account-missing`, `reference-missing`, `pod-refused`, `kube-webhook-denied`; notes with --no-wait.
    """
    deployments = [item for item in manifests if item["kind"] == "Deployment"]
    if not deployments:
        return []
    home = target.settings.controller_namespace
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = pool.map(lambda one: _Pod(target, one, manifests, home).found(home in namespaces), deployments)
        found = [item for answer in answers for item in answer]
    notes = []
    for item in found:
        if isinstance(item, AcksmError) and target.run.wait:
            raise item
        notes.append(item if isinstance(item, str) else f"{item.message}; {item.remedy}")
    return list(dict.fromkeys(notes))


@dataclass(frozen=True)
class _Pod:
    """The pod of one Deployment that is to be created or changed."""

    target: Target
    deployment: Manifest
    manifests: Sequence[Manifest]
    namespace: str

    def found(self, exists: bool) -> Found:
        """Errors and notes; `exists`: whether the namespace does. A new one has neither quotas nor levels."""
        account = str(self._spec.get("serviceAccountName") or "default")
        live = exists and self._lives(ref("ServiceAccount", account, self.namespace))
        found: Found = []
        if not live and not self._rendered("ServiceAccount", account) and account != "default":
            unknown = f"whether service account {account} exists could not be checked"
            found.append(unknown if live is None else self._no_account(account))
        found += [self._missing(one) for one in self._references() if not self._exists(one, exists)]
        if exists and not found:
            found += self._admission(account if live else "default")
        return found

    @property
    def _spec(self) -> Manifest:
        spec: Manifest = self.deployment["spec"]["template"].get("spec") or {}
        return spec

    @property
    def _where(self) -> str:
        return f"Deployment {self.deployment['metadata']['name']} in namespace {self.namespace}"

    def _no_account(self, account: str) -> AcksmError:
        create = f"kubectl -n {self.namespace} create serviceaccount {account}"
        return AcksmError(
            "service-account-missing",
            f"service account {account} does not exist in namespace {self.namespace}, and the release does not create "
            "it (serviceAccount.create=false): no pod could be created",
            where=self._where,
            remedy=f"acksm install --set serviceAccount.create=true   (or: {create})",
        )

    def _missing(self, one: Ref) -> AcksmError:
        verb = {"Secret": "create secret generic", "ConfigMap": "create configmap"}.get(one.kind)
        return AcksmError(
            "reference-missing",
            f"{one.kind} {one.name} does not exist in namespace {self.namespace}, and the pod of the controller does "
            "not start without it",
            where=self._where,
            remedy=f"kubectl -n {self.namespace} {verb} {one.name} --from-file=KEY=FILE" if verb else "",
        )

    def _references(self) -> Iterator[Ref]:
        """Objects without which no container starts. Those marked as optional are not."""
        seen = dict.fromkeys((kind, name) for kind, name in _referred(self._spec) if name)
        return (ref(kind, name, self.namespace) for kind, name in seen)

    def _exists(self, one: Ref, namespace_exists: bool) -> bool:
        return self._rendered(one.kind, one.name) or (namespace_exists and self._lives(one) is not False)

    def _rendered(self, kind: str, name: str) -> bool:
        return any(item["kind"] == kind and item["metadata"]["name"] == name for item in self.manifests)

    def _lives(self, one: Ref) -> bool | None:
        """Whether the object exists; None for a caller who may not read it."""
        return unless_forbidden(lambda: self.target.kube.get(one) is not None, None)

    def _admission(self, account: str) -> Found:
        """What the apiserver answers to the Deployment and to its pod."""
        kube = self.target.kube
        metadata = {"namespace": self.namespace, **self.deployment["metadata"]}
        found: Found = []
        try:
            kube.apply({**self.deployment, "metadata": metadata}, force=True, dry_run=True)
        except AcksmError as error:
            found += self._answer(error, is_pod=False)
        try:
            kube.create(self._as_pod(account), dry_run=True)
        except AcksmError as error:
            found += self._answer(error, is_pod=True)
        return found

    def _as_pod(self, account: str) -> Manifest:
        """The pod as the ReplicaSet would create it; policies may require an owner."""
        template = self.deployment["spec"]["template"].get("metadata") or {}
        name = str(self.deployment["metadata"]["name"])
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": _UID, "controller": True}
        metadata = {key: template[key] for key in ("labels", "annotations") if template.get(key)}
        metadata |= {"name": f"{name}-acksm", "namespace": self.namespace, "ownerReferences": [owner]}
        # The release's own service account may not exist yet, and does not matter for what else is decided.
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {**self._spec, "serviceAccountName": account},
        }

    def _answer(self, error: AcksmError, *, is_pod: bool) -> Found:
        what = f"the pod of {self._where}" if is_pod else self._where
        unknown = f"whether {what} is admitted could not be checked: {error.message}"
        if error.id == "kube-webhook-denied":
            if is_pod:
                return [f"a webhook or policy denies {what} to this caller, and may deny it later: {error.message}"]
            return [error]
        decided = error.id == "kube-forbidden" and " cannot " not in error.message  # not a missing permission
        if not decided or 'service account "default"' in error.message or "/default: " in error.message:
            return [unknown] if error.id in _UNKNOWN else [error]
        cause = causes.refused(error.message, self.namespace)
        if "exceeded quota" in error.message and self._is_replaced():
            return [f"{self._where} may not fit: {cause.message}"]
        text = f"{what} would not be created: {cause.message}"
        return [AcksmError("pod-refused", text, where=self._where, remedy=cause.remedy)]

    def _is_replaced(self) -> bool:
        """Whether the old pod ends before the new one is created, which frees what it uses."""
        return (self.deployment["spec"].get("strategy") or {}).get("type") == "Recreate"


# What says nothing about the object itself: permissions, webhooks that do not answer or know no dry run.
_UNKNOWN = frozenset({"kube-forbidden", "kube-failed", "kube-invalid", "kube-busy", "kube-conflict", "kube-not-found"})


def _referred(spec: Manifest) -> Iterator[tuple[str, str]]:
    """(kind, name) of the Secrets, ConfigMaps and claims that the pod needs."""
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for source in container.get("envFrom") or []:
            yield from _of_source(source, "secretRef", "configMapRef")
        for variable in container.get("env") or []:
            yield from _of_source(variable.get("valueFrom") or {}, "secretKeyRef", "configMapKeyRef")
    for volume in spec.get("volumes") or []:
        for source in (volume.get("projected") or {}).get("sources") or [volume]:
            yield from _of_source(source, "secret", "configMap")
        claim: Mapping[str, object] = volume.get("persistentVolumeClaim") or {}
        yield "PersistentVolumeClaim", str(claim.get("claimName") or "")


def _of_source(source: Manifest, secret: str, config_map: str) -> Iterator[tuple[str, str]]:
    for kind, key in (("Secret", secret), ("ConfigMap", config_map)):
        named = source.get(key) or {}
        if not named.get("optional"):
            yield kind, str(named.get("name") or named.get("secretName") or "")
