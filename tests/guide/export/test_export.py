"""`acksm export`: the files, their layers, and what is never written or removed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

import typed
from acksm import yaml_reader
from acksm.aws.iam import Iam
from acksm.exits import ExitCode
from acksm.guide.export.folder import digest
from acksm.guide.identity import policies
from acksm.kube.owners import EXPORT_LABEL, OWNED_LABEL
from exports import AT, BY_ENGINE, IRSA, REPO, files, offline_in_memory
from memory_account import ACCOUNT, CLUSTER, ROLE, ROLE_NAME
from typed import OTHER, answer

KEPT = {"CustomResourceDefinition", "Namespace"}


@pytest.fixture(autouse=True, scope="module")
def _in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("here"))
        typed.in_memory(patch)
        offline_in_memory(patch)
        yield


def exported(folder: Path, words: str) -> dict[str, bytes]:
    done = answer(f"export --out {folder} {words}")
    assert done.good, "\n".join(done.lines)
    return files(folder)


def parsed(found: Mapping[str, bytes], under: str = "") -> dict[str, Any]:
    return {
        path: yaml_reader.load(data.decode())
        for path, data in found.items()
        if path.startswith(under) and path.endswith(".yaml")
    }


def record(folder: Path) -> Any:
    return json.loads((folder / "EXPORT.json").read_text())


OPTIONS = st.fixed_dictionaries(
    {
        "engine": st.sampled_from(list(BY_ENGINE)),
        "services": st.sampled_from(["", "--service sagemaker", "--service applicationautoscaling"]),
        "version": st.sampled_from(["", "--version sagemaker=1.2.4", "--version applicationautoscaling=1.0.4"]),
        "scope": st.sampled_from(["", "--watch-namespace team-a", "--watch-namespace team-a --create-namespace"]),
        "identity": st.sampled_from(
            [f"--issuer {CLUSTER.issuer}", "--identity pod-identity", "--identity pod-identity --install-agent"]
        ),
        "role": st.sampled_from(["", "--role-name other", f"--policy least --execution-role {typed.ROLE}"]),
        "namespace": st.sampled_from(["", "--controller-namespace ml"]),
        "tag": st.sampled_from(["", "--tag team=012"]),
    }
)


@given(chosen=OPTIONS)
def test_any_settings_give_an_export_that_is_whole_and_the_same_each_time(
    chosen: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine = chosen.pop("engine")
    words = f"{AT} --to {engine} {BY_ENGINE[engine]} {' '.join(chosen.values())}"
    folder, other = tmp_path_factory.mktemp("one") / "x", tmp_path_factory.mktemp("two") / "x"
    found = exported(folder, words)
    assert exported(other, words) == found
    assert answer(f"export --out {folder} {words}").lines >= {f"{folder} is already up to date"}
    assert answer(f"export --check {folder}").good
    assert record(folder)["files"] == {path: digest(data) for path, data in found.items() if path != "EXPORT.json"}
    objects = parsed(found, "manifests/")
    for path in objects:
        folder_of = path.rpartition("/")[0]
        listed = objects[f"{folder_of}/kustomization.yaml"]["resources"]
        beside = [name for name in objects if name.rpartition("/")[0] == folder_of]
        assert sorted(f"{folder_of}/{name}" for name in [*listed, "kustomization.yaml"]) == sorted(beside)
    manifests = {path: item for path, item in objects.items() if item["kind"] != "Kustomization"}
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
    found = parsed(exported(tmp_path, f"{IRSA} --to {engine} {REPO} --repo-path clusters/demo"))
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
    old = "--version sagemaker=1.2.4"
    found = parsed(exported(tmp_path, f"{IRSA} --to kustomize {old}"), "manifests/1-common-crds/services")
    assert {item["metadata"]["annotations"]["acksm.dev/chart"] for item in found.values()} == {
        "applicationautoscaling-chart 1.4.1",
        "sagemaker-chart 1.2.4",
    }
    (one,) = [item for item in found.values() if item["spec"]["names"]["kind"] == "FieldExport"]
    assert one["metadata"]["annotations"]["acksm.dev/chart"] == "applicationautoscaling-chart 1.4.1"


def test_images_are_pinned_and_digits_remain_texts(tmp_path: Path) -> None:
    found = exported(tmp_path, f"{IRSA} --to kustomize --tag team=012")
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
    issuer = f"--issuer {CLUSTER.issuer}" if identity == "irsa" else "--install-agent"
    found = exported(tmp_path, f"{AT} --to cloudformation --identity {identity} {issuer}")
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
    typed.a_world(set=["log.level=debug"], watch_namespace=["one"])
    found = exported(tmp_path, "--to kustomize")
    (path,) = [name for name in found if "/deployment-ack-sagemaker" in name]
    assert b"- one\n" in found[path]
    assert "manifests/0-namespaces/namespace-one.yaml" not in found
    assert yaml_reader.load(found["iam.yaml"].decode())["Parameters"]["CreateOIDCProvider"]["Default"] == "true"
    assert answer(f"export --check {tmp_path}").good
    assert answer("install --dry-run").good


def test_a_role_of_others_is_refused_and_their_provider_is_not_created(tmp_path: Path) -> None:
    world = typed.a_world()
    world.iam.roles[ROLE_NAME]["tags"] = {}
    done = answer(f"export --to kustomize --out {tmp_path / 'x'}")
    assert done.code == ExitCode.REFUSED
    assert any("role-not-ours" in line for line in done.lines)
    world.iam.providers[next(iter(world.iam.providers))]["Tags"] = []
    found = exported(tmp_path, "--to cloudformation --adopt-role")
    assert yaml_reader.load(found["iam.yaml"].decode())["Parameters"]["CreateOIDCProvider"]["Default"] == "false"


def test_with_a_role_of_ones_own_there_is_nothing_to_create(tmp_path: Path) -> None:
    found = exported(tmp_path / "a", f"{AT} --to kustomize --role-arn {typed.ROLE}")
    assert "iam.yaml" not in found
    assert typed.ROLE.encode() in found["README.md"]
    done = answer(f"export --to cloudformation --out {tmp_path / 'b'} {AT} --role-arn {typed.ROLE}")
    assert any("export-not-expressible" in line for line in done.lines)
    assert not (tmp_path / "b").exists()


def test_declared_bindings_are_the_last_layer(tmp_path: Path) -> None:
    settings = tmp_path / "acksm.yaml"
    settings.write_text(
        f'accounts: {{"{OTHER}": {{role-arn: "arn:aws:iam::{OTHER}:role/x"}}}}\n'
        f'namespaces: {{team: {{account: "{OTHER}", region: us-east-1}}, ack-system: {{region: us-east-1}}}}\n'
    )
    folder = tmp_path / "x"
    done = answer(f"export --to flux {REPO} {IRSA} --out {folder} -f {settings}")
    assert any("error[namespace-ignored]" in line for line in done.lines) or done.good, done.lines
    settings.write_text(settings.read_text().replace(", ack-system: {region: us-east-1}", ""))
    found = parsed(exported(folder, f"--to flux {REPO} {IRSA} -f {settings}"), "manifests/4-bindings/")
    space = found["manifests/4-bindings/namespace-team.yaml"]["metadata"]["annotations"]
    assert space["services.k8s.aws/owner-account-id"] == OTHER
    assert space["services.k8s.aws/default-region"] == "us-east-1"
    roles = found["manifests/4-bindings/configmap-ack-role-account-map.yaml"]["data"]
    assert roles == {OTHER: f"arn:aws:iam::{OTHER}:role/x"}
    settings.write_text(settings.read_text().replace("us-east-1", "eu-west-1"))
    changed = answer(f"export --check {folder} -f {settings}")
    assert changed.code == ExitCode.CHANGES_PENDING
    assert "+    services.k8s.aws/default-region: eu-west-1" in changed.lines
    selectors = exported(tmp_path / "y", f"--to flux {REPO} {IRSA} -f {settings} --mode role-selector")
    assert [path for path in selectors if "/iamroleselector-acksm-team-" in path]


# the folder


def test_what_no_export_wrote_is_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    done = answer(f"export --to kustomize {IRSA} --out {tmp_path}")
    assert done.code == ExitCode.REFUSED
    assert any("export-dir-foreign" in line and "README.md" in line for line in done.lines)
    assert files(tmp_path) == {"README.md": b"mine\n"}
    (tmp_path / "README.md").rename(tmp_path / "MINE.md")
    first = exported(tmp_path, f"{IRSA} --to kustomize")
    edited = tmp_path / "kustomization.yaml"
    edited.write_text(edited.read_text() + "# password: hunter22\n")
    lines = answer(f"export --check {tmp_path}")
    assert lines.code == ExitCode.CHANGES_PENDING
    assert "hunter22" not in str(lines)
    kept = answer(f"export --to flux {REPO} {IRSA} --out {tmp_path}")  # it has no kustomization.yaml at its root
    assert kept.good
    assert any("is kept: it was changed" in line for line in kept.lines)
    after = files(tmp_path)
    assert "hunter22" in after["kustomization.yaml"].decode()
    assert after["MINE.md"] == b"mine\n"
    edited.unlink()
    back = exported(tmp_path, f"{IRSA} --to kustomize")
    assert {**back, "MINE.md": b""} == {**first, "MINE.md": b""}
    assert not (tmp_path / "flux").exists()


def test_links_are_not_followed_and_another_cluster_is_refused(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "x"
    outside.mkdir()
    folder.mkdir()
    (folder / "manifests").symlink_to(outside)
    done = answer(f"export --to kustomize {IRSA} --out {folder}")
    assert any("export-dir-foreign" in line for line in done.lines)
    assert not list(outside.iterdir())
    exported(tmp_path / "y", f"{IRSA} --to kustomize")
    done = answer(f"export --to kustomize {IRSA.replace(ACCOUNT, OTHER)} --out {tmp_path / 'y'}")
    assert any("is the export of cluster" in line for line in done.lines)


def test_an_export_that_was_killed_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from acksm.guide.export import folder

    exported(tmp_path, f"{IRSA} --to kustomize")
    put = folder._put
    for number in range(1, 60, 9):
        left = [number]

        def killed(path: Path, data: bytes, left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            put(path, data)

        level = f"--set log.level={'debug' if number % 2 else 'info'} --tag n={number}"
        monkeypatch.setattr(folder, "_put", killed)
        answer(f"export --to flux {REPO} {IRSA} --out {tmp_path} {level}")
        monkeypatch.setattr(folder, "_put", put)
        found = exported(tmp_path, f"{IRSA} --to kustomize --tag n={number + 1}")
        assert "replaced" not in record(tmp_path)
        assert set(record(tmp_path)["files"]) == set(found) - {"EXPORT.json"}


@pytest.mark.parametrize(
    ("words", "id"),
    [
        ("--to flux", "export-repo-missing"),
        ("--to argocd --repo https://user:secret@git.example.com/x.git", "export-repo-invalid"),
        ("--to argocd --repo https://token@git.example.com/x.git", "export-repo-invalid"),
        ("--to flux --repo file:///srv/x", "export-repo-invalid"),
        ("--to flux --repo oci://registry.example.com/x:1", "export-repo-invalid"),
        (f"--to flux {REPO} --repo-path ../x", "export-repo-invalid"),
        (f"--to flux {REPO} --repo-path /x", "export-repo-invalid"),
        ("--to kustomize --repo https://git.example.com/x.git", "config-invalid"),
        ("--to helmfile", "config-invalid"),
        ("", "config-invalid"),
        ("--check y --to kustomize", "config-invalid"),
        ("--to kustomize --issuer http://x", "config-invalid"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(words: str, id: str, tmp_path: Path) -> None:
    issuer = "" if "--issuer" in words else f"--issuer {CLUSTER.issuer}"
    done = answer(f"export --out {tmp_path / 'x'} {AT} {issuer} {words}")
    assert any(f"error[{id}]" in line for line in done.lines), done.lines
    assert "secret" not in str(done.lines)
    assert not (tmp_path / "x").exists()


def test_offline_says_what_it_needs(tmp_path: Path) -> None:
    done = answer(f"export --to kustomize --out {tmp_path / 'x'} --offline --region us-west-2")
    assert any("error[export-offline-incomplete]" in line and "--account" in line for line in done.lines)
    done = answer(f"export --to kustomize --out {tmp_path / 'x'} {AT}")
    assert any("error[export-issuer-missing]" in line for line in done.lines)
    done = answer(f"export --to kustomize --out {tmp_path / 'x'} --issuer {CLUSTER.issuer}")
    assert any("error[config-invalid]" in line for line in done.lines)


def test_a_record_that_was_edited_is_no_defect(tmp_path: Path) -> None:
    assert any("export-record-missing" in line for line in answer(f"export --check {tmp_path}").lines)
    exported(tmp_path, f"{IRSA} --to kustomize")
    good = record(tmp_path)
    for broken in (
        "",
        "[]",
        "{}",
        json.dumps({**good, "files": {"../../x": "0"}}),
        json.dumps({**good, "files": {"a": 1}}),
        json.dumps({**good, "settings": {"cluster": ["x"], "nonsense": 1}}),
        json.dumps({**good, "export": []}),
        json.dumps({**good, "settings-file": 3}),
    ):
        (tmp_path / "EXPORT.json").write_text(broken)
        done = answer(f"export --check {tmp_path}")
        assert any("error[export-record-invalid]" in line for line in done.lines), (broken, done.lines)


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
def test_a_revision_is_what_it_looks_like(repo: str, revision: str, ref: Any, tmp_path: Path) -> None:
    more = f'--revision "{revision}"' if revision else ""
    found = parsed(exported(tmp_path, f"{IRSA} --to flux --repo {repo} {more}"), "flux/source")
    spec = found["flux/source.yaml"]["spec"]
    expected = {"name": f"refs/heads/{ref['branch']}"} if "branch" in ref and "oci" in repo else ref
    assert (spec["url"], spec["ref"]) == (repo.replace("git@git.example.com:", "ssh://git@git.example.com/"), expected)
    assert ROLE.encode() in files(tmp_path)["README.md"]
