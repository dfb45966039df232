"""Leader election by a Lease, by client-go's rules, as the real controllers have it.

A leader that ends keeps its Lease until it runs out: the controllers do not set controller-runtime's
LeaderElectionReleaseOnCancel (https://github.com/aws-controllers-k8s/sagemaker-controller/blob/v1.9.1/cmd/controller/main.go).
"""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from acksm.json_types import Manifest, Object
from acksm.sandbox.controllers.kube import Kube, KubeError
from acksm.sandbox.controllers.standin.log import Log

# controller-runtime's defaults, in seconds (pkg/manager/manager.go)
LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD = 15.0, 10.0, 2.0
LEAST_PACE = 0.25  # a Lease's duration is in whole seconds, and a busy machine delays renewals
API = "coordination.k8s.io/v1"


class Election:
    """One candidate for the Lease of `service`'s controllers in `namespace`; `host` is its pod's name. `pace` is the
    factor for the waits."""

    def __init__(
        self,
        kube: Kube,
        service: str,
        namespace: str,
        host: str,
        log: Log,
        *,
        pace: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = f"ack-{service}.services.k8s.aws"
        self.namespace = namespace
        self.identity = f"{host}_{uuid.uuid4()}"
        self._kube, self._log, self._clock = kube, log, clock
        pace = max(pace, LEAST_PACE)
        self.seconds = math.ceil(LEASE_DURATION * pace)
        self.deadline, self.period = RENEW_DEADLINE * pace, RETRY_PERIOD * pace
        self._path = f"/apis/{API}/namespaces/{namespace}/leases"
        self._seen: Manifest = {}
        self._since = 0.0

    def acquire(self, stop: threading.Event) -> bool:
        """Wait until this is the leader; False when `stop` comes first."""
        self._log.info("", f"attempting to acquire leader lease {self.namespace}/{self.name}...")
        while not stop.is_set():
            if self.attempt():
                self._log.info("", f"successfully acquired lease {self.namespace}/{self.name}")
                return True
            stop.wait(self.period)
        return False

    def hold(self, stop: threading.Event) -> bool:
        """Renew the Lease until `stop`; False when it is lost first, after which a controller must end."""
        renewed = self._clock()
        while not stop.wait(self.period):
            if self.attempt():
                renewed = self._clock()
            elif self._clock() - renewed > self.deadline or self._holder() not in {"", self.identity}:
                return False
        return True

    def attempt(self) -> bool:
        """Take or renew the Lease once; whether this is the leader."""
        try:
            return self._try()
        except KubeError as error:
            if error.status != 409:  # another was quicker
                self._log.error("", f"error retrieving resource lock {self.namespace}/{self.name}", error)
            return False

    def _holder(self) -> str:
        return str(self._seen.get("holderIdentity") or "")

    def _try(self) -> bool:
        live = self._kube.get(f"{self._path}/{self.name}")
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        mine = {"holderIdentity": self.identity, "leaseDurationSeconds": self.seconds, "renewTime": moment}
        if live is None:
            fresh: Object = {"apiVersion": API, "kind": "Lease", "metadata": {"name": self.name}}
            fresh["spec"] = {**mine, "acquireTime": moment, "leaseTransitions": 0}
            self._see(self._kube.request("POST", self._path, fresh)["spec"])
            return True
        if (spec := live.get("spec") or {}) != self._seen:
            self._see(spec)
        # by the time since the Lease was seen to change, since clocks of machines differ
        lasts = self._since + float(spec.get("leaseDurationSeconds") or self.seconds)
        if self._holder() not in {"", self.identity} and self._clock() < lasts:
            return False
        if self._holder() != self.identity:
            mine |= {"acquireTime": moment, "leaseTransitions": int(spec.get("leaseTransitions") or 0) + 1}
        live["spec"] = {**spec, **mine}
        self._see(self._kube.request("PUT", f"{self._path}/{self.name}", live)["spec"])
        return True

    def _see(self, spec: Manifest) -> None:
        self._seen, self._since = spec, self._clock()
