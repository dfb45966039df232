"""`acksm export`: the files, their layers, and what is never written or removed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings, strategies as st

import typed
from acksm import yaml_reader
from acksm.aws.iam import Iam
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.guide.export import flux, folder as folder_of_export, repository
from acksm.guide.export.folder import digest
from acksm.guide.identity import policies
from acksm.json_types import Json
from acksm.kube.owners import EXPORT_LABEL, OWNED_LABEL
from exports import ENGINES, REPO, check, export, files, offline_in_memory
from memory_account import ACCOUNT, CLUSTER, ROLE_NAME
from typed import OTHER, answer

ONE: Json = {"service": ["applicationautoscaling"]}  # two CRDs instead of thirty
KEPT = {"CustomResourceDefinition", "Namespace"}


@pytest.fixture(autouse=True, scope="module")
def _in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("here"))
        typed.in_memory(patch)
        offline_in_memory(patch)
        yield


def exported(folder: Path, *words: str, **options: Any) -> dict[str, bytes]:
    export(folder, *words, **options)
    return files(folder)


def refused(folder: Path, *words: str, **options: Any) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        export(folder, *words, **options)
    return caught.value


def parsed(found: Mapping[str, bytes], under: str = "") -> dict[str, Any]:
    return {
        path: yaml_reader.load(data.decode())
        for path, data in found.items()
        if path.startswith(under) and path.endswith(".yaml")
    }


def record(folder: Path) -> Any:
    return json.loads((folder / "EXPORT.json").read_text())


def _any(*found: Json) -> st.SearchStrategy[Json]:
    return st.sampled_from([{}, *found])


OPTIONS = st.tuples(
    _any({"service": ["sagemaker"]}, {"service": ["applicationautoscaling"]}),
    _any({"version": {"sagemaker": "1.4.1"}}, {"version": {"applicationautoscaling": "1.1.1"}}),
    _any({"watch_namespace": ["a"]}, {"watch_namespace": ["a", "b"], "create_namespace": True}),
    _any({"identity": "pod-identity"}, {"identity": "pod-identity", "install_agent": True}),
    _any({"role_name": "other"}, {"policy": ["least"], "execution_role": [typed.ROLE]}),
    _any({"controller_namespace": "ml"}),
    _any({"tag": {"team": "012"}}),
)


def built(found: Mapping[str, Any], path: str) -> list[str]:
    """The files that `kustomize build` reads of a kustomization.yaml, in order: a resource is a file, or a folder that
    has one too (https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/resource/)."""
    assert found[path].keys() == {"apiVersion", "kind", "resources"}
    files: list[str] = []
    for one in found[path]["resources"]:
        place = f"{path.rpartition('/')[0]}/{one}".lstrip("/")
        assert ".." not in place.split("/")
        files += [place] if place in found else built(found, f"{place}/kustomization.yaml")
    assert len(files) == len(set(files)), "kustomize refuses an object that is there twice"
    return files


@settings(max_examples=8, phases=[Phase.generate], deadline=None)
@given(engine=st.sampled_from(ENGINES), chosen=OPTIONS)
def test_any_settings_give_an_export_that_is_whole_and_the_same_each_time(
    engine: str, chosen: tuple[Json, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    options = {key: value for one in chosen for key, value in one.items()}
    folder = tmp_path_factory.mktemp("one")
    found = exported(folder, engine, **options)
    assert not any(one["change"] for one in export(folder, engine, **options)["files"])
    assert check(folder)[0] == ExitCode.OK
    assert record(folder)["files"] == {path: digest(data) for path, data in found.items() if path != "EXPORT.json"}
    objects = parsed(found, "manifests/")
    everything = parsed(found)
    manifests = {path: item for path, item in objects.items() if item["kind"] != "Kustomization"}
    if engine == "kustomize":
        assert built(everything, "kustomization.yaml") == sorted(manifests, key=lambda path: path.split("/")[:2])
    for path in everything:
        if path.endswith("/kustomization.yaml"):
            beside = [name for name in everything if name.rpartition("/")[0] == path.rpartition("/")[0]]
            assert sorted([*built(everything, path), path]) == sorted(beside)
    named = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in manifests.values()]
    assert len(named) == len(set(named)), "an object is in two layers"
    for path, item in manifests.items():
        metadata = item["metadata"]
        assert metadata["labels"][EXPORT_LABEL] == engine
        assert OWNED_LABEL not in metadata["labels"]
        assert (item["kind"] in KEPT) == path.startswith(("manifests/0", "manifests/1", "manifests/2"))
        if item["kind"] in KEPT and engine != "kustomize":
            assert "disabled" in str(metadata["annotations"]) or "Prune=false,Delete=false" in str(metadata)
    if engine == "cloudformation":
        assert set(found) == {"EXPORT.json", "README.md", "iam.yaml"}


@pytest.mark.parametrize("engine", ["flux", "argocd"])
def test_an_engine_has_every_layer_once_after_what_it_needs(engine: str, tmp_path: Path) -> None:
    found = parsed(exported(tmp_path, engine, own={"repo_path": "clusters/demo"}))
    layers = sorted({path.rpartition("/")[0] for path in found if path.startswith("manifests/")})
    mine = [item for path, item in found.items() if path.startswith(f"{engine}/") and "spec" in item]
    if engine == "flux":
        kustomizations = {item["metadata"]["name"]: item["spec"] for item in mine if item["kind"] == "Kustomization"}
        assert sorted(one["path"] for one in kustomizations.values()) == [f"./clusters/demo/{path}" for path in layers]
        for name, spec in kustomizations.items():
            assert {need["name"] for need in spec.get("dependsOn", [])} <= kustomizations.keys() - {name}
            kept = spec["path"].partition("/manifests/")[2] < "3"
            assert (spec["prune"], spec.get("deletionPolicy")) == (not kept, "Orphan" if kept else None)
            assert spec.get("wait") or spec["healthChecks"]  # Flux ignores healthChecks beside wait
            assert not (spec.get("wait") and "healthChecks" in spec)
        listed = found["flux/kustomization.yaml"]["resources"]
        assert sorted(f"flux/{name}" for name in [*listed, "kustomization.yaml"]) == sorted(
            path for path in found if path.startswith("flux/")
        )
    else:
        apps = [item for item in mine if item["metadata"]["name"] != "ack"]
        assert sorted(one["spec"]["source"]["path"] for one in apps) == [f"clusters/demo/{path}" for path in layers]
        for one in apps:
            folder = one["spec"]["source"]["path"].partition("/manifests/")[2]
            assert one["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] == folder[0]
            finalizers = one["metadata"].get("finalizers", [])
            assert finalizers == ([] if folder < "3" else ["resources-finalizer.argocd.argoproj.io/background"])
            assert one["spec"]["syncPolicy"]["automated"]["prune"] is (folder >= "3")
            assert "ServerSideApply=true" in one["spec"]["syncPolicy"]["syncOptions"]
        assert found["argocd/root.yaml"]["spec"]["source"]["path"] == "clusters/demo/argocd/apps"


def test_common_crds_are_the_newest_of_both_charts_and_once(tmp_path: Path) -> None:
    found = parsed(exported(tmp_path, version={"sagemaker": "1.2.4"}), "manifests/1-common-crds/services")
    assert {item["metadata"]["annotations"]["acksm.dev/chart"] for item in found.values()} == {
        "applicationautoscaling-chart 1.4.1",
        "sagemaker-chart 1.2.4",
    }
    (one,) = [item for item in found.values() if item["spec"]["names"]["kind"] == "FieldExport"]
    assert one["metadata"]["annotations"]["acksm.dev/chart"] == "applicationautoscaling-chart 1.4.1"


def test_images_are_pinned_and_digits_remain_texts(tmp_path: Path) -> None:
    found = exported(tmp_path, tag={"team": "012"})
    (path,) = [name for name in found if "/deployment-ack-sagemaker" in name]
    (container,) = yaml_reader.load(found[path].decode())["spec"]["template"]["spec"]["containers"]
    assert container["image"].partition("@sha256:")[0].endswith("sagemaker-controller:1.9.1")
    assert "@sha256:" in container["image"]
    tags = yaml_reader.load(found["iam.yaml"].decode())["Resources"]["Role"]["Properties"]["Tags"]
    assert {"Key": "team", "Value": "012"} in tags
    assert record(tmp_path)["settings"]["account"] == ACCOUNT
    assert record(tmp_path)["charts"]["sagemaker"]["digest"] == "sha256:m"


@pytest.mark.parametrize("identity", ["irsa", "pod-identity"])
def test_the_template_has_the_role_that_install_would_create(identity: str, tmp_path: Path) -> None:
    """The account in memory, where install created the role, against the template."""
    world = typed.a_world(identity=identity, install_agent=identity == "pod-identity")
    found = exported(tmp_path, "cloudformation", identity=identity, install_agent=identity == "pod-identity")
    resources = yaml_reader.load(found["iam.yaml"].decode())["Resources"]
    role, live = resources["Role"]["Properties"], Iam.get_role(world.iam, ROLE_NAME)
    assert live is not None
    assert policies.same(role["AssumeRolePolicyDocument"], live["trust"])
    assert {one["PolicyName"]: one["PolicyDocument"] for one in role["Policies"]} == live["inline"]
    assert role["ManagedPolicyArns"] == live["attached"]
    assert {one["Key"]: one["Value"] for one in role["Tags"]} == live["tags"]
    assert (role["RoleName"], role["Path"]) == (ROLE_NAME, live["path"])
    others = {name.rstrip("12"): one["Type"] for name, one in resources.items() if name != "Role"}
    if identity == "irsa":
        assert others == {"OIDCProvider": "AWS::IAM::OIDCProvider"}
        assert resources["OIDCProvider"]["Properties"]["Url"] == CLUSTER.issuer
    else:
        assert others == {
            "PodIdentityAgent": "AWS::EKS::Addon",
            "PodIdentityAssociation": "AWS::EKS::PodIdentityAssociation",
        }
    assert {one["DeletionPolicy"] for one in resources.values()} == {"Retain"}


def test_an_export_of_an_installed_cluster_has_what_is_installed(tmp_path: Path) -> None:
    typed.a_world(watch_namespace=["one", "two"])
    found = exported(tmp_path, online=True)
    (path,) = [name for name in found if "/deployment-ack-sagemaker" in name]
    assert b"- one,two\n" in found[path]
    assert "manifests/0-namespaces/namespace-one.yaml" not in found
    assert yaml_reader.load(found["iam.yaml"].decode())["Parameters"]["CreateOIDCProvider"]["Default"] == "true"
    assert check(tmp_path)[0] == ExitCode.OK


def test_a_role_of_others_is_refused_and_their_provider_is_not_created(tmp_path: Path) -> None:
    world = typed.a_world()
    world.iam.roles[ROLE_NAME]["Role"]["Tags"] = []
    assert refused(tmp_path, online=True).id == "role-not-ours"
    world.iam.providers[next(iter(world.iam.providers))]["Tags"] = []
    found = exported(tmp_path, "cloudformation", online=True, adopt_role=True)
    assert yaml_reader.load(found["iam.yaml"].decode())["Parameters"]["CreateOIDCProvider"]["Default"] == "false"


def test_with_a_role_of_ones_own_there_is_nothing_to_create(tmp_path: Path) -> None:
    found = exported(tmp_path / "a", role_arn=typed.ROLE)
    assert "iam.yaml" not in found
    assert typed.ROLE.encode() in found["README.md"]
    assert refused(tmp_path / "b", "cloudformation", role_arn=typed.ROLE).id == "export-not-expressible"
    assert not (tmp_path / "b").exists()


def test_declared_bindings_are_the_last_layer(tmp_path: Path) -> None:
    declared: Json = {
        "accounts": {OTHER: {"role-arn": f"arn:aws:iam::{OTHER}:role/x"}},
        "namespaces": {"team": {"account": OTHER, "region": "us-east-1"}},
    }
    found = parsed(exported(tmp_path, "flux", **declared), "manifests/4-bindings/")
    space = found["manifests/4-bindings/namespace-team.yaml"]["metadata"]["annotations"]
    assert space["services.k8s.aws/owner-account-id"] == OTHER
    assert space["services.k8s.aws/default-region"] == "us-east-1"
    roles = found["manifests/4-bindings/configmap-ack-role-account-map.yaml"]["data"]
    assert roles == {OTHER: f"arn:aws:iam::{OTHER}:role/x"}
    selectors = exported(tmp_path, "flux", **declared, mode="role-selector")
    assert [path for path in selectors if "/iamroleselector-acksm-team-" in path]
    assert "manifests/4-bindings/configmap-ack-role-account-map.yaml" not in selectors
    watched = exported(tmp_path, **declared, watch_namespace=["team", "other"], create_namespace=True)
    assert "default-region" in watched["manifests/0-namespaces/namespace-team.yaml"].decode()
    assert "manifests/4-bindings/namespace-team.yaml" not in watched
    declared["namespaces"]["team"]["region"] = "us-moon-1"
    assert refused(tmp_path, **declared).id == "region-unknown"


def test_check_takes_a_settings_file_as_it_is_now(tmp_path: Path) -> None:
    """And the recorded options beside it."""
    file, folder = tmp_path / "acksm.yaml", tmp_path / "x"
    file.write_text("set: [log.level=debug]\nnamespaces: {team: {region: us-east-1}}\n")
    line = f"--to flux --repo {REPO} --offline --region us-west-2 --account {ACCOUNT} --identity pod-identity"
    assert answer(f"export {line} --out {folder} -f {file} --service applicationautoscaling").good
    assert check(folder)[0] == ExitCode.OK
    file.write_text("namespaces: {team: {region: eu-west-1}}\n")
    changed = answer(f"export --check {folder} -f {file}")
    assert changed.code == ExitCode.CHANGES_PENDING
    assert "+    services.k8s.aws/default-region: eu-west-1" in changed.lines
    assert any("log.level=debug" in line for line in changed.lines if line.startswith("-"))


# the folder


def test_what_no_export_wrote_is_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    error = refused(tmp_path)
    assert (error.id, error.details["files"]) == ("export-dir-foreign", ["README.md"])
    assert files(tmp_path) == {"README.md": b"mine\n"}
    (tmp_path / "README.md").rename(tmp_path / "mine.txt")
    first = exported(tmp_path, **ONE)
    edited = tmp_path / "kustomization.yaml"
    edited.write_text(edited.read_text() + "# password: hunter22\n")
    code, report = check(tmp_path)
    assert code == ExitCode.CHANGES_PENDING
    assert [one["path"] for one in report["files"] if one["change"]] == ["kustomization.yaml"]
    assert "hunter22" not in str(report)
    assert export(tmp_path, "flux", **ONE)["left"] == ["kustomization.yaml"]  # flux has none at its root
    after = files(tmp_path)
    assert "hunter22" in after["kustomization.yaml"].decode()
    assert after["mine.txt"] == b"mine\n"
    edited.unlink()
    assert exported(tmp_path, **ONE) == first
    assert not (tmp_path / "flux").exists()


def test_links_are_not_followed_and_another_cluster_is_refused(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "x"
    outside.mkdir()
    folder.mkdir()
    (folder / "manifests").symlink_to(outside)
    assert refused(folder).id == "export-dir-foreign"
    assert not list(outside.iterdir())
    export(tmp_path / "y", **ONE)
    assert "is the export of cluster" in refused(tmp_path / "y", controller_namespace="ml").message
    # a variable that names another is no difference of the files
    with pytest.raises(AcksmError) as caught:
        check(tmp_path / "y", controller_namespace="ml")
    error = caught.value
    assert error.id == "export-dir-foreign"
    assert error.remedy.startswith(f"acksm export --check {tmp_path / 'y'} --cluster demo --region ")
    assert error.remedy.endswith(" --controller-namespace ack-system")


def test_an_export_that_was_killed_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(tmp_path, **ONE)
    put, writes = folder_of_export._put, 0
    for number in (0, 1, 2, 9, 20):
        left = [number]

        def killed(path: Path, data: bytes, left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            put(path, data)

        monkeypatch.setattr(folder_of_export, "_put", killed)
        with contextlib.suppress(KeyboardInterrupt):
            export(tmp_path, "flux", tag={"n": f"{number}"}, **ONE)
            writes += 1
        monkeypatch.setattr(folder_of_export, "_put", put)
        found = exported(tmp_path, tag={"n": f"{number}-again"}, **ONE)  # other settings, and another engine
        assert "replaced" not in record(tmp_path)
        assert set(record(tmp_path)["files"]) == set(found) - {"EXPORT.json"}
    assert writes < 2


@pytest.mark.parametrize(
    ("to", "own", "id"),
    [
        ("flux", {"repo": ""}, "export-repo-missing"),
        ("argocd", {"repo": "https://user:secret@git.example.com/x.git"}, "export-repo-invalid"),
        ("argocd", {"repo": "https://secret@git.example.com/x.git"}, "export-repo-invalid"),
        ("flux", {"repo": "file:///srv/x"}, "export-repo-invalid"),
        ("flux", {"repo": "oci://registry.example.com/x:1"}, "export-repo-invalid"),
        ("flux", {"repo": "https://["}, "export-repo-invalid"),
        ("flux", {"repo_path": "../x"}, "export-repo-invalid"),
        ("flux", {"repo_path": "/x"}, "export-repo-invalid"),
        ("flux", {"revision": "a b"}, "export-repo-invalid"),
        ("kustomize", {"repo": REPO}, "config-invalid"),
        ("helmfile", {}, "config-invalid"),
        ("", {}, "config-invalid"),
        ("kustomize", {"check": "y"}, "config-invalid"),
        ("kustomize", {"issuer": "http://x"}, "config-invalid"),
        ("kustomize", {"issuer": ""}, "export-issuer-missing"),
        ("kustomize", {"offline": False}, "config-invalid"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(to: str, own: Json, id: str, tmp_path: Path) -> None:
    error = refused(tmp_path / "x", to, own=own)
    assert error.id == id
    assert "secret" not in f"{error} {error.where} {error.details}"
    assert not (tmp_path / "x").exists()


def test_offline_says_what_it_needs(tmp_path: Path) -> None:
    done = answer(f"export --to kustomize --out {tmp_path / 'x'} --offline --region us-west-2")
    assert any("error[export-offline-incomplete]" in line and "--account" in line for line in done.lines)


def test_a_record_that_was_edited_is_no_defect(tmp_path: Path) -> None:
    with pytest.raises(AcksmError, match="no EXPORT"):
        check(tmp_path)
    export(tmp_path, **ONE)
    good = record(tmp_path)
    for broken in (
        "",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps({**good, "files": {"../../x": "0"}}),
        json.dumps({**good, "files": {"a": 1}}),
        json.dumps({**good, "settings": {"cluster": ["x"], "nonsense": 1}}),
        json.dumps({**good, "export": []}),
        json.dumps({**good, "export": {"to": "flux", "repo": 7}}),
        json.dumps({**good, "settings-file": 3}),
        json.dumps({**good, "images": 3}),
    ):
        (tmp_path / "EXPORT.json").write_text(broken)
        with pytest.raises(AcksmError) as caught:
            check(tmp_path)
        assert caught.value.id in {"export-record-invalid", "export-repo-invalid"}, broken


@pytest.mark.parametrize(
    ("repo", "revision", "ref"),
    [
        ("https://git.example.com/x.git", "", {"branch": "main"}),
        ("https://git.example.com/x.git", "release/1.2", {"branch": "release/1.2"}),
        ("ssh://git@git.example.com/x.git", "v1.2.3", {"tag": "v1.2.3"}),
        ("git@git.example.com:x.git", ">=1.0.0", {"semver": ">=1.0.0"}),
        ("https://git.example.com/x.git", "a" * 40, {"commit": "a" * 40}),
        ("oci://registry.example.com/x", "", {"tag": "latest"}),
        ("oci://registry.example.com:5000/x", "1.x", {"semver": "1.x"}),
        ("oci://registry.example.com/x", "sha256:" + "0" * 64, {"digest": "sha256:" + "0" * 64}),
    ],
)
def test_a_revision_is_what_it_looks_like(repo: str, revision: str, ref: Any) -> None:
    at = repository.parse(repo, "", revision, "flux")
    spec = flux.files([], at, "ack")["flux/source.yaml"]["spec"]
    # Flux reads no scp-like URLs (https://fluxcd.io/flux/components/source/gitrepositories/#url)
    assert (spec["url"], spec["ref"]) == (repo.replace("git@git.example.com:", "ssh://git@git.example.com/"), ref)
