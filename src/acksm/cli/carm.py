"""`acksm carm`: the guide's §6, objects in other accounts."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from acksm.cli.options import ACCOUNTS, CONTROLLER_ROLE, CONTROLLERS, FAR_ROLE, OUTPUT, ROLE, RUN, TARGET, command
from acksm.cli.region import argument, option

app = typer.Typer(
    name="carm",
    help="Namespaces whose objects are made in other accounts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
# --account is the other account's here; the pin of one's own is ACKSM_ACCOUNT or the file's
_TARGET = {key: kind for key, kind in TARGET.items() if key != "account"}
_MODE = {"mode": ACCOUNTS["mode"]}
_NAMESPACES = argument("namespaces", list[str] | None, None, "NAMESPACE", "The namespaces [all that are bound].")
_LIVE = option("live", bool, False, "--live", help="Assume each role once, with the controllers' own identity.")


@command(
    app,
    "setup",
    TARGET,
    {key: kind for key, kind in ACCOUNTS.items() if key != "mode"} | {"controller_role_arn": CONTROLLER_ROLE},
    FAR_ROLE,
    {"adopt_role": ROLE["adopt_role"]},
    RUN,
    extra=[
        option(
            "print_only", bool, False, "--print", help="A template and commands for the other account's administrator."
        )
    ],
    help="Let the controllers' role assume a role in another account, on both sides (guide 6.1).",
)
def setup(resolved: Any, ui: Any, print_only: bool) -> int:
    from acksm.guide.carm import accounts

    return accounts.run(resolved.settings, ui, resolved.settings.target_account, print_only=print_only)


@command(
    app,
    "bind",
    _TARGET,
    {"create_namespace": CONTROLLERS["create_namespace"], "target_role_name": ACCOUNTS["target_role_name"]},
    _MODE,
    RUN,
    extra=[
        argument("namespaces", list[str] | None, None, "NAMESPACE", "The namespaces [all of the settings file]."),
        option("account", str, "", "--account", help="The account whose objects are made there."),
        option("team", str, "", "--team", help="A team in the place of an account (gate TeamLevelCARM)."),
        option("role_arn", str, "", "--role-arn", help="Role in that account [the map's, or the default name]."),
        option(
            "for_service",
            list[str] | None,
            None,
            "--for-service",
            help="The role is for this service only, repeatable (gate ServiceLevelCARM).",
        ),
    ],
    help="Bind namespaces to an account: map entry and annotation (guide 6.2, 6.3).",
)
def bind(
    resolved: Any,
    ui: Any,
    namespaces: list[str] | None,
    account: str,
    team: str,
    role_arn: str,
    for_service: list[str] | None,
) -> int:
    from acksm.guide.carm import bind as carm_bind

    asked = carm_bind.Asked(tuple(namespaces or ()), account, team, role_arn, tuple(for_service or ()))
    return carm_bind.run_bind(resolved.settings, ui, asked)


@command(
    app,
    "unbind",
    _TARGET,
    _MODE,
    RUN,
    extra=[argument("namespaces", list[str], inspect.Parameter.empty, "NAMESPACE", "The namespaces.")],
    help="Take the binding away, and the map's entry when no namespace uses it.",
)
def unbind(resolved: Any, ui: Any, namespaces: list[str]) -> int:
    from acksm.guide.carm import bind as carm_bind

    return carm_bind.run_unbind(resolved.settings, ui, namespaces)


@command(
    app,
    "list",
    _TARGET,
    ACCOUNTS,
    OUTPUT,
    extra=[_LIVE],
    help="Namespaces, their accounts and roles, and whether the roles can be assumed; exit 3 when one cannot.",
)
def list_(resolved: Any, ui: Any, live: bool) -> int:
    from acksm.guide.carm import verify as carm_verify

    return carm_verify.run(resolved.settings, ui, (), live=live, command="carm list")


@command(
    app,
    "verify",
    _TARGET,
    ACCOUNTS,
    OUTPUT,
    extra=[_NAMESPACES, _LIVE],
    help="Each link from namespace to assumed role; exit 3 unless all hold and are proven.",
)
def verify(resolved: Any, ui: Any, namespaces: list[str] | None, live: bool) -> int:
    from acksm.guide.carm import verify as carm_verify

    return carm_verify.run(resolved.settings, ui, tuple(namespaces or ()), live=live, command="carm verify")
