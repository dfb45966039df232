"""`acksm doctor`, `acksm report`: finding out what is wrong, and reporting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run, run_resolved
from acksm.cli.shape import OPERATE, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.config import Resolved
    from acksm.settings import Settings

app = App()
_FORM = "acksm.doctor.form"  # key of the context's meta


def _form(ctx: typer.Context, value: str | None) -> str | None:
    """Forms of the checks alone; everything else of the command is text with them."""
    if value not in {"junit", "markdown"}:
        return value
    ctx.meta[_FORM] = value
    return "text"


Form = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="text|wide|json|yaml|junit|markdown",
        help="Output format [text].",
        callback=_form,
        rich_help_panel="Running",
    ),
]


@app.command(
    "doctor",
    panel=OPERATE,
    examples=(
        "acksm doctor",
        "acksm doctor Endpoint/churn -n team-a",
        "acksm doctor --fix",
        "acksm doctor Endpoint/churn -n team-a --watch",
        "acksm doctor -o junit --ignore check.carm-role",
        "acksm doctor --print-policy install",
        "acksm doctor --print-rbac samples-apply -n team-a",
    ),
)
def doctor(
    ctx: typer.Context,
    thing: Annotated[
        str | None,
        typer.Argument(metavar="KIND/NAME", help="Check one object, from the cluster to AWS; or KIND NAME."),
    ] = None,
    name: options.ObjectName = None,
    namespace: options.ObjectNamespace = "default",
    watch: options.Watch = False,
    fix: Annotated[bool, typer.Option("--fix", help="Apply the remedies that are safe, as a plan.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CHECK", help="Make only this check or those of this category, repeatable."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="CHECK", help="Check that does not count, repeatable; it is listed."),
    ] = None,
    print_policy: Annotated[
        str,
        typer.Option(
            "--print-policy",
            metavar="COMMAND",
            help="Print the least IAM policy that a command's caller needs.",
            show_default=False,
        ),
    ] = "",
    print_rbac: Annotated[
        str,
        typer.Option(
            "--print-rbac",
            metavar="COMMAND",
            help="Print the least Roles in the cluster that a command needs.",
            show_default=False,
        ),
    ] = "",
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.File = None,
    service: options.Service = None,
    registry: options.Registry = None,
    chart: options.Chart = None,
    role_name: options.RoleName = None,
    role_arn: options.RoleArn = None,
    policy: options.Policy = None,
    execution_role: options.ExecutionRole = None,
    target_profile: options.TargetProfile = None,
    target_role_arn: options.TargetRoleArn = None,
    target_role_name: options.TargetRoleName = None,
    target_account: options.TargetAccount = None,
    dry_run: options.DryRun = None,
    full: options.FullChecks = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: Form = None,
) -> None:
    """Diagnose problems and show their remedies; exit 3 when a check failed."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.doctor import command as section
        from acksm.guide.doctor.selection import Options
        from acksm.ui import clean

        if print_policy:
            return section.run_policy(settings, ui, print_policy)
        if print_rbac:
            from acksm.guide.rbac import command as rbac

            return rbac.run_print(ui, print_rbac, namespace, settings.target.controller_namespace)
        chosen = Options(tuple(only or ()), tuple(ignore or ()), ctx.meta.get(_FORM, ""), clean)
        requested = options.joined(thing, name) if thing else ""
        if watch:
            from acksm.errors import AcksmError
            from acksm.guide.doctor import watching

            if fix or chosen.form:
                other = "--fix" if fix else f"-o {chosen.form}"
                raise AcksmError("config-invalid", f"--watch and {other} are mutually exclusive", where="--watch")
            return watching.run(settings, ui, chosen, requested, namespace)
        if requested:
            return section.run_object(
                settings.target, settings.other_account, settings.run, ui, requested, namespace, chosen
            )
        return section.run(settings, ui, fix=fix, options=chosen)

    run(ctx, work)


@app.command("report", panel=OPERATE, examples=("acksm report", "acksm report --out support.tar.gz"))
def report(
    ctx: typer.Context,
    bundle: Annotated[
        str,
        typer.Option(
            "--out",
            metavar="FILE",
            help="The .tar.gz or .zip to write [acksm-report-CLUSTER-TIME.tar.gz].",
            show_default=False,
        ),
    ] = "",
    show_accounts: Annotated[bool, typer.Option("--show-accounts", help="Do not redact account ids.")] = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    service: options.Service = None,
    registry: options.Registry = None,
    chart: options.Chart = None,
    role_name: options.RoleName = None,
    role_arn: options.RoleArn = None,
    policy: options.Policy = None,
    execution_role: options.ExecutionRole = None,
    target_profile: options.TargetProfile = None,
    target_role_arn: options.TargetRoleArn = None,
    target_role_name: options.TargetRoleName = None,
    target_account: options.TargetAccount = None,
    timeout: options.Timeout = None,
    output: options.OutputNotFile = None,
) -> None:
    """Write a support bundle without secrets: state, checks, values, conditions, events, logs."""

    def work(resolved: Resolved, ui: Ui) -> int:
        from acksm.guide.doctor import support_bundle
        from acksm.ui import clean

        return support_bundle.run(resolved, ui, bundle, accounts=show_accounts, clean=clean)

    run_resolved(ctx, work)
