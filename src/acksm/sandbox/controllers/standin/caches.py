"""What the controller reads besides its own kinds: namespaces, the two role maps, role selectors. Kept by watches."""

from __future__ import annotations

import threading
from collections.abc import Callable

from acksm.json_types import Manifest, Object
from acksm.sandbox.controllers.kube import Kube, KubeError
from acksm.sandbox.controllers.standin import resolve
from acksm.sandbox.controllers.standin.flags import IGNORED, Config
from acksm.sandbox.controllers.standin.log import Log
from acksm.sandbox.controllers.standin.versions import Release

RETRY_SECONDS = 2.0
SELECTORS = "/apis/services.k8s.aws/v1alpha1/iamroleselectors"


class Live:
    """The caches of a running controller. `snapshot` is their current content."""

    def __init__(self, kube: Kube, config: Config, release: Release, log: Log, stop: threading.Event) -> None:
        self._kube, self._config, self._release, self._log, self._stop = kube, config, release, log, stop
        self._annotations: dict[str, dict[str, str]] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._maps: dict[str, dict[str, str]] = {}
        self._selectors: dict[str, Object] = {}
        self._lock = threading.Lock()
        self._synced: list[threading.Event] = []
        self.refused = ""  # the last refusal of a list, for the log

    def start(self) -> None:
        """Watch what this release reads with this configuration (docs/ack/accounts-and-regions.md#scope)."""
        maps = self._config.caches_namespaces(self._release)
        selectors = self._config.gates.get("IAMRoleSelector", False)
        if maps or selectors:
            self._watch("/api/v1/namespaces", "namespaces", self._namespace)
        if maps:
            self._watch(f"/api/v1/namespaces/{self._config.system_namespace}/configmaps", "configmaps", self._map)
        if selectors:  # not waited for, as in the real controllers
            self._watch(SELECTORS, "iamroleselectors", self._selector, waited=False)

    def wait(self, seconds: float) -> bool:
        """Whether all of them are read within so many seconds."""
        return all(event.wait(seconds) for event in self._synced)

    def snapshot(self) -> resolve.Caches:
        with self._lock:
            accounts, teams = self._maps.get(resolve.ACCOUNT_MAP), self._maps.get(resolve.TEAM_MAP)
            selectors = list(self._selectors.values())
            return resolve.Caches(dict(self._annotations), dict(self._labels), accounts, teams, selectors)

    def _watch(self, path: str, what: str, see: Callable[[str, Object], None], *, waited: bool = True) -> None:
        synced = threading.Event()
        if waited:
            self._synced.append(synced)

        def loop() -> None:
            while not self._stop.is_set():
                try:
                    for event in self._kube.watch(path, self._stop):
                        if event["type"] == "SYNCED":
                            self._forget(what, event["items"])
                            synced.set()
                        else:
                            with self._lock:
                                see(event["type"], event["object"])
                except KubeError as error:
                    self.refused = f"failed to list {what}: {error.message}"
                    self._log.error("cache", self.refused, error.reason)
                self._stop.wait(RETRY_SECONDS)

        threading.Thread(target=loop, name=f"watch-{what}", daemon=True).start()

    def _forget(self, what: str, items: list[Object]) -> None:
        """Drop what was deleted while the watch was interrupted."""
        present = {item["metadata"]["name"] for item in items}
        kept: tuple[Object, ...] = {
            "namespaces": (self._annotations, self._labels),
            "configmaps": (self._maps,),
            "iamroleselectors": (self._selectors,),
        }[what]
        with self._lock:
            for cache in kept:
                for name in [name for name in cache if name not in present]:
                    del cache[name]

    def _namespace(self, kind: str, obj: Manifest) -> None:
        name = obj["metadata"]["name"]
        if name in IGNORED or (self._config.watch and name not in self._config.watch):
            return
        if kind == "DELETED":
            self._annotations.pop(name, None)
            self._labels.pop(name, None)
            return
        self._annotations[name] = dict(obj["metadata"].get("annotations") or {})
        self._labels[name] = dict(obj["metadata"].get("labels") or {})

    def _map(self, kind: str, obj: Manifest) -> None:
        name = obj["metadata"]["name"]
        if kind == "DELETED":
            self._maps.pop(name, None)
        elif name in {resolve.ACCOUNT_MAP, resolve.TEAM_MAP}:
            self._maps[name] = dict(obj.get("data") or {})

    def _selector(self, kind: str, obj: Object) -> None:
        name = obj["metadata"]["name"]
        why = resolve.invalid_selector(obj)
        if why:
            self._log.error("cache.iam-role-selector", "invalid IAMRoleSelector, not caching", why, name=name)
        if kind == "DELETED" or why:
            self._selectors.pop(name, None)
        else:
            self._selectors[name] = obj
