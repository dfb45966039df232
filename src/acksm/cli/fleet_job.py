"""`acksm fleet job`: a command of acksm fleet as a Kubernetes Indexed Job."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import fleet, options
from acksm.cli.planned import has_plan, typed
from acksm.cli.run import ROOT, run_without_settings
from acksm.json_types import Untyped
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.fleet.job import Request

_COMMANDS = ("apply", "cleanup", "doctor", "run", "status", "upgrade")
_OF_THE_JOB = {"fleet_file": "--file", "shard": "--shard", "output": "--output"}
# A directory of plans, and an earlier report: no pod has them.
_FILES = {"plans": "DIRECTORY", "failed_only": "--failed-only"}


@fleet.app.command(
    "job",
    examples=(
        "acksm fleet job --shards 10 --image registry.example.com/acksm:1.0 -- apply --yes > job.yaml",
        "acksm fleet job --shards 4 --image registry.example.com/acksm:1.0 -- apply --select stage=rest --yes",
        "acksm fleet job --image registry.example.com/acksm:1.0 -- run --yes -- rbac grant team-a --group ml-team-a",
    ),
)
def job(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="COMMAND…", help="A command of acksm fleet, with its options.")],
    image: Annotated[
        str, typer.Option("--image", metavar="IMAGE", help="Image with acksm and helm.", show_default=False)
    ] = "",
    shards: Annotated[int, typer.Option("--shards", metavar="NUMBER", help="Parts of the fleet, each a pod.")] = 1,
    parallelism: Annotated[
        int,
        typer.Option(
            "--parallelism", metavar="NUMBER", help="Pods at a time [all]; --shards is how many there are.", min=0
        ),
    ] = 0,
    retries: Annotated[
        int, typer.Option("--retries", metavar="NUMBER", help="Further pods for a shard that failed.", min=0, max=100)
    ] = 2,
    max_failed_shards: Annotated[
        int | None,
        typer.Option(
            "--max-failed-shards",
            metavar="NUMBER",
            help="End the Job, running pods too, when more shards failed [0 for commands that change something].",
            min=0,
        ),
    ] = None,
    job_name: Annotated[str, typer.Option("--job-name", metavar="NAME", help="Name of the objects.")] = "acksm-fleet",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Namespace of the objects, which exists.")
    ] = "acksm",
    pod_role_arn: Annotated[
        str,
        typer.Option(
            "--pod-role-arn", metavar="ARN", help="AWS role of the pods by IRSA [Pod Identity].", show_default=False
        ),
    ] = "",
    fleet_file: fleet.File = "fleet.yaml",
    output: options.Output = None,
) -> None:
    """Print a Kubernetes Job that runs a command of acksm fleet, each part of the clusters in its own pod."""

    def work(ui: Ui) -> int:
        from acksm.fleet import job as section
        from acksm.fleet.command import labels_of
        from acksm.fleet.job import Request

        command, argv, inner, writes = _command(ctx, words)
        request = Request(
            command,
            argv,
            writes,
            image,
            namespace,
            job_name,
            shards,
            min(parallelism or shards, shards),
            retries,
            0 if writes and max_failed_shards is None else max_failed_shards,
            pod_role_arn,
            int(inner.get("concurrency") or 0),
            labels_of(inner.get("select") or ()),
            tuple(inner.get("only") or ()),
        )
        _check_alone(request)
        return section.run(request, fleet_file, ui)

    run_without_settings(ctx, work)


def _command(ctx: typer.Context, argv: list[str]) -> tuple[str, list[str], Untyped, bool]:
    """The command of acksm fleet, its words, its options as they are parsed, and whether it changes clusters.

    Error: `fleet-command`."""
    from acksm.errors import AcksmError

    where, name = shlex.join(argv), argv[0] if argv else ""
    if name not in _COMMANDS:
        message = f"a Job runs {', '.join(_COMMANDS)} of acksm fleet, not {name or 'nothing'}"
        raise AcksmError("fleet-command", message, where=where)
    _, command, _ = typed(ctx.find_root().command, ["fleet", name])
    inner = fleet.parsed(ctx, f"fleet {name}", command, argv[1:])
    for given, option in (_OF_THE_JOB | _FILES).items():
        if given in inner.params and str(inner.get_parameter_source(given)).endswith("COMMANDLINE"):
            message = f"{option} is the Job's" if given in _OF_THE_JOB else f"{option} does not exist in a pod"
            raise AcksmError("fleet-command", message, where=where)
    rest = [*(inner.params.get("words") or ()), *inner.args]
    on_each = rest if name == "run" else ["install" if name == "apply" else name, *rest]
    path, command, options_ = fleet.found_(ctx, on_each)
    planned = name != "run" or has_plan(path, command)
    writes = name not in {"doctor", "status"} and planned
    fleet.checked(ctx, on_each, planned=writes)
    _check_files(fleet.parsed(ctx, path, command, options_), where)
    dry = bool(inner.params.get("dry_run"))
    if writes and not dry and not inner.params.get("yes"):
        remedy = f"{ROOT} fleet job … -- {shlex.join([name, '--yes', *argv[1:]])}"
        raise AcksmError("fleet-command", "no one can answer a question in a pod", where=where, remedy=remedy)
    return name, argv[1:], inner.params, writes and not dry


def _check_files(inner: Untyped, where: str) -> None:
    """Error: `fleet-command` for an option that is a file of this machine."""
    from acksm.errors import AcksmError
    from acksm.fleet.job import OF_THE_MACHINE

    for name in OF_THE_MACHINE:
        if name in inner.params and str(inner.get_parameter_source(name)).endswith("COMMANDLINE"):
            option = "--" + name.replace("_", "-")
            raise AcksmError("fleet-command", f"{option} is of this machine, and does not exist in a pod", where=where)


def _check_alone(request: Request) -> None:
    """What one shard alone can do: compare all clusters, and confirm their number. Error: `fleet-command`."""
    from acksm.errors import AcksmError

    deletes = request.command == "cleanup" and "--delete-aws" in request.argv
    if request.shards > 1 and (deletes or request.command == "doctor"):
        why = "is confirmed with the number of clusters" if deletes else "compares clusters with each other"
        what = "cleanup --delete-aws" if deletes else request.command
        raise AcksmError("fleet-command", f"{what} {why}: it has one shard", where=f"--shards {request.shards}")
