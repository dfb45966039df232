"""`acksm fleet`: commands on many clusters from one file."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from acksm.cli import options
from acksm.cli.planned import has_plan, typed
from acksm.cli.run import ROOT, run, run_without_settings
from acksm.cli.shape import OPERATE, App
from acksm.json_types import Json, Untyped
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.fleet.command import Chosen, Command
    from acksm.settings import Settings

app = App(
    name="fleet",
    panel=OPERATE,
    help="Run commands on every cluster of a file, in waves, and find what is wrong between clusters.",
    no_args_is_help=True,
)
_FREE = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": ["--help"]}
# Of the fleet's file or of the supervisor, for all clusters.
_OWN = {"cluster", "account", "region", "profile", "kubeconfig", "context", "file", "output"}
_UsageError: Untyped = typer.BadParameter.__mro__[1]  # typer exports only this subclass

File = Annotated[
    str,
    typer.Option("--file", "-f", metavar="FILE", help="The fleet [fleet.yaml]."),
]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="KEY=VALUE", help="Only clusters with this label; repeatable, all have to match."),
]
Clusters = Annotated[
    list[str] | None,
    typer.Option("--cluster", metavar="CLUSTER", help="Only this one, by name or ACCOUNT/REGION/CLUSTER; repeatable."),
]
FailedClusters = Annotated[
    str,
    typer.Option(
        "--failed-only",
        metavar="REPORT",
        help="Only clusters that failed or were not started in this JSON report.",
        show_default=False,
    ),
]
Shard = Annotated[
    str,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Only this part of the clusters; /N takes the index from the batch system.",
        show_default=False,
    ),
]
Concurrency = Annotated[
    int,
    typer.Option(
        "--concurrency", metavar="NUMBER", help="Clusters that are read at a time [4].", show_default=False, min=0
    ),
]


@app.command("list", examples=("acksm fleet list -f fleet.yaml",))
def list_(
    ctx: typer.Context,
    fleet_file: File = "fleet.yaml",
    select: Select = None,
    only: Clusters = None,
    shard: Shard = "",
    failed_only: FailedClusters = "",
    output: options.Output = None,
) -> None:
    """Show the clusters of the file, discovered ones too, with their waves."""

    def work(ui: Ui) -> int:
        from acksm.fleet import command as section

        return section.listed(_chosen(fleet_file, select, only, shard, failed_only), ui)

    run_without_settings(ctx, work)


@app.command(
    "status", context_settings=_FREE, examples=("acksm fleet status", "acksm fleet status --select stage=canary")
)
def status(
    ctx: typer.Context,
    fleet_file: File = "fleet.yaml",
    select: Select = None,
    only: Clusters = None,
    shard: Shard = "",
    failed_only: FailedClusters = "",
    concurrency: Concurrency = 0,
    output: options.Output = None,
) -> None:
    """Show what is installed on every cluster, and whether it runs."""
    chosen = (fleet_file, select, only, shard, failed_only)
    _on_each(ctx, "status", ["status", *ctx.args], chosen, concurrency=concurrency)


@app.command("doctor", context_settings=_FREE, examples=("acksm fleet doctor", "acksm fleet doctor -o json"))
def doctor(
    ctx: typer.Context,
    fleet_file: File = "fleet.yaml",
    select: Select = None,
    only: Clusters = None,
    shard: Shard = "",
    failed_only: FailedClusters = "",
    concurrency: Concurrency = 0,
    output: options.Output = None,
) -> None:
    """Check every cluster, and what is wrong between them, such as two that manage one AWS resource."""

    def work(ui: Ui) -> int:
        from acksm.fleet import command as section

        argv = checked(ctx, ["doctor", *ctx.args])
        command = section.Command("doctor", argv, concurrency=concurrency)
        return section.doctor(_chosen(fleet_file, select, only, shard, failed_only), command, ui)

    run_without_settings(ctx, work)


@app.command(
    "plan",
    context_settings=_FREE,
    examples=("acksm fleet plan --out plans", "acksm fleet plan --out plans upgrade --version sagemaker=1.9.1"),
)
def plan(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND…", help="The command, without `acksm` [install].")
    ] = None,
    out: Annotated[
        str, typer.Option("--out", metavar="DIRECTORY", help="Save the plans here, for acksm fleet apply.")
    ] = "",
    fleet_file: File = "fleet.yaml",
    select: Select = None,
    only: Clusters = None,
    shard: Shard = "",
    failed_only: FailedClusters = "",
    concurrency: Concurrency = 0,
    output: options.Output = None,
) -> None:
    """Show the plan of a command for every cluster, and save the plans; changes nothing."""

    def work(ui: Ui) -> int:
        from acksm.fleet import command as section

        argv = checked(ctx, [*(words or ["install"]), *ctx.args], planned=True)
        command = section.Command("plan", ["plan", *argv, "--exit-code"], dry_run=True, concurrency=concurrency)
        return section.plan(_chosen(fleet_file, select, only, shard, failed_only), command, out, ui)

    run_without_settings(ctx, work)


@app.command(
    "apply",
    context_settings=_FREE,
    examples=("acksm fleet apply plans --digest sha256:…", "acksm fleet apply --dry-run"),
)
def apply(
    ctx: typer.Context,
    plans: Annotated[
        str, typer.Argument(metavar="[DIRECTORY]", help="Plans of acksm fleet plan --out [install as the file says].")
    ] = "",
    digest: Annotated[
        str,
        typer.Option("--digest", metavar="sha256:…", help="Fail unless the index has this digest.", show_default=False),
    ] = "",
    fleet_file: File = "fleet.yaml",
    select: Select = None,
    only: Clusters = None,
    shard: Shard = "",
    failed_only: FailedClusters = "",
    dry_run: options.DryRun = None,
    yes: options.Yes = None,
    output: options.Output = None,
) -> None:
    """Install on every cluster in waves, or apply reviewed plans; the same command continues what was interrupted."""

    def work(ui: Ui) -> int:
        from acksm.fleet import command as section

        if plans:
            chosen = _chosen(plans, select, only, shard, failed_only)
            return section.apply_plans(chosen, digest, section.Answers(bool(dry_run), bool(yes)), ui)
        command = _writing(ctx, "apply", ["install", *ctx.args], dry_run=bool(dry_run), yes=bool(yes))
        return section.run(_chosen(fleet_file, select, only, shard, failed_only), command, ui)

    run_without_settings(ctx, work)


@app.command("upgrade", context_settings=_FREE, examples=("acksm fleet upgrade --version sagemaker=1.9.1 --dry-run",))
def upgrade(
    ctx: typer.Context,
    fleet_file: File = "fleet.yaml",
    select: Select = None,
    only: Clusters = None,
    shard: Shard = "",
    failed_only: FailedClusters = "",
    dry_run: options.DryRun = None,
    yes: options.Yes = None,
    output: options.Output = None,
) -> None:
    """Upgrade every cluster in waves, with the options of acksm upgrade."""
    chosen = (fleet_file, select, only, shard, failed_only)
    _on_each(ctx, "upgrade", ["upgrade", *ctx.args], chosen, dry_run=bool(dry_run), yes=bool(yes))


@app.command("cleanup", context_settings=_FREE, examples=("acksm fleet cleanup --select stage=old --dry-run",))
def cleanup(
    ctx: typer.Context,
    confirm: Annotated[
        str,
        typer.Option(
            "--confirm",
            metavar="NUMBER",
            help="The number of clusters, to confirm --delete-aws.",
            show_default=False,
        ),
    ] = "",
    fleet_file: File = "fleet.yaml",
    select: Select = None,
    only: Clusters = None,
    shard: Shard = "",
    failed_only: FailedClusters = "",
    dry_run: options.DryRun = None,
    yes: options.Yes = None,
    output: options.Output = None,
) -> None:
    """Clean up every cluster in waves, with the options of acksm cleanup."""

    def work(ui: Ui) -> int:
        from dataclasses import replace

        from acksm.fleet import command as section

        command = _writing(ctx, "cleanup", ["cleanup", *ctx.args], dry_run=bool(dry_run), yes=bool(yes))
        command = replace(command, deletes="--delete-aws" in command.argv, confirm=confirm)
        return section.run(_chosen(fleet_file, select, only, shard, failed_only), command, ui)

    run_without_settings(ctx, work)


@app.command(
    "run",
    context_settings=_FREE,
    examples=("acksm fleet run -- rbac grant team-a --group ml-team-a", "acksm fleet run --shard 1/4 -- status"),
)
def run_(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="COMMAND…", help="The command, without `acksm`.")],
    fleet_file: File = "fleet.yaml",
    select: Select = None,
    only: Clusters = None,
    shard: Shard = "",
    failed_only: FailedClusters = "",
    concurrency: Concurrency = 0,
    dry_run: options.DryRun = None,
    yes: options.Yes = None,
    output: options.Output = None,
) -> None:
    """Run any command on every cluster: in waves where it changes something."""
    chosen, more = (fleet_file, select, only, shard, failed_only), {"dry_run": bool(dry_run), "yes": bool(yes)}
    _on_each(ctx, "run", [*words, *ctx.args], chosen, concurrency=concurrency, **more)


@app.command("facts", examples=("acksm fleet facts --cluster demo -o json",))
def facts(
    ctx: typer.Context,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Show what of one cluster acksm fleet doctor compares with the others."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.fleet import facts as section

        return section.run(settings.target, settings.run, ui)

    run(ctx, work)


@app.command("merge", examples=("acksm fleet merge shard-1.json shard-2.json -o json", "acksm fleet merge pod-*.log"))
def merge(
    ctx: typer.Context,
    reports: Annotated[
        list[str], typer.Argument(metavar="REPORT", help="Reports of one command's shards, or logs with one.")
    ],
    output: options.Output = None,
) -> None:
    """Make one report of the reports of shards; its exit code is that of the whole."""

    def work(ui: Ui) -> int:
        from acksm.fleet import command as section

        return section.merge([(path, _text(path)) for path in reports], ui)

    run_without_settings(ctx, work)


Chosen_ = tuple[str, list[str] | None, list[str] | None, str, str]


def _on_each(
    ctx: typer.Context,
    name: str,
    argv: list[str],
    chosen: Chosen_,
    *,
    concurrency: int = 0,
    dry_run: bool = False,
    yes: bool = False,
) -> NoReturn:
    """Run a command on the chosen clusters: in waves where it has a plan."""

    def work(ui: Ui) -> int:
        from acksm.fleet import command as section

        found, command, _ = found_(ctx, argv)
        if has_plan(found, command):
            what = _writing(ctx, name, argv, dry_run=dry_run, yes=yes)
        else:
            what = section.Command(name, checked(ctx, argv), concurrency=concurrency)
        return section.run(_chosen(*chosen), what, ui)

    run_without_settings(ctx, work)


def _writing(ctx: typer.Context, name: str, argv: list[str], *, dry_run: bool, yes: bool) -> Command:
    from acksm.fleet.command import Command

    more = [*(["--dry-run"] if dry_run else []), *(["--yes"] if yes else [])]
    words = checked(ctx, argv, planned=True)
    starts = words[0] in {"install", "upgrade"}
    return Command(name, [*words, *more], writes=True, starts=starts, dry_run=dry_run, yes=yes)


def _chosen(path: str, select: list[str] | None, only: list[str] | None, shard: str, failed_only: str) -> Chosen:
    from acksm.fleet import shards
    from acksm.fleet.command import Chosen, labels_of

    report = _report(failed_only) if failed_only else None
    return Chosen(path, labels_of(select or ()), only or (), shards.shard_of(shard, os.environ), report)


def _report(path: str) -> Json:
    """Error: `fleet-report-invalid`."""
    from acksm.errors import AcksmError
    from acksm.fleet.merging import document_of

    try:
        return document_of(_text(path))
    except ValueError as error:
        raise AcksmError("fleet-report-invalid", f"cannot read {path}: {error}", where=path) from error


def _text(path: str) -> str:
    """Error: `fleet-report-invalid`."""
    from acksm import bounded
    from acksm.errors import AcksmError
    from acksm.fleet.plans import MAX_BYTES

    try:
        return bounded.read(Path(path), MAX_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        message = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"[:300]
        raise AcksmError("fleet-report-invalid", message, where=path) from error


def parsed(ctx: typer.Context, name: str, command: Untyped, rest: list[str]) -> Untyped:
    """The context of a command with these words. Error: `fleet-command`."""
    from acksm.errors import AcksmError

    try:
        return command.make_context(name, rest, parent=ctx.find_root())
    except _UsageError as error:
        where, remedy = shlex.join([*name.split(), *rest]), f"{ROOT} {name} --help"
        raise AcksmError("fleet-command", error.format_message(), where=where, remedy=remedy) from error


def checked(ctx: typer.Context, argv: list[str], *, planned: bool = False) -> list[str]:
    """`argv` as its command takes it: a wrong option would otherwise fail on every cluster. Error: `fleet-command`."""
    from acksm.errors import AcksmError

    name, command, rest = found_(ctx, argv)
    if not any(parameter.name == "file" for parameter in command.params) or (planned and not has_plan(name, command)):
        raise AcksmError("fleet-command", f"{name} does not run on a fleet", where=shlex.join(argv))
    inner = parsed(ctx, name, command, rest)
    given = sorted(
        name for name in _OWN & inner.params.keys() if str(inner.get_parameter_source(name)).endswith("COMMANDLINE")
    )
    if given:
        message = f"--{given[0]} is the fleet's: it differs between clusters, or is one for all"
        raise AcksmError("fleet-command", message, where=shlex.join(argv), remedy=_moved(ctx, command, given[0], argv))
    return [word for word in argv if word != "--"]


def _moved(ctx: typer.Context, command: Untyped, name: str, argv: list[str]) -> str:
    """The command line with an option where it is the fleet's, "" for one that the fleet has in its file."""
    if name not in {"cluster", "output"}:
        return ""
    opts = next(item.opts for item in command.params if item.name == name)
    rest, value = [word for word in argv if word != "--"], ""
    for index, word in enumerate(rest):
        option, equals, after = word.partition("=")
        if option in opts:
            value = after if equals else rest[index + 1]
            del rest[index : index + (1 if equals else 2)]
            break
    file = ctx.params.get("fleet_file", "fleet.yaml")
    words = [ROOT, "fleet", "run", *([] if file == "fleet.yaml" else ["-f", file]), f"--{name}", value, "--", *rest]
    return shlex.join(words) if value else ""


def found_(ctx: typer.Context, argv: list[str]) -> tuple[str, Untyped, list[str]]:
    """The command's name, the command, and what follows its name. Error: `fleet-command`."""
    from acksm.errors import AcksmError

    name, found, rest = typed(ctx.find_root().command, [word for word in argv if word != "--"])
    if getattr(found, "commands", {}) or name[:1] == ["fleet"]:
        raise AcksmError("fleet-command", f'"{shlex.join(argv)}" is no command for a cluster', where=f"{ROOT} fleet")
    return " ".join(name), found, rest
