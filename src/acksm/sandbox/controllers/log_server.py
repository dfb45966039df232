"""The kubelet's log API, which the apiserver calls for `kubectl logs`; kwok's knows only files named in advance."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs

from acksm.json_types import Document
from acksm.sandbox.doors import StartResponse, plain

# namespace, pod, container, previous -> the log file, None for an unknown container
LogOf = Callable[[str, str, str, bool], Path | None]
FOLLOW_SECONDS = 0.25
CHUNK = 65_536


class LogServer:
    """WSGI: GET /containerLogs/NAMESPACE/POD/CONTAINER with tailLines, sinceSeconds, limitBytes, timestamps, follow,
    previous."""

    def __init__(self, log_of: LogOf, stop: threading.Event) -> None:
        self._log_of, self._stop = log_of, stop

    def __call__(self, environ: Document, begin: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"].strip("/").split("/"):
            case ["containerLogs", namespace, pod, container]:
                asked = {key: values[-1] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
                previous = asked.get("previous") == "true"
                path = self._log_of(namespace, pod, container, previous)
                if path is not None and path.exists():
                    begin("200 OK", [("Content-Type", "text/plain")])
                    return self._content(path, asked)
                why = "has no previous run" if path and previous else "has no log: kwok plays this pod"
                return plain(begin, "404 Not Found", f"container {container} of pod {namespace}/{pod} {why}")
            case ["healthz"]:
                return plain(begin, "200 OK", "ok")
        return plain(begin, "404 Not Found", "the practice kubelet serves logs only")

    def _content(self, path: Path, asked: Mapping[str, str]) -> Iterator[bytes]:
        with path.open("rb") as stream:
            data = stream.read()
            if "sinceSeconds" in asked:
                data = _since(data, datetime.now(UTC) - timedelta(seconds=int(asked["sinceSeconds"])))
            if "tailLines" in asked:
                count = int(asked["tailLines"])
                data = b"".join(data.splitlines(keepends=True)[-count:]) if count else b""
            if "limitBytes" in asked:
                data = data[: int(asked["limitBytes"])]
            stamp = asked.get("timestamps") == "true"
            yield _stamped(data) if stamp else data
            while asked.get("follow") == "true" and not self._stop.wait(FOLLOW_SECONDS):
                more = stream.read(CHUNK)
                if more:
                    yield _stamped(more) if stamp else more
                elif not path.exists() or path.stat().st_ino != _inode(stream):
                    return  # the container was restarted or removed


def _since(data: bytes, moment: datetime) -> bytes:
    """The lines from `moment` on, by the time that the programs begin it with, or write into it as `ts`."""
    lines = data.splitlines(keepends=True)
    for index, line in enumerate(lines):
        try:
            written = json.loads(line)["ts"] if line.startswith(b"{") else line.decode().partition("\t")[0]
            if datetime.fromisoformat(written) >= moment:
                return b"".join(lines[index:])
        except (ValueError, LookupError, TypeError):
            continue
    return b""


def _inode(stream: IO[bytes]) -> int:
    return os.fstat(stream.fileno()).st_ino


def _stamped(data: bytes) -> bytes:
    """With the time of reading, because the files have only what the program wrote."""
    moment = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ").encode()
    return b"".join(moment + line for line in data.splitlines(keepends=True))
