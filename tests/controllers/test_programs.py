"""Which program plays a controller: nothing out of a registry runs unless somebody said so."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from acksm.sandbox.controllers.pods import Controller
from acksm.sandbox.controllers.programs import BINARY, STAND_IN, Programs

IMAGE = "public.ecr.aws/aws-controllers-k8s/sagemaker-controller:1.9.1"
OWN = "127.0.0.1:5/aws-controllers-k8s/sagemaker-controller:1.9.1"


def programs(folder: Path, *, images: bool = False, pull: bool = False, **named: str) -> Programs:
    """With a crane that writes down what it is asked for, and has nothing."""
    crane = folder / "crane"
    crane.write_text(f'#!/bin/sh\necho "$4" >> {shlex.quote(str(folder / "asked"))}\nexit 1\n')
    crane.chmod(0o700)
    return Programs(named, crane, "127.0.0.1:5", folder / "store", images=images, pull=pull)


@pytest.mark.parametrize(
    ("images", "pull", "asked"), [(False, False, []), (True, False, [OWN]), (True, True, [OWN, IMAGE])]
)
def test_registries_are_asked_only_where_images_may_run(
    tmp_path: Path, images: bool, pull: bool, asked: list[str]
) -> None:
    program = programs(tmp_path, images=images, pull=pull).choose(Controller("sagemaker", "controller", IMAGE))
    assert program.kind == STAND_IN
    seen = tmp_path / "asked"
    assert (seen.read_text().splitlines() if seen.exists() else []) == asked
    assert ("--images" in program.note) is not images


def test_a_named_binary_needs_no_image(tmp_path: Path) -> None:
    chosen = programs(tmp_path, sagemaker="/bin/true")
    assert chosen.choose(Controller("sagemaker", "controller", IMAGE)).kind == BINARY
    assert chosen.choose(Controller("applicationautoscaling", "controller", IMAGE)).kind == STAND_IN
    assert not (tmp_path / "asked").exists()


def test_a_pod_may_ask_for_its_images_binary_where_another_one_is_named(tmp_path: Path) -> None:
    """It still needs the permission to run binaries of images."""
    pod = Controller("sagemaker", "controller", IMAGE, "image")
    assert programs(tmp_path, images=True, sagemaker="/bin/true").choose(pod).kind == STAND_IN
    assert (tmp_path / "asked").read_text().split() == [OWN]
    assert "--images" in programs(tmp_path, sagemaker="/bin/true").choose(pod).note
