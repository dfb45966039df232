"""`acksm oidc`, `acksm iam-role`, `acksm token`: the guide's §2."""

from __future__ import annotations

from typing import Any

import typer

from acksm.cli.options import CONTROLLERS, OUTPUT, ROLE, RUN, TARGET, command

_ROLE_TARGETS = {key: CONTROLLERS[key] for key in ("service",)}


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @command(
        app, "oidc", TARGET, {"tag": ROLE["tag"]}, RUN, help="Ensure the cluster's IAM OIDC provider (guide 2.1.1)."
    )
    def oidc(resolved: Any, ui: Any) -> int:
        from acksm.guide.install import command as install

        return install.run(resolved.settings, ui, command="oidc", sections=("oidc",))

    @command(
        app,
        "iam-role",
        TARGET,
        _ROLE_TARGETS,
        {k: v for k, v in ROLE.items() if k != "role_arn"},
        RUN,
        help="Ensure the controllers' IAM role; prints its ARN (guide 2.1.2).",
    )
    def iam_role(resolved: Any, ui: Any) -> int:
        from acksm.guide.install import command as install

        return install.run(resolved.settings, ui, command="iam-role", sections=("iam-role",))

    @command(
        app,
        "token",
        {key: TARGET[key] for key in ("cluster", "region", "profile")},
        {"output": OUTPUT["output"]},
        help="Print an EKS token as kubectl's ExecCredential (what `aws eks get-token` does).",
    )
    def token(resolved: Any, ui: Any) -> int:
        from acksm.guide.connect.target import exec_credential

        ui.verbatim(exec_credential(resolved.settings, resolved.settings.cluster))
        return 0
