"""The options that commands share, written once and put into each command's signature.

A command is a function `(settings: Resolved, ui: Ui) -> None`; `command` gives typer its options. Defaults are all
None here, because `acksm.config.resolve` decides between flag, variable, file and default.
"""

from __future__ import annotations

import inspect
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from acksm.events import Event, Kind
from acksm.ui import Ui

ROOT = "acksm"
_TARGET, _CONTROLLER, _ROLE, _RUN, _OTHER = "Target", "Controllers", "IAM role", "Running", "Other account"


def _option(kind: Any, *names: str, help: str, panel: str, metavar: str | None = None) -> Any:
    return Annotated[kind, typer.Option(*names, help=help, rich_help_panel=panel, metavar=metavar, show_default=False)]


TARGET: dict[str, Any] = {
    "cluster": _option(str | None, "--cluster", help="EKS cluster name.", panel=_TARGET),
    "region": _option(str | None, "--region", help="AWS region of the cluster.", panel=_TARGET),
    "profile": _option(str | None, "--profile", help="AWS profile.", panel=_TARGET),
    "account": _option(str | None, "--account", help="Refuse any other AWS account.", panel=_TARGET),
    "kubeconfig": _option(str | None, "--kubeconfig", help="Kubeconfig to take the context from.", panel=_TARGET),
    "context": _option(str | None, "--context", help="Context; must be that cluster.", panel=_TARGET),
    "controller_namespace": _option(
        str | None, "--controller-namespace", "-n", panel=_TARGET, help="Namespace of the controllers [ack-system]."
    ),
    "file": _option(str | None, "--file", "-f", help="Settings file [acksm.yaml].", panel=_TARGET),
}


def in_target(kind: Any, *names: str, help: str) -> Any:
    """An option of the target under other names than in TARGET."""
    return _option(kind, *names, help=help, panel=_TARGET)


# Where -n is the namespace of an object
OBJECT_TARGET: dict[str, Any] = TARGET | {
    "controller_namespace": in_target(
        str | None, "--controller-namespace", help="Namespace of the controllers [ack-system]."
    )
}
CONTROLLERS: dict[str, Any] = {
    "service": _option(
        list[str] | None, "--service", help="sagemaker or applicationautoscaling [both].", panel=_CONTROLLER
    ),
    "version": _option(
        list[str] | None,
        "--version",
        metavar="SERVICE=V",
        panel=_CONTROLLER,
        help="Chart version, or latest [the tested pair, or what is installed].",
    ),
    "scope": _option(
        str | None,
        "--scope",
        metavar="cluster|namespace",
        panel=_CONTROLLER,
        help="Watch all namespaces, or only some [cluster].",
    ),
    "watch_namespace": _option(
        list[str] | None,
        "--watch-namespace",
        panel=_CONTROLLER,
        help="Namespace to watch with --scope namespace, repeatable.",
    ),
    "create_namespace": _option(
        bool | None, "--create-namespace", help="Make missing watched namespaces.", panel=_CONTROLLER
    ),
    "values": _option(
        list[str] | None, "--values", metavar="FILE", help="Values for the charts, repeatable.", panel=_CONTROLLER
    ),
    "set": _option(list[str] | None, "--set", metavar="K=V", help="One value, repeatable.", panel=_CONTROLLER),
    "reset_values": _option(
        bool | None, "--reset-values", panel=_CONTROLLER, help="Forget values given to earlier runs."
    ),
    "chart": _option(
        list[str] | None,
        "--chart",
        metavar="SERVICE=PATH",
        panel=_CONTROLLER,
        help="Chart directory or .tgz instead of the registry.",
    ),
    "registry": _option(str | None, "--registry", help="OCI registry and path.", panel=_CONTROLLER),
    "adopt_release": _option(
        bool | None, "--adopt-release", panel=_CONTROLLER, help="Take over a release that acksm did not make."
    ),
}
ROLE: dict[str, Any] = {
    "role_arn": _option(str | None, "--role-arn", help="Use this role; leave IAM alone.", panel=_ROLE),
    "role_name": _option(str | None, "--role-name", help="Role name [ack-controller-role-CLUSTER].", panel=_ROLE),
    "role_path": _option(str | None, "--role-path", help="Role path [/].", panel=_ROLE),
    "permissions_boundary": _option(
        str | None, "--permissions-boundary", metavar="ARN", panel=_ROLE, help="Permissions boundary of the role."
    ),
    "tag": _option(list[str] | None, "--tag", metavar="K=V", help="Tag for what is made, repeatable.", panel=_ROLE),
    "policy": _option(
        list[str] | None,
        "--policy",
        metavar="core|least|studio|autoscaling",
        panel=_ROLE,
        help="Policy preset, repeatable [core, or least where the role has it; and autoscaling with its service].",
    ),
    "policy_arn": _option(
        list[str] | None, "--policy-arn", help="Policies instead of presets, repeatable.", panel=_ROLE
    ),
    "execution_role": _option(
        list[str] | None,
        "--execution-role",
        metavar="ARN",
        panel=_ROLE,
        help="Role that objects may name, with --policy least, repeatable [those that the role has].",
    ),
    "adopt_role": _option(bool | None, "--adopt-role", help="Use a role that acksm did not make.", panel=_ROLE),
}
ACCOUNTS: dict[str, Any] = {
    "target_profile": _option(str | None, "--target-profile", help="AWS profile of the other account.", panel=_OTHER),
    "target_role_arn": _option(
        str | None, "--target-role-arn", help="Role to assume for work in the other account.", panel=_OTHER
    ),
    "target_role_name": _option(
        str | None,
        "--target-role-name",
        help="The controllers' role in the other account [SagemakerCrossAccountAccess].",
        panel=_OTHER,
    ),
    "target_role_path": _option(str | None, "--target-role-path", help="That role's path [/].", panel=_OTHER),
    "target_account": _option(str | None, "--target-account", help="The other account's id.", panel=_OTHER),
    "mode": _option(
        str | None,
        "--mode",
        metavar="carm|role-selector",
        panel=_OTHER,
        help="Refuse controllers that work in the other mode [what is installed].",
    ),
}
CONTROLLER_ROLE = _option(
    list[str] | None,
    "--controller-role-arn",
    metavar="ARN",
    panel=_OTHER,
    help="Also let this role of the controllers' account in, repeatable.",
)
# The controllers' role in the other account as `carm setup` makes it; nothing of the own account's is used there.
FAR_ROLE: dict[str, Any] = {
    "target_policy": _option(
        list[str] | None,
        "--target-policy",
        metavar="core|least|studio|autoscaling",
        panel=_OTHER,
        help="Policy preset of that role, repeatable [core, or least where the role has it; and autoscaling].",
    ),
    "target_policy_arn": _option(
        list[str] | None, "--target-policy-arn", help="That role's policies instead of presets.", panel=_OTHER
    ),
    "target_execution_role": _option(
        list[str] | None,
        "--target-execution-role",
        metavar="ARN",
        panel=_OTHER,
        help="Role of that account that objects may name, with --target-policy least, repeatable.",
    ),
    "target_permissions_boundary": _option(
        str | None, "--target-permissions-boundary", metavar="ARN", panel=_OTHER, help="That role's boundary."
    ),
    "target_tag": _option(
        list[str] | None, "--target-tag", metavar="K=V", help="Tag for that role, repeatable.", panel=_OTHER
    ),
    "adopt_target_role": _option(
        bool | None, "--adopt-target-role", help="Use a role of that account that acksm did not make.", panel=_OTHER
    ),
}
MODE = _option(
    str | None,
    "--mode",
    metavar="carm|role-selector",
    panel=_CONTROLLER,
    help="How other accounts are reached: by the map, or by IAMRoleSelectors [what is installed].",
)
OUTPUT: dict[str, Any] = {
    "timeout": _option(str | None, "--timeout", help="Time for everything, 90s or 15m [15m].", panel=_RUN),
    "output": _option(
        str | None, "--output", "-o", metavar="text|json|yaml", help="Form of the result [text].", panel=_RUN
    ),
}
RUN: dict[str, Any] = {
    "dry_run": _option(bool | None, "--dry-run", help="Show the plan; write nothing.", panel=_RUN),
    "full": _option(bool | None, "--full", help="Show long new objects in the plan.", panel=_RUN),
    "yes": _option(bool | None, "--yes", "-y", help="Do not ask.", panel=_RUN),
    "wait": _option(bool | None, "--wait/--no-wait", help="Wait until the controllers run [wait].", panel=_RUN),
    "lock_timeout": _option(
        str | None,
        "--lock-timeout",
        metavar="DURATION",
        panel=_RUN,
        help="How long to wait for another acksm on this cluster; 0 refuses at once [50s].",
    ),
    **OUTPUT,
}


def command(
    app: typer.Typer,
    name: str,
    *groups: dict[str, Any],
    help: str,
    extra: Sequence[inspect.Parameter] = (),
    settings: bool = True,
) -> Callable[[Callable[..., int | None]], None]:
    """Register `run(resolved, ui, **extra)` as command `name` with the options of `groups`.

    Without `settings` neither acksm.yaml nor a variable other than ACKSM_OUTPUT is looked at: `acksm explain` has to
    work where they are what is wrong.
    """
    options = {key: kind for group in groups for key, kind in group.items()}
    group_name = app.info.name if isinstance(app.info.name, str) and app.info.name != ROOT else ""
    full_name = f"{group_name} {name}".strip()

    def register(run: Callable[..., int | None]) -> None:
        own = {parameter.name for parameter in extra}

        def call(**given: Any) -> None:
            from acksm.config import resolve

            arguments = {key: given.pop(key) for key in own}
            file = given.pop("file", None) or ""
            # The form of the output is known before all else, so that a bad setting is told in it too.
            ui = Ui(output=_early_output(given.get("output")))
            source: dict[str, Any] = {"file": file} if settings else {"file": os.devnull, "environment": _only_output()}

            def work() -> int:
                review = _review()
                if review is None:
                    return _go(run, resolve(given, **source), ui, arguments, tuple(options))
                resolved = review.resolved(lambda: resolve(given, **source))
                return _go(run, resolved, ui, review.arguments(arguments), tuple(options))

            raise typer.Exit(guarded(ui, full_name, work))

        parameters = [*extra] + [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for key, kind in options.items()
        ]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        call.__doc__ = help
        # For docs/generate.py: the parameters that a variable and the file can give as well.
        call.settings = tuple(options) if settings else ("output",)  # type: ignore[attr-defined]
        app.command(name, help=help)(call)

    return register


def _go(
    run: Callable[..., int | None], resolved: Any, ui: Ui, arguments: dict[str, Any], options: Sequence[str]
) -> int:
    from acksm.errors import OutdatedError

    ui.output = resolved.settings.output
    # a command without a cluster uses no settings but its own options
    used = [name for name in resolved.unnamed if name in options or "cluster" in options]
    if used:
        told = f"settings from ./acksm.yaml: {', '.join(name.replace('_', '-') for name in used)}"
        ui.emit(Event(Kind.NOTE, "config.file", told))
    while True:
        try:
            return run(resolved, ui, **arguments) or 0
        except OutdatedError as reason:  # it ends with the time that is left
            resolved = replace(resolved, settings=resolved.settings.model_copy(update=reason.left))


def _review() -> Any:
    """What a plan is being made or applied under (`acksm.engine.review.Review`), or None."""
    module = sys.modules.get("acksm.engine.review")  # imported by `acksm plan` and `acksm apply` alone
    return module.CURRENT.get() if module else None


def _only_output() -> dict[str, str]:
    return {"ACKSM_OUTPUT": os.environ.get("ACKSM_OUTPUT", "")}


def _early_output(flag: str | None) -> str:
    wanted = flag or os.environ.get("ACKSM_OUTPUT", "")
    return wanted if wanted in {"json", "yaml"} else "text"


def guarded(ui: Ui, name: str, work: Callable[[], int]) -> int:
    """Run `work`; every error becomes an exit code and a message, in the output's form."""
    from acksm.engine import interrupts
    from acksm.errors import AcksmError

    try:
        with interrupts.leaving(ui.emit):
            return work()
    except AcksmError as raised:
        failure = raised
    except KeyboardInterrupt:
        failure = AcksmError("interrupted", "stopped by Ctrl-C")
    except Exception as defect:
        if os.environ.get("ACKSM_TRACEBACK"):
            raise
        failure = AcksmError("defect", f"{type(defect).__name__}: {defect}"[:500], where=name)
    ui.error(name, failure)
    if failure.id == "interrupted" and Path(sys.argv[0]).name in {ROOT, "__main__.py"}:
        ui.show(f"  resume: {shlex.join([ROOT, *sys.argv[1:]])}")
    return int(failure.exit_code)
