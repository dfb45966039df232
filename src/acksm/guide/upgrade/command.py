"""`acksm upgrade`: install's engine for what is installed, with what became worse compared around it."""

from __future__ import annotations

from acksm.guide.connect.target import Target
from acksm.guide.install import command
from acksm.guide.upgrade import comparing, convert, record, versions
from acksm.output import Output
from acksm.settings import ControllerSettings, Settings


def run(settings: Settings, ui: Output, *, convert_adopted: bool = False, rollback_on_worse: bool = False) -> int:
    """Upgrade, with `convert_adopted` convert AdoptedResources, compare, and with `rollback_on_worse` go back. Returns
    the exit code; errors as those of `install`."""

    def narrowed(target: Target, controllers: ControllerSettings) -> ControllerSettings:
        chosen = versions.controllers_for(target, controllers)
        return _resumed(target, chosen) if rollback_on_worse else chosen

    return command.run(
        settings.target,
        settings.controllers,
        settings.role,
        settings.run,
        ui,
        command="upgrade",
        sections=command.ALL,
        narrowed=narrowed,
        around=[
            convert.compose(settings.other_account, convert=convert_adopted),
            comparing.compose(on_worse=rollback_on_worse, converts=convert_adopted),
        ],
        settled=convert.SETTLES if convert_adopted else (),
    )


def _resumed(target: Target, controllers: ControllerSettings) -> ControllerSettings:
    """A service whose rollback was interrupted goes back to the version before; install finishes what helm began."""
    found = {name: record.read(target.kube, name, target.settings.controller_namespace) for name in controllers.service}
    back = {name: item.before for name, item in found.items() if item and item.state == record.ROLLING_BACK}
    return controllers.model_copy(update={"version": {**controllers.version, **back}})
