"""The controllers of an EKS capability of type ACK: those that AWS runs outside of the cluster, one for each service.

They are stand-ins that no pod has: the cluster knows only their Leases in kube-system and what they do.
https://docs.aws.amazon.com/eks/latest/userguide/ack.html
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acksm.sandbox.control_plane import ControlPlane
from acksm.sandbox.controllers.forks import Forked
from acksm.sandbox.controllers.run import PACE, READY_FILE, VERSION
from acksm.sandbox.practice.crds import crds
from acksm.sandbox.practice.generations import all_charts

LEASES = "kube-system"
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Desired:
    """`services` that the capability reconciles, and the AWS keys of its role as variables."""

    services: frozenset[str] = frozenset()
    keys: Mapping[str, str] | None = None


class Managed:
    """Runs what one cluster's capability should, until `end`. A process that ended is started again."""

    def __init__(self, plane: ControlPlane, aws_endpoint: str, pace: float) -> None:
        self._plane, self._aws_endpoint, self._pace = plane, aws_endpoint, pace
        self._home = plane.home / "capability"
        self._desired = Desired()
        self._running: dict[str, Forked] = {}
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"capability-{plane.state.handle}", daemon=True)
        self._thread.start()

    def want(self, desired: Desired) -> None:
        """Run these from now on. What should no longer run has ended when this returns."""
        with self._lock:
            self._desired = desired
            for service in [service for service in self._running if service not in desired.services]:
                process = self._running.pop(service)
                process.kill()
                process.wait(5.0)

    def end(self) -> None:
        self._stop.set()
        self.want(Desired())

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            with self._lock:
                desired = self._desired
                for service in sorted(desired.services):
                    process = self._running.get(service)
                    if process is None or process.poll() is not None:
                        self._running[service] = self._started(service, desired)

    def _started(self, service: str, desired: Desired) -> Forked:
        newest = [chart for chart in all_charts() if chart.service == service][-1]
        for crd in crds(newest).values():  # one that exists is kept
            self._plane.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        self._home.mkdir(parents=True, exist_ok=True)
        region, name = self._plane.state.region, f"capability-{service}"
        environment = {
            **(desired.keys or {}),
            "HOME": str(self._home),
            "HOSTNAME": name,
            "KUBECONFIG": str(self._plane.kubeconfig("practice-capability", "system:masters")),
            "AWS_ENDPOINT_URL": self._aws_endpoint,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            PACE: str(self._pace),
            VERSION: f"{service}:{newest.tag}",
            READY_FILE: str(self._home / f"{service}.ready"),
        }
        words = ["--aws-region", region, "--enable-leader-election", "--leader-election-namespace", LEASES]
        return Forked([*words, "--enable-carm=false"], Path(self._home / f"{service}.log"), environment)
