"""acksm as a process that ends by SIGKILL at one of its own mutating calls: `python -m killer K MOMENT -- argv…`.

Every call that changes AWS or the cluster passes one of three places (`Kube._request`, botocore's events of a client,
`Helm.run`); they are wrapped here, counted from 1 in the order in which the calls begin, and told to a log, a line of
JSON each. Calls of the apiserver and of AWS do not overlap here, so that the K-th has the same calls behind it in every
run; helm runs beside them as it does outside.

Moments: ``before`` and ``after`` the call; of helm also ``left`` (it has begun; acksm dies, helm lives on), ``killed``
(both die), and the same once helm's record says pending: ``pending-left`` and ``pending-killed``. K = 0: to the end.

`Forks` starts many such processes from one that has the imports behind it: each is forked, a process of its own.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from acksm.errors import AcksmError

BEFORE, AFTER = "before", "after"
OF_HELM = ("left", "killed", "pending-left", "pending-killed")
HELM_WRITES = {"install", "upgrade", "uninstall", "rollback"}
READS = ("Get", "List", "Describe", "Simulate", "AssumeRole")
LEASE = "/leases"


@dataclass(frozen=True)
class Order:
    """A command, and where it is to die. With `passing` only calls beyond the Lease's count, and helm's overlap with no
    other either, so that each run makes as many calls as it is told. `after` so many seconds it is killed from outside,
    wherever it is."""

    argv: tuple[str, ...]
    at: int = 0
    moment: str = AFTER
    log: str = ""
    passing: bool = False
    after: float = 0.0


class Killer:
    """Counts this process's mutating calls and ends it at one."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._count = 0
        self._one = threading.Lock()
        self._counting = threading.Lock()
        self._here = threading.local()

    def _begin(self, system: str, what: str) -> int:
        with self._counting:
            if not (self.order.passing and LEASE in what):
                self._count += 1
                number = self._count
            else:
                number = -1
            self.tell({"k": number, "system": system, "what": what})
        if number == self.order.at and self.order.moment == BEFORE:
            self.die()
        return number

    def _end(self, number: int) -> None:
        if number == self.order.at and self.order.moment == AFTER:
            self.die()

    def tell(self, line: dict[str, Any]) -> None:
        if self.order.log:
            with open(self.order.log, "a") as stream:
                stream.write(json.dumps(line) + "\n")

    def die(self) -> None:
        self.tell({"died": self.order.at, "moment": self.order.moment})
        os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def call(self, system: str, what: str) -> Iterator[None]:
        """A call of AWS or the apiserver. One that failed is over too."""
        with self._one:
            number = self._begin(system, what)
            try:
                yield
            finally:
                self._end(number)

    def kubernetes(self) -> None:
        from acksm.kube.client import Kube

        request = Kube._request

        def wrapped(kube: Kube, method: str, path: str, body: Any = None, **params: Any) -> Any:
            reading = method == "get" or "accessreviews" in path or path.endswith("/token") or params.get("dry_run")
            if reading or _renews(path, body):
                return request(kube, method, path, body, **params)
            name = ((body or {}).get("metadata") or {}).get("name", "") if method == "post" else ""
            with self.call("kubernetes", f"{method} {path}" + (f"/{name}" if name else "")):
                return request(kube, method, path, body, **params)

        Kube._request = wrapped  # type: ignore[assignment, method-assign]

    def aws(self) -> None:
        from acksm.aws.account import Aws

        client = Aws.client
        hooked: set[int] = set()

        def begin(model: Any, **_: Any) -> None:
            if not model.name.startswith(READS):
                self._one.acquire()
                self._here.number = self._begin("aws", f"{model.service_model.service_name}:{model.name}")

        def end(model: Any, **_: Any) -> None:
            if not model.name.startswith(READS):
                self._end(self._here.number)
                self._one.release()

        def wrapped(aws: Aws, service: str, region: str = "") -> Any:
            found = client(aws, service, region)
            with self._counting:
                if id(found) not in hooked:
                    hooked.add(id(found))
                    found.meta.events.register_last("before-call", begin)  # once for a call, retries are inside
                    found.meta.events.register_first("after-call", end)
                    found.meta.events.register_first("after-call-error", end)
            return found

        Aws.client = wrapped  # type: ignore[assignment, method-assign]

    def helm(self) -> None:
        from acksm.helm import runner

        run, here = runner.Helm.run, self._here

        class Popen(subprocess.Popen):  # type: ignore[type-arg]
            def __init__(popen, *args: Any, **kwargs: Any) -> None:  # noqa: N805
                super().__init__(*args, **kwargs)
                if started := getattr(here, "helm", None):
                    here.helm = None
                    self._started(popen, *started)

        def wrapped(helm: runner.Helm, argv: Sequence[str], *, seconds: float) -> str:
            if argv[0] not in HELM_WRITES:
                return run(helm, argv, seconds=seconds)
            with self._one if self.order.passing else nullcontext():
                number = self._begin("helm", f"{argv[0]} {argv[1]}")
                here.helm = (number, helm._kubeconfig, argv[argv.index("-n") + 1], argv[1])
                try:
                    return run(helm, argv, seconds=seconds)
                finally:
                    here.helm = None
                    self._end(number)

        runner.Helm.run = wrapped  # type: ignore[assignment, method-assign]
        subprocess.Popen = Popen  # type: ignore[misc]

    def _started(self, process: subprocess.Popen[bytes], number: int, config: str, space: str, release: str) -> None:
        self.tell({"helm": process.pid})
        if number != self.order.at or self.order.moment not in OF_HELM:
            return
        wait, _, how = self.order.moment.rpartition("-")
        if wait:
            _await_pending(process, config, space, release)
        if how == "killed" and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.die()


def _renews(path: str, body: Any) -> bool:
    """The Lease's sign of life, which comes when a run takes long."""
    return LEASE in path and set((body or {}).get("spec") or {}) == {"renewTime"}


def _await_pending(process: subprocess.Popen[bytes], config: str, space: str, release: str) -> None:
    """Until helm's record tells that helm is at work, or helm is through."""
    from acksm.kube.client import Endpoint, Kube
    from acksm.kube.paths import ref

    found = json.loads(Path(config).read_text())
    cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    kube = Kube(Endpoint(cluster["server"], authority, token=user["token"]))
    at_work = "status in (pending-install,pending-upgrade,pending-rollback,uninstalling)"
    while process.poll() is None:
        if kube.list(ref("Secret", namespace=space), selector=f"name={release},{at_work}", metadata_only=True):
            return
        time.sleep(0.005)


def run(order: Order) -> None:
    """acksm, in this process. It ends by itself with acksm's exit code, or by SIGKILL."""
    from acksm.cli import main

    killer = Killer(order)
    killer.kubernetes()
    killer.aws()
    killer.helm()
    sys.argv = ["acksm", *order.argv]
    main()


def serve() -> None:
    """Orders from stdin, in each line those that run at once: forks of this process, and told how they ended."""
    _imports()
    helms: set[str] = set()
    for line in sys.stdin:
        orders = json.loads(line)
        for asked in orders:
            _know_helm(asked["env"], helms)
        children = [_forked(asked) for asked in orders]
        codes = [_ended(child, asked["order"]["after"]) for child, asked in zip(children, orders, strict=True)]
        sys.stdout.write(json.dumps(codes) + "\n")
        sys.stdout.flush()


def _know_helm(env: Mapping[str, str], known: set[str]) -> None:
    """The version of the helm that a fork will find, which it would ask for again."""
    from acksm.helm.runner import Helm, find

    with suppress(AcksmError):
        path = find(env)
        if path not in known:
            known.add(path)
            helm = Helm(dict, path)
            assert helm.version
            helm.close()


def _forked(asked: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        _become(asked)
    return child


def _ended(child: int, after: float) -> int:
    """Its exit code; it is killed `after` so many seconds."""
    if after:
        clock = threading.Timer(after, os.kill, (child, signal.SIGKILL))
        clock.start()
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # its id is nobody else's until it is reaped
        clock.cancel()
        clock.join()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become(asked: dict[str, Any]) -> None:
    """The fork's life: never returns."""
    code = 1
    try:
        os.environ.clear()
        os.environ.update(asked["env"])
        os.chdir(asked["cwd"])
        for number, path in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
            opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(opened, number)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
        run(Order(**asked["order"]))
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        import atexit

        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _imports() -> None:
    """What each fork would do again: imports, parsers, pydantic's schema, and the files of botocore that every command
    reads."""
    import gc
    import importlib
    import pkgutil

    import jsonschema
    import rich.table
    import typer.main

    import acksm
    import once
    from acksm import cli, config
    from acksm.aws.session import Keys, Session
    from acksm.engine import diff
    from acksm.helm import values

    assert jsonschema
    assert rich.table
    for found in pkgutil.walk_packages(acksm.__path__, "acksm."):
        if not found.name.startswith(("acksm.sandbox", "acksm.__main__")):
            importlib.import_module(found.name)  # acksm.cli.ahead among them, which does more
    once.apply()
    _read_parameters(typer.main.get_command(cli.app))
    config.resolve({}, environment={})
    assert diff.as_text({"a": 1}) == values._round_trip("a: 1\n")
    assert time.strptime("2026", "%Y")
    session = Session(region="us-west-2", keys=Keys("x", "x", ""))
    for service in ("eks", "iam", "sts", "sagemaker", "application-autoscaling"):
        client = session.client(service)
        client.can_paginate(next(iter(client.meta.method_to_api_mapping)))  # reads the file of paginators
    gc.collect()
    gc.freeze()  # a fork would copy what its collector looks at


def _read_parameters(command: Any) -> None:
    """Of each command, which reads them when it runs."""
    assert command.params is not None
    for inner in getattr(command, "commands", {}).values():
        _read_parameters(inner)


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code (-9: by SIGKILL), what it said, and the lines of its log."""

    code: int
    stdout: str
    stderr: str
    lines: tuple[dict[str, Any], ...]

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def calls(self) -> list[str]:
        """Its mutating calls, "kubernetes post /api/…"."""
        return [f"{line['system']} {line['what']}" for line in self.lines if "k" in line]

    @property
    def helms(self) -> list[int]:
        """Process ids of the helms that it started."""
        return [line["helm"] for line in self.lines if "helm" in line]

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.stdout[-1500:]}\n{self.stderr[-3000:]}"


@dataclass
class Forks:
    """A process that has everything imported, and forks an acksm for each order."""

    location: Path
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def run(self, order: Order, env: Mapping[str, str], cwd: Path) -> Ended:
        """One process, until it ends."""
        return self.together([order], env, cwd)[0]

    def together(self, orders: Sequence[Order], env: Mapping[str, str], cwd: Path) -> list[Ended]:
        """Processes that run at the same time, until all have ended."""
        if self._process is None:
            argv = [sys.executable, "-m", "killer", "--serve"]
            here = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
            self._process = subprocess.Popen(argv, env=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin
        assert self._process.stdout
        self.location.mkdir(exist_ok=True)
        asked = []
        for number, order in enumerate(orders):
            out, err, log = (str(self.location / f"{name}-{number}") for name in ("out", "err", "log"))
            Path(log).unlink(missing_ok=True)
            told = asdict(order) | {"log": log}
            asked.append({"order": told, "env": dict(env), "cwd": str(cwd), "out": out, "err": err})
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the forking process ended"
        return [self._told(number, code) for number, code in enumerate(json.loads(answer))]

    def _told(self, number: int, code: int) -> Ended:
        out, err, log = (self.location / f"{name}-{number}" for name in ("out", "err", "log"))
        lines = tuple(json.loads(line) for line in log.read_text().splitlines()) if log.exists() else ()
        return Ended(code, out.read_text(), err.read_text(), lines)

    def close(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        number, moment, _, *words = sys.argv[1:]
        run(Order(tuple(words), int(number), moment, os.environ.get("KILLER_LOG", "")))
