"""`acksm upgrade`: the installed controllers in a newer version, by the engine of `install`.

Without `--version` to the tested pair; a newer version than that is kept. No other controller is installed.
"""

from __future__ import annotations

from acksm.ack import charts
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.install import recorded
from acksm.guide.upgrade import going_back
from acksm.helm.releases import Release
from acksm.settings import ControllerSettings


def controllers_for(target: Target, controllers: ControllerSettings) -> ControllerSettings:
    """The settings of the `install` that upgrades. Errors: `controllers-missing`,
    `version-older`, and `downgrade-harmful` where install would refuse that version too."""
    found = recorded.installed(target, controllers.service)
    installed = {service: item.release for service, item in found.items() if item.release}
    chosen = [service for service in controllers.service if service in installed]
    if not chosen:
        raise AcksmError(
            "controllers-missing",
            f"no release of {' or '.join(controllers.service)} to upgrade",
            where=f"namespace {target.settings.controller_namespace}",
        )
    return controllers.model_copy(
        update={
            "service": chosen,
            "version": {service: _version(target, controllers, service, installed[service]) for service in chosen},
        }
    )


def _version(target: Target, controllers: ControllerSettings, service: str, release: Release) -> str:
    now, requested = release.version, controllers.version.get(service, "")
    if not requested:
        return max(now, charts.TESTED[service], key=charts.parse)
    if going_back.is_older(requested, now):
        going_back.check(target, service, now, requested, release.values)
        older = charts.normalise(requested)
        raise AcksmError(
            "version-older",
            f"{service} {older} is older than the installed {now}",
            where=f"--version {service}={requested}",
            remedy=f"acksm install --service {service} --version {service}={older}   (CRDs are kept)",
        )
    return requested
