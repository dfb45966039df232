"""Reading controllers' logs: which pods, which container, the crashed run too."""

from __future__ import annotations

from typing import Any

from acksm.kube.paths import Ref
from acksm.live import controller_logs
from carm_cluster import running

IMAGE = "public.ecr.aws/aws-controllers-k8s/sagemaker-controller:1.9.1"


def pod(name: str, restarts: int = 0, mesh: bool = False) -> dict[str, Any]:
    sidecar = [{"name": "istio-proxy", "image": "istio/proxyv2:1"}] if mesh else []
    return {
        "metadata": {"name": name},
        "spec": {"containers": [*sidecar, {"name": "controller", "image": IMAGE}]},
        "status": {"containerStatuses": [{"restartCount": restarts}]},
    }


class Logs:
    """A cluster that has pods and their logs by (pod, container, previous)."""

    def __init__(self, pods: list[dict[str, Any]], texts: dict[tuple[str, str, bool], str]) -> None:
        self.pods, self.texts = pods, texts
        self.asked: list[str] = []

    def list(self, ref: Ref, *, selector: str = "", **_options: object) -> list[dict[str, Any]]:
        self.asked.append(f"{ref.collection} {selector}")
        return self.pods

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 20) -> str:
        return self.texts.get((pod, container, previous), "")


def test_the_controllers_container_and_the_run_that_crashed() -> None:
    texts = {
        ("a", "controller", False): "adopted resource not found",
        ("a", "controller", True): "AWS region is missing",
        ("b", "controller", False): "adopted resource not found",
        ("b", "controller", True): "of a run that never was",
        ("b", "istio-proxy", False): "unknown feature gate: of somebody else",
    }
    cluster = Logs([pod("a", restarts=2), pod("b", mesh=True), pod("silent")], texts)
    logs = controller_logs.read(cluster, [running()])
    assert [(log.pod, log.previous) for log in logs] == [("a", True), ("a", False), ("b", False)]
    assert cluster.asked == ["/api/v1/namespaces/ack-system/pods app.kubernetes.io/instance=ack-sagemaker-controller"]
    found = controller_logs.symptoms_of(logs)
    assert [(item.id, item.count) for item in found] == [
        ("symptom.region-missing", 1),
        ("symptom.adopted-not-found", 2),
    ]


def test_nothing_runs_nothing_is_read() -> None:
    assert controller_logs.read(Logs([], {}), [running()]) == []
    assert controller_logs.read(Logs([pod("a")], {}), []) == []
