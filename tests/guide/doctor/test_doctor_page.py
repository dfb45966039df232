"""The output on docs/doctor.md is what doctor prints for the case that the page describes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import kept_world
import typed
from acksm.cli import app
from acksm.exits import ExitCode
from acksm.kube.paths import ref
from memory_account import HOME

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"
NAME = "ack-sagemaker-controller-sagemaker-chart"


def test_the_page_has_what_doctor_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    typed.in_memory(monkeypatch)
    world = typed.a_world()
    kept_world.edit(world, "Deployment", NAME, ("spec", "replicas"), 0, "kubectl")
    del world.kube.objects[ref("Pod", f"{NAME}-0", HOME).path]
    shown = CliRunner().invoke(app, ["doctor", "--cluster", "demo"], prog_name="acksm")
    assert shown.exit_code == ExitCode.CHECK_FAILED
    (printed,) = re.findall(r"```text\n(tools: .*?)```", PAGE.read_text(), re.DOTALL)
    assert printed.splitlines() == shown.stdout.strip().splitlines()
