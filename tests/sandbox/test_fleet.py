"""A fleet of three clusters in two accounts and two regions, through its life."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from abroad import until
from acksm import reports
from acksm.fleet.between import checked, findings
from acksm.kube.conditions import holds
from acksm.sandbox import api
from acksm.sandbox.state import REGION, directory
from kept_forks import kept
from world import NAME, WRITES, World

FAR_ACCOUNT, FAR_REGION = "222222222222", "eu-west-1"
GROUP, OLD = "applicationautoscaling.services.k8s.aws", "1.1.1"
BEHIND = f', version: {{applicationautoscaling: "{OLD}"}}'
SPEC = {
    "resourceID": "endpoint/churn/variant/v",
    "serviceNamespace": "sagemaker",
    "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
    "minCapacity": 1,
    "maxCapacity": 2,
}


@pytest.fixture
def away(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, World]]:
    """One cluster in another account, and a second one of the same account, both in another region. The processes of
    this process's fleets are forks of one."""
    places = {f"{world.cluster}-far": FAR_ACCOUNT, f"{world.cluster}-next": world.account}
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: api.add_cluster(world.state, name, places[name], FAR_REGION), places))
        for key in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(key, api.environment(NAME, world.cluster)[key])
        state = api.require(NAME)
        far, beside = (World(state, name, account, world.namespace) for name, account in places.items())
        with kept():
            yield far, beside
        list(pool.map(lambda name: api.remove_cluster(world.state, name), places))


class Fleet:
    """fleet.yaml: a canary in an account of its own, then two clusters of one account, one of which is behind."""

    def __init__(self, world: World, far: World, beside: World, path: Path) -> None:
        self.world, self.far, self.beside, self.path = world, far, beside, path
        self.ids = {
            "near": f"{world.account}/{REGION}/{world.cluster}",
            "far": f"{far.account}/{FAR_REGION}/{far.cluster}",
            "next": f"{world.account}/{FAR_REGION}/{beside.cluster}",
        }

    def write(self, more: str = "", near: str = ", role-name: fleet-shared", beside: str = BEHIND) -> None:
        """`near`, `beside`: the settings that the two clusters of one account have each."""
        world, far, other = self.world, self.far, self.beside
        self.path.write_text(f"""
defaults: {{service: [applicationautoscaling], controller-namespace: {world.namespace}{more}}}
writers-per-account: 1
waves:
- {{name: canary, select: {{stage: canary}}, soak: 1s}}
- {{name: rest}}
clusters:
- {{cluster: {world.cluster}, account: "{world.account}", region: {REGION}, adopt-role: true{near}}}
- {{cluster: {far.cluster}, account: "{far.account}", region: {FAR_REGION}, profile: other-{far.account},
   labels: {{stage: canary}}}}
- {{cluster: {other.cluster}, account: "{world.account}", region: {FAR_REGION}, adopt-role: true,
   role-name: fleet-shared{beside}}}
""")

    def states(self, *words: str, code: int = 0) -> dict[str, str]:
        """The state of each cluster after a command of `acksm fleet`, in the order of the report."""
        run = self.world.acksm("fleet", words[0], "-o", "json", *words[1:])
        assert run.exit_code == code, run.stdout + run.stderr
        names = {key: name for name, key in self.ids.items()}
        return {names[item["id"]]: item["state"] for item in run.data["clusters"]}

    def killed_at(self, word: str, *words: str) -> None:
        """Run `acksm fleet` as a process, and kill it when a line has the word."""
        command = [sys.executable, "-m", "acksm", "fleet", *words]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        supervisor = subprocess.Popen(command, env=dict(os.environ), text=True, **silent)  # type: ignore[call-overload]
        assert any(word in line for line in supervisor.stderr)
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()


def written(world: World, since: str) -> tuple[str, str]:
    """When acksm's first write to the cluster was since a time (RFC 3339), and its last."""
    log = (directory(NAME) / "clusters" / world.cluster / "audit.log").read_text().splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in log if line.strip()]
    at = [
        row["requestReceivedTimestamp"]
        for row in rows
        if row["requestReceivedTimestamp"] >= since
        and row["verb"] in WRITES
        and row["user"].get("username") == "practice-admin"
        and not any(word in row["requestURI"] for word in ("dryRun=All", "accessreviews"))
    ]
    return min(at), max(at)


@pytest.mark.crds
@pytest.mark.timeout(600)
def test_a_fleet_through_its_life(world: World, away: tuple[World, World], tmp_path: Path) -> None:
    fleet = Fleet(world, *away, tmp_path / "fleet.yaml")
    rolled_out(fleet)
    reviewed(fleet)
    between(fleet)
    assert fleet.states("cleanup", "--all", "--yes") == dict.fromkeys(("far", "next", "near"), "done")


def rolled_out(fleet: Fleet) -> None:
    """A wave that fails stops the rollout; one that was killed continues with the same command."""
    fleet.write(', version: {applicationautoscaling: "9.9.9"}')
    assert fleet.states("apply", "--yes", code=3) == {"far": "failed", "next": "not started", "near": "not started"}
    fleet.write()
    began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    fleet.killed_at("created", "apply", "--yes")
    again = fleet.states("apply", "--yes")
    assert list(again) == ["far", "next", "near"]
    assert set(again.values()) <= {"done", "up to date"}
    # the two of one account were not written at a time, as writers-per-account says
    (_, first_ended), (second_began, _) = sorted(written(one, began) for one in (fleet.world, fleet.beside))
    assert first_ended < second_began
    of_account = ("--cluster", fleet.ids["near"], "--cluster", fleet.ids["next"])
    assert fleet.states("apply", "--yes", *of_account) == {"next": "up to date", "near": "up to date"}


def reviewed(fleet: Fleet) -> None:
    """What was reviewed is what is applied, without the file."""
    plans, settled = str(fleet.path.parent / "plans"), fleet.path.read_text()
    fleet.write(", set: [log.level=debug]")
    only = ("--cluster", fleet.ids["far"])
    assert fleet.states("plan", "--out", plans, *only, code=10) == {"far": "changes pending"}
    fleet.path.unlink()
    assert fleet.world.acksm("fleet", "apply", plans, "--digest", "sha256:x").error_id == "plan-digest"
    assert fleet.states("apply", plans, "--yes") == {"far": "done"}
    fleet.path.write_text(settled)


def between(fleet: Fleet) -> None:
    """What is wrong between two clusters of one account is found, and the remedies put it right as they are printed."""
    world, near, next_ = fleet.world, fleet.ids["near"], fleet.ids["next"]
    held = world.custom(f"{GROUP}/v1alpha1", "scalabletargets", "ScalableTarget", "default", "churn", SPEC)
    until(lambda: holds(world.kube.get(held) or {}, "ACK.ResourceSynced"), "not synced", lambda: world.kube.get(held))
    adopt = ["adopt", "ScalableTarget", SPEC["resourceID"], "-n", "default", "--as", "churn", "--object-region", REGION]
    assert fleet.states("run", "--yes", "--cluster", next_, "--", *map(str, adopt)) == {"next": "done"}
    only = ("--cluster", near, "--cluster", next_)
    found = world.acksm("fleet", "doctor", *only, "-o", "json").data
    remedies = {item["id"]: item["remedy"].partition("   ")[0] for item in found["findings"]}
    assert {item["id"]: item["clusters"] for item in found["findings"]} == {
        "fleet.resource-in-two-clusters": sorted([near, next_]),
        "fleet.role-in-two-clusters": sorted([near, next_]),
        "fleet.version-skew": [next_],
    }
    assert found["exit_code"] == 3
    fleet.write(near="", beside="")  # "change … in fleet.yaml too"
    for name, of in (("near", "fleet.role-in-two-clusters"), ("next", "fleet.version-skew")):
        words = shlex.split(remedies[of])[2:]
        assert fleet.states(words[0], "--yes", *words[1:]) == {name: "done"}
    context, kubectl = remedies["fleet.resource-in-two-clusters"].split(" && ")
    world.acksm(*shlex.split(context)[1:]).ok()
    subprocess.run(shlex.split(kubectl), check=True, env=os.environ | world.variables)
    (left,) = compared(fleet)
    assert (left["id"], left["clusters"]) == ("fleet.issuer-trusted", [next_])  # the one that has left the role
    options = dict(itertools.pairwise(shlex.split(left["remedy"])))
    world.aws("iam").update_assume_role_policy(
        RoleName=options["--role-name"], PolicyDocument=options["--policy-document"]
    )
    assert compared(fleet) == []


def compared(fleet: Fleet) -> list[reports.FleetFinding]:
    """What `acksm fleet doctor` compares of the two clusters of one account, in this process."""
    of = {"near": (fleet.world.cluster, REGION), "next": (fleet.beside.cluster, FAR_REGION)}
    found = {}
    for name, (cluster, region) in of.items():
        words = ("fleet", "facts", "--cluster", cluster, "--region", region, "-o", "json")
        found[fleet.ids[name]] = checked(fleet.world.acksm(*words).ok().data)
    return findings(found)
