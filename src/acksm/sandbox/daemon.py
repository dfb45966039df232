"""The sandbox's own process: moto, the authenticator, the webhooks, and the parent of everything else.

`python -m acksm.sandbox OPTIONS.json` is started by `acksm.sandbox.api.up`, detached; it writes state.json when
all is ready; on SIGTERM it ends, with everything that it started.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import ssl
import sys
import threading
import traceback
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from wsgiref.types import StartResponse

import urllib3
from werkzeug.serving import make_server

from acksm.ack.names import SERVICES
from acksm.errors import AcksmError
from acksm.json_types import Json
from acksm.private_file import write as write_private
from acksm.sandbox import (
    addons,
    authenticator,
    cloud,
    doors,
    git_host,
    gitops,
    identity_agent,
    identity_webhook,
    practice,
)
from acksm.sandbox.capabilities import Capability
from acksm.sandbox.certificates import Authority
from acksm.sandbox.cloud import Cloud
from acksm.sandbox.control_plane import ControlPlane, free_ports, start
from acksm.sandbox.controllers import forks
from acksm.sandbox.controllers.host import Host
from acksm.sandbox.controllers.managed import Desired
from acksm.sandbox.faults import Faults
from acksm.sandbox.git_host import GitHost
from acksm.sandbox.network import Network, Outside, names
from acksm.sandbox.parts import KUBERNETES
from acksm.sandbox.pod_identity import Owner
from acksm.sandbox.registries import PASSWORDS, PUBLIC, ROBOT, TOKENS, Registries
from acksm.sandbox.serving import KeptOpen, Quiet
from acksm.sandbox.state import ClusterState, Process, State, directory, save, start_time

LOOK_SECONDS = 5.0


class Daemon:
    """Everything that runs. `options` are those of `up` (`acksm.sandbox.api.Options` as data)."""

    def __init__(self, options: Json) -> None:
        self.options = options
        self.home = directory(options["name"])
        self.parts = {name: Path(path) for name, path in options["parts"].items()}
        self.planes: dict[str, ControlPlane] = {}  # by handle
        self._handles: dict[Owner, str] = {}
        self.users: dict[str, authenticator.User] = {}
        self.stop = threading.Event()
        self.cloud = Cloud(self.home / "aws.log")
        self.cloud.eks.addons.changed = self._addon
        self.cloud.eks.capabilities.changed = self._capability
        self.controllers = Host(options, self.home, self.parts["crane"], self._serve)
        self._registry_password = secrets.token_urlsafe()
        self._lock = threading.Lock()
        self.state = State(
            options["name"],
            Process("daemon", os.getpid(), start_time(os.getpid()), str(self.home / "daemon.log")),
            "",
            "",
            secrets.token_urlsafe(),
            "",
            None,
            str(self.parts["helm"]),
            {},
        )

    def run(self) -> None:
        """Start, write the state, wait for the end."""
        try:
            self._begin()
            write_private(self.home / "ready", "")
            # `down` cannot end a sandbox whose directory was removed: it ends by itself
            while not self.stop.wait(LOOK_SECONDS) and self.home.exists():
                pass
        except AcksmError as error:
            write_private(self.home / "failed.json", json.dumps(error.as_data()))
        except Exception:
            write_private(
                self.home / "failed.json",
                json.dumps(
                    {
                        "id": "sandbox-failed",
                        "message": traceback.format_exc().splitlines()[-1],
                        "where": self.state.daemon.log,
                        "details": {"diff": traceback.format_exc().splitlines()[-12:]},
                    }
                ),
            )
        finally:
            self.controllers.end_all()
            for process in self.state.processes()[1:]:
                process.end(patience=3.0)

    def _begin(self) -> None:
        if self.controllers.on:
            forks.warm()
        self._start_registry()
        self._start_network()
        self.state.aws_endpoint = self._serve(self.cloud, handler=KeptOpen)
        self.state.control = self._serve(doors.with_token(self._control, self.state.token))
        for account in [self.options["account"], *self.options["other_accounts"]]:
            self.open_account(account, self.options["region"])
        save(self.state)
        charts = threading.Thread(target=self._seed)
        charts.start()
        for name in self.options["clusters"]:
            self.add_cluster(name, self.options["account"], self.options["region"])
        charts.join()
        if self._seed_error:
            raise self._seed_error
        save(self.state)

    def _start_registry(self) -> None:
        """Anyone may pull, as from the public registry. The password for pushes is in a file like `docker login`'s."""
        (port,) = free_ports(1)
        self.state.registry = f"127.0.0.1:{port}"
        login = f"acksm:{self._registry_password}"
        auths = {self.state.registry: {"auth": base64.b64encode(login.encode()).decode()}}
        write_private(self.home / "docker" / "config.json", json.dumps({"auths": auths}))
        self.state.registry_process = start(
            "registry",
            [str(self.parts["registry"]), self.state.registry],
            self.home / "logs" / "registry.log",
            {"REGISTRY_PASSWORD": self._registry_password},
        )

    def _start_network(self) -> None:
        """The outside by its names, for whoever uses this proxy: the public registry, ECR's, others, a Git host."""
        authority = Authority(self.home / "network")
        self.registries = registries = Registries(self.state.registry, self.cloud.denied)
        git = GitHost(self.home / "git")
        outside = Outside([registries, git])
        self.network = Network(outside)
        registries.reaches_public = lambda account: self.network.reaches(PUBLIC, account)
        server = make_server(
            "127.0.0.1", 0, outside, threaded=True, request_handler=Quiet, ssl_context=names(authority, outside)
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.network.server = ("127.0.0.1", server.server_port)
        self.cloud.registries = registries
        self.controllers.pull_fault = registries.pull_fault
        self.state.network, self.state.network_ca = self.network.address, str(authority.path)
        login = base64.b64encode(f"{ROBOT}:{registries.password}".encode()).decode()
        auths = {name: {"auth": login} for name in (TOKENS, PASSWORDS)}
        write_private(self.home / "outside" / "config.json", json.dumps({"auths": auths}))
        login = f"https://{git_host.USER}:{git.password}@{git_host.HOST}\n"
        write_private(self.home / "outside" / "git-credentials", login)

    _seed_error: AcksmError | None = None

    def _seed(self) -> None:
        try:
            http = urllib3.PoolManager(retries=urllib3.Retry(total=40, backoff_factor=0.05, backoff_max=0.3))
            http.request("GET", f"http://{self.state.registry}/v2/")
            target = practice.Target(self.state.registry, self._registry_password)
            practice.seed(target)
            practice.seed_acksm(target)
            practice.seed_from(target, [Path(path) for path in self.options["charts"]])
        except AcksmError as error:
            self._seed_error = error
        except urllib3.exceptions.HTTPError as error:
            self._seed_error = AcksmError("sandbox-registry", f"the registry does not answer: {error}"[:200])

    def open_account(self, account: str, region: str) -> None:
        """Create an AWS account with an administrator, unless it exists."""
        with self._lock:
            if account not in self.state.accounts:
                keys = cloud.open_account(account, region)
                self.state.accounts[account] = keys
                self.users[keys["arn"]] = authenticator.User("practice-admin", ("system:masters",))

    def add_cluster(self, name: str, account: str, region: str) -> str:
        """Create a cluster, unless it exists, and its account where needed; its handle."""
        handle = self._handle(Owner(account, region, name))
        if handle in self.state.clusters:
            return handle
        self.open_account(account, region)
        issuer = cloud.issuer(region)
        found = ClusterState(name, region, account, "", "", issuer, handle=handle)
        if self.options.get("endpoint"):
            found.endpoint, found.ca_data, found.own = self.options["endpoint"], self.options["ca_data"], False
        else:
            home = self.home / "clusters" / handle
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            plane = self.planes[handle] = ControlPlane(home, self.parts, found, controllers=self.controllers.on)
            self.cloud.token_keys[issuer] = home / "pki" / "sa.key"
            plane.run(issuer, lambda ca: self._serve(lambda *asked: self._hook(plane, *asked), ca.server("webhooks")))
        cloud.record_cluster(
            name,
            region,
            account,
            found.endpoint,
            found.ca_data,
            issuer,
            self.options.get("version") or KUBERNETES.rpartition(".")[0],
        )
        with self._lock:
            self.state.clusters[handle] = found
            save(self.state)
        if handle in self.planes:
            plane = self.planes[handle]
            outside = {**self._outside(account), "PATH": f"{self.parts['helm'].parent}{os.pathsep}{os.environ['PATH']}"}
            self.controllers.begin(plane, self.state.aws_endpoint, self.state.registry, self._agent(plane), outside)
        return handle

    def _handle(self, owner: Owner) -> str:
        """What the sandbox knows a cluster by: its name, where no other has it. No name of a cluster has a dot."""
        with self._lock:
            taken = owner.cluster in self._handles.values()
            new = f"{owner.cluster}.{owner.account}.{owner.region}" if taken else owner.cluster
            return self._handles.setdefault(owner, new)

    def remove_cluster(self, handle: str) -> None:
        """End a cluster and its EKS record."""
        self.controllers.end(handle)
        with self._lock:
            found = self.state.clusters.pop(handle, None)
            self.planes.pop(handle, None)
            save(self.state)
        if found:
            cloud.forget_cluster(found.name, found.region, found.account)
            for process in reversed(found.processes):
                process.end(patience=1.0)
            shutil.rmtree(self.home / "clusters" / handle, ignore_errors=True)
            with self._lock:
                self._handles.pop(_owner(found), None)

    def run_engine(self, engine: str, cluster: str, programs: dict[str, Path]) -> None:
        """Run a GitOps engine's controllers for a cluster. They reach the outside as its nodes do, without a role."""
        plane = self.planes[cluster]
        outside = {
            "AWS_ENDPOINT_URL": self.state.aws_endpoint,
            "AWS_REGION": plane.state.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self._outside(plane.state.account),
            "GIT_SSL_CAINFO": self.state.network_ca,
        }
        try:
            gitops.ENGINES[engine].start(plane, programs, outside)
        finally:
            with self._lock:
                save(self.state)

    def _outside(self, account: str) -> dict[str, str]:
        """The network of an account's nodes, through which registries are reached by their names."""
        return {
            "HTTPS_PROXY": f"http://{account}:@{self.state.network}",
            "NO_PROXY": "127.0.0.1,localhost",
            "SSL_CERT_FILE": self.state.network_ca,
        }

    def _serve(
        self, app: doors.Application, context: ssl.SSLContext | None = None, handler: type[Quiet] = Quiet
    ) -> str:
        server = make_server(
            "127.0.0.1", 0, doors.local(app), threaded=True, request_handler=handler, ssl_context=context
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"

    def _hook(self, plane: ControlPlane, environ: Json, begin: StartResponse) -> Iterable[bytes]:
        """What the cluster's apiserver asks: whose token it is, and what to add to a pod."""
        body = _body(environ)
        match environ["PATH_INFO"]:
            case "/authenticate":
                token = str((body.get("spec") or {}).get("token", ""))
                return _answer(begin, self._authenticate(plane.state.name, token))
            case "/mutate":
                return _answer(begin, self._mutate(plane, body))
        return _answer(begin, {"error": "unknown"}, "404 unknown")

    def _mutate(self, plane: ControlPlane, review: Json) -> Json:
        request = review["request"]
        account = (request["object"].get("spec") or {}).get("serviceAccountName") or "default"
        _, found = plane.api("GET", f"/api/v1/namespaces/{request['namespace']}/serviceaccounts/{account}")
        role = (((found or {}).get("metadata") or {}).get("annotations") or {}).get(identity_webhook.ROLE, "")
        way = identity_webhook.by_annotation(role) if role else None
        if self.cloud.eks.pods.effective(_owner(plane.state), request["namespace"], account):
            way = identity_webhook.by_association()
        return identity_webhook.answer(review, way, plane.state.region)

    def _agent(self, plane: ControlPlane) -> str:
        """Serve the agent of the cluster's nodes; its URL."""
        owner = _owner(plane.state)
        built_in = partial(cloud.has_auto_mode, owner.cluster, owner.region, owner.account)
        return self._serve(identity_agent.Agent(owner, self.cloud.eks.pods, plane.api, built_in))

    def _addon(self, owner: Owner, there: bool) -> None:
        """The DaemonSet of the agent's add-on comes, or goes with it."""
        plane = self.planes.get(self._handles.get(owner, ""))
        if plane is None:  # a cluster that was brought along
            return
        path = f"/apis/apps/v1/namespaces/{addons.NAMESPACE}/daemonsets"
        if there:
            plane.api("POST", path, addons.daemon_set())
        else:
            plane.api("DELETE", f"{path}/{addons.AGENT}", {"propagationPolicy": "Background"})

    def _capability(self, owner: Owner, found: Capability | None) -> None:
        """AWS's controllers come, change with the capability, or go with it."""
        plane = self.planes.get(self._handles.get(owner, ""))
        if plane is None:
            return
        desired = Desired()
        if found is not None:
            disabled = set((found.configuration.get("ack") or {}).get("disabledServices") or ())
            keys = cloud.role_keys(found.role, owner.region, f"eks-capability-{found.name}"[:64])
            desired = Desired(frozenset(SERVICES) - disabled, keys)
        self.controllers.capability(plane, self.state.aws_endpoint, desired)

    def _control(self, environ: Json, begin: StartResponse) -> Iterable[bytes]:
        """The requests of the sandbox's own commands and of tests."""
        parts = environ["PATH_INFO"].strip("/").split("/")
        body = _body(environ)
        match parts:
            case ["clusters", name] if environ["REQUEST_METHOD"] == "DELETE":
                self.remove_cluster(name)
            case ["clusters", name]:
                try:
                    return _answer(begin, {"handle": self.add_cluster(name, body["account"], body["region"])})
                except AcksmError as error:
                    return _answer(begin, error.as_data(), "500 failed")
            case ["clusters", name, "restart", part]:
                with self._lock:
                    self.planes[name].restart(part)
                    save(self.state)
            case ["clusters", name, "endpoint"]:  # {endpoint}: what EKS reports from now on, such as a proxy's
                found = self.state.clusters[name]
                cloud.move_endpoint(found.name, found.region, found.account, body["endpoint"])
            case ["clusters", name, "engines", engine]:
                try:
                    self.run_engine(engine, name, {key: Path(path) for key, path in body["programs"].items()})
                except AcksmError as error:
                    return _answer(begin, error.as_data(), "500 failed")
            case ["controllers"]:
                return _answer(begin, {"controllers": self.controllers.snapshot()})
            case ["users"]:  # maps an ARN, as aws-auth or an access entry does
                self.users[body["arn"]] = authenticator.User(body["name"], tuple(body.get("groups", ())))
            case ["accounts", account, *what] if len(what) < 2:
                if not self._control_account(account, "".join(what), body):
                    return _answer(begin, {"error": "unknown"}, "404 unknown")
            case _:
                return _answer(begin, {"error": "unknown"}, "404 unknown")
        return _answer(begin, {})

    def _control_account(self, account: str, what: str, body: Json) -> bool:
        """A request about an account; whether it is a known one."""
        match what:
            case "":
                self.open_account(account, body.get("region") or self.options["region"])
                save(self.state)
            case "faults":  # {action: fields of Fault}; {} ends them
                self.cloud.faults[account] = Faults.of(body)
            case "scps":  # {policies: service control policies}; without any, no organization
                self.cloud.scps |= {account: list(body["policies"])}
            case "status":  # {region, kind, name, status} of a SageMaker object
                cloud.set_status(account, body["region"], body["kind"], body["name"], body["status"])
            case "network":  # {closed}: hosts that the account's network does not reach from now on
                self.network.closed[account] = set(body["closed"])
            case "cache":  # {region, prefix} of a pull-through cache of the public registry
                self.registries.caches.setdefault((account, body["region"]), set()).add(body["prefix"])
            case "empty":
                self.cloud.empty(account)
                self.network.closed.pop(account, None)
                self.registries.empty(account)
            case _:
                return False
        return True

    def _authenticate(self, cluster: str, token: str) -> dict[str, object]:
        try:
            key = authenticator.check(token, cluster, cloud.secret_of)
            arn = authenticator.canonical(cloud.identity_of(key))
        except authenticator.TokenRefusedError as refused:
            return authenticator.review(None, "", str(refused))
        user = self.users.get(arn)
        return authenticator.review(user, arn, "" if user else f"{arn} is not mapped to a user")


def _owner(state: ClusterState) -> Owner:
    return Owner(state.account, state.region, state.name)


def _body(environ: Json) -> Json:
    raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    loaded = json.loads(raw) if raw else {}
    return loaded if isinstance(loaded, dict) else {}


def _answer(begin: StartResponse, data: object, status: str = "200 OK") -> Iterable[bytes]:
    raw = json.dumps(data).encode()
    begin(status, [("Content-Type", "application/json"), ("Content-Length", str(len(raw)))])
    return [raw]


def main() -> None:
    """Entry point of the daemon's process."""
    daemon = Daemon(json.loads(Path(sys.argv[1]).read_text()))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop.set())
    daemon.run()
