"""A fleet as an Indexed Job, by the real Job controller; each pod is acksm as a process, with its AWS identity."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from acksm import __version__
from acksm.exits import ExitCode
from acksm.kube.paths import Ref
from acksm.sandbox import api
from acksm.sandbox.state import REGION, directory
from world import NAME, World

SPACE, INDEX = "acksm", "batch.kubernetes.io/job-completion-index"


class Hub:
    """The cluster in which the Job runs: here, one of the fleet."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder, self.logs = world, folder, dict[str, str]()
        world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        arn = world.role_of_ones_own("fleet")
        iam = world.aws("iam")
        trust = iam.get_role(RoleName="fleet")["Role"]["AssumeRolePolicyDocument"]
        (condition,) = [one["Condition"]["StringEquals"] for one in trust["Statement"]]
        (key,) = [name for name in condition if name.endswith(":sub")]
        condition[key] = [f"system:serviceaccount:{SPACE}:{name}" for name in ("first", "second")]
        iam.update_assume_role_policy(RoleName="fleet", PolicyDocument=json.dumps(trust))
        everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        iam.put_role_policy(RoleName="fleet", PolicyName="all", PolicyDocument=json.dumps(everything))
        api.control(world.state, "POST", "users", {"arn": arn, "name": "fleet", "groups": ["system:masters"]})
        self.role = arn

    def start(self, name: str, *words: str) -> None:
        """As `acksm fleet job … | kubectl apply -f -` does."""
        image = f"{self.world.state.registry}/acksm:{__version__}"
        options = ("--job-name", name, "-n", SPACE, "--image", image, "--pod-role-arn", self.role, *words)
        for manifest in yaml.safe_load_all(self.world.acksm("fleet", "job", *options).ok().stdout):
            kind, version = manifest["kind"], manifest["apiVersion"]
            location = Ref(version, f"{kind.lower()}s", kind, name, SPACE)
            self.world.kube._request("post", location.collection, body=manifest, query_params=[])

    def status(self, name: str) -> Any:
        job = self.world.kube.get(Ref("batch/v1", "jobs", "Job", name, SPACE))
        assert job is not None
        return job["status"]

    def pods(self, name: str) -> list[Any]:
        found = self.world.kube.list(Ref("v1", "pods", "Pod", "", SPACE), selector=f"job-name={name}")
        return sorted(found, key=lambda pod: (pod["metadata"]["annotations"][INDEX], pod["metadata"]["name"]))

    def until(self, name: str, ready: Callable[[], bool]) -> None:
        limit = time.monotonic() + 180
        while not ready():
            assert time.monotonic() < limit, self.story(name)
            time.sleep(0.2)

    def story(self, name: str) -> str:
        """What became of the Job's pods, for a test that fails."""
        lines = [str(self.status(name))]
        for pod in self.pods(name):
            lines += [str(pod["spec"].get("nodeName")), str(pod["status"]), self.log(pod)]
        return "\n".join(lines)

    def log(self, pod: Any) -> str:
        """What the pod has written, from the sandbox's file."""
        home = Path(directory(NAME), "clusters", self.world.cluster, "controllers")
        path = home / f"{SPACE}_{pod['metadata']['name']}" / "controller.log"
        return path.read_text() if path.exists() else ""

    def evict(self, name: str) -> None:
        """Evict the pod of a Job that runs, as a drain of its node does."""
        self.until(name, lambda: any(self.log(pod) for pod in self.pods(name)))  # it handles signals by then
        (meta,) = [pod["metadata"] for pod in self.pods(name)]
        path = Ref("v1", "pods", "Pod", meta["name"], SPACE).path
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": meta["name"], "namespace": SPACE}}
        self.world.kube._request("post", f"{path}/eviction", body=body, query_params=[])

    def ended(self, name: str) -> list[tuple[str, int]]:
        """The index and exit code of each pod that ended, in the order of time."""
        pods = [pod for pod in self.pods(name) if pod["status"]["phase"] in {"Succeeded", "Failed"}]
        pods.sort(key=lambda pod: pod["status"]["containerStatuses"][0]["state"]["terminated"]["startedAt"])
        return [
            (
                pod["metadata"]["annotations"][INDEX],
                pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"],
            )
            for pod in pods
        ]

    def merged(self, name: str) -> Any:
        """As `kubectl logs` and `acksm fleet merge` do."""
        files = []
        for pod in sorted(self.pods(name), key=lambda pod: pod["metadata"]["creationTimestamp"]):
            path = self.folder / f"{pod['metadata']['name']}.log"
            path.write_text(self.world.kube.logs(SPACE, pod["metadata"]["name"], "acksm", lines=100_000))
            files.append(str(path))
        return self.world.acksm("fleet", "merge", *files, "-o", "json")


@pytest.mark.crds
@pytest.mark.timeout(600)
def test_indices_are_retried_as_acksms_exit_codes_say(world: World, tmp_path: Path) -> None:
    hub, near = Hub(world, tmp_path), world.cluster
    (tmp_path / "fleet.yaml").write_text(f"""
defaults: {{service: [applicationautoscaling], controller-namespace: {world.namespace}}}
clusters:
- {{cluster: {near}, account: "{world.account}", region: {REGION}}}
- {{cluster: {near}, account: "999999999999", region: {REGION}}}  # which the pods' role is not of
""")
    world.fault("iam:AttachRolePolicy", 400, "InvalidInput")
    hub.start("first", "--shards", "2", "--retries", "1", "--max-failed-shards", "1", "--", "apply", "--yes")
    hub.until("first", lambda: sorted(hub.ended("first")) == [("0", ExitCode.STEP_FAILED), ("1", ExitCode.REFUSED)])
    world.end_faults()
    hub.until("first", lambda: hub.status("first").get("conditions", [{}])[-1].get("type") in {"Failed", "Complete"})
    # the index that may succeed got another pod, the one that cannot did not
    assert sorted(hub.ended("first")) == [("0", 0), ("0", ExitCode.STEP_FAILED), ("1", ExitCode.REFUSED)]
    status = hub.status("first")
    assert (status["completedIndexes"], status["failedIndexes"]) == ("0", "1")
    assert status["conditions"][-1]["reason"] == "FailedIndexes"
    merged = hub.merged("first")
    assert merged.exit_code == ExitCode.REFUSED
    assert [(item["account"], item["state"]) for item in merged.data["clusters"]] == [
        (world.account, "done"),
        ("999999999999", "failed"),
    ]
    assert merged.data["incomplete"] == []
    assert merged.data["clusters"][1]["error"]["id"] == "aws-wrong-account"
    # another Job finds nothing to do; a pod that is evicted does not count
    hub.start("second", "--retries", "0", "--", "apply", "--yes", "--cluster", f"{world.account}/{REGION}/{near}")
    hub.evict("second")
    hub.until("second", lambda: hub.status("second").get("conditions", [{}])[-1].get("type") in {"Failed", "Complete"})
    assert hub.status("second")["conditions"][-1]["type"] == "Complete", hub.story("second")
    assert hub.ended("second") == [("0", 0)]
    assert [item["state"] for item in hub.merged("second").data["clusters"]] == ["up to date"]
