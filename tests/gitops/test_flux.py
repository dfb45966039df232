"""An export kept by Flux's own source-controller and kustomize-controller, from an empty cluster to an empty one. Each
test goes on where the one before it ended."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from acksm.kube.paths import ref
from acksm.sandbox import git_host
from kept_cluster import FLUX_GROUP, HOST, NAMESPACE, REPOSITORY, SERVICES, Kept

pytestmark = [pytest.mark.gitops, pytest.mark.timeout(1200)]
REPO = ("--repo", f"oci://{HOST}/{REPOSITORY}")
KUSTOMIZE = "system:serviceaccount:flux-system:kustomize-controller"


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    kept = Kept.open("flux", tmp_path_factory.mktemp("flux"))
    yield kept
    kept.close()


def layers(kept: Kept) -> dict[str, Any]:
    """Each Kustomization's Ready condition: the revision that it applied, or the message of its failure."""
    found = {}
    for name, item in kept.of_engine(FLUX_GROUP, "kustomizations").items():
        status = item.get("status") or {}
        ready: dict[str, Any] = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), {})
        is_ready = ready.get("status") == "True" and status.get("observedGeneration") == item["metadata"]["generation"]
        found[name] = status.get("lastAppliedRevision") if is_ready else f"failed: {ready.get('message')}"
    return found


def applied(kept: Kept, revision: str) -> None:
    """Wait until each layer has applied that revision."""
    kept.until(lambda: set(layers(kept).values()) == {revision}, lambda: layers(kept))


def reconcile(kept: Kept, source: str) -> None:
    """As `flux reconcile source` asks the source to look again."""
    mark = f"reconcile.fluxcd.io/requestedAt={len(kept.writes())}"
    kept.kubectl("annotate", "--overwrite", "-n", "flux-system", f"{source}/ack", mark)


def apply(kept: Kept, source: str, *secret: str) -> None:
    """Apply the engine's objects, as README.md says of a private repository: with a Secret, and a patch that names
    it. `secret` are the words of `kubectl create secret`, KIND and NAME first."""
    over = kept.home / f"over-{source}"
    over.mkdir()
    patch = {"op": "add", "path": "/spec/secretRef", "value": {"name": secret[1]}}
    document = {
        "resources": ["../export/flux"],
        "patches": [{"target": {"kind": source}, "patch": json.dumps([patch])}],
    }
    (over / "kustomization.yaml").write_text(json.dumps(document))
    kept.kubectl("create", "secret", *secret, "-n", "flux-system")
    kept.kubectl("apply", "-k", str(over))


def delete(kept: Kept) -> None:
    """Delete the Kustomizations, the controllers' first, and then what no engine deletes: as README.md says."""
    names = list(kept.of_engine(FLUX_GROUP, "kustomizations"))
    controllers = [name for name in names if name.endswith("-controller")]
    assert controllers
    for going in (controllers, [name for name in names if name not in controllers]):
        kept.kubectl("delete", "kustomizations.kustomize.toolkit.fluxcd.io", "-n", "flux-system", *going)
    left = {name.partition(" ")[0] for name, uid in kept.uids().items() if uid}
    assert left == {"CustomResourceDefinition", "Namespace"}, "CRDs and namespaces outlive the engine"
    kept.kubectl("delete", "crd,namespaces", "-l", "acksm.dev/export")
    assert not any(kept.uids().values())


def test_an_export_is_applied_layer_by_layer(flux: Kept) -> None:
    """Flux pulls the export from a private registry and applies each layer after those that it needs."""
    flux.export(*REPO)
    digest = flux.push()
    user, _, password = base64.b64decode(flux.login).decode().partition(":")
    login = (f"--docker-username={user}", f"--docker-password={password}")
    apply(flux, "OCIRepository", "docker-registry", "registry", f"--docker-server={HOST}", *login)
    applied(flux, f"latest@{digest}")
    assert flux.running()
    assert all(flux.uids().values())
    paths = [path for user, _, path in flux.writes() if user == KUSTOMIZE]
    crds = [place for place, path in enumerate(paths) if "customresourcedefinitions/" in path]
    deployments = [place for place, path in enumerate(paths) if f"/namespaces/{NAMESPACE}/deployments/" in path]
    assert len(deployments) >= len(SERVICES)
    assert max(crds) < min(deployments), "a controller before its CRDs"


def test_install_has_nothing_to_do(flux: Kept) -> None:
    run = flux.acksm("install", "--dry-run", "-o", "json")
    assert run.exit_code == 0, run.stderr
    assert run.data["changes"] == []
    assert flux.acksm("export", "--check", str(flux.folder)).exit_code == 0


def test_an_object_gets_in_sync(flux: Kept) -> None:
    made = flux.model("kept")
    flux.until(lambda: flux.synced(made), lambda: flux.world.kube.get(made))
    assert flux.models() == ["kept"]


def test_a_change_recreates_nothing(flux: Kept) -> None:
    """A setting is changed, exported and pushed again: Flux applies it to the same objects."""
    before = flux.uids()
    flux.export(*REPO, "--set", "log.level=debug")
    assert flux.acksm("export", "--check", str(flux.folder)).exit_code == 0
    digest = flux.push()
    reconcile(flux, "ocirepository")
    applied(flux, f"latest@{digest}")
    assert flux.uids() == before
    for deployment in flux.objects("Deployment", NAMESPACE).values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        words = container["args"]
        assert words[words.index("--log-level") + 1] == "debug"
    flux.until(flux.running, lambda: flux.objects("Deployment", NAMESPACE))
    assert flux.models() == ["kept"]


def test_what_is_deleted_in_order_leaves_nothing(flux: Kept) -> None:
    """ACK's objects, then the Kustomizations, then what no engine deletes: as README.md of the export says."""
    made = ref("Model", "kept", "default")
    flux.world.kube.delete(made)
    flux.until(lambda: flux.world.kube.get(made) is None, lambda: flux.world.kube.get(made))
    assert flux.models() == []
    delete(flux)


def test_a_private_git_repository_is_a_source_too(flux: Kept) -> None:
    """A folder of a repository, by commits of its branch."""
    repository = "kept/demo.git"
    flux.export("--repo", f"https://{git_host.HOST}/{repository}", "--repo-path", "export")
    commit = flux.push_git(repository)
    user, password = flux.git_login
    login = (f"--from-literal=username={user}", f"--from-literal=password={password}")
    apply(flux, "GitRepository", "generic", "git", *login)
    applied(flux, f"main@sha1:{commit}")
    assert all(flux.uids().values())
    run = flux.acksm("install", "--dry-run", "-o", "json").ok()
    assert run.data["changes"] == []
    before = flux.uids()
    changed = ("--set", "log.level=debug")
    refused = flux.acksm("install", "-y", *changed)
    assert refused.error_id == "kept-by-engine"
    flux.export("--repo", f"https://{git_host.HOST}/{repository}", "--repo-path", "export", *changed)
    commit = flux.push_git(repository)
    reconcile(flux, "gitrepository")
    applied(flux, f"main@sha1:{commit}")
    assert flux.uids() == before
    assert flux.acksm("install", "--dry-run", *changed).exit_code == 0
    delete(flux)
