"""The programs of the sandbox: existing ones, else built from Go modules pinned by go.mod and go.sum.

KUBEBUILDER_ASSETS, PATH and the cache are searched, in that order, and versions are checked. Built programs are put
into the cache by rename, under a name that follows from their sources, so that a killed build leaves nothing partial.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from acksm.config import cache_dir
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind, silent
from acksm.sandbox.locks import file_lock
from acksm.surroundings import passed_on

SOURCES = Path(__file__).parent / "golang"
GO_MINIMUM = (1, 26)
HEARTBEAT_SECONDS = 5.0
KUBERNETES = "1.35.4"
_STAMP = (
    f"-X k8s.io/component-base/version.gitVersion=v{KUBERNETES} -X k8s.io/component-base/version.gitMajor=1 "
    f"-X k8s.io/component-base/version.gitMinor=35 -X k8s.io/client-go/pkg/version.gitVersion=v{KUBERNETES}"
)


@dataclass(frozen=True)
class Part:
    """A program: the Go module that builds it, its package, and what its version output has to match; one without
    `version_argv` is built always. `manifests` are files, or folders of them, of the package's module, kept beside the
    program."""

    name: str
    module: str
    package: str
    version_argv: tuple[str, ...]
    minimum: tuple[int, int]
    flags: str = ""
    manifests: tuple[str, ...] = ()


PARTS = {
    part.name: part
    for part in (
        Part("etcd", "kube", "go.etcd.io/etcd/server/v3", ("--version",), (3, 5)),
        Part("kube-apiserver", "kube", "k8s.io/kubernetes/cmd/kube-apiserver", ("--version",), (1, 33), _STAMP),
        Part(
            "kube-controller-manager",
            "kube",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            ("--version",),
            (1, 33),
            _STAMP,
        ),
        Part("kube-scheduler", "kube", "k8s.io/kubernetes/cmd/kube-scheduler", ("--version",), (1, 33), _STAMP),
        Part(
            "helm",
            "kube",
            "helm.sh/helm/v4/cmd/helm",
            ("version", "--template", "{{.Version}}"),
            (3, 8),
            "-X helm.sh/helm/v4/internal/version.version=v4.1.0",
        ),
        Part("kubectl", "kube", "k8s.io/kubernetes/cmd/kubectl", ("version", "--client"), (1, 28), _STAMP),
        Part(
            "kwok",
            "kube",
            "sigs.k8s.io/kwok/cmd/kwok",
            ("--version",),
            (0, 8),
            "-X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0",
        ),
        Part("crane", "kube", "github.com/google/go-containerregistry/cmd/crane", ("version",), (0, 0)),
        Part("registry", "kube", "./registry", (), (0, 0)),
        Part("yq", "bench", "github.com/mikefarah/yq/v4", ("--version",), (4, 0)),
        Part("kustomize", "kustomize", "sigs.k8s.io/kustomize/kustomize/v5", (), (0, 0)),
        *(
            Part(name, "flux", f"github.com/fluxcd/{name}", (), (0, 0), manifests=("config/crd/bases", "config/rbac"))
            for name in ("source-controller", "kustomize-controller")
        ),
        Part(
            "argocd",
            "argocd",
            "github.com/argoproj/argo-cd/v3/cmd",
            (),
            (0, 0),
            manifests=("manifests/core-install.yaml",),
        ),
        Part("argocd-cache", "argocd", "./cache", (), (0, 0)),
    )
}
NEEDED = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "crane", "registry", "helm")
GITOPS = ("kubectl", "kustomize", "source-controller", "kustomize-controller", "argocd", "argocd-cache")
# What `go help environment` says of modules, caches and proxies; not GOOGLE_…, which are credentials.
_GO_VARIABLES = (
    *("GOAUTH", "GOCACHE", "GODEBUG", "GOENV", "GOFLAGS", "GOINSECURE", "GOMAXPROCS", "GOMEMLIMIT", "GOMODCACHE"),
    *("GONOPROXY", "GONOSUMDB", "GOPATH", "GOPRIVATE", "GOPROXY", "GOROOT", "GOSUMDB", "GOTMPDIR", "GOVCS"),
    *("NETRC", "XDG_"),
)
# Go's collector takes a third of a build's CPU time; each compiler and linker collects only near the limit.
_ROOMY = {"GOGC": "off", "GOMEMLIMIT": "1536MiB"}
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})")


def ensure(names: Sequence[str] = NEEDED, emit: Emit = silent, *, pinned: bool = False) -> dict[str, Path]:
    """Paths of the programs, built where they are not available; `pinned` ones are always those of acksm's go.mod.

    Errors: sandbox-go-missing, sandbox-build-failed.
    """
    look = _built if pinned else _existing
    found = {name: path for name in names if (path := look(PARTS[name])) is not None}
    missing = [PARTS[name] for name in names if name not in found]
    if missing:
        _check_go()
        modules = sorted({part.module for part in missing})
        emit(
            Event(
                Kind.STEP, "sandbox.build", f"building {', '.join(part.name for part in missing)} (once; then cached)"
            )
        )
        # Go builds a module on all cores by itself; another one uses the cores that are idle while a program is linked.
        with ThreadPoolExecutor(max_workers=len(modules)) as pool:
            list(pool.map(lambda module: _build([p for p in missing if p.module == module], emit), modules))
        found |= {part.name: _cached(part) for part in missing}
    return found


def existing(name: str) -> Path | None:
    """The path of a program that is available without building it."""
    return _existing(PARTS[name])


def _existing(part: Part, environment: Mapping[str, str] | None = None) -> Path | None:
    if not part.version_argv:  # acksm's own, and those of which only the pinned version will do
        return _built(part)
    environment = os.environ if environment is None else environment
    assets = environment.get("KUBEBUILDER_ASSETS")
    candidates = [Path(assets) / part.name] if assets else []
    on_path = shutil.which(part.name, path=environment.get("PATH"))
    candidates += [Path(on_path)] if on_path else []
    for candidate in candidates:
        if candidate.is_file() and _version_fits(part, candidate):
            return candidate
    return _built(part)


def _built(part: Part) -> Path | None:
    return _cached(part) if _cached(part).is_file() else None


def _version_fits(part: Part, path: Path) -> bool:
    try:
        answer = _answer(path, part.version_argv, path.stat().st_mtime_ns)
    except (OSError, subprocess.TimeoutExpired):
        return False
    match = _VERSION.search(answer.stdout + answer.stderr)
    # yq: a Python program of the same name takes other expressions than the guide's
    if part.name == "yq" and "mikefarah" not in answer.stdout:
        return False
    return match is not None and (int(match[1]), int(match[2])) >= part.minimum


@lru_cache
def _answer(path: Path, argv: tuple[str, ...], _changed: int) -> subprocess.CompletedProcess[str]:
    """What a program says of its version, once until its file has changed (ns)."""
    return subprocess.run([str(path), *argv], env=passed_on(), capture_output=True, text=True, timeout=20, check=False)


def _cached(part: Part) -> Path:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((SOURCES / part.module / name).read_bytes())
    for source in sorted((SOURCES / part.module / part.package).glob("*.go")):
        digest.update(source.read_bytes())
    digest.update("".join((part.package, part.flags, *part.manifests)).encode())
    return cache_dir() / "parts" / f"{part.name}-{digest.hexdigest()[:16]}" / part.name


def _check_go() -> None:
    go = shutil.which("go")
    if not go:
        raise AcksmError("sandbox-go-missing", "go is not on PATH", where="PATH")
    answer = subprocess.run(
        [go, "env", "GOVERSION"], env=passed_on(*_GO_VARIABLES), capture_output=True, text=True, check=False
    ).stdout
    match = _VERSION.search(answer.replace("go", "v"))
    if not match or (int(match[1]), int(match[2])) < GO_MINIMUM:
        raise AcksmError(
            "sandbox-go-missing",
            f"go is {answer.strip()}; {'.'.join(map(str, GO_MINIMUM))} or newer is required",
            where=go,
        )


def _build(parts: Sequence[Part], emit: Emit) -> None:
    """Build `parts` (of one module) one after the other: they share most packages, and linking needs much memory."""
    with file_lock(cache_dir() / "parts" / f"{parts[0].module}.lock", emit, f"another build of {parts[0].module}"):
        for part in parts:
            target = _cached(part)
            if not target.is_file():
                _build_one(part, target, emit)


def _build_one(part: Part, target: Path, emit: Emit) -> None:
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=target.parent.parent) as scratch:
        output = Path(scratch) / part.name
        log = Path(scratch) / "log"
        fixed = {"GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}
        environment = _ROOMY | passed_on(*_GO_VARIABLES) | fixed
        argv = [
            "go",
            "build",
            "-v",
            "-buildvcs=false",
            "-trimpath",
            "-mod=readonly",
            "-gcflags=all=-dwarf=false",  # what debuggers need takes a tenth of the time, and -s -w drop it
            "-ldflags",
            f"-s -w {part.flags}",
            "-o",
            str(output),
            part.package,
        ]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                argv,
                cwd=SOURCES / part.module,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
            last_report = began
            try:
                while process.poll() is None:
                    time.sleep(0.1)
                    if time.monotonic() - last_report >= HEARTBEAT_SECONDS:
                        last_report = time.monotonic()
                        emit(
                            Event(
                                Kind.PROGRESS,
                                "sandbox.build",
                                f"{part.name}: {_doing(log)}, {last_report - began:.0f} s",
                            )
                        )
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if process.returncode != 0:
            lines = log.read_text("utf-8", "replace").strip().splitlines()
            tail = [line for line in lines if " " in line][-12:]  # the names of compiled packages have no space
            raise AcksmError(
                "sandbox-build-failed", f"go could not build {part.name}", where=part.package, details={"diff": tail}
            )
        if part.manifests:
            _keep_manifests(part, environment, target.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(output, target)
    emit(Event(Kind.DONE, "sandbox.build", f"built {part.name} in {time.monotonic() - began:.0f} s"))


def manifests(program: Path) -> Path:
    """Where the files are that were kept beside a program."""
    return program.parent / "manifests"


def _keep_manifests(part: Part, environment: Mapping[str, str], home: Path) -> None:
    """Copy files out of the program's module. The program comes last, so that a complete one always has them."""
    argv = ["go", "list", "-mod=readonly", "-f", "{{.Module.Dir}}", part.package]
    found = subprocess.run(
        argv, cwd=SOURCES / part.module, env=dict(environment), capture_output=True, text=True, check=True
    )
    target = manifests(home / part.name)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in part.manifests:
        source = Path(found.stdout.strip()) / name
        for path in [source] if source.is_file() else sorted(source.glob("*.yaml")):
            shutil.copyfile(path, target / path.name)  # modules are read-only, what is deleted again must not be


def _doing(log: Path) -> str:
    """The progress of `go build -v`, which names each module that it downloads and each package that it compiles."""
    lines = log.read_text("utf-8", "replace").splitlines()
    downloads = sum("downloading" in line for line in lines)
    compiled = len(lines) - downloads
    return f"{compiled} packages compiled" if compiled else f"{downloads} modules downloaded"
