"""The values that go to helm, from what is installed and the options, without a cluster."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from acksm.guide.install import controller_values, release
from acksm.guide.install.controller_values import Controller
from acksm.helm.releases import is_marked
from acksm.live.inventory import Inventory
from acksm.settings import ControllerSettings, TargetSettings
from memory_helm import pulled

ACCOUNT, REGION = "012345678901", "us-west-2"
ROLE, OTHER = f"arn:aws:iam::{ACCOUNT}:role/ours", f"arn:aws:iam::{ACCOUNT}:role/other"


def controller(version: str = "1.9.1", installed: Any = None, service: str = "sagemaker") -> Controller:
    """With values `installed` by acksm; None when it is not there."""
    observed = release.Observed()
    if installed is not None:
        observed = release.Observed(version, "deployed", installed, is_marked(installed))
    return Controller(service, pulled(service, version), observed, [])


TARGET: Any = SimpleNamespace(
    settings=TargetSettings(), cluster=SimpleNamespace(region=REGION), identity=SimpleNamespace(account=ACCOUNT)
)


def given_values(item: Controller, role: str = ROLE, **options: Any) -> dict[str, Any]:
    """What goes to helm."""
    patched, _, _ = controller_values.values_of(TARGET, ControllerSettings(**options), item, role, Inventory)
    return release.overrides(patched)


OURS = {
    "aws": {"region": REGION},
    "deployment": {"labels": {"acksm.dev/owned": "true"}},
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}},
}
