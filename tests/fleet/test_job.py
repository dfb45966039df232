"""A fleet's command as an Indexed Job."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from acksm.cli import app
from acksm.exits import ExitCode
from acksm.fleet import file, job

FLEET = """
defaults: {assume-role-arn: "arn:aws:iam::{account}:role/deploy"}
waves:
- {name: canary, select: {stage: canary}}
- {name: rest, max-failures: 10%}
clusters:
- {cluster: a, account: "111111111111", region: eu-west-1, labels: {stage: canary}}
- {cluster: b, account: "111111111111", region: eu-west-1}
- {cluster: c, account: "222222222222", region: eu-west-1}
"""
IMAGE = ("--image", "registry.example.com/acksm:1.0")


def run(tmp_path: Path, *words: str, text: str = FLEET) -> Result:
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    return CliRunner().invoke(app, ["fleet", "job", "-f", str(path), *words], catch_exceptions=False)


def objects(tmp_path: Path, *words: str, text: str = FLEET) -> dict[str, dict]:  # type: ignore[type-arg]
    found = run(tmp_path, *IMAGE, *words, text=text)
    assert found.exit_code == 0, found.output
    return {item["kind"]: item for item in yaml.safe_load_all(found.stdout)}


def test_each_index_is_a_shard_that_acksm_finds_by_itself(tmp_path: Path) -> None:
    found = objects(tmp_path, "--shards", "3", "--parallelism", "2", "--", "status", "--select", "a=$(HOME)")
    spec = found["Job"]["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 2)
    container = spec["template"]["spec"]["containers"][0]
    assert container["command"] == ["acksm"]
    assert " ".join(container["args"]) == (
        "fleet status --file /etc/acksm/fleet.yaml --shard /3 --output json --select a=$$(HOME)"
    )
    # what the pod reads is the file as it was written
    assert found["ConfigMap"]["data"] == {"fleet.yaml": FLEET}
    mounts = {item["name"]: item["mountPath"] for item in container["volumeMounts"]}
    sources = {item["name"]: item for item in spec["template"]["spec"]["volumes"]}
    assert sources["fleet"]["configMap"]["name"] == found["ConfigMap"]["metadata"]["name"]
    assert mounts["fleet"] == "/etc/acksm"


def test_pods_have_no_rights_but_those_of_their_aws_role(tmp_path: Path) -> None:
    role = "arn:aws:iam::111111111111:role/fleet"
    found = objects(tmp_path, "--pod-role-arn", role, "-n", "ops", "--", "apply", "--yes")
    assert sorted(found) == ["ConfigMap", "Job", "ServiceAccount"]
    assert {item["metadata"]["namespace"] for item in found.values()} == {"ops"}
    assert found["ServiceAccount"]["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}
    pod = found["Job"]["spec"]["template"]["spec"]
    assert found["ServiceAccount"]["automountServiceAccountToken"] is pod["automountServiceAccountToken"] is False
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("code", ExitCode)
@pytest.mark.parametrize("writes", [True, False])
def test_every_exit_code_is_retried_or_not(tmp_path: Path, code: ExitCode, writes: bool) -> None:
    words = ("apply", "--yes") if writes else ("status",)
    policy = objects(tmp_path, "--", *words)["Job"]["spec"]["podFailurePolicy"]["rules"]
    # the first rule that fits counts; without one the pod counts towards backoffLimitPerIndex
    fits = [rule["action"] for rule in policy if code in rule.get("onExitCodes", {}).get("values", ())]
    expected = {
        ExitCode.DEFECT: ["FailJob"],
        **{known: ["FailIndex"] for known in (ExitCode.USAGE, ExitCode.REFUSED, ExitCode.CHANGES_PENDING)},
        **({} if writes else {ExitCode.CHECK_FAILED: ["FailIndex"]}),
    }
    assert fits == expected.get(code, [])
    assert policy[-1] == {
        "action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--", "apply", "--yes"), 0),
        (("--max-failed-shards", "3", "--", "apply", "--yes"), 3),
        (("--", "apply", "--dry-run"), None),
        (("--", "status"), None),
        (("--", "run", "status"), None),
        (("--", "run", "--yes", "--", "upgrade"), 0),
    ],
)
def test_a_failed_shard_stops_what_changes_clusters(
    tmp_path: Path, words: tuple[str, ...], expected: int | None
) -> None:
    assert objects(tmp_path, *words)["Job"]["spec"].get("maxFailedIndexes") == expected


REFUSED = {
    "a question": (("apply",), "", "fleet-command"),
    "a question of a command of run": (("run", "--", "adopt", "--yes"), "", "fleet-command"),
    "another group's command": (("facts",), "", "fleet-command"),
    "no command of acksm": (("run", "x"), "", "fleet-command"),
    "a plan, which is files": (("plan",), "", "fleet-command"),
    "reviewed plans": (("apply", "plans", "--yes"), "", "fleet-command"),
    "an earlier report": (("status", "--failed-only", "r.json"), "", "fleet-command"),
    "the Job's option": (("status", "--shard", "1/2"), "", "fleet-command"),
    "a file of this machine": (("apply", "--values=v.yaml", "--yes"), "", "fleet-command"),
    "an unknown option": (("upgrade", "--yes", "--bogus"), "", "fleet-command"),
    "two waves": (("apply", "--yes"), "--shards 2", "fleet-job-waves"),
    "a comparison": (("doctor",), "--shards 2", "fleet-command"),
    "a number of clusters": (("cleanup", "--all", "--delete-aws", "--yes"), "--shards 2", "fleet-command"),
    "no shard": (("status",), "--shards 0", "fleet-job-invalid"),
    "too many": (("status",), "--shards 10001", "fleet-job-invalid"),
    "a name": (("status",), "--job-name Fleet", "fleet-job-invalid"),
    "a name whose pods have none": (("status",), f"--shards 11 --job-name {'a' * 61}", "fleet-job-invalid"),
    "a namespace": (("status",), "--namespace a.b", "fleet-job-invalid"),
    "no image": (("status",), "--image=", "fleet-job-invalid"),
    "no such cluster": (("status", "--cluster", "x"), "", "fleet-unknown"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_run_in_pods_is_refused(tmp_path: Path, name: str) -> None:
    words, options, expected = REFUSED[name]
    found = run(tmp_path, *IMAGE, *options.split(), "--", *words)
    assert f"error[{expected}]" in found.stderr
    assert (found.exit_code, found.stdout) == (2, "")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("defaults: {", "defaults: {profile: me, ", ":2:12"),
        ("{cluster: b,", "{profile: me, cluster: b,", ":8:4"),
        ("{cluster: b,", "{kubeconfig: k, cluster: b,", ":8:4"),
        ("{cluster: b,", "{values: [v.yaml], cluster: b,", ":8:4"),
        ("clusters:", "discover:\n- {accounts: ['333333333333'], regions: [us-east-1], profile: me}\nclusters:", ":7:"),
    ],
)
def test_what_only_this_machine_has_is_named_with_its_place(tmp_path: Path, old: str, new: str, place: str) -> None:
    found = run(tmp_path, *IMAGE, "--", "status", text=FLEET.replace(old, new, 1))
    assert "error[fleet-job-file]" in found.stderr
    assert f"fleet.yaml{place}" in found.stderr


def test_a_file_that_no_configmap_can_hold_is_refused(tmp_path: Path) -> None:
    found = run(tmp_path, *IMAGE, "--", "status", text=FLEET + "#" * job.MOST_BYTES)
    assert "error[fleet-job-file]" in found.stderr


def test_limits_that_hold_for_each_shard_are_said(tmp_path: Path) -> None:
    found = run(
        tmp_path, *IMAGE, "--shards", "2", "--", "apply", "--yes", text=FLEET.replace("- {name: canary", "#", 1)
    )
    assert found.exit_code == 0
    assert "max-failures 10% of wave rest is for each shard" in found.stderr
    assert "writers-per-account" not in found.stderr  # two clusters, and four may
    few = FLEET.replace("- {name: canary", "#", 1) + "writers-per-account: 1\n"
    found = run(tmp_path, *IMAGE, "--shards", "2", "--", "apply", "--yes", text=few)
    assert "up to 2 clusters of account 111111111111 are changed at a time" in found.stderr
    found = run(tmp_path, *IMAGE, "--shards", "2", "--parallelism", "1", "--", "apply", "--yes", text=few)
    assert "at a time" not in found.stderr


def test_a_shard_of_one_wave_needs_no_other(tmp_path: Path) -> None:
    words = ("apply", "--yes", "--select", "stage=canary")
    assert objects(tmp_path, "--shards", "2", "--", *words)["Job"]["spec"]["completions"] == 2


def test_the_report_has_the_objects(tmp_path: Path) -> None:
    found = json.loads(run(tmp_path, *IMAGE, "-o", "json", "--", "status").stdout)
    assert [item["kind"] for item in found["manifests"]] == ["ServiceAccount", "ConfigMap", "Job"]
    assert "acksm/acksm-fleet needs an AWS role" in found["notes"][-1]


def test_memory_grows_with_what_runs_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET)
    fleet = file.read(str(path))

    def request(shards: int) -> job.Request:
        return job.Request("status", [], False, "i", "n", "n", shards, shards, 2, None)

    def memory(shards: int) -> str:
        found = job.manifests(request(shards), fleet, FLEET)[2]["spec"]["template"]["spec"]["containers"][0]
        return str(found["resources"]["requests"]["memory"])

    assert [memory(1), memory(3)] == ["550Mi", "250Mi"]
