"""The apiserver in memory with what a cluster does by itself: what `tests/memory_world.py` is made of."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import discovery_document
from acksm.errors import AcksmError
from acksm.kube import paths
from acksm.kube.api import Keep, whole
from acksm.kube.paths import Ref, ref, ref_of
from acksm.live import running
from acksm.live.readiness import AGENT_ENV
from memory_account import ROLE_ANNOTATION, Fuse
from memory_kube import Json, MemoryKube, _merged, copied


class MemoryCluster(MemoryKube):
    """Adds what the cluster itself does: readiness, cascades, controllers that let go, and lists by label."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__(lambda request: fuse.burn(request) if request not in {"get", "list"} else None)
        self.in_aws: set[str] = set()  # AWS objects that controllers made
        self.associated: Callable[[str, str], bool] = lambda _namespace, _account: False
        self._count = 0
        self._settling = threading.RLock()

    def put(self, manifest: Mapping[str, Any], manager: str = "kubectl") -> None:
        self._count += 1
        made = {**manifest, "metadata": {"uid": f"uid-{self._count}", **manifest["metadata"]}}
        super().put(made, manager)
        self.settle(ref_of(made))

    def list(
        self, ref: Ref, *, selector: str = "", field: str = "", metadata_only: bool = False, keep: Keep = whole
    ) -> list[Json]:
        self.gate("list")
        with self._settling:
            found = [item for item in self._listed(ref) if _selected(item, selector)]
        return [keep(copied({"metadata": item["metadata"]} if metadata_only else item)) for item in found]

    def apply(
        self, manifest: Mapping[str, Any], force: bool = False, dry_run: bool = False, *, manager: str = ""
    ) -> Json:
        """What `manifest` says is so afterwards; keys of others stay."""
        location = ref_of(manifest)
        if dry_run:
            tried: Json = _merged(self.objects.get(location.path) or {}, manifest)
            return tried
        if location.path not in self.objects:
            return super().apply(manifest, force)
        body = {key: value for key, value in manifest.items() if key not in {"metadata"}}
        metadata = {k: manifest["metadata"].get(k) for k in ("labels", "annotations") if manifest["metadata"].get(k)}
        live = self.objects[location.path]
        try:
            if "spec" in body:
                self.objects[location.path] = {**live, "spec": {}}
            return self.patch(location, {**body, "metadata": metadata})
        except BaseException:  # killed before the write
            self.objects[location.path] = live
            raise

    def patch(self, ref: Ref, body: Mapping[str, Any]) -> Json:
        super().patch(ref, body)
        self.settle(ref)
        return copied(self.objects.get(ref.path) or {})

    def delete(self, ref: Ref, resource_version: str = "", uid: str = "") -> None:
        super().delete(ref, resource_version, uid)
        self.settle(ref)

    def restart(self, namespace: str, deployment: str) -> None:
        self._count += 1
        self.patch(ref("Deployment", deployment, namespace), {"spec": {"template": {"restarted": str(self._count)}}})

    def watch(self, ref: Ref, *, selector: str = "", **_: object) -> Iterator[Json]:
        yield from self.list(ref, selector=selector)

    def read(self, path: str, _accept: str = "") -> Json:
        """Discovery: every namespaced kind of the table; of one group version, what its CRDs say."""
        if path.count("/") > 1:
            with self._settling:
                crds = [item for item in self.objects.values() if item.get("kind") == "CustomResourceDefinition"]
            return discovery_document.of_crds(path, [item for item in crds if "group" in item.get("spec", {})])
        groups: dict[str, list[Json]] = {}
        for kind in [name for name in paths._KNOWN if paths._KNOWN[name][2]]:
            location = ref(kind)
            if location.api_version.startswith("v1") is (path == "/api"):
                verbs = ["list", "delete"]
                item = {
                    "resource": location.plural,
                    "scope": "Namespaced",
                    "verbs": verbs,
                    "responseKind": {"kind": kind},
                }
                groups.setdefault(location.api_version, []).append(item)
        items = []
        for version, resources in groups.items():
            group, _, name = version.rpartition("/")
            items.append({"metadata": {"name": group}, "versions": [{"version": name, "resources": resources}]})
        return {"kind": "APIGroupDiscoveryList", "items": items}

    def version(self) -> str:
        return "1.35.4"

    def token(self, *_: str) -> str:
        raise AcksmError("kube-forbidden", "nobody mints tokens here")

    def can(
        self,
        verb: str,
        group: str,
        resource: str,
        namespace: str = "",
        *,
        account: tuple[str, str] | None = None,
        name: str = "",
    ) -> bool:
        """This identity may do everything, a service account what RBAC's objects say."""
        if account is None:
            return True
        return any(
            _grants(self._rules_of(binding), verb, group, resource)
            for binding in self.objects.values()
            if (binding.get("kind") == "ClusterRoleBinding")
            or (binding.get("kind") == "RoleBinding" and namespace and binding["metadata"]["namespace"] == namespace)
            if {"kind": "ServiceAccount", "namespace": account[0], "name": account[1]} in binding["subjects"]
        )

    def _rules_of(self, binding: Json) -> Sequence[Json]:
        role = binding["roleRef"]
        found = self.objects.get(ref(role["kind"], role["name"], binding["metadata"].get("namespace", "")).path)
        return (found or {}).get("rules") or ()

    def logs(self, *_: str, **_more: object) -> str:
        return ""

    def log_lines(self, *_: str, **_more: object) -> Iterator[str]:
        return iter(())

    # what the cluster does by itself

    def settle(self, ref: Ref) -> None:
        """After a write to `ref`: what depends on it follows."""
        with self._settling:
            live = self.objects.get(ref.path)
            if ref.kind == "Deployment":
                self._roll_out(ref, live)
            elif ref.kind == "Namespace" and live is None:
                self._drop(lambda path: f"/namespaces/{ref.name}/" in path)
            elif ref.kind == "CustomResourceDefinition":
                plural, _, group = ref.name.partition(".")
                if live is None:
                    self._drop(lambda path: f"/{group}/" in path and f"/{plural}/" in path)
                elif "status" not in live:
                    true = [{"type": name, "status": "True"} for name in ("NamesAccepted", "Established")]
                    live["status"] = {"conditions": true}
            elif live and live["metadata"].get("deletionTimestamp"):
                self._let_go(live, ref)

    def _drop(self, gone: Callable[[str], bool]) -> None:
        for path in [path for path in list(self.objects) if gone(path)]:  # lanes delete at the same time
            self.objects.pop(path, None)

    def _roll_out(self, location: Ref, live: Json | None) -> None:
        """One pod of the template, with the identity that its service account has now."""
        pod = ref("Pod", f"{location.name}-0", location.namespace)
        if live is None:
            self.objects.pop(pod.path, None)
            return
        template = live["spec"]["template"]
        if live.get("seen") == template:
            return
        live["seen"] = copied(template)
        generation = int(live["metadata"].get("generation", 0)) + 1
        live["metadata"]["generation"] = generation
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), 1)
        live["status"] = {"observedGeneration": generation, **counts}
        account = ref("ServiceAccount", template["spec"]["serviceAccountName"], location.namespace)
        annotations = (self.objects.get(account.path) or {"metadata": {}})["metadata"].get("annotations") or {}
        role = annotations.get(ROLE_ANNOTATION)
        env = [{"name": "AWS_ROLE_ARN", "value": role}, {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/t"}]
        env = env if role else []
        if self.associated(location.namespace, account.name):  # which wins, as in EKS's webhook
            env = [{"name": AGENT_ENV, "value": "http://169.254.170.23/v1/credentials"}]
        self.objects[pod.path] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": pod.name,
                "namespace": pod.namespace,
                "uid": f"pod-{self._count}",
                "labels": dict(template["metadata"]["labels"]),
                "ownerReferences": [{"uid": live["metadata"]["uid"]}],
            },
            "spec": {"containers": [{**template["spec"]["containers"][0], "env": env}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
        for path, item in list(self.objects.items()):  # a controller that starts sees what was deleted meanwhile
            if item["metadata"].get("deletionTimestamp"):
                self._let_go(item, ref_of({"kind": item.get("kind", ""), **item}))
                assert path

    def _let_go(self, live: Json, location: Ref) -> None:
        """A controller of the object's service, where one runs, deletes in AWS unless told otherwise, and lets go."""
        service = location.api_version.partition(".")[0]
        deployments = [item for item in self.objects.values() if item.get("kind") == "Deployment"]
        found = [one for item in deployments if (one := running.from_deployment(item))]
        if not any(one.service == service and one.watches(location.namespace) for one in found):
            return
        if (live["metadata"].get("annotations") or {}).get("services.k8s.aws/deletion-policy") != "retain":
            self.in_aws.discard(str(live["status"]["ackResourceMetadata"]["arn"]))
        self.objects.pop(location.path, None)


def _grants(rules: Sequence[Json], verb: str, group: str, resource: str) -> bool:
    asked = {"verbs": verb, "apiGroups": group, "resources": resource}
    return any(all({value, "*"} & set(rule.get(key) or ()) for key, value in asked.items()) for rule in rules)


def _selected(item: Json, selector: str) -> bool:
    labels = item["metadata"].get("labels") or {}
    many = re.fullmatch(r"(\S+) in \((.*)\)", selector)
    if many:
        return labels.get(many[1]) in many[2].split(",")
    if selector and "=" not in selector:
        return selector in labels
    pairs = [part.partition("=") for part in selector.split(",") if part]
    return all(labels.get(key) == value for key, _, value in pairs)
