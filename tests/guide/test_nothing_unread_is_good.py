"""For every command that reads: a read that is denied or fails makes the answer incomplete or an error, never good."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import typed
from acksm.exits import ExitCode
from denied_reads import FAULTS, Reads
from generator.cli import commands
from typed import OTHER, ROLE, UNREAD, answer

# Each command as it is typed, on a cluster with both controllers and a model. Those that change something are planned.
LINES: Mapping[str, str] = {
    "status": "status",
    "history": "history",
    "versions": "versions",
    "logs": "logs sagemaker",
    "doctor": "doctor",
    "doctor KIND/NAME": "doctor Model/m -n one",
    "report": "report --out {tmp}/report.tar.gz",
    "cleanup": "cleanup --dry-run",
    "cleanup --all": "cleanup --all --dry-run",
    "install": "install --dry-run",
    "upgrade": "upgrade --dry-run",
    "export": "export --to kustomize --out {tmp}/export",
    "oidc": "oidc --dry-run",
    "iam-role": "iam-role --dry-run",
    "identity status": "identity status",
    "identity migrate": "identity migrate --to irsa --dry-run",
    "capability status": "capability status",
    "capability share": "capability share --service sagemaker --dry-run",
    "fleet facts": "fleet facts",
    "region list": "region list",
    "region explain": "region explain Model/m -n one",
    "region bind": "region bind three us-east-1 --dry-run",
    "region unbind": "region unbind two --dry-run",
    "carm list": "carm list",
    "carm verify": "carm verify",
    "carm setup": f"carm setup --target-account {OTHER} --print --dry-run",
    "carm bind": f"carm bind three --target-account {OTHER} --dry-run",
    "carm unbind": "carm unbind two --dry-run",
    "rbac grant": "rbac grant three --group ml --read-controllers --dry-run",
    "rbac revoke": "rbac revoke one --dry-run",
    "adopt": "adopt Model churn -n three --dry-run",
    "adopt --discover": "adopt --discover --kind Model -n three --dry-run",
    "samples apply": f"samples apply training -n three --set role={ROLE} --set bucket=data --dry-run",
    "samples apply --with-role": "samples apply training -n three --with-role --set bucket=data --dry-run",
    "samples delete": "samples delete model -n one --dry-run",
}
# Commands without a line, and why.
ELSEWHERE = {
    "init": "it writes a file, and reads only what it offers to choose from",
    "connect": "it writes a kubeconfig, and prints why the apiserver could not be reached",
    "mirror": "it reads registries, and ends with their error (tests/guide/mirror)",
    "plan": "it runs the command that it is given",
    "apply": "it runs the command of the plan",
    "plan show": "it reads a file",
    "explain": "it reads nothing",
    "config show": "it reads a file",
    "version": "it reads nothing",
    "token": "it signs, and reads nothing",
    "samples list": "it reads nothing",
    "samples show": "it reads nothing",
    "fleet list": "tests/fleet/test_discovery.py",
    "fleet job": "it reads a file",
    "fleet merge": "it reads files",
    **{
        f"fleet {name}": "it runs a command on each cluster, and its rows have their exit codes (tests/fleet)"
        for name in ("status", "doctor", "plan", "apply", "upgrade", "cleanup", "run")
    },
}


@pytest.fixture(autouse=True, scope="module")
def _in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("here"))
        typed.in_memory(patch, Reads.of_aws)
        yield


# Reads that are no part of an answer, and why.
NOT_PART = {
    ("status", "list Node"): "running pods need no other node",
    **{(name, "list Node"): "nothing is to be scheduled" for name in ("install", "upgrade", "export")},
    **{
        (name, "list Namespace"): "the namespace is then read by its name"
        for name in (
            "adopt",
            "adopt --discover",
            "rbac grant",
            "samples apply",
            "samples apply --with-role",
            "samples delete",
        )
    },
    **{
        (name, f"list {kind}"): "each of a release's objects is then read by its name"
        for name in ("status", "doctor", "install", "upgrade", "export")
        for kind in (
            "ClusterRole",
            "ClusterRoleBinding",
            "Role in ack-system",
            "RoleBinding in ack-system",
            "ServiceAccount in ack-system",
        )
    },
    ("region explain", "list Namespace"): "the namespace is then read by its name",
    ("region explain", "list Deployment"): "the controller that decides is found in the controllers' namespace",
    ("logs", "list Deployment"): "the controllers' namespace is then read",
    ("doctor KIND/NAME", "list Deployment"): "the controller that watches it is found there too",
    ("doctor KIND/NAME", "get CustomResourceDefinition"): "that it is served says the kind's own discovery",
}


def test_every_command_has_a_line_or_a_reason() -> None:
    named = {one.name for one in commands() if not one.name.startswith("sandbox")}
    lined = {name for name in named for line in LINES.values() if f"{line} ".startswith(f"{name} ")}
    assert named == lined | ELSEWHERE.keys()
    assert not (lined - {"plan"}) & ELSEWHERE.keys()


@pytest.mark.parametrize("name", LINES)
def test_a_read_that_fails_is_never_good(name: str, tmp_path: Any) -> None:
    """Exit 0 only where the text says what was not checked: a note of a plan, an unknown check that is a warning at
    most."""
    reads = Reads()
    reads.over(typed.a_world())
    line = LINES[name].format(tmp=tmp_path)
    whole = answer(line)
    assert whole.good, "\n".join(whole.lines)
    assert reads.seen
    assert not [one for one in whole.lines if UNREAD.search(one)]
    bad = []
    for fault, sort in itertools.product(FAULTS, sorted(reads.seen)):
        reads.denied, reads.fault = sort, fault
        found = answer(line)
        silent = found.good and not found.tells(whole) and (name, sort) not in NOT_PART
        if silent or found.code == ExitCode.DEFECT:
            bad.append((fault, sort, found.code))
    assert not bad, "\n".join(map(str, bad))
