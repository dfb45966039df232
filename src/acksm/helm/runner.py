"""Starts helm, and only this module does: argv as a list, never a shell; own HELM_* directories; own process group.

helm reads and writes nothing of the user's. It gets only the environment variables that any program may have; its
registry configuration is empty, so pulls are anonymous and a stale login cannot break them (karpenter#3441); its
kubeconfig is a private file with a short-lived token.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from acksm import presence, trace
from acksm.errors import AcksmError
from acksm.json_types import Document
from acksm.private_file import write as write_private
from acksm.surroundings import passed_on

MINIMUM = (3, 8)
END_SECONDS = 5.0  # for helm to write its release record after an interrupt
MAX_OUTPUT = 64 * 1024 * 1024
_VERSION = re.compile(r"v(\d+)\.(\d+)")
# Lines of helm's logs, not of its message: klog's "W1124 …", slog's "time=… level=…", helm's own "WARNING: …".
_LOG_LINE = re.compile(r"WARNING|level=|time=|[IWEF]\d{4} ")
# What helm's message contains → the id that it is reported with (docs/ack/messages.md#helm).
_MEANINGS = (
    ("invalid ownership metadata", "helm-ownership"),
    ("minimum number of descriptors", "chart-format-old"),
    ("values don't meet the specifications of the schema", "values-schema"),
    ("another operation (install/upgrade/rollback) is in progress", "release-busy"),
    ("cluster unreachable", "kube-unreachable"),
    ("asked for the client to provide credentials", "kube-unauthorized"),
    ("is forbidden", "kube-forbidden"),
)


def find(environment: Mapping[str, str] | None = None) -> str:
    """The path of helm: ACKSM_HELM, else PATH. Error: `helm-missing`."""
    environment = os.environ if environment is None else environment
    named = environment.get("ACKSM_HELM", "")
    found = shutil.which(named or "helm", path=environment.get("PATH"))
    if not found:
        raise AcksmError(
            "helm-missing", f"{named} does not exist" if named else "helm is not on PATH", where=named or "PATH"
        )
    return found


class Helm:
    """helm with a private home, which `close` removes. Thread-safe.

    `kubeconfig` is called whenever helm is started: its token is valid for minutes.
    """

    def __init__(self, kubeconfig: Callable[[], Document], path: str = "") -> None:
        self.path = path or find()
        self._home = tempfile.TemporaryDirectory(prefix="acksm-helm-")  # 0700
        home = Path(self._home.name)
        self._made, self._kubeconfig = kubeconfig, str(home / "kubeconfig.json")
        self._environment = passed_on(proxies=False) | {  # the kubeconfig has the proxy
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
            "HELM_REGISTRY_CONFIG": str(home / "registry.json"),
            "KUBECONFIG": self._kubeconfig,
            "KUBECACHEDIR": str(home / "kube"),
            "HOME": str(home),
            "GOGC": "400",  # helm runs for a moment: by default Go's collector takes a fifth of its CPU time
        }
        self._version: tuple[int, int] | None = None
        self._asking = threading.Lock()

    def close(self) -> None:
        """Remove the private files."""
        self._home.cleanup()

    @property
    def version(self) -> tuple[int, int]:
        """(major, minor). Error: `helm-too-old`."""
        with self._asking:
            if self._version is None:
                text = self.run(["version", "--template", "{{.Version}}"], seconds=30)
                match = _VERSION.search(text)
                if not match or (int(match[1]), int(match[2])) < MINIMUM:
                    raise AcksmError(
                        "helm-too-old", f"{self.path} has version {text.strip()[:40] or '(unknown)'}", where=self.path
                    )
                self._version = (int(match[1]), int(match[2]))
            return self._version

    def private_file(self, name: str, content: Document | bytes) -> str:
        """A 0600 file in the private home; mappings are written as JSON, which is YAML and quotes every string (G3)."""
        path = Path(self._home.name) / name
        data = content if isinstance(content, bytes) else json.dumps(dict(content)).encode()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        return str(path)

    def run(self, argv: Sequence[str], *, seconds: float) -> str:
        """helm's stdout. Errors: helm-timeout, and what `explain` returns for its stderr."""
        with trace.called(shlex.join([self.path, *argv])):
            return self._run(argv, seconds)

    def _run(self, argv: Sequence[str], seconds: float) -> str:
        write_private(Path(self._kubeconfig), json.dumps(dict(self._made())))
        with presence.child() as handles:
            process = self._start(argv, handles)
            try:
                out, err = process.communicate(timeout=max(1.0, seconds))
            except subprocess.TimeoutExpired:
                _end(process)
                raise AcksmError("helm-timeout", f"helm {argv[0]} did not finish within {seconds:.0f} s") from None
            except BaseException:
                # Ctrl-C: helm gets the signal once, and time to write its release record.
                _end(process)
                raise
        if process.returncode != 0:
            raise explain(argv[0], err.decode("utf-8", "replace"))
        return out[:MAX_OUTPUT].decode("utf-8", "replace")

    def _start(self, argv: Sequence[str], handles: Sequence[int]) -> subprocess.Popen[bytes]:
        """The process, with the open files `handles`: the run has not ended before helm has."""
        try:
            return subprocess.Popen(
                [self.path, *argv],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=handles,
            )
        except OSError as error:
            raise AcksmError("helm-missing", f"cannot start {self.path}: {error.strerror}", where=self.path) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt helm and what it started; kill them when that does not end it."""
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
    for signal_number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_number)
            process.wait(timeout=END_SECONDS)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def explain(verb: str, stderr: str) -> AcksmError:
    """helm's message as an error with an id; `details["missing"]` when the release does not exist."""
    lines = [line for line in stderr.strip().splitlines() if not _LOG_LINE.match(line)]
    message = " ".join(lines).removeprefix("Error: ")[:1500]
    for mark, failure in _MEANINGS:
        if mark in message:
            return AcksmError(failure, message)
    details = {"missing": True} if "release: not found" in message else {}
    return AcksmError("helm-failed", f"helm {verb}: {message or 'no message'}", details=details)
