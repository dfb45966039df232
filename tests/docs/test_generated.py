"""The generated pages are what the code says, wherever they are made, and take up what is new by themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Annotated

import pytest
import typer

import generate
from acksm.cli.options import Cluster
from generator import cli, reference, schemas

PAGES = {name: cache(page) for name, page in generate.PAGES.items()}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (generate.DOCS / name).read_text("utf-8") == PAGES[name](), "run `make docs`"


def test_the_code_lacks_nothing_that_the_pages_need() -> None:
    assert generate.complaints() == []


@pytest.mark.parametrize("columns", ["20", "400"])
def test_neither_terminal_nor_settings_of_the_user_change_a_page(columns: str, tmp_path: Path) -> None:
    (tmp_path / "acksm.yaml").write_text("cluster: mine\ntimeout: 1m\n")
    environment = os.environ | {"COLUMNS": columns, "TERM": "dumb", "LC_ALL": "C", "ACKSM_REGION": "eu-west-1"}
    argv = [sys.executable, str(generate.DOCS / "generate.py"), "--check"]
    found = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_check_names_the_page_that_differs_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in generate.PAGES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(generate.DOCS / name, tmp_path / name)
    (tmp_path / "errors.md").write_text("old\n")
    (tmp_path / "charts.md").unlink()
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    monkeypatch.setattr(generate, "PAGES", PAGES)
    assert generate.main(["--check"]) == 1
    told = capsys.readouterr().err
    assert "docs/errors.md" in told
    assert "docs/charts.md" in told
    assert "docs/reference.md" not in told
    assert (tmp_path / "errors.md").read_text() == "old\n"
    assert generate.main([]) == 0
    assert capsys.readouterr().out == "wrote docs/errors.md\nwrote docs/charts.md\n"
    assert generate.main(["--check"]) == 0


def test_a_new_command_is_taken_up_and_its_report_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    app, group = typer.Typer(), typer.Typer(name="moon")

    @app.command("other")
    def other() -> None:
        """Another."""

    @group.command("bind")
    def bind(cluster: Cluster = None, location: Annotated[str, typer.Option("--region")] = "") -> None:
        """Bind the moon."""

    app.add_typer(group)
    monkeypatch.setattr(cli, "app", app)
    cli.commands.cache_clear()
    try:
        page = reference.page()
        assert "### acksm moon bind\n\nBind the moon." in page
        assert "| `--cluster NAME` | `ACKSM_CLUSTER` |" in page
        assert "| `--region LOCATION` |  |" in page  # of that command alone: no setting has the parameter's name
        assert "acksm moon bind has no line in acksm.reports.REPORTS" in schemas.complaints()
        assert '"const": "moon bind"' in schemas.report()
    finally:
        cli.commands.cache_clear()


@pytest.mark.parametrize(("name", "told"), [("role_path", "/somewhere/"), ("timeout", "5m"), ("output", "json")])
def test_help_that_names_another_default_than_the_settings_is_a_mistake(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=name):
        cli.default_of(name, told)


def test_help_may_write_the_default_in_its_own_way() -> None:
    assert cli.default_of("timeout", "15m") == "15m"
    assert cli.default_of("controller_namespace", "") == "ack-system"
