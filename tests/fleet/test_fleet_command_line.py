"""`acksm fleet` as it is typed: what is wrong is said before anything is started, with the command that works."""

from __future__ import annotations

import gc
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from acksm.cli import app
from acksm.cli.fleet import checked
from acksm.fleet.children import Children, Ended

FILE = 'clusters:\n- {cluster: a, account: "111111111111", region: eu-west-1, labels: {stage: dev}}\n'
GROUP: Any = typer.main.get_command(app)


@pytest.fixture(autouse=True)
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fleet.yaml").write_text(FILE)
    Path("other.yaml").write_text(FILE)


WRONG = {
    "the output of a cluster": (
        "run -f other.yaml -- status -o json",
        2,
        "fleet-command",
        "acksm fleet run -f other.yaml --output json -- status",
    ),
    "the cluster in the command": (
        "run -- logs sagemaker --cluster=a",
        2,
        "fleet-command",
        "acksm fleet run --cluster a -- logs sagemaker",
    ),
    "the region in the command": ("status --region eu-west-1", 2, "fleet-command", "acksm fleet run -- status"),
    "an option that does not exist": ("upgrade --versio x=1", 2, "fleet-command", "acksm upgrade --help"),
    "no command for a cluster": ("run -- version", 2, "fleet-command", "acksm fleet run -- status"),
    "a fleet of fleets": ("run -- fleet status", 2, "fleet-command", "acksm fleet run -- status"),
    "no label": ("list --select stage", 2, "config-invalid", "acksm fleet list   (shows the labels)"),
    "no cluster": ("status -f other.yaml --select stage=x", 2, "fleet-empty", "acksm fleet list -f other.yaml"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_has_a_command_that_works(name: str) -> None:
    line, code, failure, remedy = WRONG[name]
    run = CliRunner().invoke(app, ["fleet", *shlex.split(line)], prog_name="acksm")
    assert (run.exit_code, re.findall(r"error\[(.+?)\]", run.output)) == (code, [failure]), run.output
    assert f"remedy: {remedy}\n" in run.output


def report(*rows: tuple[str, str]) -> None:
    place = {"account": "111111111111", "region": "eu-west-1", "labels": {}, "wave": "all"}
    rest: dict[str, Any] = {"exit_code": 3, "changes": None, "error": None, "report": {}, "log": []}
    found = [
        {**place, **rest, "cluster": name, "id": f"111111111111/eu-west-1/{name}", "state": state}
        for name, state in rows
    ]
    Path("report.json").write_text(json.dumps({"clusters": found}))


@pytest.mark.parametrize(
    ("rows", "code", "words"),
    [
        ([("a", "done")], 0, "no clusters to run on"),
        ([("gone", "failed")], 7, "incomplete: cluster 111111111111/eu-west-1/gone of the report is not in the fleet"),
    ],
)
def test_a_report_without_failures_starts_nothing_and_a_cluster_that_left_is_not_good(
    rows: list[tuple[str, str]], code: int, words: str
) -> None:
    report(*rows)
    run = CliRunner().invoke(app, ["fleet", "status", "--failed-only", "report.json"], prog_name="acksm")
    assert (run.exit_code, words in run.stdout) == (code, True), run.output


def test_examples_of_the_fleet_run_commands_that_exist() -> None:
    """What follows `--` is parsed as the command of each cluster; the parser of `fleet run` takes anything."""
    lines = [
        line
        for command in GROUP.commands["fleet"].commands.values()
        for line in str(command.epilog or command.help or "").splitlines()
        if "acksm fleet run" in line
    ]
    text = Path(__file__).parents[2].joinpath("docs/fleet.md").read_text() + "\n".join(lines)
    found = re.findall(r"acksm fleet run(?: [^\n`]*?)? -- ([^\n`]+)", text)
    assert len(found) >= 1
    ctx = GROUP.make_context("acksm", [], resilient_parsing=True)
    for line in found:
        assert checked(ctx, shlex.split(line))


def test_the_reports_of_clusters_are_not_searched_again_for_each_further_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Ended(0, {"controllers": [{"service": "sagemaker"}], "healthy": True})
    monkeypatch.setattr(Children, "run", lambda *_args, **_more: ended)
    before = gc.get_freeze_count()
    try:
        run = CliRunner().invoke(app, ["fleet", "status"], prog_name="acksm")
        assert run.exit_code == 0, run.output
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
