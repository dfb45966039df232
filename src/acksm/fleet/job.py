"""`acksm fleet job`: a fleet's command as a Kubernetes Indexed Job, one index for each shard. Sends nothing.

The pod failure policy knows acksm's exit codes: what another try cannot change fails its index at once, a defect fails
the Job, and the rest is retried (https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy). A
pod that the cluster evicts or preempts does not count. Pods have an AWS identity and no rights in their own cluster.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from acksm import bounded, config, reports, yaml_writer
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.fleet import discovery, shards
from acksm.fleet.file import FILE_NAME, Fleet, Member, Wave, read, wave_of
from acksm.json_types import Json
from acksm.output import Output
from acksm.words import counted

CONTAINER = "acksm"
# Of a Secret or ConfigMap (https://kubernetes.io/docs/concepts/configuration/configmap/#motivation).
MOST_BYTES = 1024 * 1024
MOST_SHARDS = 10_000  # as many as a fleet has clusters
# A pod of an Indexed Job has the host name NAME-INDEX, a DNS label
# (https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode).
_MOST_HOSTNAME = 63
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_FOLDER, _SCRATCH = "/etc/acksm", "/tmp"  # noqa: S108  the pod's own
_USER = 65532
# Each cluster is a process (docs/benchmarks.md), and the one that starts them needs less.
_PROCESS_MIB, _SUPERVISOR_MIB = 150, 100
# The first signal finishes the current calls, of which helm's are the longest; a node of Spot has two minutes.
_GRACE_SECONDS = 120
# Settings that are files of the machine on which fleet.yaml was written, or refer to one.
OF_THE_MACHINE = ("profile", "kubeconfig", "context", "values", "chart", "target_profile")


@dataclass(frozen=True)
class Request:
    """What the Job runs: `name` and `argv` of a command of acksm fleet. `writes`: it changes clusters. `selected` and
    `names` are its --select and --cluster; `role_arn`: of the pods, by IRSA, "" for EKS Pod Identity or a node's."""

    command: str
    argv: Sequence[str]
    writes: bool
    image: str
    namespace: str
    name: str
    shards: int
    parallelism: int
    retries: int
    max_failed_shards: int | None
    role_arn: str = ""
    concurrency: int = 0
    selected: Mapping[str, str] = field(default_factory=dict)
    names: Sequence[str] = ()


def run(request: Request, path: str, ui: Output) -> int:
    """Print the manifests. Errors: those of the file and of `check`."""
    fleet, text = read(path), _text(path)
    notes = check(request, fleet)
    for note in notes:
        ui.emit(Event(Kind.NOTE, "note", note))
    found = manifests(request, fleet, text)
    data: reports.FleetJobReport = {"manifests": found, "notes": notes}
    ui.result("fleet job", {**data}, "---\n".join(yaml_writer.dump(item) for item in found))
    return 0


def _text(path: str) -> str:
    """The file as it is written, comments too. Error: `fleet-job-file`."""
    try:
        return bounded.read(Path(path), MOST_BYTES).decode()
    except (OSError, ValueError) as error:
        message = f"{getattr(error, 'strerror', None) or error}; it becomes a ConfigMap"
        raise AcksmError("fleet-job-file", message, where=path) from error


def check(request: Request, fleet: Fleet) -> list[str]:
    """Notes about a Job that can run. Errors: `fleet-job-invalid`, `fleet-job-file`, `fleet-job-waves`,
    `fleet-unknown`."""
    _check_names(request)
    for what, loc in _of_the_machine(fleet):
        message = f"{what} is of the machine on which the file was written, and does not exist in a pod"
        raise AcksmError("fleet-job-file", message, where=config.location(fleet.path, loc))
    listed = discovery.chosen(fleet.members, request.selected, () if fleet.discover else request.names)
    waves = _waves(fleet, request, listed)
    if request.writes and request.shards > 1 and len(waves) > 1:
        named = ", ".join(wave.name for wave in waves)
        message = f"each shard would run the waves {named} by itself, and none would wait for another's canaries"
        raise AcksmError("fleet-job-waves", message, where=fleet.path)
    return [*_notes(request, fleet, listed, waves), *_identity(request)]


def _check_names(request: Request) -> None:
    last = f"{request.name}-{max(request.shards - 1, 0)}"
    for option, wrong, message in (
        ("--shards", not 1 <= request.shards <= MOST_SHARDS, f"{request.shards} is not between 1 and {MOST_SHARDS}"),
        ("--job-name", not _LABEL.fullmatch(request.name), f'"{request.name}" is not the name of a Kubernetes object'),
        (
            "--job-name",
            len(last) > _MOST_HOSTNAME,
            f"{last} is the name of a pod's host, which has at most 63 characters",
        ),
        ("--namespace", not _LABEL.fullmatch(request.namespace), f'"{request.namespace}" is not a namespace'),
        ("--image", not request.image or " " in request.image, "the image with acksm and helm is required"),
    ):
        if wrong:
            raise AcksmError("fleet-job-invalid", message, where=option)


def _of_the_machine(fleet: Fleet) -> Iterator[tuple[str, list[str | int]]]:
    """Each setting that no pod can have, with its place in the file."""
    for name in sorted(fleet.defaults.model_fields_set & {*OF_THE_MACHINE}):
        yield _shown(name), ["defaults", _shown(name)]
    for index, how in enumerate(fleet.discover):
        if how.profile:
            yield "profile", ["discover", index, "profile"]
    for index, one in enumerate(fleet.members):
        given = {name.replace("-", "_") for name, value in one.settings.items() if value} | (
            {"profile"} if one.profile else set()
        )
        for name in sorted(given & {*OF_THE_MACHINE}):
            yield _shown(name), ["clusters", index, _shown(name)]


def _shown(name: str) -> str:
    return name.replace("_", "-")


def _waves(fleet: Fleet, request: Request, listed: Sequence[Member]) -> list[Wave]:
    """The waves that the Job has clusters of, or may discover some for, in their order."""
    found = [wave_of(fleet.waves, one) for one in listed]
    for how in () if request.names else fleet.discover:
        labels = {**fleet.defaults.labels, **how.labels}
        if request.selected.items() <= labels.items():
            found.append(wave_of(fleet.waves, Member("", "", "", labels)))
    return [wave for wave in fleet.waves if wave in found]


def _notes(request: Request, fleet: Fleet, listed: Sequence[Member], waves: Sequence[Wave]) -> Iterator[str]:
    if request.shards == 1 or not request.writes:
        return
    for wave in waves:
        if wave.max_failures:
            yield (
                f"max-failures {wave.max_failures} of wave {wave.name} is for each shard; the Job stops after "
                f"{counted(request.max_failed_shards or 0, 'failed shard')}"
            )
    for account, most in sorted(_writers(request, fleet, listed, waves).items()):
        if most > fleet.writers_per_account:
            yield (
                f"up to {counted(most, 'cluster')} of account {account} are changed at a time: writers-per-account "
                f"{fleet.writers_per_account} is for each shard, and --parallelism runs {request.parallelism} of them"
            )


def _writers(request: Request, fleet: Fleet, listed: Sequence[Member], waves: Sequence[Wave]) -> dict[str, int]:
    """At most how many clusters of each account are changed at a time, by the busiest shards."""
    most = min(max((wave.concurrency for wave in waves), default=4), fleet.writers_per_account)
    found: dict[str, list[int]] = {}
    for index in range(request.shards):
        busy = Counter(one.account for one in shards.part(listed, (index, request.shards)))
        for account, number in busy.items():
            found.setdefault(account, []).append(min(number, most))
    return {account: sum(sorted(each)[-request.parallelism :]) for account, each in found.items()}


def _identity(request: Request) -> Iterator[str]:
    account = f"system:serviceaccount:{request.namespace}:{request.name}"
    if request.role_arn:
        yield f"the trust policy of {request.role_arn} has to name {account}"
    else:
        yield (
            f"service account {request.namespace}/{request.name} needs an AWS role: by an association of EKS Pod "
            "Identity, or --pod-role-arn for IRSA; without one the pods use the role of their node, if they may"
        )


def manifests(request: Request, fleet: Fleet, text: str) -> list[Json]:
    """ServiceAccount, ConfigMap and Job, in the order in which they are applied; `text` is fleet.yaml."""
    labels = {"app.kubernetes.io/name": "acksm", "app.kubernetes.io/instance": request.name}
    meta: Json = {"name": request.name, "namespace": request.namespace, "labels": labels}
    role = {"annotations": {"eks.amazonaws.com/role-arn": request.role_arn}} if request.role_arn else {}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {**meta, **role},
            "automountServiceAccountToken": False,
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {FILE_NAME: text}},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": _job(request, fleet, labels)},
    ]


def failing(writes: bool) -> list[ExitCode]:
    """Exit codes of a shard that another try does not change. Before a change, 3 is a registry or cluster that cannot
    be reached too; of a command that reads, it is what was found."""
    return [ExitCode.USAGE, *([] if writes else [ExitCode.CHECK_FAILED]), ExitCode.REFUSED, ExitCode.CHANGES_PENDING]


def _job(request: Request, fleet: Fleet, labels: Json) -> Json:
    def on(action: str, codes: Sequence[ExitCode]) -> Json:
        values = [int(code) for code in codes]
        return {"action": action, "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": values}}

    disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    stop = {} if request.max_failed_shards is None else {"maxFailedIndexes": request.max_failed_shards}
    return {
        "completionMode": "Indexed",
        "completions": request.shards,
        "parallelism": request.parallelism,
        "backoffLimitPerIndex": request.retries,
        **stop,
        "podFailurePolicy": {
            "rules": [on("FailJob", [ExitCode.DEFECT]), on("FailIndex", failing(request.writes)), disrupted]
        },
        "template": {"metadata": {"labels": labels}, "spec": _pod(request, fleet)},
    }


def _pod(request: Request, fleet: Fleet) -> Json:
    return {
        "serviceAccountName": request.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",  # which a pod failure policy requires
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,  # the token of the AWS identity is readable by it
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": CONTAINER,
                "image": request.image,
                "command": ["acksm"],
                "args": [_literal(word) for word in words(request)],
                "env": [{"name": "HOME", "value": _SCRATCH}],
                "resources": {"requests": {"cpu": "500m", "memory": f"{_memory(request, fleet)}Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "fleet", "mountPath": _FOLDER, "readOnly": True},
                    {"name": "scratch", "mountPath": _SCRATCH},
                ],
            }
        ],
        "volumes": [
            {"name": "fleet", "configMap": {"name": request.name}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }


def words(request: Request) -> list[str]:
    """What is typed after `acksm` in each pod."""
    own = ["--file", f"{_FOLDER}/{FILE_NAME}", "--shard", f"/{request.shards}", "--output", "json"]
    return ["fleet", request.command, *own, *request.argv]


def _literal(word: str) -> str:
    """The word as an argument in which Kubernetes expands nothing
    (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#entrypoint)."""
    return word.replace("$", "$$")


def _memory(request: Request, fleet: Fleet) -> int:
    most = request.concurrency or max((wave.concurrency for wave in fleet.waves), default=4)
    if not fleet.discover:
        most = min(most, -(-len(fleet.members) // request.shards))
    return _SUPERVISOR_MIB + _PROCESS_MIB * most
