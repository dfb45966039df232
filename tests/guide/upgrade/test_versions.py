"""Which versions an upgrade means."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from acksm.ack import charts
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.install import recorded
from acksm.guide.upgrade import going_back, versions
from acksm.settings import ControllerSettings, TargetSettings

TESTED = charts.TESTED
NEWER = "99.0.0"


def meant(monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], **options: Any) -> ControllerSettings:
    seen = {
        service: SimpleNamespace(release=SimpleNamespace(version=version, values={}))
        for service, version in installed.items()
        if version
    }
    monkeypatch.setattr(recorded, "installed", lambda _, services: {key: seen[key] for key in services if key in seen})
    target = cast(Target, SimpleNamespace(settings=TargetSettings(), kube=None))
    return versions.controllers_for(target, ControllerSettings(**options))


@pytest.mark.parametrize(
    ("installed", "asked", "expected"),
    [
        ({"sagemaker": "1.4.1", "applicationautoscaling": "1.1.1"}, {}, TESTED),
        ({"sagemaker": "1.4.1", "applicationautoscaling": ""}, {}, {"sagemaker": TESTED["sagemaker"]}),
        ({"sagemaker": NEWER, "applicationautoscaling": ""}, {}, {"sagemaker": NEWER}),
        ({"sagemaker": "1.4.1", "applicationautoscaling": ""}, {"sagemaker": "v1.5.1"}, {"sagemaker": "v1.5.1"}),
        ({"sagemaker": "1.4.1", "applicationautoscaling": ""}, {"sagemaker": "latest"}, {"sagemaker": "latest"}),
        ({"sagemaker": "1.4.1", "applicationautoscaling": ""}, {"sagemaker": "1.4.1"}, {"sagemaker": "1.4.1"}),
    ],
)
def test_what_is_installed_goes_to_the_tested_pair_or_to_what_is_asked(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], asked: dict[str, str], expected: dict[str, str]
) -> None:
    found = meant(monkeypatch, installed, version=asked)
    assert found.version == expected
    assert found.service == list(expected)


@pytest.mark.parametrize(
    ("reasons", "id", "remedy"),
    [
        ((), "version-older", "acksm install --service sagemaker --version sagemaker=1.4.1"),
        (("it would create AWS resources",), "downgrade-harmful", ""),
    ],
)
def test_backwards_is_refused_with_the_way_that_works(
    monkeypatch: pytest.MonkeyPatch, reasons: tuple[str, ...], id: str, remedy: str
) -> None:
    monkeypatch.setattr(going_back, "judge", lambda *_: going_back.Judged(reasons))
    with pytest.raises(AcksmError) as caught:
        meant(monkeypatch, {"sagemaker": "1.5.1"}, service=["sagemaker"], version={"sagemaker": "v1.4.1"})
    assert caught.value.id == id
    assert caught.value.remedy.startswith(remedy)


def test_nothing_new_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AcksmError) as caught:
        meant(monkeypatch, {"sagemaker": "", "applicationautoscaling": ""})
    assert caught.value.id == "controllers-missing"
