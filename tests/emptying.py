"""What a test left in its cluster goes before the next one starts, straight out of etcd."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import urllib3

CRD = re.compile(r"/registry/apiextensions\.k8s\.io/customresourcedefinitions/.*\.services\.k8s\.aws")
# What the control plane makes for itself at any time: whole kinds, what is in namespaces kube-…, and two objects.
_ITS_OWN = re.compile(
    r"/registry/(masterleases|minions|csinodes|apiregistration\.k8s\.io|flowschemas|prioritylevelconfigurations|ranges"
    r"|ipaddresses|servicecidrs|\S*/kube-[^/]+|\w+/system:[^/]+|serviceaccounts/default/default"
    r"|configmaps/default/kube-root-ca\.crt)(/\S*)?"
)
_MOST = 100  # operations of a transaction: etcd takes 128


@dataclass
class Emptying:
    """Of one cluster, whose etcd answers at `url`; `pki` has the certificates of its clients.

    etcd is written as another apiserver would, so that the whole control plane sees it, and nothing is waited for:
    through the API, a namespace ends after a search for objects of every kind, and a CRD after seconds.
    """

    url: str
    pki: Path
    _start: dict[str, str] = field(default_factory=dict)  # key -> value, as etcd's gateway has it
    _written: dict[str, str] = field(default_factory=dict)  # key -> the revision in which it had its value

    def empty(self, more: Mapping[str, str]) -> None:
        """Everything as it was the first time that this was called, and `more` of what `found` has returned."""
        self._start = self._start or self.found(re.compile(".*"))
        while self._put_right({**self._start, **more}):  # who wrote before they saw that their namespace is gone
            pass

    def found(self, keys: re.Pattern[str]) -> dict[str, str]:
        """Of the keys that are like this, those that are not the control plane's own, with their values."""
        found = {}
        for item in self._range():
            key = b64decode(item["key"]).decode()
            if keys.fullmatch(key) and not _ITS_OWN.fullmatch(key):
                found[key], self._written[key] = item["value"], item["mod_revision"]
        return found

    def _put_right(self, wanted: Mapping[str, str]) -> bool:
        """Write what differs; whether that was anything."""
        there = {b64decode(item["key"]).decode(): item["mod_revision"] for item in self._range(keys_only=True)}
        gone = [key for key in there.keys() - wanted.keys() if not _ITS_OWN.fullmatch(key)]
        gone.sort(key=lambda key: not key.startswith("/registry/namespaces/"))  # from then on nothing is added
        for first in range(0, len(gone), _MOST):
            deleted = [{"request_delete_range": {"key": _base64(key)}} for key in gone[first : first + _MOST]]
            self._ask("txn", success=deleted)
        put = [key for key in wanted if there.get(key) != self._written[key]]
        for key in put:
            self._written[key] = self._ask("put", key=_base64(key), value=wanted[key])["header"]["revision"]
        return bool(gone or put)

    def _range(self, **more: Any) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._ask(
            "range", key=_base64("/registry/"), range_end=_base64("/registry0"), **more
        )["kvs"]
        return found

    def _ask(self, what: str, **body: Any) -> Any:
        answer = self._http.request("POST", f"{self.url}/v3/kv/{what}", json=body)
        assert answer.status == 200, answer.data
        return json.loads(answer.data)

    @cached_property
    def _http(self) -> urllib3.PoolManager:
        crt, key = (str(self.pki / f"kube-apiserver-etcd-client.{end}") for end in ("crt", "key"))
        return urllib3.PoolManager(ca_certs=str(self.pki / "ca.crt"), cert_file=crt, key_file=key)


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
