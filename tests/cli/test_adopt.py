"""`acksm adopt` before it asks anybody: arguments that mean nothing, with their ids and exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acksm.cli import app


@pytest.mark.parametrize(
    ("argv", "id", "code"),
    [
        ((), "adopt-nothing", 2),
        (("--as", "x"), "adopt-nothing", 2),
        (("--prefix", "x"), "adopt-nothing", 2),
        (("Model", "x", "--discover"), "adopt-nothing", 2),
        (("--discover", "--kind", "modle"), "kind-unknown", 2),
        (("--discover", "--tag-filter", "x"), "config-invalid", 2),
        (("Model", "x", "--field", "modelName"), "config-invalid", 2),
        (("Model", "x", "--field", "name=x"), "adopt-field", 2),
        (("Model",), "adopt-key", 2),
        (("UserProfile", "alice"), "adopt-key", 2),
        (("arn:aws:s3:::bucket",), "adopt-arn", 2),
        (("Model", "arn:aws:sagemaker:us-west-2:012345678901:endpoint/x"), "adopt-arn", 2),
        (("-f", "bad.yaml"), "config-invalid", 2),
        (("-f", "other.yaml"), "adopt-wrong-group", 2),
        (("-f", "none.yaml"), "config-missing", 2),
    ],
)
def test_arguments_that_mean_nothing(
    argv: tuple[str, ...], id: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("- {kind: Model\n")
    group = "apiVersion: s3.services.k8s.aws/v1alpha1\nkind: Bucket\nmetadata: {name: b}\n"
    Path("other.yaml").write_text(f"{{kind: Model, name: x}}\n---\n{group}")
    run = CliRunner().invoke(app, ["adopt", *argv])
    told = re.search(r"error\[([a-z-]+)\]", run.stderr)
    assert (told and told[1], run.exit_code) == (id, code), run.stderr
    if "-f" in argv and id != "config-missing":
        assert re.search(r"where:  \w+\.yaml:\d+:\d+", run.stderr), run.stderr
