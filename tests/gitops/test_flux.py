"""An export kept by Flux's own source-controller and kustomize-controller, from an empty cluster to an empty one. Each
test goes on where the one before it ended."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from acksm.kube.paths import ref
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


def applied(kept: Kept, digest: str) -> None:
    """Wait until each layer has applied that artifact."""
    kept.until(lambda: set(layers(kept).values()) == {f"latest@{digest}"}, lambda: layers(kept))


def reconcile(kept: Kept) -> None:
    """As `flux reconcile source oci ack` asks the source to look again."""
    mark = f"reconcile.fluxcd.io/requestedAt={len(kept.writes())}"
    kept.kubectl("annotate", "--overwrite", "-n", "flux-system", "ocirepository/ack", mark)


def test_an_export_is_applied_layer_by_layer(flux: Kept) -> None:
    """Flux pulls the export from a private registry and applies each layer after those that it needs."""
    flux.export(*REPO)
    digest = flux.push()
    over = flux.home / "over"  # as README.md says of a private repository
    over.mkdir()
    patch = {"op": "add", "path": "/spec/secretRef", "value": {"name": "registry"}}
    (over / "kustomization.yaml").write_text(
        json.dumps(
            {
                "resources": ["../export/flux"],
                "patches": [{"target": {"kind": "OCIRepository"}, "patch": json.dumps([patch])}],
            }
        )
    )
    login = base64.b64decode(flux.login).decode().partition(":")
    flux.kubectl(
        *("create", "secret", "docker-registry", "registry", "-n", "flux-system", f"--docker-server={HOST}"),
        *(f"--docker-username={login[0]}", f"--docker-password={login[2]}"),
    )
    flux.kubectl("apply", "-k", str(over))
    applied(flux, digest)
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
    reconcile(flux)
    applied(flux, digest)
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
    names = list(flux.of_engine(FLUX_GROUP, "kustomizations"))
    controllers = [name for name in names if name.endswith("-controller")]
    assert len(controllers) == len(SERVICES)
    for going in (controllers, [name for name in names if name not in controllers]):
        flux.kubectl("delete", "kustomizations.kustomize.toolkit.fluxcd.io", "-n", "flux-system", *going)
    left = {name.partition(" ")[0] for name, uid in flux.uids().items() if uid}
    assert left == {"CustomResourceDefinition", "Namespace"}, "CRDs and namespaces outlive the engine"
    flux.kubectl("delete", "crd,namespaces", "-l", "acksm.dev/export")
    assert not any(flux.uids().values())
