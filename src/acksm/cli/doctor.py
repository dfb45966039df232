"""`acksm doctor`, `acksm report`: finding out what is wrong, and telling others."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from acksm.cli.options import ACCOUNTS, CONTROLLERS, OUTPUT, ROLE, RUN, TARGET, command
from acksm.cli.region import argument, option

# -n is the object's namespace here
_TARGET = TARGET | {
    "controller_namespace": Annotated[
        str | None,
        typer.Option("--controller-namespace", help="Namespace of the controllers [ack-system].", show_default=False),
    ]
}
_INSTALLED = {key: CONTROLLERS[key] for key in ("service", "registry", "chart")}
_ROLE = {key: ROLE[key] for key in ("role_name", "role_arn", "policy", "execution_role")}
_OTHER = {key: ACCOUNTS[key] for key in ("target_profile", "target_role_arn", "target_role_name", "target_account")}


# -o is the bundle's file here
_FORMAT = {
    "timeout": OUTPUT["timeout"],
    "output": Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="text|json|yaml",
            help="Form of the result [text].",
            rich_help_panel="Running",
            show_default=False,
        ),
    ],
}


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @command(
        app,
        "doctor",
        _TARGET,
        _INSTALLED,
        _ROLE,
        _OTHER,
        {key: RUN[key] for key in ("dry_run", "full", "yes", "lock_timeout")},
        OUTPUT,
        extra=[
            argument("thing", str | None, None, "KIND/NAME", "An object to follow from the cluster to AWS."),
            option("namespace", str, "default", "--namespace", "-n", help="The object's namespace [default]."),
            option("fix", bool, False, "--fix", help="Carry out the remedies that are safe, as a plan."),
            option(
                "print_policy",
                str,
                "",
                "--print-policy",
                metavar="COMMAND",
                help="The IAM policy that a command's caller needs, and no more.",
            ),
        ],
        help="Everything that can be wrong, each with its remedy; exit 3 when an error is found.",
    )
    def doctor(resolved: Any, ui: Any, thing: str | None, namespace: str, fix: bool, print_policy: str) -> int:
        from acksm.guide.doctor import command as section

        if print_policy:
            return section.run_policy(resolved.settings, ui, print_policy)
        if thing:
            return section.run_object(resolved.settings, ui, thing, namespace)
        return section.run(resolved.settings, ui, fix=fix)

    @command(
        app,
        "report",
        TARGET,
        _INSTALLED,
        _ROLE,
        _OTHER,
        _FORMAT,
        extra=[
            option(
                "bundle",
                str,
                "acksm-report.tar.gz",
                "--output",
                "-o",
                metavar="FILE",
                help="A .tar.gz or .zip to write.",
            ),
            option("show_accounts", bool, False, "--show-accounts", help="Leave account ids as they are."),
        ],
        help="Write a support bundle without secrets: state, checks, values, conditions, events, logs.",
    )
    def report(resolved: Any, ui: Any, bundle: str, show_accounts: bool) -> int:
        from acksm.guide.doctor import support_bundle
        from acksm.ui import clean

        return support_bundle.run(resolved, ui, bundle, accounts=show_accounts, clean=clean)
