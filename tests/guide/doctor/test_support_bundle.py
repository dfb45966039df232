"""The bundle as a file: whole or not there, for its owner only, never in another's place; and what goes into it."""

from __future__ import annotations

import json
import os
import stat
import tarfile
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acksm.cli import app
from acksm.errors import AcksmError
from acksm.guide.doctor import support_bundle
from acksm.guide.doctor.support_bundle import Bundle, check_file, default_name, write
from acksm.live.controller_logs import PodLog
from acksm.ui import clean
from doctor_facts import error, whole

FILES = {"a.json": b"{}", "logs/x.log": b"line\n"}


def contents(path: Path) -> dict[str, bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as archive:
        assert {member.mode for member in archive.getmembers()} == {0o600}
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers()}  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["report.tar.gz", "report.tgz", "report.zip"])
def test_it_is_an_archive_for_its_owner_only(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    previous = os.umask(0)
    try:
        write(path, FILES)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert contents(path) == {f"report/{file}": content for file, content in FILES.items()}
    assert [item.name for item in tmp_path.iterdir()] == [name]
    first = path.read_bytes()
    path.unlink()
    write(path, FILES)
    assert path.read_bytes() == first


@pytest.mark.parametrize("links", [True, False])
def test_what_is_there_is_never_replaced(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(1, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "report.tar.gz"
    write(path, FILES)
    assert path.exists()
    path.write_text("mine")
    with pytest.raises(AcksmError) as raised:
        write(path, FILES)
    assert raised.value.id == "report-file"
    assert path.read_text() == "mine"
    assert [item.name for item in tmp_path.iterdir()] == ["report.tar.gz"]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AcksmError, match="No space left"):
        write(tmp_path / "report.tar.gz", FILES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.txt", "does not end with"),
        ("no/x.zip", "does not exist"),
        ("there.zip", "already"),
        ("l.zip", "already"),
    ],
)
def test_files_that_cannot_be(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.zip").touch()
    (tmp_path / "l.zip").symlink_to("nowhere")
    with pytest.raises(AcksmError) as raised:
        check_file(name)
    assert (raised.value.id, raised.value.exit_code) == ("report-file", 2)
    assert said in raised.value.message + raised.value.remedy


def test_each_run_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    moment = datetime(2026, 3, 1, 11, 15, 0, tzinfo=timezone(timedelta(hours=1)))
    assert default_name("demo", moment) == "acksm-report-demo-20260301T101500Z.tar.gz"
    for cluster in ("demo", "", "../x", "a/b\n", "x" * 500):
        name = default_name(cluster, moment)
        assert check_file(name).parent == Path()
        (tmp_path / name).touch()
    assert default_name("demo", moment + timedelta(seconds=1)) not in {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("file", ["x.tar.gz", "x.tgz", "x.zip"])
def test_the_output_is_a_form_and_no_file(file: str) -> None:
    result = CliRunner().invoke(app, ["report", "-o", file])
    assert (result.exit_code, f"--out {file}" in result.stderr) == (2, True)


def test_text_of_others_cannot_steer_a_terminal() -> None:
    bundle = Bundle(clean=clean)
    bundle.add_text("x.log", "a\x1b[2Jb\rc\u202ed\n")
    bundle.add("x.json", {"message": "a\x1b[2Jb\u202e"})
    assert bundle.files["x.log"].decode() == "a\ufffd[2Jb\ufffdc\ufffdd\n"
    assert bundle.files["x.json"].isascii()
    assert b"\x1b" not in bundle.files["x.json"]


def test_what_is_too_long_is_cut_or_named() -> None:
    bundle = Bundle()
    bundle.add_text("x.log", "old\n" + ("x" * 2047 + "\n") * (support_bundle.MAX_FILE // 2048))
    assert len(bundle.files["x.log"]) == support_bundle.MAX_FILE
    bundle.add("x.json", ["y" * 3000] * 2000)
    assert "x.json" not in bundle.files
    assert "more than the limit" in bundle.missing["x.json"]


def test_what_cannot_be_read_is_named_and_the_rest_is_there() -> None:
    bundle = Bundle(clean=clean)
    denied = error("kube-forbidden", "012345678901 may not")
    support_bundle._add_facts(
        bundle,
        whole(releases=denied, crds=denied, inventory=denied, logs=[PodLog("sagemaker", "ns", "pod", True, "x")]),
    )
    assert {*bundle.files} == {"controllers.json", "logs/sagemaker/pod-previous.log"}
    assert bundle.missing == dict.fromkeys(
        ("releases.json", "crds.json", "objects.json"), "kube-forbidden: ********8901 may not"
    )


def test_a_pod_is_told_without_its_variables_and_volumes() -> None:
    pod = {
        "metadata": {"name": "p", "annotations": {"x": "hunter2"}},
        "spec": {
            "containers": [
                {
                    "env": [
                        {"name": "AWS_ROLE_ARN", "value": "arn:x"},
                        {"name": "DB", "value": "hunter2"},
                        {"name": "AWS_REGION", "valueFrom": {"secretKeyRef": {"name": "hunter2"}}},
                    ],
                    "args": ["hunter2"],
                }
            ],
            "volumes": [{"secret": "hunter2"}],
        },
        "status": {"phase": "Running"},
    }
    told = support_bundle._pod(pod)
    assert told["known_variables"] == {"AWS_ROLE_ARN": "arn:x"}
    assert "hunter2" not in json.dumps(told)


def test_what_comes_when_the_time_is_over_is_named_and_not_written() -> None:
    left = iter([1.0, 1.0, 0.0, -1.0])
    bundle = Bundle(left=lambda: next(left))
    bundle.add("a.json", {})
    bundle.add_text("b.log", "text")
    bundle.add_text("c.log", "text")
    bundle.add("d.json", {})
    bundle.end()
    assert list(bundle.files) == ["a.json", "b.log", "missing.json"]
    assert list(json.loads(bundle.files["missing.json"])) == ["c.log", "d.json"]
