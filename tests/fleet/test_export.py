"""`acksm export --fleet`: a directory for each cluster, an ApplicationSet whose steps are the waves, and --check."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from acksm import yaml_reader
from acksm.aws.session import Keys
from acksm.cli import app
from acksm.errors import AcksmError
from acksm.fleet import applicationset, children, forks
from acksm.fleet.applicationset import Destinations, application, elements
from acksm.fleet.children import Ended, settings_of
from acksm.fleet.file import Member, Wave
from acksm.fleet.rollout import Step
from acksm.guide.install.kept import Kept, commit
from acksm.guide.install.release import Desired
from acksm.kube.owners import Owner
from acksm.live.engines import Source
from acksm.sandbox import parts
from acksm.settings import ControllerSettings, RoleSettings
from exports import REPO, files, offline_in_memory

FLEET = """
defaults: {service: [applicationautoscaling], identity: pod-identity}
waves:
  - {name: canary, select: {stage: canary}, soak: 10m}
  - {name: rest, concurrency: 8, max-failures: 50%}
clusters:
  - {cluster: ml-eu, account: "111111111111", region: eu-west-1}
  - {cluster: ml-us, account: "222222222222", region: us-west-2, labels: {stage: canary}}
  - {cluster: ML_us, account: "222222222222", region: us-west-2, identity: irsa, issuer: "https://oidc.example.com/id/A"}
"""
EU, US, CAPITAL = (
    "111111111111/eu-west-1/ml-eu",
    "222222222222/us-west-2/ml-us",
    "222222222222/us-west-2/ML_us",
)
TO_ARGOCD = ("--to", "argocd", "--repo", REPO, "--repo-path", "ml")
ARNS = {name: "arn:aws:eks:{1}:{0}:cluster/{2}".format(*name.split("/")) for name in (EU, US, CAPITAL)}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with fleet.yaml; each cluster's process is a call, without AWS and apiserver."""
    offline_in_memory(monkeypatch)
    one_at_a_time = threading.Lock()

    def run(_self: object, one: Member, argv: Sequence[str], keys: Keys | None, *_: Any, settings: bool) -> Ended:
        assert keys is None, "AWS is asked for a role"
        with one_at_a_time:
            path = tmp_path / "settings.yaml"
            path.write_text(json.dumps(settings_of(one)))
            assert settings
            done = CliRunner().invoke(app, [*argv, "--output", "json", "--file", str(path)], prog_name="acksm")
            return Ended(done.exit_code, json.loads(done.stdout or "{}"))

    monkeypatch.setattr(children.Children, "run", run)
    monkeypatch.setattr(forks, "possible", lambda: False)  # none would be asked for anything
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.yaml").write_text(FLEET)
    return tmp_path


def acksm(*argv: str) -> tuple[int, Any]:
    done = CliRunner().invoke(app, ["export", *argv, "-o", "json"], prog_name="acksm")
    return done.exit_code, json.loads(done.stdout)


def export(*argv: str, out: str = "out") -> Any:
    code, report = acksm("--fleet", "fleet.yaml", "--out", out, "--offline", *(argv or TO_ARGOCD))
    assert code == 0, report
    return report


def application_set(out: str = "out") -> Any:
    return yaml_reader.load((Path(out) / "argocd/applicationset.yaml").read_text())


def test_each_cluster_is_an_application_in_the_step_of_its_wave(here: Path) -> None:
    report = export()
    assert [item["id"] for item in report["clusters"]] == [US, EU, CAPITAL]
    assert not any("directory" not in item["report"] for item in report["clusters"])
    made = application_set()
    assert made["metadata"]["name"] == "ack-fleet"
    spec = made["spec"]
    found = {one["path"]: one for (generator,) in [spec["generators"]] for one in generator["list"]["elements"]}
    assert {path: one["destination"] for path, one in found.items()} == {
        f"ml/clusters/{name}": arn for name, arn in ARNS.items()
    }
    assert {path: one["wave"] for path, one in found.items()} == {
        f"ml/clusters/{US}": "canary",
        f"ml/clusters/{EU}": "rest",
        f"ml/clusters/{CAPITAL}": "rest",
    }
    assert len({one["application"] for one in found.values()}) == len(found)
    assert spec["strategy"]["type"] == "RollingSync"
    steps = [(step["matchExpressions"], step["maxUpdate"]) for step in spec["strategy"]["rollingSync"]["steps"]]
    assert steps == [
        ([{"key": "acksm.dev/wave", "operator": "In", "values": [name]}], most)
        for name, most in (("canary", 4), ("rest", 8))
    ]
    template = spec["template"]
    assert template["metadata"]["labels"]["acksm.dev/wave"] == "{{.wave}}"
    assert template["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io/background"]
    assert template["spec"]["destination"] == {"name": "{{.destination}}"}
    assert "ServerSideApply=true" in template["spec"]["syncPolicy"]["syncOptions"]
    assert "automated" not in template["spec"]["syncPolicy"], "without progressive syncs everything at once"
    assert spec["syncPolicy"]["applicationsSync"] == "create-update"
    assert made["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]


def test_a_cluster_s_directory_has_its_layers_and_no_application(here: Path) -> None:
    export()
    found = files(here / "out/clusters" / CAPITAL)
    assert not [path for path in found if path.startswith("argocd")]
    assert "https://oidc.example.com/id/A" in found["iam.yaml"].decode()
    assert b"argocd/root.yaml" not in found["README.md"]
    listed = yaml_reader.load(found["kustomization.yaml"].decode())["resources"]
    assert listed == sorted({path.rpartition("/")[0] for path in found if path.startswith("manifests/")})
    (path,) = [path for path in found if path.startswith("manifests/3") and "deployment" in path]
    assert yaml_reader.load(found[path].decode())["metadata"]["labels"]["acksm.dev/export"] == "argocd"
    crds = [
        yaml_reader.load(data.decode()) for path, data in found.items() if path.startswith("manifests/1-common-crds/s")
    ]
    for crd in crds:  # else an Application that keeps one is OutOfSync, and holds all later waves
        assert crd["metadata"]["annotations"]["argocd.argoproj.io/compare-options"] == "IgnoreExtraneous"


def test_the_same_fleet_gives_the_same_bytes_wherever_it_is(here: Path) -> None:
    export()
    before = files(here / "out")
    assert not any(one["change"] for one in export()["files"])
    export(*TO_ARGOCD, out="deep/er")
    again = files(here / "deep/er")
    assert {path for path in before if before[path] != again[path]} == {"EXPORT.json"}
    assert json.loads(again["EXPORT.json"])["export"]["fleet"] == "../../fleet.yaml"


def test_readme_says_what_no_application_set_can(here: Path) -> None:
    export()
    text = (here / "out" / "README.md").read_text()
    for said in (
        "`soak` of wave canary, 10m",
        "`max-failures` of wave rest, 1",
        "writers-per-account: 4",
        "progressive.syncs",
    ):
        assert said in text


@pytest.mark.parametrize("engine", ["flux", "kustomize", "cloudformation"])
def test_other_engines_have_a_directory_for_each_cluster(engine: str, here: Path) -> None:
    export("--to", engine, *(("--repo", REPO, "--repo-path", "ml") if engine == "flux" else ()))
    found = files(here / "out")
    assert {path for path in found if "clusters" not in path} == {"EXPORT.json", "README.md"}
    if engine == "flux":
        made = yaml_reader.load(found[f"clusters/{EU}/flux/ack-applicationautoscaling-controller.yaml"].decode())
        assert made["spec"]["path"] == f"./ml/clusters/{EU}/manifests/3-controllers-applicationautoscaling"
    assert acksm("--check", "out")[0] == 0


def test_check_finds_a_change_of_the_fleet_of_a_cluster_and_of_the_whole(here: Path) -> None:
    export()
    assert acksm("--check", "out")[0] == 0
    (here / "fleet.yaml").write_text(FLEET.replace("concurrency: 8", "concurrency: 9"))
    code, report = acksm("--check", "out")
    assert code == 10
    assert [one["path"] for one in report["files"] if one["change"]] == [
        "EXPORT.json",
        "README.md",
        "argocd/applicationset.yaml",
    ]
    (here / "fleet.yaml").write_text(FLEET.replace("pod-identity}", 'pod-identity, set: ["log.level=debug"]}'))
    code, report = acksm("--check", "out")
    assert (code, {item["exit_code"] for item in report["clusters"]}) == (10, {10})
    assert f"--- a/clusters/{EU}/EXPORT.json" in report["diff"]
    (here / "fleet.yaml").write_text(FLEET)
    edited = here / "out/clusters" / EU / "kustomization.yaml"
    edited.write_text(edited.read_text() + "#\n")
    code, report = acksm("--check", "out")
    assert (code, [item["id"] for item in report["clusters"] if item["exit_code"]]) == (10, [EU])


def test_check_finds_a_cluster_that_was_never_exported_and_one_that_is_gone(here: Path) -> None:
    export()
    more = FLEET + '  - {cluster: new, account: "333333333333", region: us-west-2}\n'
    (here / "fleet.yaml").write_text(more)
    code, report = acksm("--check", "out")
    assert code == 10
    assert "clusters/333333333333/us-west-2/new does not exist, or is no export" in report["diff"]
    (here / "fleet.yaml").write_text(
        FLEET.replace('  - {cluster: ml-eu, account: "111111111111", region: eu-west-1}\n', "")
    )
    assert acksm("--check", "out")[0] == 10
    report = export()
    assert any(f"clusters/{EU} is kept" in note for note in report["notes"])
    assert (here / "out/clusters" / EU / "EXPORT.json").exists(), "its Application still reads it"
    assert EU not in (here / "out/argocd/applicationset.yaml").read_text()
    assert acksm("--check", "out")[0] == 0


def test_a_cluster_that_fails_keeps_the_application_set_as_it_was(here: Path) -> None:
    export()
    before = files(here / "out")
    (here / "fleet.yaml").write_text(
        FLEET.replace("concurrency: 8", "concurrency: 9").replace(', issuer: "https://oidc.example.com/id/A"', "")
    )
    code, report = acksm("--fleet", "fleet.yaml", "--out", "out", "--offline", *TO_ARGOCD)
    assert code == 2
    assert {item["id"]: (item["error"] or {}).get("id") for item in report["clusters"]} == {
        EU: None,
        US: None,
        CAPITAL: "export-issuer-missing",
    }
    assert files(here / "out") == before


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (("--to", "argocd"), "export-repo-missing"),
        ((*TO_ARGOCD, "--destination", "arn"), "config-invalid"),
        ((*TO_ARGOCD, "--destination", "name=x"), "config-invalid"),
        ((*TO_ARGOCD, "--destination", "name={team}"), "config-invalid"),
        (("--to", "kustomize", "--destination", "name={arn}"), "config-invalid"),
        (("--to", "kustomize", "--manifests-only"), "config-invalid"),
        ((*TO_ARGOCD, "--scope", "cluster"), "config-invalid"),
        ((*TO_ARGOCD, "--issuer", "https://example.com"), "config-invalid"),
        ((), "config-invalid"),
    ],
)
def test_what_is_wrong_is_said_and_no_application_set_written(argv: tuple[str, ...], error: str, here: Path) -> None:
    code, report = acksm("--fleet", "fleet.yaml", "--out", "out", "--offline", *argv)
    assert (code, report["error"]["id"]) == (2, error)
    assert not (here / "out/argocd").exists()


def test_discovery_asks_aws(here: Path) -> None:
    (here / "fleet.yaml").write_text(FLEET + 'discover: [{accounts: ["333333333333"], regions: [us-east-1]}]\n')
    code, report = acksm("--fleet", "fleet.yaml", "--out", "out", "--offline", *TO_ARGOCD)
    assert (code, report["error"]["id"]) == (2, "config-invalid")


def test_no_link_leads_out_of_the_directory_and_no_other_export_is_replaced(here: Path) -> None:
    (here / "elsewhere").mkdir()
    (here / "out").mkdir()
    (here / "out/clusters").symlink_to(here / "elsewhere")
    code, report = acksm("--fleet", "fleet.yaml", "--out", "out", "--offline", *TO_ARGOCD)
    assert (code, report["error"]["id"]) == (6, "export-dir-foreign")
    assert not list((here / "elsewhere").iterdir())
    export(out="fleet")
    one = ("--cluster", "ml-eu", "--account", "111111111111", "--region", "eu-west-1", "--identity", "pod-identity")
    alone = ("--to", "kustomize", "--offline", "--service", "applicationautoscaling", *one)
    code, report = acksm(*alone, "--out", "fleet")
    assert (code, report["error"]["id"]) == (6, "export-dir-foreign")
    assert acksm(*alone, "--out", "one")[0] == 0
    code, report = acksm("--fleet", "fleet.yaml", "--out", "one", "--offline", *TO_ARGOCD)
    assert (code, report["error"]["id"]) == (6, "export-dir-foreign")


def member(name: str, **labels: str) -> Member:
    account, region, cluster = name.split("/")
    return Member(cluster, account, region, labels)


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("name={arn}", ARNS[EU]),
        ("server={arn}", ARNS[EU]),
        ("name={account}-{cluster}.{region}", "111111111111-ml-eu.eu-west-1"),
        ("server=https://{host}", "https://10.0.0.1"),
        ("name={cluster}", "ml-eu"),  # a label does not outdo what the cluster is
    ],
)
def test_destinations(template: str, found: str) -> None:
    one = member(EU, host="10.0.0.1", cluster="other")
    assert Destinations.parse(template).of(one, ARNS[EU]) == found


def test_a_cluster_kept_by_such_an_application_is_changed_in_the_fleet_s_file() -> None:
    """Its Application may be in another cluster, where acksm cannot read it: its name says enough."""
    by = Owner("argocd", f"{application(member(CAPITAL))}:apps/Deployment:ack-system/x", "Application")
    desired = Desired("sagemaker", "x", "ack-system", "", "", "1.9.1", "", {}, "")
    settings = ControllerSettings(), RoleSettings()
    found = commit([Kept(desired, by, True)], *settings)
    assert found.startswith("acksm export --fleet FILE --to argocd --repo URL --out DIR ")
    at = Source(REPO, "main", f"platform/clusters/{CAPITAL}")
    found = commit([Kept(desired, by, True, source=at)], *settings)
    assert f"--to argocd --repo {REPO} --repo-path platform --revision main --out DIR" in found


def test_applications_have_names_of_kubernetes() -> None:
    names = [application(member(f"222222222222/us-west-2/{name}")) for name in ("a-b", "a_b", "A-b", "A_b", "a-b-")]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and "_" not in name and not name.endswith("-") for name in names)


def strict(schema: Any) -> Any:
    """A schema of a CRD by which fields that the apiserver would drop are errors."""
    if not isinstance(schema, dict):
        return [strict(item) for item in schema] if isinstance(schema, list) else schema
    closed = "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields")
    found = {key: strict(value) for key, value in schema.items()}
    return {**found, "additionalProperties": False} if closed and schema.get("type") == "object" else found


def test_applications_have_the_labels_of_their_clusters(here: Path) -> None:
    """By a patch that is a template of its own; what is no label of Kubernetes is left out, and said."""
    more = "labels: {stage: canary, team: ml, example.com/tier: '', Owner: 'Team A', acksm.dev/wave: x, /x: y}"
    (here / "fleet.yaml").write_text(FLEET.replace("labels: {stage: canary}", more, 1))
    report = export()
    spec = application_set()["spec"]
    found = {one["path"]: one["labels"] for one in spec["generators"][0]["list"]["elements"]}
    assert found == {
        f"ml/clusters/{US}": {"stage": "canary", "team": "ml", "example.com/tier": ""},
        f"ml/clusters/{EU}": {},
        f"ml/clusters/{CAPITAL}": {},
    }
    patch = spec["templatePatch"].replace("{{ toJson .labels }}", json.dumps(found[f"ml/clusters/{US}"]))
    assert yaml_reader.load(patch) == {"metadata": {"labels": found[f"ml/clusters/{US}"]}}
    (note,) = [note for note in report["notes"] if "no label" in note]
    assert note.startswith(f"{US}: its Application does not have /x, Owner, acksm.dev/wave")


def test_the_application_set_is_as_argo_cds_own_schema_says(here: Path) -> None:
    program = parts.existing("argocd")
    if program is None:
        pytest.skip("Argo CD's manifests come with its program: acksm sandbox build --gitops")
    (path,) = parts.manifests(program).glob("*.yaml")
    named = "\n  name: applicationsets.argoproj.io\n"  # of megabytes of others
    (crd,) = [yaml.load(text, Loader=yaml.CSafeLoader) for text in path.read_text().split("\n---\n") if named in text]
    export()
    (version,) = crd["spec"]["versions"]
    schema = strict(version["schema"]["openAPIV3Schema"])  # of 40,000 parts: `validate` would check them first
    jsonschema.Draft202012Validator(schema).validate(application_set())


def test_a_wave_is_the_value_of_a_label() -> None:
    step = Step(Wave(name="first wave"), (member(EU),))
    with pytest.raises(AcksmError) as caught:
        elements([step], ARNS, Destinations.parse(applicationset.DEFAULT_DESTINATION))
    assert caught.value.id == "export-not-expressible"
