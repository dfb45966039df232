"""`acksm upgrade`: what is installed, in a newer version, by the engine of `install`.

Without `--version` it goes to the tested pair; what is newer than that stays as it is. Nothing new is installed.
"""

from __future__ import annotations

from acksm.ack import charts
from acksm.config import Settings
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.install import recorded


def settings_for(target: Target) -> Settings:
    """The settings of the `install` that is meant. Errors: `controllers-missing`, `version-older`."""
    settings = target.settings
    installed = {service: found.version for service, (found, _) in recorded.installed(target).items() if found}
    chosen = [service for service in settings.service if service in installed]
    if not chosen:
        raise AcksmError(
            "controllers-missing",
            f"no release of {' or '.join(settings.service)} is there to be upgraded",
            where=f"namespace {settings.controller_namespace}",
        )
    return settings.model_copy(
        update={"service": chosen, "version": {service: _version(settings, service, installed) for service in chosen}}
    )


def _version(settings: Settings, service: str, installed: dict[str, str]) -> str:
    now, asked = installed[service], settings.version.get(service, "")
    if not asked:
        return max(now, charts.TESTED[service], key=charts.parse)
    if asked != charts.LATEST and charts.parse(asked) < charts.parse(now):
        raise AcksmError(
            "version-older",
            f"{service} {charts.normalise(asked)} is older than the installed {now}",
            where=f"--version {service}={asked}",
        )
    return asked
