"""One controller's container: created, started, watched, restarted with back-off, and shown in its pod's status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from acksm.ack.names import SERVICES
from acksm.json_types import Manifest, Object
from acksm.private_file import write as write_private
from acksm.sandbox.control_plane import free_ports, spawn
from acksm.sandbox.controllers import confined, identity, pods, processes, status
from acksm.sandbox.controllers.forks import Forked
from acksm.sandbox.controllers.kube import Kube, KubeError
from acksm.sandbox.controllers.programs import BINARY, ITSELF, STAND_IN, Program, Programs, PullError
from acksm.sandbox.controllers.standin.flags import knows
from acksm.sandbox.controllers.standin.versions import release
from acksm.sandbox.identity_webhook import AGENT_HOST, FULL_URI

GRACE_SECONDS = 5.0  # between SIGTERM and SIGKILL
SETTLED_SECONDS = 1.0  # after this a program without a probe counts as ready
POLL_SECONDS = 0.05
PASSED_ON = ("PATH", "LANG", "TMPDIR", "TZ", "PYTHONPATH", "VIRTUAL_ENV")
# With one of these a pod has credentials and does not request its node's
OWN_CREDENTIALS = ("AWS_ROLE_ARN", "AWS_ACCESS_KEY_ID", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", FULL_URI)
# What a container runtime's process says and returns (https://github.com/aws-controllers-k8s/community/issues/1742).
_NOT_EXECUTABLE = ("/bin/sh", "-c", "echo 'exec ./bin/controller: exec format error' >&2; exit 255")
_NO_SUCH_FILE = ("/bin/sh", "-c", 'echo "exec: \\"$0\\": executable file not found in \\$PATH" >&2; exit 128')
READY_FILE, PACE, VERSION = "PRACTICE_READY", "PRACTICE_PACE", "PRACTICE_VERSION"


@dataclass(frozen=True)
class Surroundings:
    """What surrounds a controller. `pace` is the factor for waits: 1 is real time, 0.1 ten times faster;
    `node_keys`: the AWS keys of the node's role, as variables; `agent`: URL of EKS Pod Identity's agent; `outside`: the
    variables with which a pod reaches registries by their names."""

    cluster: str
    server: str
    ca_file: str
    aws_endpoint: str
    region: str
    home: Path
    pace: float
    node_keys: Mapping[str, str] = field(default_factory=dict)
    agent: str = ""
    outside: Mapping[str, str] = field(default_factory=dict)


class Run:
    """The life of one controller's container. `told` and `end` may be called from any thread."""

    def __init__(
        self,
        around: Surroundings,
        kube: Kube,
        programs: Programs,
        pod: Manifest,
        controller: pods.Controller,
    ) -> None:
        self.namespace, self.name = str(pod["metadata"]["namespace"]), str(pod["metadata"]["name"])
        self._thread = threading.Thread(target=self._run, name=f"run-{self.name}", daemon=True)
        self.around, self.kube, self.programs, self.pod, self.controller = around, kube, programs, pod, controller
        self.home = around.home / "controllers" / f"{self.namespace}_{self.name}"
        self.log = self.home / "controller.log"
        self.previous_log = self.home / "previous.log"
        self.fate = status.Fate()
        self.program: Program | None = None
        self._ended = threading.Event()
        self._remove, self._grace = False, GRACE_SECONDS
        self._why = ""  # the container ended, where not by itself

    def snapshot(self) -> Object:
        """For `sandbox status` and `sandbox logs`."""
        program = self.program
        state = "ready" if self.fate.ready else "running" if self.fate.started else self.fate.waiting or "Terminated"
        return {
            "cluster": self.around.cluster,
            "namespace": self.namespace,
            "pod": self.name,
            "service": self.controller.service,
            "image": self.controller.image,
            "program": program.kind if program else "",
            "note": program.note if program else "",
            "state": state,
            "restarts": self.fate.restarts,
            "log": str(self.log),
        }

    def end(self, *, remove: bool = False, grace: float = GRACE_SECONDS) -> None:
        """Stop the program, which has `grace` seconds, and with `remove` the pod once it has stopped, as a kubelet
        does."""
        self._remove, self._grace = self._remove or remove, grace
        self._ended.set()

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._live()
        except Exception:  # reported in the daemon's log; the pod shows it and is removed as any other
            traceback.print_exc()
            self._wait("CreateContainerError", "the sandbox failed: see its log")
        if self._remove:
            self._remove_pod()

    def _live(self) -> None:
        crashes = pulls = 0
        self.home.mkdir(parents=True, exist_ok=True)
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                code = self._once()
            except PullError as error:
                pulls += 1
                self._wait("ErrImagePull", str(error), 1.0)
                back_off = f'Back-off pulling image "{self.controller.image}": ErrImagePull: {error}'
                self._wait("ImagePullBackOff", back_off, status.back_off(pulls + 1) * self.around.pace)
                continue
            except pods.MountError as error:
                self._event("FailedMount", str(error))
                self._wait("ContainerCreating", "", 2.0)
                continue
            except pods.ConfigError as error:
                self._wait("CreateContainerConfigError", str(error), 2.0)
                continue
            except (KubeError, OSError) as error:
                self._wait("CreateContainerError", str(error), 2.0)
                continue
            if not pods.restarts(self.pod, code):
                self.fate.ended(code, self._why)
                self.fate.completed()
                self._show()
                self._ended.wait()
            if self._ended.is_set():
                break
            self.fate.ended(code, self._why)
            ran = time.monotonic() - began
            crashes = 1 if ran > status.FORGIVEN * self.around.pace else crashes + 1
            pause = status.back_off(crashes)
            if not pause:
                self.fate.over()
                self._show()
                self.fate.restarts += 1
                continue
            message = f"back-off {pause:.0f}s restarting failed container={self.controller.container} pod={self.name}"
            self._wait("CrashLoopBackOff", message, pause * self.around.pace)
            self.fate.restarts += 1

    def _wait(self, reason: str, message: str, seconds: float | None = None) -> None:
        self.fate.wait(reason, message)
        self._show()
        self._ended.wait(seconds)

    def _once(self) -> int:
        """Start the program and wait until it ends; its exit code."""
        self.program = self.programs.choose(self.controller)
        if self._is_for_another_machine():
            self.program = Program(BINARY, _NOT_EXECUTABLE, "the image lacks the architecture of the node")
        if self.program.kind == ITSELF and (missing := pods.unknown_program(self.pod, self.controller.container)):
            self.program = Program(ITSELF, (*_NO_SUCH_FILE, missing), "the image of acksm has no other program")
        argv, environment, probe = self._prepare(self.program)
        if self.log.exists():
            os.replace(self.log, self.previous_log)
        ready = Path(environment[READY_FILE])
        ready.unlink(missing_ok=True)
        stands_in = self.program.kind == STAND_IN
        process = Forked(argv, self.log, environment) if stands_in else spawn(argv, self.log, environment)
        self.fate.running()
        self._show()
        since, own, self._why = time.monotonic(), self.program.kind == ITSELF, ""
        limit = pods.memory_limit(self.pod, self.controller.container) if own else 0
        while process.poll() is None:
            if self._ended.is_set():
                _end(process, self._grace)
                break
            if limit and processes.memory(self.home) > limit:
                self._why = "OOMKilled"
                process.kill()
                break
            if not self.fate.ready and self._is_ready(self.program, ready, probe, time.monotonic() - since):
                self.fate.ready = True
                self._show()
            # nothing signals a child's end here; polling twenty times a second costs next to nothing
            self._ended.wait(POLL_SECONDS if time.monotonic() - since < 30 else 0.25)
        if own:  # others start no processes
            processes.end(self.home)
        return int(process.wait())

    def _is_ready(self, program: Program, file: Path, probe: str, seconds: float) -> bool:
        if program.kind == STAND_IN:
            return file.exists()
        if not probe:
            return seconds >= SETTLED_SECONDS
        try:
            answer = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(1)).request("GET", probe)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200

    def _prepare(self, program: Program) -> tuple[list[str], dict[str, str], str]:
        """argv, environment, and the URL of the readiness probe ("" without one)."""
        lookup = self._lookup
        homes = {}
        for name, files in pods.volumes(self.pod, lookup).items():  # mounted before any container is created
            homes[name] = str(self._write(name, files))
        rendered = pods.render(self.pod, self.controller.container, lookup)
        rendered = pods.relocate(rendered, homes)
        at_apiserver = {}
        if pods.SERVICE_ACCOUNT in rendered.mounts:  # not in a pod without automountServiceAccountToken
            bearer, config = identity.token(self.kube, self.pod), self.home / "kubeconfig.json"
            identity.kubeconfig(config, self.around.server, self.around.ca_file, self.namespace, bearer)
            at_apiserver = {"KUBECONFIG": str(config)}
        environment = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        environment |= {"HOME": str(self.home), "AWS_DEFAULT_REGION": self.around.region, "HOSTNAME": self.name}
        environment |= rendered.environment
        environment |= {**at_apiserver, READY_FILE: str(self.home / "ready")}
        if not environment.get("AWS_ENDPOINT_URL"):
            environment["AWS_ENDPOINT_URL"] = self.around.aws_endpoint
        if FULL_URI in environment:
            environment[FULL_URI] = environment[FULL_URI].replace(f"http://{AGENT_HOST}", self.around.agent)
        environment["AWS_EC2_METADATA_DISABLED"] = "true"  # no metadata service; its keys follow:
        if not any(name in environment for name in OWN_CREDENTIALS):
            environment |= self.around.node_keys
        environment.pop("AWS_CA_BUNDLE", None)  # with it the real controllers refuse to start a client
        if program.kind == ITSELF:
            return self._for_acksm(program, rendered, environment, homes), environment, ""
        if program.kind == STAND_IN:
            environment[VERSION] = f"{self.controller.service}:{self.controller.tag}"
            environment.setdefault(PACE, str(self.around.pace))  # a pod may have a pace of its own
            return [*program.argv, *rendered.arguments], environment, ""
        return self._for_binary(program, rendered, environment)

    def _for_acksm(
        self, program: Program, rendered: pods.Rendered, environment: dict[str, str], homes: Mapping[str, str]
    ) -> list[str]:
        """acksm as in its container: nothing of this machine but its programs, and files only where it may write."""
        if "AWS_DEFAULT_REGION" not in rendered.environment:
            del environment["AWS_DEFAULT_REGION"]
        temporary = homes.get(rendered.mounts.get("/tmp", ""))  # noqa: S108  the pod's own
        environment |= {**self.around.outside, "TMPDIR": temporary or str(_made(self.home / "tmp"))}
        if "HOME" not in rendered.environment:
            environment["HOME"] = str(_made(self.home / "root"))
        argv = [*program.argv, *rendered.arguments]
        writable = pods.writable(self.pod, self.controller.container)
        directories = ["/"] if writable is None else [homes[name] for name in writable]
        return [sys.executable, confined.__file__, *directories, "--", *argv]

    def _for_binary(
        self, program: Program, rendered: pods.Rendered, environment: dict[str, str]
    ) -> tuple[list[str], dict[str, str], str]:
        """A health port of its own, because the controllers share this machine; no metrics, which any user could read;
        and the keys of its role: its own call for them ignores AWS_ENDPOINT_URL (docs/sandbox.md), so the sandbox
        calls STS instead."""
        (health,) = free_ports(1)
        words, probe = ["--metrics-addr=0"], ""
        if knows(release(self.controller.service, self.controller.tag), "healthz-addr"):
            words.append(f"--healthz-addr=127.0.0.1:{health}")
            probe = f"http://127.0.0.1:{health}/readyz"
        role = environment.pop("AWS_ROLE_ARN", "")
        file = environment.pop("AWS_WEB_IDENTITY_TOKEN_FILE", "")
        if role and file:
            try:
                environment |= identity.web_identity(self.around.aws_endpoint, role, Path(file).read_text())
            except identity.RefusedError as error:
                return _refused(role, error), environment, ""
        return [*program.argv, *rendered.arguments, *words], environment, probe

    def _write(self, name: str, files: pods.Files) -> Path:
        home = self.home / "volumes" / name
        home.mkdir(parents=True, exist_ok=True)
        for path, text in files.texts.items():
            write_private(home / path, text)
        for asked in files.tokens:
            write_private(home / asked.path, identity.token(self.kube, self.pod, asked.audience))
        return home

    def _lookup(self, kind: str, namespace: str, name: str) -> Mapping[str, str] | None:
        found = self.kube.get(f"/api/v1/namespaces/{namespace}/{kind.lower()}s/{name}")
        if found is None:
            return None
        return pods.decoded(found.get("data")) if kind == "Secret" else dict(found.get("data") or {})

    def _is_for_another_machine(self) -> bool:
        """Whether the image lacks the architecture of the pod's node, as ACK's older ones do
        (docs/ack/versions.md#architectures)."""
        node = self.kube.get(f"/api/v1/nodes/{self.pod['spec']['nodeName']}") or {}
        machine = str(((node.get("status") or {}).get("nodeInfo") or {}).get("architecture", "amd64"))
        service, tag = self.controller.service, self.controller.tag
        return machine != "amd64" and service in SERVICES and not release(service, tag).has("arm64-image")

    def _event(self, reason: str, message: str) -> None:
        """A kubelet's warning about the pod. One that is rejected is lost, as in a namespace that is being deleted."""
        meta, moment = self.pod["metadata"], status.now()
        about = {"apiVersion": "v1", "kind": "Pod", "namespace": self.namespace, "name": self.name, "uid": meta["uid"]}
        event = {
            "metadata": {"generateName": f"{self.name}.", "namespace": self.namespace},
            "involvedObject": about,
            "type": "Warning",
            "reason": reason,
            "message": message,
            "source": {"component": "kubelet"},
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }
        with suppress(KubeError):
            self.kube.request("POST", f"/api/v1/namespaces/{self.namespace}/events", event)

    def _show(self) -> None:
        """Write the current status; a deleted pod needs none."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{self.name}/status"
        try:
            self.pod = self.kube.merge_lists(path, status.patch(self.pod, self.controller.container, self.fate))
        except KubeError as error:
            if error.status == 404:
                self._ended.set()

    def _remove_pod(self) -> None:
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.pod["metadata"]["uid"]}}
        for _ in range(20):
            try:
                self.kube.request("DELETE", f"/api/v1/namespaces/{self.namespace}/pods/{self.name}", body)
                return
            except KubeError as error:
                if error.status in {404, 409}:
                    return
                time.sleep(0.25)


def _refused(role: str, error: identity.RefusedError) -> list[str]:
    """A program that says what the binary would say, and fails as it would."""
    line = (
        "unable to determine account info: unable to get caller identity: operation error STS: "
        f"AssumeRoleWithWebIdentity, api error {error.code}: {error.message} (role {role}; the sandbox asked STS in "
        "the binary's place)"
    )
    return ["/bin/sh", "-c", 'printf "%s\\n" "$0" >&2; exit 1', line]


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _end(process: subprocess.Popen[bytes] | Forked, seconds: float) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
