"""The YAML of a chart is read once, and what is kept of it is used only where nothing can be wrong with it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from acksm import archive, yaml_reader
from acksm.ack.names import COMMON_GROUP
from acksm.errors import AcksmError
from acksm.guide.install import crds
from acksm.helm import parsed
from acksm.json_types import Value
from acksm.sandbox.practice import build
from acksm.sandbox.practice.generations import Chart

DATA = build(Chart("sagemaker", "1.9.1", "1.9.1"))
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def _as_in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_reader, "_remembered", {})


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / "abc.tgz"


def read(kept: Path, data: bytes = DATA, digest: str = DIGEST) -> list[Value]:
    """The values and the CRDs of the chart, as a new process reads them."""
    yaml_reader._remembered.clear()
    chart = archive.read_bytes(data, "chart", lambda files: parsed.recall(kept, digest, files))
    found = crds.parse(chart.crds, "sagemaker-chart 1.9.1")
    assert found
    return [yaml_reader.load(chart.values_text), *(dict(crd.manifest) for crd in found)]


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that libyaml was given."""
    texts: list[str] = []
    load = yaml.load_all

    def counted(text: str, *arguments: object, **words: object) -> object:
        texts.append(text)
        return load(text, *arguments, **words)

    monkeypatch.setattr(yaml, "load_all", counted)
    return texts


def test_no_text_is_parsed_twice(kept: Path, parses: list[str]) -> None:
    first = read(kept)
    assert len(parses) == len(set(parses)) > 2
    parses.clear()
    assert read(kept) == first
    assert parses == []
    assert stat.S_IMODE(parsed.path_of(kept).stat().st_mode) == 0o600


def signed(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def changed(kept: bytes, change: Callable[[dict[str, dict[str, list[dict[str, object]]]]], object]) -> bytes:
    """What was kept with a change, and the digest that goes with it."""
    document = json.loads(kept.partition(b"\n")[2])
    change(document)
    return signed(json.dumps(document).encode())


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "a byte": lambda old: old[:-30] + b"x" + old[-29:],
    "truncated": lambda old: old[: len(old) // 2],
    "empty": lambda _: b"",
    "no JSON": lambda _: signed(b"{"),
    "nested": lambda _: signed(b"[" * 100_000),
    "a list": lambda _: signed(b"[]"),
    "no digest": lambda old: b"\xff\n" + old.partition(b"\n")[2],
    "another archive's": lambda old: old.replace(DIGEST.encode(), b"sha256:" + b"0" * 64),
    "another archive's, signed": lambda old: changed(old, lambda it: it.update(archive={})),
    "an older reader's": lambda old: changed(old, lambda it: it.update(reader={})),
    "a file less": lambda old: changed(old, lambda it: it["documents"].pop("values.yaml")),
    "documents that are none": lambda old: changed(old, lambda it: it.update(documents={"values.yaml": []})),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=list(DAMAGED))
def test_what_is_damaged_is_read_again(kept: Path, damage: Callable[[bytes], bytes], parses: list[str]) -> None:
    good = read(kept)
    path = parsed.path_of(kept)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    parses.clear()
    assert read(kept) == good
    assert parses
    assert path.read_bytes() == whole


@pytest.mark.parametrize("writable", ["file", "folder"])
def test_what_another_user_could_have_written_is_not_used(kept: Path, writable: str, parses: list[str]) -> None:
    good = read(kept)
    path = parsed.path_of(kept)
    path.write_bytes(changed(path.read_bytes(), lambda it: it["documents"]["values.yaml"][0].update(image={})))
    assert read(kept) != good  # whoever may write it as the user may do anything as the user
    (path if writable == "file" else path.parent).chmod(0o777)
    parses.clear()
    assert read(kept) == good
    assert parses


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_owns_is_not_used(kept: Path, parses: list[str]) -> None:
    good = read(kept)
    os.chown(parsed.path_of(kept), 12345, 12345)
    parses.clear()
    assert read(kept) == good
    assert parses


@pytest.mark.parametrize("text", ["1: a\n", "a: .inf\n", "a: .nan\n", "true: a\n"])
def test_what_json_has_no_form_for_is_not_kept(kept: Path, text: str) -> None:
    parsed.recall(kept, DIGEST, {"values.yaml": text.encode()})
    assert not parsed.path_of(kept).exists()


@pytest.mark.parametrize(
    ("name", "text"), [("values.yaml", b"a: &x [1]\nb: *x\n"), ("crds/a.yaml", b"a: b: c\n"), ("crds/a.yaml", b"\xff")]
)
def test_what_is_refused_is_refused_with_its_file(kept: Path, name: str, text: bytes) -> None:
    files = {"Chart.yaml": b"{name: c, version: '1'}", "values.yaml": b"{}", name: text}
    data = archive.pack("c", files)
    for _ in range(2):
        with pytest.raises(AcksmError) as caught:
            read(kept, data, "sha256:" + hashlib.sha256(data).hexdigest())
        assert name in caught.value.message
    assert not parsed.path_of(kept).exists()


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    good = read(tmp_path / "file" / "abc.tgz")
    assert good == read(tmp_path / "abc.tgz")
    assert {COMMON_GROUP, f"sagemaker.{COMMON_GROUP}"} >= {crd["spec"]["group"] for crd in good[1:]}
