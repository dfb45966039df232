"""RBAC over the cluster in memory: each request is allowed by rules of Roles, or denied as the apiserver denies it.

What a request is for the authorizer follows Kubernetes' own reference
(https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb): a namespace that is
named is in itself, a list of one name has that name, and a server-side apply of a new object creates and patches. The
same rules are bound on a real apiserver in tests/sandbox/test_one_namespace.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acksm.errors import AcksmError
from acksm.kube.paths import Ref, ref, ref_of
from memory_cluster import MemoryCluster
from memory_kube import Json


@dataclass(frozen=True)
class Request:
    """`resource` with its subresource, such as pods/log."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    @classmethod
    def of(cls, verb: str, one: Ref, name: str = "") -> Request:
        name = name or one.name
        namespace = name if one.kind == "Namespace" else one.namespace
        return cls(verb, one.api_version.rpartition("/")[0], one.plural, namespace, name)

    def __str__(self) -> str:
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        group = f'resource "{self.resource}" in API group "{self.group}"'
        return f'{self.resource} is forbidden: User "dana" cannot {self.verb} {group} {where}'


def allows(rule: Json, request: Request) -> bool:
    """Whether a rule has the request, wherever it holds. A request to create has no name that could be checked."""
    names = rule.get("resourceNames")
    if names and (request.verb == "create" or request.name not in names):
        return False
    asked = {"verbs": request.verb, "apiGroups": request.group, "resources": request.resource}
    return all({value, "*"} & set(rule[key]) for key, value in asked.items())


@dataclass
class Governed:
    """Only what `rules` allow: (namespace or "" for everywhere, rule). `denied` are the requests that they did not."""

    rules: Sequence[tuple[str, Json]] = ()
    denied: list[Request] = field(default_factory=list)
    on: bool = False
    _inside: threading.local = field(default_factory=threading.local)

    def allowed(self, request: Request) -> bool:
        return any(where in {"", request.namespace} and allows(rule, request) for where, rule in self.rules)

    def check(self, request: Request) -> None:
        if not self.allowed(request):
            self.denied.append(request)
            raise AcksmError("kube-forbidden", str(request))

    def over(self, kube: MemoryCluster) -> None:
        """Let every request to `kube` go through here; what it requests of itself is the cluster's own."""
        asked: Mapping[str, Callable[..., list[Request]]] = {
            "get": lambda one: [Request.of("get", one)],
            "list": lambda one, field="", **_: [Request.of("list", one, field.removeprefix("metadata.name="))],
            "snapshot": lambda one: [Request.of("list", one)],
            "changes": lambda one, *_, **__: [Request.of("watch", one)],
            "watch": lambda one, name="", **_: [Request.of("watch", one, name)],
            "create": lambda manifest, **_: [Request.of("create", _collection(manifest))],
            "apply": lambda manifest, *_, **__: [
                Request.of("patch", ref_of(manifest)),
                *([] if ref_of(manifest).path in kube.objects else [Request.of("create", _collection(manifest))]),
            ],
            "patch": lambda one, *_, **__: [Request.of("patch", one)],
            "delete": lambda one, *_, **__: [Request.of("delete", one)],
            "restart": lambda namespace, deployment: [Request.of("patch", ref("Deployment", deployment, namespace))],
            "logs": lambda where, pod, *_, **__: [Request("get", "", "pods/log", where, pod)],
            "log_lines": lambda where, pod, *_, **__: [Request("get", "", "pods/log", where, pod)],
            "token": lambda where, name, *_: [Request("create", "", "serviceaccounts/token", where, name)],
            "can": lambda *_, **__: [Request("create", "authorization.k8s.io", "subjectaccessreviews")],
        }
        for name, requests in asked.items():
            setattr(kube, name, self._wrapped(getattr(kube, name), requests))
        of_others = kube.can

        def can(
            verb: str,
            group: str,
            resource: str,
            namespace: str = "",
            *,
            account: tuple[str, str] | None = None,
            name: str = "",
        ) -> bool:
            if account or not self.on:
                return of_others(verb, group, resource, namespace, account=account, name=name)
            return self.allowed(Request(verb, group, resource, namespace, name))

        kube.can = can  # type: ignore[method-assign]

    def _wrapped(self, work: Callable[..., Any], requests: Callable[..., list[Request]]) -> Callable[..., Any]:
        def call(*words: Any, **more: Any) -> Any:
            if not self.on or getattr(self._inside, "here", False):
                return work(*words, **more)
            for request in requests(*words, **more):
                self.check(request)
            self._inside.here = True
            try:
                return work(*words, **more)
            finally:
                self._inside.here = False

        return call


def _collection(manifest: Any) -> Ref:
    one = ref_of(manifest)
    return ref(one.kind, "", one.namespace)
