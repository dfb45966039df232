"""Commands on a cluster that helm by acksm, helm by hand, Flux, Argo CD or kubectl keeps: each as it is typed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import kept_world
import typed
from acksm import yaml_reader
from acksm.cli import app
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.kube.owners import EXPORT_LABEL
from acksm.kube.paths import Ref, ref
from acksm.live.readiness import ROLE_ANNOTATION
from kept_world import ACKSM, ARGOCD, BY_HAND, DESCRIBED, FLUX, FLUX_HELM, KEEPERS, KUBECTL
from memory_account import ROLE_NAME
from memory_kube import namespace
from memory_world import MemoryWorld

SAGEMAKER = "ack-sagemaker-controller-sagemaker-chart"
BY_OTHERS = (FLUX, FLUX_HELM, ARGOCD, KUBECTL)
WITHOUT_RECORD = (FLUX, ARGOCD, KUBECTL)
REMOVED_BY = {
    FLUX: "kubectl -n flux-system delete kustomization ack-controllers",
    FLUX_HELM: "kubectl -n flux-system delete helmrelease ack-sagemaker",
    ARGOCD: "argocd app delete ack-controllers --cascade --propagation-policy background",
    KUBECTL: "kubectl delete -k DIR",
}


@pytest.fixture(scope="module", autouse=True)
def _in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        typed.in_memory(patch)
        yield


@pytest.fixture(scope="module")
def worlds() -> dict[str, Any]:
    """Each kept cluster once: a test restores its own."""
    return {by: (world := kept_world.kept(by), world.snapshot()) for by in KEEPERS}


@pytest.fixture
def world(worlds: dict[str, Any], keeper: str) -> MemoryWorld:
    found: MemoryWorld = worlds[keeper][0]
    found.restore(worlds[keeper][1])
    return found


def run(world: MemoryWorld, line: str) -> tuple[int, Any]:
    """Exit code and report of a command."""
    typed.Holder.world = world
    done = CliRunner().invoke(app, [*line.split(), "--cluster", "demo", "-o", "json"], prog_name="acksm")
    return done.exit_code, json.loads(done.stdout)


def in_cluster(world: MemoryWorld) -> Any:
    return world.state()[0]


@pytest.mark.parametrize("keeper", KEEPERS)
def test_status_and_versions_say_what_is_installed_and_who_keeps_it(world: MemoryWorld, keeper: str) -> None:
    code, report = run(world, "status")
    assert [one["kept_by"]["described"] for one in report["controllers"]] == [DESCRIBED[keeper]] * 2
    assert [(one["installed"], one["version"]) for one in report["controllers"]] == [(True, "1.9.1"), (True, "1.4.1")]
    assert [one["owned_by_acksm"] for one in report["controllers"]] == [keeper == ACKSM] * 2
    assert (code, report["healthy"]) == ((0, True) if keeper != BY_HAND else (7, None))  # whether to adopt is unknown
    assert report["drift"] == []
    _, report = run(world, "history")
    by = [(one["by"], one["what"]) for one in report["events"] if "sagemaker-chart 1.9.1" in one["what"]]
    verb = (
        "applied sagemaker-chart 1.9.1" if keeper in WITHOUT_RECORD else "installed sagemaker-chart 1.9.1, revision 1"
    )
    who = DESCRIBED[keeper] if keeper in WITHOUT_RECORD else "acksm" if keeper == ACKSM else "helm"
    assert by == [(who, verb)]
    code, report = run(world, "versions")
    assert [one["installed"] for one in report["services"]] == ["1.9.1", "1.4.1"]


@pytest.mark.parametrize(
    ("keeper", "command"),
    list(
        zip(
            BY_OTHERS,
            ("install --yes", "install -y --adopt-release", "upgrade --yes", "install --dry-run"),
            strict=True,
        )
    ),
)
def test_what_another_keeps_and_is_equal_is_up_to_date(world: MemoryWorld, keeper: str, command: str) -> None:
    before, writes = in_cluster(world), world.fuse.writes
    code, report = run(world, command)
    assert (code, report["changes"]) == (0, [])
    assert f"sagemaker 1.9.1, up to date: kept by {DESCRIBED[keeper]}" in report["notes"]
    assert (in_cluster(world), world.fuse.writes) == (before, writes)


@pytest.mark.parametrize(
    ("keeper", "command"),
    list(zip(BY_OTHERS, ("upgrade", "install --adopt-release", "install --dry-run", "install"), strict=True)),
)
def test_what_another_keeps_and_would_change_is_shown_and_not_written(
    world: MemoryWorld, keeper: str, command: str
) -> None:
    before, writes = in_cluster(world), world.fuse.writes
    code, report = run(world, f"{command} --set enableCARM=false --yes")
    assert (code, report["error"]["id"]) == (ExitCode.REFUSED, "kept-by-engine")
    assert DESCRIBED[keeper] in report["error"]["message"]
    assert [line.partition(" (")[0] for line in report["error"]["details"]["diff"]] == [
        f"Deployment ack-system/{SAGEMAKER}",
        "Deployment ack-system/ack-applicationautoscaling-controller-applicationautoscaling-chart",
    ]
    assert (in_cluster(world), world.fuse.writes) == (before, writes)
    _, report = run(world, "status")
    assert report["drift"] == []  # of the installed settings, not of those options


@pytest.mark.parametrize("keeper", WITHOUT_RECORD)
def test_the_remedy_is_the_export_with_this_cases_settings(
    world: MemoryWorld, keeper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with the repository that the engine's own object names, where that may be read."""
    line = "install --service sagemaker --watch-namespace ack-system --scope namespace --policy core --tag team=ml -y"
    _, report = run(world, line)
    at = f"--repo {kept_world.REPO} --repo-path clusters/demo --revision live"
    to = {FLUX: f"--to flux {at}", ARGOCD: f"--to argocd {at}", KUBECTL: "--to kustomize"}[keeper]
    words = f"acksm export {to} --service sagemaker --version sagemaker=1.9.1 --scope namespace"
    remedy = report["result"]["kept"]["commit"]  # the tag of the role is written beside it
    assert remedy.startswith(f"{words} --watch-namespace ack-system --tag team=ml --policy core --out DIR")
    command, repository = typer.main.get_command(app).commands["export"], remedy.partition("   ")[0]
    context = command.make_context("export", shlex.split(repository)[2:])
    if keeper == KUBECTL:
        return
    assert context.params["repo_path"] == "clusters/demo"
    forbid(monkeypatch, world, kept_world.ENGINES[keeper])
    _, report = run(world, line)
    assert report["error"]["remedy"].startswith(f"acksm export --to {keeper} --repo URL --service")
    code, found = checks(world)
    assert (code, found["check.engine"][0]["state"]) == (ExitCode.INCOMPLETE, "unknown")


def forbid(patch: pytest.MonkeyPatch, world: MemoryWorld, where: Ref) -> None:
    """No one may read an object."""
    read = world.kube.get

    def get(asked: Ref) -> Any:
        if asked == where:
            raise AcksmError("kube-forbidden", f'{where.plural} "{where.name}" is forbidden')
        return read(asked)

    patch.setattr(world.kube, "get", get)


@pytest.mark.parametrize(
    ("url", "ref", "path", "options"),
    [
        ("oci://registry.example.com/x", {"digest": "sha256:0", "tag": "1"}, "./manifests/3-x", "--revision sha256:0"),
        ("ssh://git@git.example.com/x", {"semver": ">=1 <2", "branch": "b"}, "a/manifests/3", "--revision '>=1 <2'"),
        ("https://git.example.com/x", None, "", ""),
        ("https://me:secret@git.example.com/x", None, "", "--repo URL"),
        ("https://token@git.example.com/x", None, "", "--repo URL"),
    ],
)
def test_a_source_is_as_its_options_say(url: str, ref: Any, path: str, options: str) -> None:
    world = kept_world.kept(FLUX)
    kind = "OCIRepository" if url.startswith("oci") else "GitRepository"
    where = replace(kept_world.SOURCE, plural=f"{kind[:-1].lower()}ies", kind=kind)
    world.kube.objects[where.path] = kept_world.source(url, ref, kind)
    spec = {"sourceRef": {"kind": kind, "name": "ack"}, "path": path}
    world.kube.objects[kept_world.ENGINES[FLUX].path] = kept_world.engine(FLUX, **spec)
    remedy = run(world, "install --set enableCARM=false")[1]["error"]["remedy"]
    assert options in remedy
    assert f"--repo {'URL' if options == '--repo URL' else url} " in remedy
    assert ("--repo-path a " in remedy) == path.startswith("a/")
    assert "secret" not in remedy


@pytest.mark.parametrize("keeper", WITHOUT_RECORD)
def test_an_identity_is_migrated_with_two_commits_between(world: MemoryWorld, keeper: str, tmp_path: Path) -> None:
    """acksm changes IAM and EKS; the annotation is changed by the export that the refusal names."""

    def migrated(to: str, *steps: str) -> Any:
        for step in steps:
            code, report = run(world, f"identity migrate --to {to} {step} -y")
            assert code == 0, report
        return report["result"]

    def refused(line: str) -> str:
        before, writes = in_cluster(world), world.fuse.writes
        code, report = run(world, line)
        assert (code, report["error"]["id"]) == (ExitCode.REFUSED, "kept-by-engine")
        diff = report["error"]["details"]["diff"]
        assert [one.partition("/")[0] for one in diff] == ["ServiceAccount ack-system"] * 2, diff
        assert (in_cluster(world), world.fuse.writes) == (before, writes)
        return str(report["error"]["remedy"])

    def committed(remedy: str) -> None:
        """What the export has for the service accounts, as the keeper would apply it."""
        folder = str(tmp_path / str(len(list(tmp_path.iterdir()))))
        words = remedy.partition("   ")[0].replace("--out DIR", f"--out {folder}").removeprefix("acksm ")
        code, report = run(world, words.replace(" --cluster demo", ""))
        assert code == 0, report
        for path in Path(folder).glob("manifests/3*/serviceaccount-*.yaml"):
            wanted = yaml_reader.load(path.read_text())["metadata"]
            live = world.kube.objects[ref("ServiceAccount", wanted["name"], wanted["namespace"]).path]["metadata"]
            live["annotations"].pop(ROLE_ANNOTATION, None)
            live["annotations"] |= wanted.get("annotations") or {}

    assert migrated("pod-identity", "--install-agent")["finished"] is False
    assert run(world, "install --dry-run")[0] == 0
    remedy = refused("identity migrate --to pod-identity --finish -y")
    assert "--identity pod-identity" in remedy
    committed(remedy)
    assert migrated("pod-identity", "--finish")["finished"] is True
    committed(refused("identity migrate --to irsa -y"))
    assert migrated("irsa", "", "--finish")["finished"] is True
    assert run(world, "install --dry-run")[0] == 0


def test_a_release_of_flux_is_changed_at_flux() -> None:
    _, report = run(kept_world.kept(FLUX_HELM), "install --mode role-selector")
    assert report["error"]["remedy"].startswith("kubectl get helmrelease ack-sagemaker -n flux-system -o yaml")


@pytest.mark.parametrize("keeper", [FLUX_HELM, KUBECTL])
def test_what_is_acksms_in_aws_is_applied_beside_it(world: MemoryWorld, keeper: str) -> None:
    world.iam.providers.clear()
    before = in_cluster(world)
    code, report = run(world, "install --yes")
    assert (code, [one["id"] for one in report["changes"]]) == (0, ["oidc.create"])
    assert in_cluster(world) == before
    world.iam.providers.clear()
    code, report = run(world, "install --mode role-selector --yes")
    assert (code, [one["id"] for one in report["changes"]]) == (ExitCode.REFUSED, ["oidc.create"])
    assert len(report["result"]["kept"]["differs"]) == 2
    assert (in_cluster(world), len(world.iam.providers)) == (before, 1)


@pytest.mark.parametrize("keeper", WITHOUT_RECORD)
def test_settings_that_only_the_deployment_has_are_kept(keeper: str) -> None:
    world = kept_world.kept(keeper, scope="namespace", watch_namespace=["ack-system"])
    code, report = run(world, "install --dry-run")
    assert (code, report["changes"]) == (0, [])
    _, report = run(world, "status")
    assert [one["watched"] for one in report["controllers"]] == [["ack-system"]] * 2


@pytest.mark.parametrize("keeper", [FLUX])
def test_an_image_that_the_export_pinned_is_the_same_image(world: MemoryWorld, keeper: str) -> None:
    (item,) = (one for one in world.kube.objects.values() if one["metadata"]["name"] == SAGEMAKER)
    (container,) = item["spec"]["template"]["spec"]["containers"]
    container["image"] += "@sha256:" + "a" * 64
    code, report = run(world, "install --dry-run")
    assert (code, report["changes"]) == (0, [])
    container["image"] = "example.com/other:1.9.1@sha256:" + "a" * 64
    code, report = run(world, "install --dry-run")
    assert (code, report["error"]["id"]) == (ExitCode.REFUSED, "kept-by-engine")
    assert "image" in report["error"]["details"]["diff"][0]


@pytest.mark.parametrize("keeper", [FLUX_HELM, ARGOCD])
def test_a_crd_that_differs_is_not_changed(world: MemoryWorld, keeper: str) -> None:
    name = "models.sagemaker.services.k8s.aws"
    (crd,) = (one for one in world.kube.objects.values() if one["metadata"]["name"] == name)
    crd["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": {"type": "object"}}
    before = in_cluster(world)
    code, report = run(world, "install --yes")
    assert (code, report["error"]["details"]["diff"]) == (6, [f"CustomResourceDefinition {name} (spec)"])
    assert in_cluster(world) == before


@pytest.mark.parametrize("keeper", WITHOUT_RECORD)
def test_controllers_that_an_export_has_and_its_engine_not_yet_are_not_installed(
    world: MemoryWorld, keeper: str
) -> None:
    for path, item in list(world.kube.objects.items()):
        if item.get("kind") == "CustomResourceDefinition":
            item["metadata"]["labels"][EXPORT_LABEL] = "flux"
        elif item.get("kind") in {"Deployment", "ServiceAccount", "ClusterRole", "Pod"}:
            del world.kube.objects[path]
    before = in_cluster(world)
    code, report = run(world, "install --yes")
    assert (code, report["error"]["id"], in_cluster(world)) == (ExitCode.REFUSED, "kept-by-engine", before)
    assert "do not exist yet" in report["error"]["message"]


@pytest.mark.parametrize("keeper", BY_OTHERS)
def test_cleanup_leaves_controllers_to_their_keeper_and_the_rest_with_them(world: MemoryWorld, keeper: str) -> None:
    before, writes = in_cluster(world), world.fuse.writes
    for options in ("--dry-run", "--iam --oidc --carm --crds all --delete-namespaces --yes"):
        code, report = run(world, f"cleanup {options}")
        assert (code, report["changes"]) == (ExitCode.REFUSED, [])
    why = {one["what"]: one["why"] for one in report["result"]["kept"]}
    assert why["controller ack-sagemaker-controller"].startswith(f"kept by {DESCRIBED[keeper]}")
    assert REMOVED_BY[keeper] in why["controller ack-sagemaker-controller"]
    assert ("an Application over it goes first" in why["controller ack-sagemaker-controller"]) == (keeper == ARGOCD)
    assert "after the controller" in why["26 CRDs of sagemaker"]
    assert (in_cluster(world), world.fuse.writes) == (before, writes)
    assert world.iam.get_role(ROLE_NAME) is not None, "the running controllers need their role"


@pytest.mark.parametrize("keeper", BY_OTHERS)
def test_orphaning_beside_a_running_controller_is_refused(world: MemoryWorld, keeper: str) -> None:
    code, report = run(world, "cleanup --orphan --yes")
    assert (code, report["error"]["id"]) == (ExitCode.REFUSED, "kept-by-engine")
    assert REMOVED_BY[keeper] in report["error"]["remedy"]


@pytest.mark.parametrize("keeper", WITHOUT_RECORD)
def test_once_the_controllers_are_gone_cleanup_does_the_rest_but_what_an_engine_keeps(
    world: MemoryWorld, keeper: str
) -> None:
    for path, item in list(world.kube.objects.items()):
        if item.get("kind") in {"Deployment", "ServiceAccount", "ClusterRole", "Pod"}:
            del world.kube.objects[path]
    code, _ = run(world, "cleanup --iam --oidc --crds all --delete-namespaces --yes")
    assert code == 0
    assert world.iam.get_role(ROLE_NAME) is None
    kinds = {one.get("kind") for one in world.kube.objects.values()}
    assert ("CustomResourceDefinition" in kinds) == (keeper != KUBECTL)
    assert ("Namespace" in kinds) == (keeper != KUBECTL)


@pytest.mark.parametrize("keeper", [FLUX])
def test_a_namespace_of_another_tool_can_be_bound_and_what_it_says_is_kept(world: MemoryWorld, keeper: str) -> None:
    world.kube.put(namespace("team"), "kustomize-controller")
    world.kube.put(namespace("bound", owner_account_id="333333333333"), "kustomize-controller")
    code, _ = run(world, "carm bind team --target-account 222222222222 --yes")
    assert code == 0
    before = in_cluster(world)
    code, report = run(world, "carm bind bound --target-account 222222222222 --yes")
    assert (code, in_cluster(world)) == (ExitCode.REFUSED, before)
    assert "kustomize-controller" in report["error"]["message"]


def checks(world: MemoryWorld) -> tuple[int, dict[str, list[Any]]]:
    """doctor's checks of the releases, by id, without those that are well and the same everywhere."""
    code, report = run(world, "doctor --only check.release --only check.engine --only check.kept --only check.drift")
    found: dict[str, list[Any]] = {}
    for one in report["checks"]:
        found.setdefault(one["id"], []).append(one)
    return code, found


@pytest.mark.parametrize("keeper", BY_OTHERS)
def test_doctor_names_the_keeper_and_what_its_engine_says(world: MemoryWorld, keeper: str) -> None:
    code, found = checks(world)
    assert code == 0
    assert found["check.release"][0]["text"] == f"1.9.1, kept by {DESCRIBED[keeper]}"
    assert {one["state"] for named in found.values() for one in named} <= {"ok", "skipped"}
    if keeper not in kept_world.ENGINES:
        return
    where = kept_world.ENGINES[keeper].path
    world.kube.objects[where] = kept_world.engine(keeper, well=False)
    code, found = checks(world)
    assert (code, [one["state"] for one in found["check.engine"]]) == (3, ["failed"])
    assert ("OutOfSync" if keeper == ARGOCD else "no such path") in found["check.engine"][0]["text"]
    if keeper != ARGOCD:
        world.kube.objects[where] = kept_world.engine(keeper, suspend=True)
        assert "suspended" in checks(world)[1]["check.engine"][0]["text"]
    del world.kube.objects[where]  # it may run in another cluster
    code, found = checks(world)
    assert (code, found["check.engine"][0]["state"]) == (0, "unknown")


@pytest.mark.parametrize("keeper", WITHOUT_RECORD)
def test_an_edit_that_the_keeper_has_not_reverted_is_drift_with_its_fields(world: MemoryWorld, keeper: str) -> None:
    kept_world.edit(world, "Deployment", SAGEMAKER, ("spec", "replicas"), 3)
    _, found = checks(world)
    (first, *_) = found["check.drift"]
    edited = f"Deployment ack-system/{SAGEMAKER} (spec.replicas, by kubectl-edit)"
    assert first["text"] == f"differs from what {DESCRIBED[keeper]} applied: {edited}"
    assert "spec.replicas" in found["check.kept"][-1]["text"]
    _, report = run(world, "status")
    assert [(one["id"], "spec.replicas" in one["target"]) for one in report["drift"]] == [("kept-by-engine", True)]
    world.kube.restart("ack-system", SAGEMAKER)
