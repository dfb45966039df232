"""The few calls to an apiserver that the kubelet and the stand-in need, over urllib3 with plain dicts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from urllib.parse import urlencode

import urllib3
from urllib3.response import BaseHTTPResponse

from acksm.json_types import Manifest, Object

MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
WATCH_SECONDS = 240


class KubeError(Exception):
    """The apiserver's refusal: HTTP status (0 without an answer), reason and message of its Status object."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class Kube:
    """One identity at one apiserver: a bearer token, or a client certificate (crt and key file)."""

    def __init__(self, server: str, ca_file: str, *, token: str = "", pair: tuple[str, str] | None = None) -> None:
        self.server = server.rstrip("/")
        crt, key = pair or (None, None)
        # 429 is the apiserver's "try again", while a kind's storage initializes for example; nothing was changed
        again = urllib3.Retry(
            total=8,
            connect=0,
            read=0,
            redirect=0,
            status=8,
            status_forcelist=[429],
            allowed_methods=None,
            raise_on_status=False,
        )
        self._http = urllib3.PoolManager(
            ca_certs=ca_file, cert_file=crt, key_file=key, maxsize=16, retries=again, timeout=urllib3.Timeout(10)
        )
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def request(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Object:
        """The decoded answer. Raises KubeError."""
        try:
            answer = self._http.request(
                method,
                self.server + path,
                body=None if body is None else json.dumps(body),
                headers={**self._headers, "Content-Type": kind},
            )
            found = json.loads(answer.data) if answer.data else {}
        except urllib3.exceptions.HTTPError as error:
            raise KubeError(0, "Unreachable", str(error)) from error
        except ValueError:
            found = {}
        if answer.status >= 400:
            raise KubeError(answer.status, str(found.get("reason", "")), str(found.get("message", answer.status)))
        return dict(found)

    def get(self, path: str) -> Object | None:
        """The object, or None when it does not exist."""
        try:
            return self.request("GET", path)
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def merge(self, path: str, patch: Manifest) -> Object:
        """Applies a JSON merge patch; the resulting object."""
        return self.request("PATCH", path, patch, MERGE)

    def merge_lists(self, path: str, patch: Manifest) -> Object:
        """Applies a strategic merge patch, which keeps other owners' conditions; the resulting object."""
        return self.request("PATCH", path, patch, STRATEGIC)

    def watch(self, path: str, stop: threading.Event, **query: str) -> Iterator[Object]:
        """Events until `stop`: an ADDED for each object, then {"type": "SYNCED"} with all of them as `items`, then
        the changes. After an interruption the objects are listed again, so that an event, also SYNCED, may come twice.

        Raises KubeError when a list is refused; the caller decides whether to continue.
        """
        while not stop.is_set():
            found = self.request("GET", f"{path}?{urlencode(query)}")
            items = found.get("items") or []
            for item in items:
                # items of a list have no kind of their own
                item.setdefault("kind", str(found.get("kind", "")).removesuffix("List"))
                item.setdefault("apiVersion", found.get("apiVersion", ""))
                yield {"type": "ADDED", "object": item}
            yield {"type": "SYNCED", "object": {}, "items": items}
            yield from self._changes(path, str(found["metadata"]["resourceVersion"]), stop, query)

    def _changes(self, path: str, version: str, stop: threading.Event, query: dict[str, str]) -> Iterator[Object]:
        """Changes until the server or the network ends the watch, or its version is too old."""
        while not stop.is_set():
            asked = {**query, "watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCH_SECONDS)}
            try:
                stream = self._http.request(
                    "GET",
                    f"{self.server}{path}?{urlencode({**asked, 'allowWatchBookmarks': 'true'})}",
                    headers=self._headers,
                    preload_content=False,
                    timeout=urllib3.Timeout(connect=10, read=WATCH_SECONDS + 30),
                )
                if stream.status != 200:
                    stream.close()
                    return
                for line in _lines(stream):
                    event: Object = json.loads(line)
                    if event["type"] == "ERROR":
                        return
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        yield event
            except (urllib3.exceptions.HTTPError, ValueError):
                if stop.wait(0.2):
                    return


def _lines(stream: BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in stream.stream(None):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)


def names_of(items: list[Object]) -> set[tuple[str, str]]:
    """(namespace, name) of each object."""
    return {(item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in items}
