"""The controllers in the sandbox's daemon: a kubelet and a log server for each cluster."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from acksm.json_types import Document, Json
from acksm.sandbox.cloud import node_keys
from acksm.sandbox.control_plane import NODE, ControlPlane
from acksm.sandbox.controllers.kube import Kube
from acksm.sandbox.controllers.kubelet import Kubelet
from acksm.sandbox.controllers.log_server import LogServer
from acksm.sandbox.controllers.managed import Desired, Managed
from acksm.sandbox.controllers.programs import Programs
from acksm.sandbox.controllers.run import Surroundings
from acksm.sandbox.doors import Application

DEFAULT_PACE = 0.1
# serves a WSGI application with TLS on a free port of loopback; its URL
Serve = Callable[[Application, ssl.SSLContext], str]


class Host:
    """Controllers of every cluster of a sandbox. `options`: the options of `up`, as data."""

    def __init__(self, options: Document, home: Path, crane: Path, serve: Serve) -> None:
        self.on = bool(options.get("controllers", True))
        self._pace = float(options.get("pace") or DEFAULT_PACE)
        self._named: dict[str, str] = dict(options.get("controller") or {})
        self._pull = bool(options.get("pull"))
        self._images = self._pull or bool(options.get("images"))
        self._home, self._crane, self._serve = home, crane, serve
        self._kubelets: dict[str, Kubelet] = {}
        self._managed: dict[str, Managed] = {}
        # why a node of an account cannot pull an image, "" where it can
        self.pull_fault: Callable[[str, str], str] = lambda _image, _account: ""
        self._stop = threading.Event()

    def begin(
        self, plane: ControlPlane, aws_endpoint: str, registry: str, agent: str, outside: Mapping[str, str]
    ) -> None:
        """Run the controllers of a cluster that is ready, until `end`. `agent`: URL of EKS Pod Identity's; `outside`:
        variables that lead to the registries of the outside."""
        if not self.on or plane.ca is None or plane.admin is None:
            return
        name, ca_file = plane.state.handle, str(plane.ca.path)
        pair = (str(plane.admin[0]), str(plane.admin[1]))
        around = Surroundings(
            name,
            plane.state.endpoint,
            ca_file,
            aws_endpoint,
            plane.state.region,
            plane.home,
            self._pace,
            node_keys(plane.state.account, plane.state.region),
            agent,
            outside,
        )
        kube = Kube(plane.state.endpoint, ca_file, pair=pair)
        account = plane.state.account
        programs = Programs(
            self._named,
            self._crane,
            registry,
            self._home / "controllers",
            images=self._images,
            pull=self._pull,
            fault=lambda image: self.pull_fault(image, account),
        )
        kubelet = self._kubelets[name] = Kubelet(around, kube, programs)
        kubelet.start()
        self._serve_logs(plane, kubelet, kube)

    def capability(self, plane: ControlPlane, aws_endpoint: str, desired: Desired) -> None:
        """Run the controllers of the cluster's EKS capability from now on."""
        if not self.on or plane.ca is None:
            return
        name = plane.state.handle
        if name not in self._managed:
            self._managed[name] = Managed(plane, aws_endpoint, self._pace)
        self._managed[name].want(desired)

    def _serve_logs(self, plane: ControlPlane, kubelet: Kubelet, kube: Kube) -> None:
        """Only the apiserver is answered: it presents a certificate of the cluster's authority."""
        if plane.ca is None:
            return
        server = LogServer(
            lambda namespace, pod, container, previous: kubelet.log_of(namespace, pod, container, previous=previous),
            self._stop,
        )
        port = urlsplit(self._serve(server, plane.ca.server("practice-kubelet"))).port
        kube.merge(f"/api/v1/nodes/{NODE}/status", {"status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}})

    def end(self, cluster: str) -> None:
        """Stop the controllers of a cluster."""
        managed = self._managed.pop(cluster, None)
        if managed:
            managed.end()
        kubelet = self._kubelets.pop(cluster, None)
        if kubelet:
            kubelet.stop()

    def end_all(self) -> None:
        self._stop.set()
        for cluster in [*self._kubelets, *self._managed]:
            self.end(cluster)

    def snapshot(self) -> list[Json]:
        """Every running controller, for `sandbox status` and `sandbox logs`."""
        return [item for kubelet in list(self._kubelets.values()) for item in kubelet.snapshot()]
