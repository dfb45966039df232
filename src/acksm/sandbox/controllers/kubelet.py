"""The kubelet for controllers: one watch on a cluster's pods, one thread for each controller that runs."""

from __future__ import annotations

import threading
import traceback
from pathlib import Path

from acksm.json_types import Manifest, Object
from acksm.sandbox.controllers import pods
from acksm.sandbox.controllers.kube import Kube, KubeError
from acksm.sandbox.controllers.programs import Programs
from acksm.sandbox.controllers.run import Run, Surroundings

RETRY_SECONDS = 1.0


class Kubelet:
    """Runs the controllers of one cluster until `stop`."""

    def __init__(self, around: Surroundings, kube: Kube, programs: Programs) -> None:
        self.around, self.kube, self.programs = around, kube, programs
        self._stop = threading.Event()
        self._runs: dict[str, Run] = {}  # by the pod's uid
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name=f"kubelet-{around.cluster}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End every controller. The pods are unchanged: the cluster is deleted too."""
        self._stop.set()
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.end()
        for run in runs:
            run.join(6.0)

    def snapshot(self) -> list[Object]:
        """Every controller as `sandbox status` shows it."""
        with self._lock:
            return [run.snapshot() for run in self._runs.values()]

    def log_of(self, namespace: str, pod: str, container: str, *, previous: bool = False) -> Path | None:
        """A container's log file, None when this kubelet does not run the container."""
        with self._lock:
            for run in self._runs.values():
                if (run.namespace, run.name, run.controller.container) == (namespace, pod, container):
                    return run.previous_log if previous else run.log
        return None

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                for event in self.kube.watch("/api/v1/pods", self._stop):
                    self._see(event)
            except KubeError:
                self._stop.wait(RETRY_SECONDS)
            except Exception:  # reported in the daemon's log; every other pod continues
                traceback.print_exc()
                self._stop.wait(RETRY_SECONDS)

    def _see(self, event: Object) -> None:
        if event["type"] == "SYNCED":
            present = {str(item["metadata"]["uid"]) for item in event["items"]}
            with self._lock:
                gone = [uid for uid in self._runs if uid not in present]
            for uid in gone:
                self._forget(uid)
            return
        pod = event["object"]
        uid = str(pod["metadata"]["uid"])
        if event["type"] == "DELETED":
            self._forget(uid)
            return
        with self._lock:
            run = self._runs.get(uid)
        if run is None:
            self._begin(uid, pod)
        elif pod["metadata"].get("deletionTimestamp"):
            run.end(remove=True, grace=float(pod["metadata"].get("deletionGracePeriodSeconds") or 0))

    def _begin(self, uid: str, pod: Manifest) -> None:
        controller = pods.controller_of(pod)
        if controller is None or not pod["spec"].get("nodeName"):
            return
        if pod["metadata"].get("deletionTimestamp"):  # deleted before anything was started
            self._remove(pod)
            return
        run = Run(self.around, self.kube, self.programs, pod, controller)
        with self._lock:
            self._runs[uid] = run
        run.start()

    def _remove(self, pod: Manifest) -> None:
        meta = pod["metadata"]
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
        try:
            self.kube.request("DELETE", f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}", body)
        except KubeError as error:
            if error.status not in {404, 409}:
                raise

    def _forget(self, uid: str) -> None:
        with self._lock:
            run = self._runs.pop(uid, None)
        if run:
            run.end()
