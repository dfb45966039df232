"""What is in a namespace, by whatever form of discovery the apiserver has."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.kube import contents
from acksm.kube.paths import Ref

VERBS = ["create", "delete", "get", "list"]
AGGREGATED: dict[str, Any] = {
    "/api": [("", "v1", [("configmaps", "ConfigMap", "Namespaced", VERBS), ("nodes", "Node", "Cluster", VERBS)])],
    "/apis": [
        (
            "apps",
            "v1",
            [
                ("deployments", "Deployment", "Namespaced", VERBS),
                ("controllerrevisions", "ControllerRevision", "Namespaced", ["get"]),
            ],
        ),
        ("events.k8s.io", "v1", [("events", "Event", "Namespaced", VERBS)]),
    ],
}
PLAIN: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": [{"preferredVersion": {"groupVersion": "apps/v1"}}]},
    "/api/v1": [("configmaps", "ConfigMap", True), ("nodes", "Node", False), ("configmaps/status", "ConfigMap", True)],
    "/apis/apps/v1": [("deployments", "Deployment", True)],
}


class Server:
    """Objects by collection, and one of the two forms of discovery."""

    def __init__(
        self, form: str, objects: dict[str, list[dict[str, Any]]], failing: str = "", everywhere: str = ""
    ) -> None:
        self.form, self.objects, self.failing, self.everywhere = form, objects, failing, everywhere
        self.lists: list[str] = []

    def read(self, path: str, _accept: str = "") -> dict[str, Any]:
        if self.form == "aggregated":
            return {"kind": "APIGroupDiscoveryList", "items": [_group(*group) for group in AGGREGATED[path]]}
        found = PLAIN[path]
        if isinstance(found, dict):
            return found
        rows = [{"name": name, "kind": kind, "namespaced": spaced, "verbs": VERBS} for name, kind, spaced in found]
        return {"resources": rows}

    def list(self, ref: Ref, **_options: Any) -> list[dict[str, Any]]:
        self.lists.append(ref.collection)
        if ref.plural == self.failing or (ref.plural == self.everywhere and not ref.namespace):
            raise AcksmError("kube-forbidden", "no")
        return self.objects.get(ref.collection, [])


def _group(name: str, version: str, resources: list[Any]) -> dict[str, Any]:
    items = [
        {"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "verbs": verbs}
        for plural, kind, scope, verbs in resources
    ]
    metadata = {"name": name} if name else {}
    return {"metadata": metadata, "versions": [{"version": version, "resources": items}]}


def look(server: Server) -> contents.Contents:
    return contents.look(server, "team")


@pytest.mark.parametrize("form", ["aggregated", "plain"])
def test_every_kind_is_looked_at_and_what_kubernetes_puts_there_is_not_told(form: str) -> None:
    def named(name: str, **more: Any) -> dict[str, Any]:
        return {"metadata": {"name": name, **more}}

    objects = {
        "/api/v1/namespaces/team/configmaps": [
            named("kube-root-ca.crt"),
            named("mine"),
            named("of-a-pod", ownerReferences=[1]),
        ],
        "/apis/apps/v1/namespaces/team/deployments": [named("web")],
    }
    found = look(Server(form, objects))
    assert [str(location) for location, _ in found.objects] == ["ConfigMap team/mine", "Deployment team/web"]
    assert [location.api_version for location, _ in found.objects] == ["v1", "apps/v1"]
    assert found.unknown == ()


@pytest.mark.parametrize("form", ["aggregated", "plain"])
def test_what_cannot_be_listed_is_named(form: str) -> None:
    assert look(Server(form, {}, "deployments")).unknown == ("deployments.apps",)
    assert look(Server(form, {}, "configmaps")).unknown == ("configmaps",)


@pytest.mark.parametrize("form", ["aggregated", "plain"])
def test_many_namespaces_are_read_by_one_list_of_each_kind(form: str) -> None:
    names = [f"n{number}" for number in range(contents.MANY)]
    objects = {
        "/api/v1/configmaps": [
            {"metadata": {"name": "mine", "namespace": "n3"}},
            {"metadata": {"name": "kube-root-ca.crt", "namespace": "n3"}},
            {"metadata": {"name": "another", "namespace": "of-another-team"}},
        ]
    }
    server = Server(form, objects)
    found = contents.look_at_all(server, names)
    assert sorted(server.lists) == ["/api/v1/configmaps", "/apis/apps/v1/deployments"]
    assert [*found] == names
    assert [str(location) for one in found.values() for location, _ in one.objects] == ["ConfigMap n3/mine"]
    assert {one.unknown for one in found.values()} == {()}


def test_what_may_be_listed_in_each_namespace_only_is_listed_there() -> None:
    names = [f"n{number}" for number in range(contents.MANY)]
    own = {"/api/v1/namespaces/n3/configmaps": [{"metadata": {"name": "mine"}}]}
    server = Server("plain", own, everywhere="configmaps")
    found = contents.look_at_all(server, names)
    assert [str(location) for one in found.values() for location, _ in one.objects] == ["ConfigMap n3/mine"]
    assert {one.unknown for one in found.values()} == {()}
    server = Server("plain", {}, "configmaps")
    assert {one.unknown for one in contents.look_at_all(server, names).values()} == {("configmaps",)}
