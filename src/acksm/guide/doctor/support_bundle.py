"""`acksm report`: a support bundle, one file without secrets.

It is written when something fails, so what cannot be read is listed in it, and the rest is included.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import platform
import re
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path

from acksm import __version__, reports
from acksm.config import Resolved
from acksm.dataclass import dataclass
from acksm.engine.checks import Result, healthy, judge
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.guide.connect.target import Target
from acksm.guide.doctor import command as doctor, redaction
from acksm.guide.doctor.facts import Facts, attempt, gather
from acksm.guide.install.release import Observed as Release
from acksm.json_types import Json, Manifest
from acksm.kube import conditions
from acksm.kube.paths import ref
from acksm.live.inventory import Inventory
from acksm.live.running import scope_text
from acksm.output import Output
from acksm.words import counted

LINES = 1000  # of each log
MAX_ITEMS = 2000  # objects, and events of each namespace
MAX_FILE = 4 * 1024 * 1024
_SUFFIXES = (".tar.gz", ".tgz", ".zip")
_POD_ENV = ("AWS_ROLE_ARN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_WEB_IDENTITY_TOKEN_FILE", "ACK_SYSTEM_NAMESPACE")


@dataclass
class Bundle:
    """Files by name, and what could not be read. `add` and `add_text` redact everything, and skip it when no seconds
    are `left`: redacting megabytes of a log takes some."""

    accounts: bool = False
    clean: Callable[[str], str] = str
    left: Callable[[], float] = lambda: math.inf
    files: dict[str, bytes] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: object) -> None:
        """Data as JSON; it is ASCII, so nothing in it can steer a terminal."""
        if self._is_late(name):
            return
        redacted = redaction.data(json.loads(json.dumps(value, default=str)), accounts=self.accounts)
        content = (json.dumps(redacted, indent=2) + "\n").encode()
        if len(content) > MAX_FILE:
            self.missing[name] = f"{len(content)} bytes, more than the limit of {MAX_FILE}"
        else:
            self.files[name] = content

    def add_text(self, name: str, value: str) -> None:
        """Text of others: control characters are made visible."""
        if self._is_late(name):
            return
        redacted = self.clean(redaction.text(value, accounts=self.accounts))
        self.files[name] = redacted.encode("utf-8", "replace")[-MAX_FILE:]

    def read(self, name: str, work: Callable[[], object]) -> None:
        """What `work` reads, or why it cannot."""
        found = attempt(work)
        if isinstance(found, AcksmError):
            self.add_missing(name, found)
        else:
            self.add(name, found)

    def _is_late(self, name: str) -> bool:
        if self.left() > 0:
            return False
        self.missing[name] = "timed-out: deadline exceeded"
        return True

    def end(self) -> None:
        """The list of what is missing, as the last file."""
        self.left = lambda: math.inf
        self.add("missing.json", self.missing)

    def add_missing(self, name: str, error: AcksmError) -> None:
        self.missing[name] = redaction.text(f"{error.id}: {error.message}", accounts=self.accounts)


def default_name(cluster: str, now: datetime) -> str:
    """The bundle's name where none is given: each run has its own."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", cluster)[:100]
    return f"acksm-report-{name or 'no-cluster'}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.tar.gz"


def check_file(file: str) -> Path:
    """The path of the bundle. Error: `report-file`."""
    path = Path(file)
    if not file.endswith(_SUFFIXES):
        raise AcksmError(
            "report-file", f"{file} does not end with {', '.join(_SUFFIXES[:-1])} or {_SUFFIXES[-1]}", where="--out"
        )
    if path.exists() or path.is_symlink():
        raise AcksmError("report-file", f"{file} already exists", where="--out")
    if not path.absolute().parent.is_dir():
        raise AcksmError("report-file", f"directory {path.absolute().parent} does not exist", where="--out")
    return path


def run(resolved: Resolved, ui: Output, file: str, *, accounts: bool, clean: Callable[[str], str]) -> int:
    """Read everything and write the bundle. Exit 0 when it is written, whatever state the cluster is in."""
    settings, now = resolved.settings, datetime.now(UTC)
    check_file(file or default_name(settings.target.cluster, now))  # before minutes are spent on it
    ui.emit(Event(Kind.PROGRESS, "report.read", "reading account, cluster and registry"))
    facts, target = gather(settings, ui.emit)
    try:
        bundle = Bundle(accounts, clean, target.deadline.left if target else lambda: math.inf)
        bundle.add("version.json", _version())
        bundle.add("config.json", {"settings": settings.flat(), "origins": dict(resolved.origins)})
        results = judge(doctor.CHECKS, facts)
        _add_doctor(bundle, facts, results, target)
        _add_facts(bundle, facts)
        if target is not None:
            ui.emit(Event(Kind.STEP, "target", target.line()))
            ui.emit(Event(Kind.PROGRESS, "report.read", "reading events"))
            _add_cluster(bundle, facts, target)
        bundle.end()
        cluster = target.cluster.name if target else settings.target.cluster
        path = check_file(file or default_name(cluster, now))
        write(path, bundle.files)
        ui.emit(Event(Kind.PROGRESS, "report.read", ""))
        data: reports.BundleReport = {
            "target": target.as_data() if target else None,
            "file": str(path),
            "files": [{"name": name, "bytes": len(content)} for name, content in sorted(bundle.files.items())],
            "missing": bundle.missing,
            "accounts_shown": accounts,
        }
        size = f"{path.stat().st_size / 1024:.0f} KiB, {counted(len(bundle.files), 'file')}"
        contents = f"{path} has {size}: {', '.join(sorted(bundle.files))}"
        private = "it has names and messages of your cluster; look through it before you send it"
        for note in (contents, private):
            ui.emit(Event(Kind.NOTE, "report.read", note))
        lines = [str(path)]
        lines += [f"not included: {name} ({why})" for name, why in bundle.missing.items()]
        ui.result("report", data, "\n".join(lines))
        kilobytes = sum(len(content) for content in bundle.files.values()) / 1024
        ui.show(f"{counted(len(bundle.files), 'file')}, {kilobytes:.0f} KiB unpacked; review it before you send it")
        return 0
    finally:
        if target is not None:
            target.__exit__()


def _version() -> dict[str, str]:
    return {
        "acksm": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "argv": " ".join(Path(word).name if index == 0 else word for index, word in enumerate(sys.argv)),
    }


def _add_doctor(bundle: Bundle, facts: Facts, results: Sequence[Result], target: Target | None) -> None:
    bundle.add(
        "doctor.json",
        {
            "target": target.as_data() if target else None,
            "healthy": healthy(results),
            "checks": [result.as_data() for result in results],
            "symptoms": [doctor.symptom_data(item) for item in doctor.known_symptoms(facts)],
        },
    )
    bundle.add_text("doctor.txt", doctor.text_of(results, full=True) + "\n")


def _add_facts(bundle: Bundle, facts: Facts) -> None:
    """What doctor has read: releases, controllers, CRDs, bindings, objects and logs."""
    if isinstance(facts.releases, AcksmError):
        bundle.add_missing("releases.json", facts.releases)
    else:
        bundle.add("releases.json", {name: _release(item) for name, item in facts.releases.items()})
    if isinstance(facts.deployed, AcksmError):
        bundle.add_missing("controllers.json", facts.deployed)
    else:
        rows = [
            {
                **item.running.as_data(),
                "scope": scope_text(item.running),
                "replicas": item.replicas,
                "flags": item.flags.values,
                "pods": [_pod(pod) for pod in item.pods],
            }
            for item in facts.deployed
        ]
        bundle.add("controllers.json", rows)
    if isinstance(facts.crds, AcksmError):
        bundle.add_missing("crds.json", facts.crds)
    else:
        bundle.add("crds.json", [_crd(item) for item in facts.crds])
    if isinstance(facts.inventory, AcksmError):
        bundle.add_missing("objects.json", facts.inventory)
    else:
        _add_inventory(bundle, facts.inventory)
    if isinstance(facts.logs, AcksmError):
        bundle.add_missing("logs", facts.logs)
    else:
        for log in facts.logs:
            name = f"logs/{log.service}/{log.pod}{'-previous' if log.previous else ''}.log"
            bundle.add_text(name, log.text)


def _release(item: Release) -> Json:
    return {
        "version": item.version,
        "status": item.status,
        "description": item.description,
        "revision": item.revision,
        "owned_by_acksm": item.owned,
        "values": dict(item.values),
        "drift": [str(found) for found in item.drift],
        "health": list(item.health.problems) if item.health else [],
    }


def _pod(pod: Manifest) -> Json:
    """The parts of a pod without secrets: no volumes, and only a few known plain variables."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    env = {
        str(item["name"]): str(item.get("value", ""))
        for container in spec.get("containers") or []
        for item in container.get("env") or []
        if item.get("name") in _POD_ENV and "value" in item
    }
    return {
        "name": pod["metadata"]["name"],
        "created": pod["metadata"].get("creationTimestamp"),
        "phase": status.get("phase"),
        "conditions": status.get("conditions"),
        "containers": [
            {key: item.get(key) for key in ("name", "image", "ready", "restartCount", "state", "lastState")}
            for item in status.get("containerStatuses") or []
        ],
        # not under "env": as pairs of name and value they would be hidden
        "known_variables": env,
    }


def _crd(item: Manifest) -> Json:
    metadata, spec = item["metadata"], item["spec"]
    annotations = metadata.get("annotations") or {}
    return {
        "name": metadata["name"],
        "versions": [version.get("name") for version in spec.get("versions") or []],
        "generator": annotations.get("controller-gen.kubebuilder.io/version"),
        "chart": annotations.get("acksm.dev/chart"),
        "deleting": bool(metadata.get("deletionTimestamp")),
        "conditions": [
            {key: condition.get(key) for key in ("type", "status", "reason")} for condition in conditions.listed(item)
        ],
    }


def _add_inventory(bundle: Bundle, found: Inventory) -> None:
    rows = [
        {
            "object": str(item),
            "account": item.account,
            "region": item.region,
            "arn": item.arn,
            "state": item.state,
            "deletion_policy": f"{item.policy.value} (of {item.policy.source})",
            "deleting": item.terminating,
            "finalizers": list(item.finalizers),
            "conditions": list(item.conditions),
        }
        for item in found.items[:MAX_ITEMS]
    ]
    bundle.add(
        "objects.json", {"count": len(found.items), "objects": rows, "common": [str(one) for one in found.common]}
    )
    spaces = {
        name: {key: value for key, value in item.annotations.items() if "services.k8s.aws" in key}
        for name, item in found.namespaces.items()
    }
    bundle.add("namespaces.json", {name: marks for name, marks in spaces.items() if marks})


def _add_cluster(bundle: Bundle, facts: Facts, target: Target) -> None:
    """Maps and events of the namespaces with ACK resources or controllers."""
    kube = target.kube
    locations = {target.settings.controller_namespace, *(item.namespace for item in facts.installed)}
    objects = (
        set() if isinstance(facts.inventory, AcksmError) else {i.location.namespace for i in facts.inventory.items}
    )
    maps = ("ack-role-account-map", "ack-role-team-map")
    names = [(location, name) for location in sorted(locations) for name in maps]
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(lambda one: attempt(lambda: kube.get(ref("ConfigMap", one[1], one[0]))), names)
        live = dict(zip(names, found, strict=True))
        spaces = sorted(locations | objects)[:50]
        events = dict(
            zip(spaces, pool.map(lambda location: attempt(lambda: _events(target, location)), spaces), strict=True)
        )
    bundle.add(
        "maps.json",
        {
            f"{location}/{name}": (one.get("data") or {})
            for (location, name), one in live.items()
            if one is not None and not isinstance(one, AcksmError)
        },
    )
    for (location, name), one in live.items():
        if isinstance(one, AcksmError):
            bundle.add_missing(f"{location}/{name}", one)
    for location, listed in events.items():
        if isinstance(listed, AcksmError):
            bundle.add_missing(f"events of {location}", listed)
        elif listed:
            bundle.add(f"events/{location}.json", listed)


def _events(target: Target, namespace: str) -> list[Json]:
    kept = ("type", "reason", "message", "count", "firstTimestamp", "lastTimestamp", "eventTime")
    found = target.kube.list(ref("Event", namespace=namespace))
    return [
        {key: item[key] for key in kept if item.get(key) is not None}
        | {"object": "/".join(str((item.get("involvedObject") or {}).get(key, "")) for key in ("kind", "name"))}
        for item in found[-MAX_ITEMS:]
    ]


def write(path: Path, files: Mapping[str, bytes]) -> None:
    """Write the archive, readable by its owner only; a failure leaves no file. Error: `report-file`."""
    top = path.name.removesuffix(".tar.gz").removesuffix(".tgz").removesuffix(".zip")
    data = _zipped(top, files) if path.name.endswith(".zip") else _tarred(top, files)
    try:
        handle, temporary = tempfile.mkstemp(prefix=".acksm-report-", dir=path.absolute().parent)  # 0600
    except OSError as error:
        raise AcksmError("report-file", f"cannot write: {error.strerror}", where=str(path)) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _rename(temporary, path)
    except OSError as error:
        raise AcksmError("report-file", f"cannot write: {error.strerror}", where=str(path)) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _rename(temporary: str, path: Path) -> None:
    """Give the file its name, never replacing another; a file system without hard links has only the rename."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise
        os.replace(temporary, path)


def _tarred(top: str, files: Mapping[str, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, content in sorted(files.items()):
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size, info.mode = len(content), 0o600
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _zipped(top: str, files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(f"{top}/{name}")
            info.external_attr = 0o600 << 16
            archive.writestr(info, content)
    return packed.getvalue()
