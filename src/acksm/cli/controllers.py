"""`acksm install` and `acksm status`: the guide's §3 and §9.3."""

from __future__ import annotations

from typing import Any

import typer

from acksm.cli.options import CONTROLLERS, MODE, OUTPUT, ROLE, RUN, TARGET, command
from acksm.cli.region import option


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @command(
        app,
        "install",
        TARGET,
        CONTROLLERS,
        {"mode": MODE},
        ROLE,
        RUN,
        help="OIDC provider, IAM role and both ACK controllers; a second run does nothing (guide 2 and 3).",
    )
    def install(resolved: Any, ui: Any) -> int:
        from acksm.guide.install import command as section

        return section.run(resolved.settings, ui, command="install", sections=section.ALL)

    @command(
        app,
        "upgrade",
        TARGET,
        {key: CONTROLLERS[key] for key in ("service", "version", "values", "set", "reset_values", "chart", "registry")},
        RUN,
        help="What is installed, in a newer version: the tested pair, or --version; nothing new is installed.",
    )
    def upgrade(resolved: Any, ui: Any) -> int:
        from acksm.guide.install import command as section, upgrade

        return section.run(
            resolved.settings, ui, command="upgrade", sections=section.ALL, narrowed=upgrade.settings_for
        )

    status_options = {key: CONTROLLERS[key] for key in ("service", "registry")} | {"role_name": ROLE["role_name"]}

    @command(
        app,
        "status",
        TARGET,
        status_options,
        OUTPUT,
        extra=[option("watch", bool, False, "--watch", "-w", help="Tell it again at each change, until Ctrl-C.")],
        help="What is installed, its health, and what differs from what acksm made; exit 3 when unhealthy.",
    )
    def status(resolved: Any, ui: Any, watch: bool) -> int:
        from acksm.guide.install import status as section, watching

        return watching.run(resolved.settings, ui) if watch else section.run(resolved.settings, ui)
