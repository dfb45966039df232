"""What `acksm sandbox` and the tests call: up, down, status, env, and clusters in a running sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import urllib3

from acksm import reports
from acksm.ack.names import SERVICES
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind, silent
from acksm.json_types import Json, Value
from acksm.private_file import write as write_private
from acksm.sandbox import gitops, parts
from acksm.sandbox.control_plane import tail
from acksm.sandbox.controllers.host import DEFAULT_PACE
from acksm.sandbox.locks import file_lock
from acksm.sandbox.state import (
    ACCOUNT,
    CLUSTER,
    OTHER_ACCOUNT,
    REGION,
    ClusterState,
    State,
    cluster_names,
    directory,
    load,
    names,
    recorded,
)
from acksm.surroundings import passed_on

UP_SECONDS = 180.0


@dataclass(frozen=True)
class Options:
    """The options of `up`. `endpoint` and `ca_data` (base64) are those of a cluster that the user brings.

    `controllers`: whether controllers run; `controller`: service to the path of a real one's binary; `images`: whether
    binaries of images in the sandbox's registry run instead of the stand-in; `pull`: whether images may be pulled from
    their own registry (which implies `images`); `pace`: how long waits last, 1 as in AWS.
    """

    name: str = "default"
    clusters: tuple[str, ...] = (CLUSTER,)
    region: str = REGION
    account: str = ACCOUNT
    other_accounts: tuple[str, ...] = (OTHER_ACCOUNT,)
    charts: tuple[str, ...] = ()
    endpoint: str = ""
    ca_data: str = ""
    version: str = ""
    controllers: bool = True
    controller: dict[str, str] = field(default_factory=dict)
    images: bool = False
    pull: bool = False
    pace: float = DEFAULT_PACE
    parts: dict[str, str] = field(default_factory=dict)


def up(options: Options, emit: Emit = silent) -> State:
    """A healthy sandbox with these clusters; a healthy one that exists is kept. Errors: sandbox-…."""
    home = directory(options.name)
    load(options.name)  # one of another version is refused before anything is built
    needed = ("crane", "registry", "helm") if options.endpoint else parts.NEEDED
    found = parts.ensure(needed, emit)
    with file_lock(home.parent / f"{options.name}.lock", emit, f"another `sandbox up` of {options.name}"):
        state = load(options.name)
        if state and not unhealthy(state):
            missing = [name for name in options.clusters if name not in state.clusters]
            for name in missing:
                emit(Event(Kind.PROGRESS, "sandbox.cluster", f"starting cluster {name}"))
                add_cluster(state, name, options.account, options.region)
            if not missing:
                emit(Event(Kind.UP_TO_DATE, "sandbox.up", f"sandbox {options.name} is already running"))
            return load(options.name) or state
        if state:
            for problem in unhealthy(state):
                emit(Event(Kind.WARNING, "sandbox.unhealthy", problem))
        _remove(options.name)
        home.mkdir(parents=True, mode=0o700)
        return _start(options, found, home, emit)


def _start(options: Options, found: dict[str, Path], home: Path, emit: Emit) -> State:
    emit(Event(Kind.STEP, "sandbox.up", f"starting sandbox {options.name}: {', '.join(options.clusters)}"))
    began = time.monotonic()
    data = asdict(options) | {"parts": {name: str(path) for name, path in found.items()}}
    write_private(home / "options.json", json.dumps(data))
    environment = passed_on("ACKSM_", "XDG_", "PYTHON", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DOCKER_CONFIG")
    # the acksm that runs now, also where a relative PYTHONPATH found it
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    with (home / "daemon.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "acksm.sandbox", str(home / "options.json")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    told = began
    while not (home / "ready").exists():
        if (home / "failed.json").exists() or process.poll() is not None or time.monotonic() - began > UP_SECONDS:
            raise _failure(options.name, home)
        if time.monotonic() - told > 2:
            told = time.monotonic()
            emit(Event(Kind.PROGRESS, "sandbox.up", f"control plane is starting, {told - began:.0f} s"))
        time.sleep(0.05)
    state = load(options.name)
    if state is None:
        raise _failure(options.name, home)
    emit(Event(Kind.DONE, "sandbox.up", f"sandbox {options.name} is ready after {time.monotonic() - began:.1f} s"))
    return state


def _failure(name: str, home: Path) -> AcksmError:
    details: Json = {"diff": tail(home / "daemon.log")}
    message, where, failure = "the sandbox did not start", str(home / "daemon.log"), "sandbox-failed"
    if (home / "failed.json").exists():
        told = json.loads((home / "failed.json").read_text())
        message, where, failure, details = told["message"], told["where"], told["id"], told["details"]
    end_processes(name)
    return AcksmError(failure, message, where=where, details=details)


def down(name: str, emit: Emit = silent) -> bool:
    """End every process and remove every file of the sandbox. False when none existed."""
    existed = directory(name).exists()
    with file_lock(directory(name).parent / f"{name}.lock", emit, f"a command on sandbox {name}"):
        _remove(name)
    (directory(name).parent / f"{name}.lock").unlink(missing_ok=True)
    return existed


def _remove(name: str) -> None:
    end_processes(name)
    shutil.rmtree(directory(name), ignore_errors=True)


def end_processes(name: str) -> None:
    """The daemon ends its children; what a killed daemon left is ended by recorded id and start time."""
    for process in recorded(name):
        process.end(patience=15.0 if process.name == "daemon" else 2.0)


def unhealthy(state: State) -> list[str]:
    """What is wrong, each with the end of its log; [] for a healthy sandbox."""
    problems = []
    for process in state.processes():
        if not process.alive():
            last = "; ".join(tail(Path(process.log), 2))
            problems.append(f"{process.name} (process {process.pid}) exited: {last}")
    return problems


def status(name: str) -> tuple[reports.SandboxReport, list[str]]:
    """Everything that runs, and what is wrong. Error: `sandbox-missing`."""
    state = require(name)
    data: reports.SandboxReport = {
        "name": name,
        "aws_endpoint": state.aws_endpoint,
        "registry": f"{state.registry}/aws-controllers-k8s",
        "accounts": sorted(state.accounts),
        "clusters": [
            {"name": item.handle, "endpoint": item.endpoint, "region": item.region, "account": item.account}
            for item in state.clusters.values()
        ],
        "parts": [
            {"name": item.name, "pid": item.pid, "alive": item.alive(), "log": item.log} for item in state.processes()
        ],
        "controllers": controllers(state) if state.daemon.alive() else [],
    }
    return data, unhealthy(state)


def rows() -> list[reports.SandboxRow]:
    """Every sandbox of this user, running or not, also one of another version of acksm."""
    found: list[reports.SandboxRow] = []
    for name in names():
        processes = recorded(name)
        alive = bool(processes) and processes[0].alive()
        found.append({"name": name, "running": alive, "clusters": cluster_names(name)})
    return found


def require(name: str) -> State:
    """The state of an existing sandbox. Error: `sandbox-missing`."""
    state = load(name)
    if state is None:
        raise AcksmError("sandbox-missing", f"sandbox {name} does not exist")
    return state


def add_cluster(state: State, name: str, account: str = ACCOUNT, region: str = REGION) -> ClusterState:
    """Create another cluster in a running sandbox; takes about five seconds. As in AWS, each region of each account may
    have one of this name: all but the first get a handle of their own. Error: `sandbox-part-failed`."""
    made = control(state, "PUT", f"clusters/{name}", {"account": account, "region": region})
    return require(state.name).clusters[str(made["handle"])]


def move_endpoint(state: State, name: str, endpoint: str) -> None:
    """Let EKS report `endpoint` for a cluster: an address that leads to its apiserver, as a proxy's does."""
    control(state, "PUT", f"clusters/{name}/endpoint", {"endpoint": endpoint})


def run_engine(engine: str, name: str, cluster: str = "", emit: Emit = silent) -> str:
    """Run a GitOps engine, of `gitops.ENGINES`, for a cluster ("" for the first), unless it runs; the cluster's handle.

    Errors: `config-invalid`, `sandbox-missing`, `sandbox-cluster`, `sandbox-cluster-foreign`, sandbox-….
    """
    if engine not in gitops.ENGINES:
        expected = " or ".join(gitops.ENGINES)
        remedy = f"acksm sandbox gitops --engine {next(iter(gitops.ENGINES))}"
        message = f"{engine!r} is no engine; expected {expected}"
        raise AcksmError("config-invalid", message, where="--engine", remedy=remedy)
    state = require(name)
    found = _cluster(state, cluster)
    if not found.own:
        message = f"cluster {found.handle} is not the sandbox's"
        raise AcksmError("sandbox-cluster-foreign", message, where=found.endpoint)
    chosen = gitops.ENGINES[engine]
    if chosen.runs(found):
        emit(Event(Kind.UP_TO_DATE, "sandbox.gitops", f"{chosen.title} is already running for cluster {found.handle}"))
        return found.handle
    programs = parts.ensure(chosen.parts, emit)
    emit(Event(Kind.STEP, "sandbox.gitops", f"starting {chosen.title} for cluster {found.handle}"))
    body = {"programs": {name: str(path) for name, path in programs.items()}}
    control(state, "PUT", f"clusters/{found.handle}/engines/{engine}", body)
    return found.handle


def open_account(state: State, account: str) -> None:
    """Create an AWS account in a running sandbox unless it exists; `environment` then has its profile."""
    control(state, "PUT", f"accounts/{account}")


def remove_cluster(state: State, handle: str) -> None:
    """End a cluster."""
    control(state, "DELETE", f"clusters/{handle}")


def controllers(state: State) -> list[reports.SandboxController]:
    """The controllers that run: cluster, namespace, pod, service, program and note, state, restarts, log."""
    return list(control(state, "GET", "controllers")["controllers"])


def control(state: State, method: str, path: str, body: object = None) -> Value:
    """Ask the daemon: clusters/HANDLE, its restart/PART, engines/NAME and endpoint, controllers, users, and faults,
    status and empty of accounts/ID."""
    answer = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(UP_SECONDS)).request(
        method,
        f"{state.control}/{path}",
        body=json.dumps(body or {}),
        headers={"Authorization": f"Bearer {state.token}", "Content-Type": "application/json"},
    )
    if answer.status != 200:
        told = json.loads(answer.data)
        raise AcksmError(
            told.get("id", "sandbox-failed"),
            told.get("message", "the sandbox refused the request"),
            where=told.get("where", path),
            details=told.get("details"),
        )
    return json.loads(answer.data)


def environment(name: str, cluster: str = "", account: str = "", *, registries: bool = False) -> dict[str, str]:
    """The variables that point kubectl, helm, aws and acksm at the sandbox. Files are the sandbox's own. `registries`:
    public.ecr.aws and Amazon ECR by their names, through the sandbox's network, instead of its own registry.

    Errors: `sandbox-missing`, `sandbox-cluster`.
    """
    state = require(name)
    found = _cluster(state, cluster)
    keys = state.accounts[account or found.account]
    aws = {
        "AWS_ENDPOINT_URL": state.aws_endpoint,
        "AWS_ACCESS_KEY_ID": keys["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": keys["AWS_SECRET_ACCESS_KEY"],
        "AWS_DEFAULT_REGION": found.region,
        "AWS_REGION": found.region,
        **_aws_files(state, found.region),
    }
    charts = (
        _outside(state, found.account) if registries else {"ACKSM_REGISTRY": f"{state.registry}/aws-controllers-k8s"}
    )
    own = {"ACKSM_SANDBOX": name, "ACKSM_CLUSTER": found.name}
    return aws | charts | own | {"KUBECONFIG": _kubeconfig(state, found, aws), "PATH": _path(state)}


def _cluster(state: State, name: str) -> ClusterState:
    """A cluster of the sandbox, the first for "". Error: `sandbox-cluster`."""
    name = name or next(iter(state.clusters), "")
    if name not in state.clusters:
        raise AcksmError(
            "sandbox-cluster", f"the sandbox has no cluster {name}; its clusters: {', '.join(state.clusters)}"
        )
    return state.clusters[name]


def _outside(state: State, account: str) -> dict[str, str]:
    """What leads a program to the sandbox's registries and Git host by their names, from the network of an account."""
    return {
        "HTTPS_PROXY": f"http://{account}:@{state.network}",
        "NO_PROXY": "127.0.0.1,localhost",
        "SSL_CERT_FILE": state.network_ca,
        "REQUESTS_CA_BUNDLE": state.network_ca,
        "GIT_SSL_CAINFO": state.network_ca,
        "DOCKER_CONFIG": str(directory(state.name) / "outside"),
    }


def _path(state: State) -> str:
    directories = [str(Path(state.helm).parent)]
    directories += [str(path.parent) for name in ("kubectl",) if (path := parts.existing(name))]
    current = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([item for item in dict.fromkeys(directories) if item not in current] + current)


def _aws_files(state: State, region: str) -> dict[str, str]:
    """Configuration and credentials with a profile for each account, in the sandbox's directory."""
    home = directory(state.name)
    profiles = [
        ("practice" if account == next(iter(state.accounts)) else f"other-{account}", keys)
        for account, keys in state.accounts.items()
    ]
    expired = ("expired", {"AWS_ACCESS_KEY_ID": "ASIAACKSMEXPIREDKEY0", "AWS_SECRET_ACCESS_KEY": "x"})
    write_private(
        home / "aws-config",
        "".join(
            f"[profile {profile}]\nregion = {region}\nendpoint_url = {state.aws_endpoint}\n\n"
            for profile, _ in [*profiles, expired]
        ),
    )
    write_private(
        home / "aws-credentials",
        "".join(
            f"[{profile}]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n\n"
            for profile, keys in [*profiles, expired]
        ),
    )
    return {"AWS_CONFIG_FILE": str(home / "aws-config"), "AWS_SHARED_CREDENTIALS_FILE": str(home / "aws-credentials")}


def _kubeconfig(state: State, cluster: ClusterState, aws: dict[str, str]) -> str:
    """Through the front door: a token of `acksm token`, as `aws eks update-kubeconfig` writes one of `aws`."""
    path = directory(state.name) / f"kubeconfig-{cluster.handle}.json"
    arn = f"arn:aws:eks:{cluster.region}:{cluster.account}:cluster/{cluster.name}"
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "interactiveMode": "Never",
            "command": sys.executable,
            "args": ["-m", "acksm", "token", "--cluster", cluster.name, "--region", cluster.region],
            "env": [{"name": key, "value": value} for key, value in aws.items()],
        }
    }
    write_private(
        path,
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": arn,
                "users": [{"name": arn, "user": user}],
                "clusters": [
                    {
                        "name": arn,
                        "cluster": {"server": cluster.endpoint, "certificate-authority-data": cluster.ca_data},
                    }
                ],
                "contexts": [{"name": arn, "context": {"cluster": arn, "user": arn}}],
            },
            indent=1,
        ),
    )
    return str(path)


def exports(variables: dict[str, str]) -> str:
    """Shell lines; variables that would interfere are unset."""
    import shlex

    lines = ["unset AWS_PROFILE AWS_CA_BUNDLE AWS_SESSION_TOKEN ACKSM_REGISTRY"]
    return "\n".join(lines + [f"export {key}={shlex.quote(value)}" for key, value in variables.items()])


def logs(name: str, part: str = "", lines: int = 40) -> Sequence[str]:
    """The end of the logs, of one part or controller (a service or a pod) or of all."""
    state = require(name)
    files = [(process.name, Path(process.log)) for process in state.processes() if part in {"", process.name}]
    for cluster in state.clusters:
        # also of deleted pods: their logs are kept until `down`
        for log in sorted((directory(name) / "clusters" / cluster / "controllers").glob("*/*.log"), key=_age):
            pod = log.parent.name.partition("_")[2]
            which = pod if log.stem == "controller" else f"{pod} ({log.stem})"
            if part in {"", pod} or pod.startswith(f"ack-{part}-controller"):
                files.append((f"{cluster}/{which}", log))
    return [f"{title}: {line}" for title, log in files for line in tail(log, lines)]


def _age(log: Path) -> float:
    return log.stat().st_mtime


def binaries(given: Sequence[str]) -> dict[str, str]:
    """`SERVICE=PATH` of real controllers as a mapping. Error: `sandbox-controller`."""
    found = {}
    for item in given:
        service, _, path = item.partition("=")
        if service not in SERVICES:
            raise AcksmError(
                "sandbox-controller", f"{item!r} is not SERVICE=PATH with a service of {', '.join(SERVICES)}"
            )
        if not os.access(path, os.X_OK) or not Path(path).is_file():
            raise AcksmError("sandbox-controller", f"{path or 'no path'} is not a program", where=path)
        found[service] = str(Path(path).resolve())
    return found
