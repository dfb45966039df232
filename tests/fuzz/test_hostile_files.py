"""Files that a user names, made by somebody else: whatever is in them, one error with an id, soon and in little memory.

The parsers' own tests (tests/helm, tests/kube, tests/cli, tests/engine) feed them bytes at random; here stands what
chance does not find: bombs, loops, devices, and texts that other languages take for programs.
"""

from __future__ import annotations

import json
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from acksm import archive, yaml_reader
from acksm.config import resolve
from acksm.engine import plan_file
from acksm.errors import AcksmError
from acksm.guide.install import crds
from acksm.helm import records, values
from acksm.kube import kubeconfig

MEMORY = 192 * 1024 * 1024
CHART: dict[str, Any] = {"a": 1, "b": {"c": "x"}, "l": []}


def _values(path: Path) -> None:
    edits = list(values.flatten(values.read_file(str(path)), CHART, "x"))
    values.patch("a: 1\nb: {c: x}\nl: []\n", edits)


def _manifest(path: Path) -> None:
    records.manifests(path.read_text("utf-8", "replace"))


def _crds(path: Path) -> None:
    crds.parse([("crds/x.yaml", path.read_text("utf-8", "replace"))], "chart")


READERS: dict[str, Callable[[Path], object]] = {
    "values": _values,
    "settings": lambda path: resolve({}, str(path), environment={}),
    "kubeconfig": lambda path: kubeconfig.load(str(path)),
    "plan": plan_file.read,
    "chart": archive.read,
    "crds": _crds,
    "manifest": _manifest,
}
BY_PATH = sorted(set(READERS) - {"crds", "manifest"})


def laughs(kind: str) -> str:
    """A few lines that stand for a thousand million things."""
    lines = ["z0: &z0 {x: 1}" if kind == "map" else "z0: &z0 [x, x]"]
    for level in range(1, 10):
        ten = [f"k{number}: *z{level - 1}" if kind == "map" else f"*z{level - 1}" for number in range(10)]
        inner = ", ".join(ten)
        lines.append(f"z{level}: &z{level} " + (f"{{{inner}}}" if kind == "map" else f"[{inner}]"))
    return "\n".join(lines) + "\n"


WRAPPED = "namespaces: &n\n  team: *n\ntag: &t {a: *t}\nadopt: &a [*a]\ncontexts: &c [*c]\n"
BOMBS = {
    "laughing maps": laughs("map"),
    "laughing lists": laughs("list"),
    "adoptions that laugh": laughs("map") + "adopt: [*z9]\n",
    "tags that laugh": laughs("map") + "tag: *z9\n",
    "users that laugh": laughs("list") + "users: *z9\ncontexts: *z9\nclusters: *z9\ncurrent-context: x\n",
    "a map in itself": "a: &a {b: *a}\n",
    "a list in itself": "l: &a [*a]\n",
    "loops where something is expected": WRAPPED,
    "a merge with itself": "a: &a\n  <<: *a\n",
    "deep lists": "[" * 3000,
    "deep maps": "{a: " * 3000,
    "deep by indent": "\n".join(" " * depth + "a:" for depth in range(600)),
    "deep JSON": '{"a":' * 3000 + "1" + "}" * 3000,
    "an endless number": "a: " + "9" * 20_000,
    "an endless exponent": "a: 1e999999999\ntimeout: 1e999999999\n",
    "sixty in base sixty": "a: " + ":".join(["59"] * 5000) + "\n",
    "a program of Python": "a: !!python/object/apply:os.system ['touch ran']\n",
    "a program by name": "a: !!python/name:os.system\n",
    "no text": "a: !!binary '!!!'\n",
    "a key that is a list": "? [a, b]\n: c\n",
    "a key that is no number": ".nan: 1\n.NaN: 2\n",
    "another version of YAML": "%YAML 9.9\n---\na: 1\n",
    "keys twice": "a: 1\na: 2\n",
    "half a surrogate": 'a: "\\ud800"\n',
    "a NUL": "a: \0\n",
    "control characters": 'a: "\x1b]0;title\x07"\n',
    "many documents": "---\na: 1\n" * 300,
    "a date": "a: 2001-13-45\nb: 0000-00-00\n",
    "an unknown alias": "a: *nobody\n",
}


def error_of(work: Callable[[], object]) -> str:
    """The error's id, "" for none. Any other exception is a traceback, and fails the test."""
    found: AcksmError | None = None
    try:
        work()
    except AcksmError as error:
        found = error
    assert found is None or len(found.message) < 4100, "an error of one line is not a page"
    return found.id if found else ""


def outcome(reader: str, path: Path) -> str:
    return error_of(lambda: READERS[reader](path))


@contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("reader", sorted(READERS))
@pytest.mark.parametrize("bomb", sorted(BOMBS))
def test_a_bomb_is_refused_or_harmless(bomb: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file"
    path.write_bytes(BOMBS[bomb].encode("utf-8", "surrogatepass"))
    outcome(reader, path)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]  # nothing of it ran


@pytest.mark.parametrize("reader", BY_PATH)
def test_a_file_of_any_size_is_not_read_whole(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.truncate(4 * 2**30)
    with little_memory():
        assert outcome(reader, path)


@pytest.mark.parametrize("reader", BY_PATH)
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/", "/proc/self/mem", "/nowhere/at/all", "x" * 5000])
def test_what_is_no_file(reader: str, path: str) -> None:
    harmless = {("/dev/null", "values"), ("/dev/null", "settings")}
    with little_memory():
        assert bool(outcome(reader, Path(path))) is ((path, reader) not in harmless)


@pytest.mark.parametrize("reader", ["values", "settings", "plan"])
def test_what_a_shell_gives_as_a_file_may_be_a_pipe(reader: str, tmp_path: Path) -> None:
    """`--values <(sops -d …)`: it has no size, and is read to its end."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    text = b"not: [a plan" if reader == "plan" else b"{}"
    writer = threading.Thread(target=lambda: path.write_bytes(text))
    writer.start()
    assert outcome(reader, path) == ("plan-file-invalid" if reader == "plan" else "")
    writer.join()


_texts = st.text(st.characters(codec="utf-8"), max_size=40)
_yaml = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _texts, st.dates().map(str)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=10,
)
OPTIONS = [
    "cluster",
    "region",
    "account",
    "service",
    "version",
    "scope",
    "tag",
    "values",
    "set",
    "namespaces",
    "accounts",
    "teams",
    "adopt",
    "mode",
    "timeout",
    "apiVersion",
    "kind",
    "spec",
    "metadata",
    "clusters",
    "users",
    "contexts",
    "current-context",
    "schema",
    "target",
    "changes",
    "settings",
]
_options = st.dictionaries(
    st.sampled_from(OPTIONS),
    _yaml,
    max_size=5,
)


@pytest.mark.parametrize("reader", sorted(set(READERS) - {"chart"}))
@given(document=_options, more=st.binary(max_size=8), at=st.integers(0, 300))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_where_another_is_expected(
    reader: str, document: dict[str, Any], more: bytes, at: int, tmp_path: Path
) -> None:
    data = json.dumps(document).encode()
    path = tmp_path / "file"
    path.write_bytes(data[:at] + more + data[at:])
    outcome(reader, path)


_set = st.one_of(
    st.text(max_size=30),
    st.builds("{}={}".format, st.sampled_from(["a", "b", "b.c", "l", "x.y", r"b\.c", "."]), st.text(max_size=20)),
)


@given(_set)
def test_any_text_after_set(text: str) -> None:
    assert error_of(lambda: list(values.leaves(values.parse_set(text, CHART), CHART))) in {"", "values-type"}


@pytest.mark.parametrize(
    "text", ["a=" + "9" * 20_000, "l=" + "[" * 20_000, "b=" + '{"a":' * 20_000, "a=٣", "b." * 9000 + "c=1", "l=NaN"]
)
def test_bombs_after_set(text: str) -> None:
    assert error_of(lambda: list(values.leaves(values.parse_set(text, CHART), CHART))) in {"", "values-type"}


def test_the_yaml_of_charts_has_no_aliases_at_all() -> None:
    with pytest.raises(yaml_reader.YamlError) as caught:
        yaml_reader.load_all(laughs("map"))
    assert caught.value.unsafe
