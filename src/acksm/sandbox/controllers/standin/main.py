"""The stand-in's process: start as a controller does, watch its kinds, reconcile, end on SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from acksm.ack.kinds import KINDS, Kind
from acksm.json_types import Manifest
from acksm.sandbox.controllers.kube import Kube, KubeError
from acksm.sandbox.controllers.standin import field_export, flags, versions
from acksm.sandbox.controllers.standin.adopted_resource import AdoptedResources
from acksm.sandbox.controllers.standin.caches import Live
from acksm.sandbox.controllers.standin.cloud import AwsError, Cloud
from acksm.sandbox.controllers.standin.election import Election
from acksm.sandbox.controllers.standin.field_export import FieldExports
from acksm.sandbox.controllers.standin.log import Log
from acksm.sandbox.controllers.standin.pflag import FlagError
from acksm.sandbox.controllers.standin.queue import Queue
from acksm.sandbox.controllers.standin.reconcile import Reconciler
from acksm.sandbox.controllers.standin.work import RetryError, World

WORKERS = 4
# seconds at pace 1: until a failed list is retried; until a missing cache is an error
LIST_SECONDS, SYNC_SECONDS = 10.0, 120.0
Key = tuple[str, str, str]  # kind, namespace, name; kind "" is an AdoptedResource
_COMMON = "/apis/services.k8s.aws/v1alpha1"


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 after SIGTERM, 1 when it cannot continue, 2 for flags that it does not know."""
    environment = os.environ
    service, _, tag = environment.get("PRACTICE_VERSION", "").partition(":")
    log = Log()
    if service not in KINDS:
        log.error("setup", "acksm has no stand-in for this service", f"no stand-in for {service!r}")
        return 1
    release = versions.release(service, tag)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        config = flags.parse(arguments, environment, release)
        log = Log(config.level, development=config.development)
        log.info(
            "setup",
            "this is acksm's practice stand-in, not the real controller",
            **{"aws.service": service, "version": release.version or tag, "behavesAsRuntime": str(release.runtime)},
        )
        return Controller(release, config, log, environment, stop).run()
    except FlagError as error:
        if error.code != 1:  # pflag ends the program, before there is a log
            sys.stderr.write(f"{error}\n")
            return error.code
        log.error("setup", "Unable to create controller manager", error, **{"aws.service": service})
        return error.code
    except AwsError as error:
        log.error("setup", "Unable to create controller manager", error, **{"aws.service": service})
        return 1


class Controller:
    """A controller that has its flags. `run` returns the process's exit code."""

    def __init__(
        self,
        release: versions.Release,
        config: flags.Config,
        log: Log,
        environment: Mapping[str, str],
        stop: threading.Event,
    ) -> None:
        self.release, self.config, self.log, self.stop = release, config, log, stop
        self.pace = float(environment.get("PRACTICE_PACE") or 1.0)
        self.ready = environment.get("PRACTICE_READY", "")
        self.kube = _kube(environment)
        self.cloud = Cloud(release, config, environment)
        self.queue: Queue[Key] = Queue(self.pace)
        self.election: Election | None = None
        if config.leader_election:
            where = config.leader_election_namespace or _namespace(environment)
            self.election = Election(self.kube, release.service, where, environment["HOSTNAME"], log, pace=self.pace)
        self.failed = ""
        self._generations: dict[Key, int] = {}
        self._exports: FieldExports | None = None

    def run(self) -> int:
        account = self.cloud.identity()
        flags.check_late(self.config, self.release)
        self.log.info("setup", "initializing service controller", **{"aws.service": self.release.service})
        live = Live(self.kube, self.config, self.release, self.log, self.stop)
        if self.config.carm and len(self.config.watch) == 1 and self.release.has("carm-flag"):
            text = "--enable-carm is set to true but --watch-namespace is set to a single namespace."
            self.log.info("", f"{text} CARM will not be enabled.")
        live.start()
        if self.release.has("waits-for-caches") and not live.wait(SYNC_SECONDS * self.pace / 2):
            # the real controller waits forever, and the liveness probe ends it (community#2625)
            self.log.error("setup", "caches did not sync; a liveness probe would end the pod now", live.refused)
            return 1
        world = World(self.release, self.config, self.kube, self.cloud, account, live.snapshot, self.log, self.pace)
        self.log.info("setup", "starting manager", **{"aws.service": self.release.service})
        if self.ready:  # also while another is the leader
            Path(self.ready).touch()
        if self.election is None:
            self._start(world)
            self.stop.wait()
        elif self.election.acquire(self.stop):
            self._start(world)
            if not self.election.hold(self.stop):
                self.failed = "leader election lost"
        if self.failed:
            self.log.error("setup", "unable to start controller manager", self.failed)
            return 1
        return 0

    def _start(self, world: World) -> None:
        names = self.config.kinds or self.release.kinds
        reconcilers = {name: Reconciler(world, KINDS[self.release.service][name]) for name in names}
        adopted = AdoptedResources(world) if self.config.adopted_resources else None
        for name, reconciler in reconcilers.items():
            self._watch_kind(name, f"/apis/{self.release.group}/v1alpha1", reconciler.kind)
        if adopted and _served(self.kube, _COMMON, "adoptedresources"):
            self._watch_kind("", _COMMON, Kind("AdoptedResource", ()))
        if self.config.field_exports and _served(self.kube, _COMMON, "fieldexports"):
            self._exports = FieldExports(world)
            self._watch_kind(field_export.KIND, _COMMON, Kind(field_export.KIND, ()))
        for number in range(WORKERS):
            threading.Thread(
                target=self._work, args=(reconcilers, adopted), name=f"worker-{number}", daemon=True
            ).start()

    def _watch_kind(self, name: str, base: str, kind: Kind) -> None:
        for namespace in self.config.watch or [""]:
            middle = f"/namespaces/{namespace}" if namespace else ""
            path = f"{base}{middle}/{kind.plural}"
            threading.Thread(
                target=self._watch, args=(name, path, kind), name=f"watch-{kind.plural}", daemon=True
            ).start()

    def _watch(self, name: str, path: str, kind: Kind) -> None:
        query = {"labelSelector": self.config.selector} if self.config.selector else {}
        synced, waited = False, 0.0
        while not self.stop.is_set():
            try:
                for event in self.kube.watch(path, self.stop, **query):
                    synced = synced or event["type"] == "SYNCED"
                    self._see(name, event)
            except KubeError as error:
                self._refused(kind, error)
            if not synced:
                waited += LIST_SECONDS
                if waited > SYNC_SECONDS:
                    self.failed = (
                        f"failed to wait for {kind.name.lower()} caches to sync kind source: *v1alpha1.{kind.name}: "
                        f"timed out waiting for cache to be synced for Kind *v1alpha1.{kind.name}"
                    )
                    self.stop.set()
            self.stop.wait(LIST_SECONDS * self.pace)

    def _refused(self, kind: Kind, error: KubeError) -> None:
        if error.status == 404:
            group = self.release.group if kind.key else "services.k8s.aws"
            self.log.error(
                "controller-runtime.source",
                "if kind is a CRD, it should be installed before calling Start",
                f'no matches for kind "{kind.name}" in version "{group}/v1alpha1"',
                kind=f"{kind.name}.{group}",
            )
        elif error.status:
            self.log.error("reflector", f"failed to list *v1alpha1.{kind.name}: {error.message}", error.reason)

    def _see(self, kind: str, event: Manifest) -> None:
        """Only what changes an object's generation counts, as with the real controllers: its spec, or its deletion."""
        if event["type"] == "SYNCED":
            return
        meta = event["object"]["metadata"]
        key = (kind, str(meta["namespace"]), str(meta["name"]))
        if self._exports and kind == field_export.KIND:
            self._exports.see(event)
        elif self._exports and kind:
            for name in self._exports.of(*key):  # each change of a source counts, of its status too
                self.queue.add((field_export.KIND, key[1], name))
        if event["type"] == "DELETED":
            self._generations.pop(key, None)
            return
        generation = int(meta.get("generation") or 0)
        if self._generations.get(key) != generation:
            self._generations[key] = generation
            self.queue.add(key)

    def _work(self, reconcilers: Mapping[str, Reconciler], adopted: AdoptedResources | None) -> None:
        while not self.stop.is_set():
            key = self.queue.take()
            kind, namespace, name = key
            try:
                again = None
                if kind in reconcilers:
                    again = reconcilers[kind].reconcile(namespace, name)
                elif kind and self._exports:
                    self._exports.reconcile(namespace, name)
                elif adopted:
                    again = adopted.reconcile(namespace, name)
            except (RetryError, KubeError) as error:
                self._failed(key, str(error))
            except Exception as error:  # a fault of the stand-in itself is reported like any other
                self._failed(key, f"{type(error).__name__}: {error}")
            else:
                self.queue.done(key, again=again)

    def _failed(self, key: Key, error: str) -> None:
        kind, namespace, name = key
        shown = kind or "AdoptedResource"
        self.log.error(
            "",
            "Reconciler error",
            error,
            controller=shown.lower(),
            controllerKind=shown,
            namespace=namespace,
            name=name,
        )
        self.queue.done(key, failed=True)


def _kube(environment: Mapping[str, str]) -> Kube:
    """The service account's connection, from the kubeconfig that the sandbox wrote."""
    import base64

    config = json.loads(Path(environment["KUBECONFIG"]).read_text())
    cluster = config["clusters"][0]["cluster"]
    ca_file = Path(environment["KUBECONFIG"]).with_suffix(".crt")
    ca_file.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    user = config["users"][0]["user"]
    if "token" not in user:  # not of a pod
        return Kube(cluster["server"], str(ca_file), pair=(user["client-certificate"], user["client-key"]))
    return Kube(cluster["server"], str(ca_file), token=user["token"])


def _namespace(environment: Mapping[str, str]) -> str:
    """The pod's own, which a container has in a file beside its token."""
    return str(json.loads(Path(environment["KUBECONFIG"]).read_text())["contexts"][0]["context"]["namespace"])


def _served(kube: Kube, base: str, plural: str) -> bool:
    try:
        kube.request("GET", f"{base}/{plural}?limit=1")
    except KubeError as error:
        return error.status != 404
    return True
