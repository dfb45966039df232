"""An export kept by Argo CD's own application controller and repository server, from an empty cluster to an empty one.
Each test goes on where the one before it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest

from acksm import yaml_reader
from acksm.kube.paths import ref
from acksm.sandbox import git_host
from kept_cluster import NAMESPACE, SERVICES, Kept

pytestmark = [pytest.mark.gitops, pytest.mark.timeout(1800)]
REPOSITORY = "kept/argocd.git"
REPO = ("--repo", f"https://{git_host.HOST}/{REPOSITORY}", "--repo-path", "export")
KIND = "applications.argoproj.io"
CONTROLLER = "system:serviceaccount:argocd:argocd-application-controller"
REFRESH = "argocd.argoproj.io/refresh"


@pytest.fixture(scope="module")
def argo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    kept = Kept.open("argocd", tmp_path_factory.mktemp("argocd"))
    yield kept
    kept.close()


def applications(kept: Kept) -> dict[str, Any]:
    return kept.of_engine("argoproj.io/v1alpha1", "applications")


def states(kept: Kept) -> dict[str, Any]:
    """What each Application says: sync, health and the last operation, the revision, and conditions such as
    SharedResourceWarning."""
    found = {}
    for name, item in applications(kept).items():
        status = item.get("status") or {}
        sync, health = status.get("sync") or {}, status.get("health") or {}
        operation = "Running" if "operation" in item else (status.get("operationState") or {}).get("phase")
        warnings = [f"{one['type']}: {one['message']}" for one in status.get("conditions") or ()]
        found[name] = (sync.get("status"), health.get("status"), operation, sync.get("revision"), warnings)
    return found


def synced(kept: Kept, commit: str) -> None:
    """Wait until every Application has synced that commit and is healthy, without a warning. Argo CD tracks no CRDs:
    that one is established it sees when it looks again, by itself after two to three minutes; a refresh is sooner."""
    expected: tuple[Any, ...] = ("Synced", "Healthy", "Succeeded", commit, [])
    names = {item.stem for item in (kept.folder / "argocd" / "apps").glob("ack-*.yaml")} | {"ack"}
    looks = count(1)

    def done() -> bool:
        if next(looks) % 20 == 0:
            kept.kubectl("annotate", "--overwrite", KIND, "--all", "-n", "argocd", f"{REFRESH}=normal")
        return states(kept) == dict.fromkeys(names, expected)

    kept.until(done, lambda: states(kept))


def refresh(kept: Kept, how: str = "normal") -> None:
    """As `argocd app get --refresh` does, and wait until it was done."""
    kept.kubectl("annotate", "--overwrite", KIND, "--all", "-n", "argocd", f"{REFRESH}={how}")
    kept.until(
        lambda: not any(REFRESH in item["metadata"].get("annotations", {}) for item in applications(kept).values()),
        lambda: states(kept),
    )


def sync(kept: Kept) -> None:
    """As `argocd app sync` does with every Application, and wait until it was done."""
    before = {name: item["status"]["operationState"]["startedAt"] for name, item in applications(kept).items()}
    operation = {"operation": {"sync": {"syncOptions": ["ServerSideApply=true"]}}}
    for name in before:
        kept.kubectl("patch", KIND, name, "-n", "argocd", "--type", "merge", "--patch", json.dumps(operation))

    def done() -> bool:
        found = applications(kept)
        return all(
            "operation" not in item
            and item["status"]["operationState"]["startedAt"] != before[name]
            and item["status"]["operationState"]["phase"] == "Succeeded"
            for name, item in found.items()
        )

    kept.until(done, lambda: states(kept))


def versions(kept: Kept) -> dict[str, Any]:
    """What changes with an object; of one that others give a state, only with its spec."""
    found = {str(one): (kept.world.kube.get(one) or {})["metadata"] for one in kept.exported()}
    return {
        name: (item["uid"], item["generation"] if name.startswith("Deployment") else item["resourceVersion"])
        for name, item in found.items()
    }


def delete(kept: Kept, names: Sequence[str]) -> None:
    kept.kubectl("delete", KIND, "-n", "argocd", *names)


def controllers(kept: Kept) -> list[str]:
    return [name for name in applications(kept) if name.endswith("-controller")]


def test_an_export_is_synced_wave_by_wave(argo: Kept) -> None:
    """Argo CD reads the export from a private Git repository; each wave waits for the one before it, with the health of
    Applications as README.md has it."""
    argo.export(*REPO)
    commit = argo.push_git(REPOSITORY)
    user, password = argo.git_login
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "git", "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"type": "git", "url": REPO[1], "username": user, "password": password},
    }
    argo.kubectl("apply", "-n", "argocd", "-f", "-", given=json.dumps(secret))
    health = (argo.folder / "README.md").read_text().split("```yaml\n", 1)[1].split("```", 1)[0]
    assert list(yaml_reader.load(health)) == ["data"]
    argo.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--type", "merge", "--patch", health)
    (command,) = argo.readme("Argo CD")
    assert command.startswith("kubectl ")
    argo.kubectl(*command.split()[1:])
    synced(argo, commit)
    assert argo.running()
    assert all(argo.uids().values())
    first: dict[str, int] = {}
    for place, (user, _, path) in enumerate(argo.writes()):
        if user == CONTROLLER:
            first.setdefault(path, place)

    def of(part: str) -> list[int]:
        found = [place for path, place in first.items() if part in path]
        assert found
        return found

    deployments = of(f"/namespaces/{NAMESPACE}/deployments/")
    assert len(deployments) == len(SERVICES)
    assert max(of("/customresourcedefinitions/")) < min(deployments), "a controller before its CRDs"
    assert first[f"/api/v1/namespaces/{NAMESPACE}"] < min(of("/customresourcedefinitions/"))
    kept_by = sorted(
        (resource["name"], name)
        for name, item in applications(argo).items()
        for resource in item["status"]["resources"]
        if resource["kind"] == "CustomResourceDefinition"
    )
    names = [name for name in argo.objects("CustomResourceDefinition") if name.endswith(".services.k8s.aws")]
    services = {name: name.split(".")[1] for name in sorted(names)}
    expected = {name: "common" if service == "services" else service for name, service in services.items()}
    assert kept_by == [(name, f"ack-{layer}-crds") for name, layer in expected.items()], "each CRD in one Application"


def test_install_has_nothing_to_do(argo: Kept) -> None:
    run = argo.acksm("install", "--dry-run", "-o", "json").ok()
    assert run.data["changes"] == []
    assert argo.acksm("export", "--check", str(argo.folder)).exit_code == 0
    for row in argo.acksm("status", "-o", "json").ok().data["controllers"]:
        assert row["kept_by"]["described"] == f"Argo CD Application ack-{row['service']}-controller"
    checks = {one["id"]: one["state"] for one in argo.acksm("doctor", "-o", "json").ok().data["checks"]}
    assert checks["check.engine"] == "ok"


def test_a_second_sync_changes_nothing(argo: Kept) -> None:
    """Nor does a hard refresh: what the apiserver adds to the objects is no difference."""
    before = versions(argo)
    sync(argo)
    refresh(argo, "hard")
    assert versions(argo) == before
    assert {state[:3] for state in states(argo).values()} == {("Synced", "Healthy", "Succeeded")}


def test_an_object_gets_in_sync(argo: Kept) -> None:
    made = argo.model("kept")
    argo.until(lambda: argo.synced(made), lambda: argo.world.kube.get(made))
    assert argo.models() == ["kept"]


def test_a_change_recreates_nothing(argo: Kept) -> None:
    """A setting is changed, exported and pushed again: Argo CD applies it to the same objects."""
    before = argo.uids()
    argo.export(*REPO, "--set", "log.level=debug")
    assert argo.acksm("export", "--check", str(argo.folder)).exit_code == 0
    commit = argo.push_git(REPOSITORY)
    refresh(argo)
    synced(argo, commit)
    assert argo.uids() == before
    for deployment in argo.objects("Deployment", NAMESPACE).values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        words = container["args"]
        assert words[words.index("--log-level") + 1] == "debug"
    assert argo.models() == ["kept"]


def test_the_application_over_them_creates_the_others_again(argo: Kept) -> None:
    """So it goes first when they are deleted."""
    (name, *_) = controllers(argo)
    commit = states(argo)["ack"][3]
    before = applications(argo)[name]["metadata"]["uid"]
    delete(argo, [name])
    synced(argo, commit)
    assert applications(argo)[name]["metadata"]["uid"] != before


def test_without_controllers_an_object_stays_until_they_are_back(argo: Kept) -> None:
    """Deleting the controllers' Applications deletes no object; one that is deleted then keeps its finalizer, and its
    AWS resource, until the export is applied again."""
    made = ref("Model", "kept", "default")
    delete(argo, ["ack", *controllers(argo)])
    assert not argo.objects("Deployment", NAMESPACE)
    argo.world.kube.delete(made)
    going = argo.world.kube.get(made)
    assert going
    assert going["metadata"]["deletionTimestamp"]
    assert going["metadata"]["finalizers"]
    assert argo.models() == ["kept"]
    argo.kubectl("apply", "-f", "argocd/root.yaml")
    argo.until(lambda: argo.world.kube.get(made) is None, lambda: states(argo))
    assert argo.models() == []


def test_what_is_deleted_in_order_leaves_nothing(argo: Kept) -> None:
    """The Application over the others, the controllers', the others, then what no engine deletes: as README.md says."""
    delete(argo, ["ack"])
    delete(argo, controllers(argo))
    delete(argo, list(applications(argo)))
    left = {name.partition(" ")[0] for name, uid in argo.uids().items() if uid}
    assert left == {"CustomResourceDefinition", "Namespace"}, "CRDs and namespaces outlive the engine"
    argo.kubectl("delete", "crd,namespaces", "-l", "acksm.dev/export")
    assert not any(argo.uids().values())
