"""Writing a kubeconfig: nothing of the user's is lost, whatever its form."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm import yaml_reader
from acksm.errors import AcksmError
from acksm.kube import kubeconfig_file
from acksm.kube.kubeconfig_file import choose, current, edit, entries, paths

ARN = "arn:aws:eks:us-west-2:012345678901:cluster/demo"
ENTRIES: dict[str, dict[str, Any]] = {
    "clusters": {ARN: {"certificate-authority-data": "LS0t" * 400, "server": "https://x"}},
    "users": {ARN: {"exec": {"command": "aws", "args": ["eks", "get-token", "--cluster-name", "0x1f"]}}},
    "contexts": {"yes": {"cluster": ARN, "user": ARN}},
}
THEIRS = """\
# mine
apiVersion: v1
clusters:
- name: kind  # the local one
  cluster: {server: "https://127.0.0.1:6443", extensions: [{name: x, extension: {a: 1}}]}
users: null
contexts:
- context:
    cluster: kind
    user: 'kind'
  name: kind
current-context: kind
preferences: {colors: true}
"""


def write(file: Path) -> str:
    edit(file, lambda _found: ENTRIES, "yes")
    return file.read_text()


def test_a_new_file_is_as_the_aws_cli_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config"
    text = write(file)
    assert list(yaml_reader.first(text)) == [
        "apiVersion",
        "clusters",
        "contexts",
        "current-context",
        "kind",
        "preferences",
        "users",
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in file.parent.iterdir()] == ["config"]
    assert max(map(len, text.splitlines())) > 1600  # a certificate is not folded
    assert entries(file) == ENTRIES


def test_what_is_the_users_is_kept_with_its_comments(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(THEIRS)
    file.chmod(0o644)
    text = write(file)
    assert text.startswith("# mine\napiVersion: v1\nclusters:\n- name: kind  # the local one\n")
    assert "user: 'kind'" in text
    assert "preferences: {colors: true}" in text
    assert 'current-context: "yes"' in text  # kubectl reads yes as true
    assert set(entries(file)["clusters"]) == {"kind", ARN}
    assert file.stat().st_mode & 0o777 == 0o600
    assert write(file) == text


@pytest.mark.parametrize("text", ["", "# only this\n", "---\n", "{}", json.dumps({"clusters": [], "x": [1, "yes"]})])
def test_a_file_with_nothing_in_it_keeps_that(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    assert text.strip("{}\n")[:11] in write(file)
    assert entries(file) == ENTRIES


@pytest.mark.parametrize(
    "text",
    ["a: 1\n---\nb: 2\n", "a: 1\na: 2\n", "- a", "clusters: {}x", "a: [", "clusters: 7", "contexts: [1, 2]\nb: *x"],
)
def test_what_cannot_be_kept_is_not_written(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(AcksmError) as caught:
        write(file)
    assert (caught.value.id, file.read_text()) == ("kubeconfig-malformed", text)
    assert [item.name for item in tmp_path.iterdir()] == ["config"]


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "config").write_text(THEIRS)
    (tmp_path / "link").symlink_to("real/config")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert "yes" in entries(tmp_path / "real" / "config")["contexts"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AcksmError) as caught:
        write(tmp_path / "file" / "config")
    assert caught.value.id == "kubeconfig-not-written"
    with pytest.raises(AcksmError) as caught:
        write(tmp_path)
    assert caught.value.id == "kubeconfig-missing"


def test_the_file_is_chosen_as_by_the_aws_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    one, two = tmp_path / "one", tmp_path / "two"
    assert paths("", {}) == paths("", {"KUBECONFIG": " : "}) == [tmp_path / ".kube" / "config"]
    both = paths("", {"KUBECONFIG": f"~/one{os.pathsep}{two}"})
    assert both == [one, two]
    assert paths("~/two", {"KUBECONFIG": str(one)}) == [two]
    assert choose(both, ARN) == one  # none exists
    one.write_text("[")
    write(two)
    assert choose(both, ARN) == two
    assert choose(both, "other") == one
    assert current(both, two, "yes") == "yes"
    one.write_text(THEIRS)
    assert current(both, two, "yes") == "kind"
    assert current(both, one, "mine") == "mine"


_names = st.text(max_size=6) | st.sampled_from(["yes", "~", "0x1f", "1e3", "a: b", "#x", "null", "<<", "=", " a "])
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | _names,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text("abc-", min_size=1, max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(
    theirs=st.dictionaries(_names, _values, max_size=3),
    more=st.dictionaries(st.sampled_from(["extensions", "preferences"]), _values, max_size=2),
    name=_names.filter(bool),
)
def test_any_file_is_kept_or_refused(
    tmp_path_factory: pytest.TempPathFactory, theirs: Any, more: Any, name: str
) -> None:
    file = tmp_path_factory.mktemp("any") / "config"
    listed = [{"name": key, "user": {"token": value}} for key, value in theirs.items()]
    text = json.dumps({"users": listed, **more})
    file.write_text(text)
    desired = {"users": {name: {"token": name}}}
    try:
        edit(file, lambda _found: desired, name)
        refused = ""
    except AcksmError as error:
        refused = error.id
    if refused:
        assert (refused, file.read_text()) == ("kubeconfig-malformed", text)
        return
    found: Any = yaml_reader.first(file.read_text())
    expected: Any = yaml_reader.first(text)
    assert [entry for entry in found["users"] if entry["name"] != name] == [
        entry for entry in expected["users"] if entry["name"] != name
    ]
    assert entries(file)["users"][name] == {"token": name}
    assert kubeconfig_file.current_of(file) == name
