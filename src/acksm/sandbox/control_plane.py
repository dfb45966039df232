"""One cluster: etcd, apiserver, controller manager, scheduler and kwok, on free ports of 127.0.0.1."""

from __future__ import annotations

import base64
import json
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from acksm.errors import AcksmError
from acksm.json_types import Json, Value
from acksm.private_file import write as write_private
from acksm.sandbox import identity_webhook
from acksm.sandbox.certificates import Authority, signing_key
from acksm.sandbox.state import ClusterState, Process, start_time

READY_SECONDS = 90.0
NODE = "practice-node"
# The parent whose death is signalled is the thread that forked, not its process (prctl(2), PR_SET_PDEATHSIG): one
# thread that lives as long as the daemon starts everything.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")
# By default Go's collector takes a quarter of an apiserver's CPU time; memory is cheaper here, up to the limit. Each
# part uses half of the cores at most: with all of them, five parts spend a tenth of their time on looking for work.
_ROOMY = {"GOGC": "400", "GOMEMLIMIT": "1GiB", "GOMAXPROCS": str(max(1, (os.cpu_count() or 1) // 2))}
# Linux takes ephemeral ports from 32,768 on, Kubernetes NodePorts from 30,000. Each sandbox begins at another port, and
# none is given again before all have been.
_FIRST, _END = 10_240, 30_000
_START = random.SystemRandom().randrange(_FIRST, _END)
_PORTS = cycle((*range(_START, _END), *range(_FIRST, _START)))
# In stages.yaml: what marks a controller's pod, and what no pod has, for a sandbox in which kwok simulates all pods.
_CONTROLLERS_KEY = 'select(.metadata.annotations["acksm.dev/practice-fail"] == null)'
_NO_PODS_KEY = "select(false)"
# Requests are counted (bench/, tests) by who sent them; the control plane's own, which are most, are not counted.
AUDIT = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    users: [system:apiserver, system:kube-controller-manager, system:kube-scheduler, kwok]
  - level: None
    userGroups: [system:serviceaccounts:kube-system]
  - level: Metadata
"""


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now, none of them given before. They are below the ephemeral ports: an apiserver
    opens hundreds of connections to etcd, which must not take the port of a part that starts seconds later."""
    return list(islice(filter(_is_free, _PORTS), count))


def _is_free(port: int) -> bool:
    with socket.socket() as item:
        try:
            item.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start(name: str, argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Start a program of the sandbox, as `spawn` does."""
    process = spawn(argv, log, environment)
    return Process(name, process.pid, start_time(process.pid), str(log))


def spawn(argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program with its output in `log`; it dies with the daemon (Linux's parent-death signal)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        return _STARTER.submit(
            subprocess.Popen,
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            start_new_session=True,
            preexec_fn=die_with_parent,
        ).result()


def die_with_parent() -> None:
    """This process gets SIGKILL when the thread that forked it ends."""
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class ControlPlane:
    """Starts a cluster in `home`; `parts` are the programs' paths. With `controllers`, kwok leaves the pods of ACK's
    controllers to `acksm.sandbox.controllers`."""

    def __init__(
        self, home: Path, parts: Mapping[str, Path], state: ClusterState, *, controllers: bool = False
    ) -> None:
        self.home, self.parts, self.controllers = home, parts, controllers
        self.state = state
        self.ca: Authority | None = None
        self.admin: tuple[Path, Path] | None = None
        self._argv: dict[str, list[str]] = {}
        self._environment: dict[str, dict[str, str]] = {}

    def run(self, issuer: str, webhooks: Callable[[Authority], str]) -> ClusterState:
        """Start everything and wait until a node is Ready. `webhooks` serves what the apiserver asks and gives the URL.

        Error: `sandbox-part-failed` with the part's log.
        """
        etcd_client, etcd_peer, secure = free_ports(3)
        pki = self.home / "pki"
        self.ca = Authority(pki)
        self.admin = self.ca.issue("practice-bootstrap", organization="system:masters")
        server = self.ca.issue("kube-apiserver", server=True)
        etcd = self.ca.issue("etcd", server=True)
        at_etcd = self.ca.issue("kube-apiserver-etcd-client")
        signing_key(pki / "sa.key")
        self.state.issuer = issuer
        self.state.endpoint, self.state.etcd = f"https://127.0.0.1:{secure}", f"https://127.0.0.1:{etcd_client}"
        self.state.ca_data = base64.b64encode(self.ca.path.read_bytes()).decode()
        (self.home / "audit-policy.yaml").write_text(AUDIT)
        hooks = webhooks(self.ca)
        asking = self.kubeconfig("kube-apiserver-webhook-client", "", f"{hooks}/authenticate")
        (self.home / "admission.json").write_text(json.dumps(_admission(asking)))
        self._start(
            "etcd",
            f"--data-dir={self.home / 'etcd'}",
            f"--listen-client-urls={self.state.etcd}",
            f"--advertise-client-urls={self.state.etcd}",
            f"--listen-peer-urls=https://127.0.0.1:{etcd_peer}",
            f"--initial-advertise-peer-urls=https://127.0.0.1:{etcd_peer}",
            f"--initial-cluster=default=https://127.0.0.1:{etcd_peer}",
            *(
                flag
                for whose in ("", "peer-")
                for flag in (
                    f"--{whose}client-cert-auth",
                    f"--{whose}trusted-ca-file={self.ca.path}",
                    f"--{whose}cert-file={etcd[0]}",
                    f"--{whose}key-file={etcd[1]}",
                )
            ),
            # Its gateway, by which the tests empty a cluster, is a client of its own.
            f"--client-cert-file={at_etcd[0]}",
            f"--client-key-file={at_etcd[1]}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        self._start(
            "kube-apiserver",
            f"--etcd-servers={self.state.etcd}",
            f"--etcd-cafile={self.ca.path}",
            f"--etcd-certfile={at_etcd[0]}",
            f"--etcd-keyfile={at_etcd[1]}",
            "--anonymous-auth=false",
            f"--secure-port={secure}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            # A CRD deleted seconds after its creation is stuck for a minute: its watch cache is "(re)initializing".
            "--watch-cache=false",
            f"--tls-cert-file={server[0]}",
            f"--tls-private-key-file={server[1]}",
            f"--client-ca-file={self.ca.path}",
            f"--kubelet-client-certificate={self.admin[0]}",
            f"--kubelet-client-key={self.admin[1]}",
            f"--kubelet-certificate-authority={self.ca.path}",
            f"--service-account-key-file={pki / 'sa.key'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            f"--service-account-issuer={issuer}",
            "--authorization-mode=Node,RBAC",
            # Besides Kubernetes' defaults, as EKS does
            # (https://docs.aws.amazon.com/eks/latest/userguide/platform-versions.html).
            "--enable-admission-plugins=NodeRestriction,ExtendedResourceToleration",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authentication-token-webhook-version=v1",
            f"--authentication-token-webhook-config-file={asking}",
            "--authentication-token-webhook-cache-ttl=10s",
            f"--admission-control-config-file={self.home / 'admission.json'}",
            f"--audit-policy-file={self.home / 'audit-policy.yaml'}",
            f"--audit-log-path={self.home / 'audit.log'}",
            "--audit-log-mode=blocking",
        )
        self._await("kube-apiserver", lambda: self.api("GET", "/readyz")[0] == 200)
        self._later_parts()
        self.api(
            "POST",
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
            identity_webhook.configuration(f"{hooks}/mutate", self.state.ca_data),
        )
        self._node()
        return self.state

    def _later_parts(self) -> None:
        pki = self.home / "pki"
        if self.ca is None:
            return
        for part, flags in (
            (
                "kube-controller-manager",
                [
                    "--use-service-account-credentials",
                    f"--service-account-private-key-file={pki / 'sa.key'}",
                    f"--root-ca-file={self.ca.path}",
                    # Without a cloud there are no routes; everything else runs, quotas too: without its controller a
                    # quota has no status, and admission refuses whatever it counts.
                    "--controllers=*,-node-ipam-controller,-node-route-controller",
                ],
            ),
            ("kube-scheduler", []),
        ):
            config = self.kubeconfig(f"system:{part}", "")
            self._start(
                part,
                f"--kubeconfig={config}",
                "--secure-port=0",
                "--leader-elect=false",
                *flags,
            )
        stages = self.home / "stages.yaml"
        text = (Path(__file__).parent / "stages.yaml").read_text()
        stages.write_text(text if self.controllers else text.replace(_CONTROLLERS_KEY, _NO_PODS_KEY))
        self._start(
            "kwok",
            f"--kubeconfig={self.kubeconfig('kwok', 'system:masters')}",
            f"--config={stages}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            "--server-address=",
        )

    def _start(self, part: str, *flags: str) -> None:
        self.start(part, [str(self.parts[part]), *flags])

    def start(self, part: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a program of this cluster under a name, which replaces an ended one of that name."""
        self._argv[part], self._environment[part] = list(argv), dict(environment or {})
        self.state.processes = [process for process in self.state.processes if process.name != part]
        self.state.processes.append(self._started(part))

    def _started(self, part: str) -> Process:
        environment = {key: value for key, value in os.environ.items() if key in {"PATH", "TMPDIR", "LANG"}}
        environment |= {"HOME": str(self.home), **_ROOMY, **self._environment[part]}
        return start(part, self._argv[part], self.home / "logs" / f"{part}.log", environment)

    def restart(self, part: str) -> None:
        """End a part and start it again with the same arguments, without waiting for it."""
        for index, process in enumerate(self.state.processes):
            if process.name == part:
                process.end(patience=0.5)
                self.state.processes[index] = self._started(part)

    def kubeconfig(self, user: str, organization: str, server: str = "") -> Path:
        """The kubeconfig of `user`, with a new certificate, for the apiserver or another server of this cluster."""
        if self.ca is None:
            raise RuntimeError("the authority comes first")
        crt, key = self.ca.issue(user, organization=organization)
        path = self.home / f"{user.replace(':', '-')}.kubeconfig"
        server = server or self.state.endpoint
        host = urlsplit(server).netloc  # an admission webhook's client selects the user by its host's name
        write_private(
            path,
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "x",
                    "clusters": [
                        {
                            "name": "x",
                            "cluster": {
                                "server": server,
                                "certificate-authority-data": self.state.ca_data,
                            },
                        }
                    ],
                    "users": [{"name": host, "user": {"client-certificate": str(crt), "client-key": str(key)}}],
                    "contexts": [{"name": "x", "context": {"cluster": "x", "user": host}}],
                }
            ),
        )
        return path

    def api(self, method: str, path: str, body: object = None) -> tuple[int, Value]:
        """A call as the bootstrap administrator; (0, None) while nothing answers."""
        if self.ca is None or self.admin is None:
            raise RuntimeError("the authority comes first")
        http = urllib3.PoolManager(
            ca_certs=str(self.ca.path),
            cert_file=str(self.admin[0]),
            key_file=str(self.admin[1]),
            retries=False,
            timeout=urllib3.Timeout(10),
        )
        try:
            answer = http.request(
                method,
                self.state.endpoint + path,
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": "application/json"},
            )
        except urllib3.exceptions.HTTPError:
            return 0, None
        try:
            return answer.status, json.loads(answer.data)
        except ValueError:
            return answer.status, None

    def _node(self) -> None:
        """One node; kwok sets it Ready."""
        labels = {
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": NODE,
            "eks.amazonaws.com/nodegroup": "practice",
        }
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": labels}}
        self._await("kwok", lambda: self.api("POST", "/api/v1/nodes", node)[0] in {201, 409})

        def ready() -> bool:
            status, found = self.api("GET", f"/api/v1/nodes/{NODE}")
            conditions = (found or {}).get("status", {}).get("conditions", []) if status == 200 else []
            return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)

        self._await("kwok", ready)
        self._await(
            "kube-controller-manager",
            lambda: self.api("GET", "/api/v1/namespaces/default/serviceaccounts/default")[0] == 200,
        )

    def _await(self, part: str, done: Callable[[], bool]) -> None:
        limit = time.monotonic() + READY_SECONDS
        while not done():
            dead = [process for process in self.state.processes if not process.alive()]
            if dead or time.monotonic() > limit:
                culprit = dead[0] if dead else next(p for p in self.state.processes if p.name == part)
                raise AcksmError(
                    "sandbox-part-failed",
                    f"{culprit.name} " + ("ended" if dead else "does not get ready"),
                    where=culprit.log,
                    details={"diff": tail(Path(culprit.log))},
                )
            time.sleep(0.1)


def _admission(kubeconfig: Path) -> Json:
    """Who the apiserver is at mutating webhooks
    (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#authenticate-apiservers).
    """
    version = "apiserver.config.k8s.io/v1"
    who = {"apiVersion": version, "kind": "WebhookAdmissionConfiguration", "kubeConfigFile": str(kubeconfig)}
    plugins = [{"name": "MutatingAdmissionWebhook", "configuration": who}]
    return {"apiVersion": version, "kind": "AdmissionConfiguration", "plugins": plugins}


def tail(path: Path, lines: int = 12) -> list[str]:
    """The last lines of a log."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 16_384))
            return stream.read().decode("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []
