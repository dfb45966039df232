"""One meaning for each option and argument: -n is an object's namespace, KIND/NAME and KIND NAME are the same."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from acksm.cli import app
from acksm.cli.adopt import split
from acksm.cli.options import both, joined

ABOUT_NAMESPACES = [("carm", "bind"), ("carm", "unbind"), ("carm", "verify"), ("carm", "list"), ("region", "bind")]
ABOUT_NAMESPACES += [("region", "unbind"), ("region", "list"), ("region", "explain")]


@pytest.mark.parametrize("path", ABOUT_NAMESPACES, ids=" ".join)
def test_n_is_the_namespace_of_objects(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(app, [*path, "--help"]).stdout
    assert "-n, --namespace" in text or "--namespace, -n" in text
    assert "--controller-namespace, -n" not in text
    assert "-n, --controller-namespace" not in text
    assert "--controller-namespace" in text


@pytest.mark.parametrize(
    ("words", "target", "given"),
    [
        (["region", "bind", "-n", "team-b", "us-east-1"], "region", {"team-b": "us-east-1"}),
        (["region", "bind", "team-b", "us-east-1"], "region", {"team-b": "us-east-1"}),
        (["region", "bind", "-n", "a", "-n", "b", "us-east-1"], "region", {"a": "us-east-1", "b": "us-east-1"}),
        (["region", "unbind", "a", "-n", "b"], "region", {"a": None, "b": None}),
        (["carm", "bind", "-n", "team-b", "--target-account", "111111111111"], "carm", ("team-b",)),
        (["carm", "bind", "a", "-n", "b", "-n", "a", "--target-account", "111111111111"], "carm", ("a", "b")),
        (["carm", "unbind", "-n", "team-b"], "unbind", ("team-b",)),
        (["carm", "verify", "-n", "team-b"], "verify", ("team-b",)),
        (["carm", "list", "-n", "team-b"], "verify", ("team-b",)),
        (["doctor", "Endpoint", "churn"], "doctor", "Endpoint/churn"),
        (["doctor", "Endpoint/churn"], "doctor", "Endpoint/churn"),
        (["region", "explain", "Endpoint", "churn"], "explain", "Endpoint/churn"),
        (["region", "explain", "Endpoint"], "explain", "Endpoint"),
    ],
)
def test_what_commands_are_given(words: list[str], target: str, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    places: dict[str, tuple[str, Any]] = {
        "region": ("acksm.guide.region.command.run_bind", lambda _at, _run, _ui, regions, **_: regions),
        "carm": ("acksm.guide.carm.bind.run_bind", lambda _at, _d, _run, _ui, requested, **_: requested.namespaces),
        "unbind": ("acksm.guide.carm.bind.run_unbind", lambda _at, _run, _ui, names, **_: names),
        "verify": ("acksm.guide.carm.verify.run", lambda _at, _o, _run, _ui, names, **_: names),
        "doctor": ("acksm.guide.doctor.command.run_object", lambda _at, _o, _run, _ui, thing, *_: thing),
        "explain": ("acksm.guide.region.explain.run", lambda _at, _run, _ui, thing, _n: thing),
    }
    name, look = places[target]

    def run(*arguments: Any, **more: Any) -> int:
        seen.append(look(*arguments, **more))
        return 0

    monkeypatch.setattr(name, run)
    assert CliRunner().invoke(app, words).exit_code == 0
    assert seen == [given]


@pytest.mark.parametrize(
    ("kind", "names", "found"),
    [
        ("Endpoint", ["churn"], ["Endpoint", "churn"]),
        ("Endpoint/churn", [], ["Endpoint", "churn"]),
        ("Endpoint", ["churn", "reco"], ["Endpoint", "churn", "reco"]),
        ("Endpoint/churn", ["Endpoint/reco"], ["Endpoint", "churn", "reco"]),
        ("UserProfile/d-123/alice", [], ["UserProfile", "d-123/alice"]),
        ("UserProfile", ["d-123/alice"], ["UserProfile", "d-123/alice"]),
        ("arn:aws:sagemaker:us-west-2:1:endpoint/churn", [], ["arn:aws:sagemaker:us-west-2:1:endpoint/churn", ""]),
        ("Endpoint", [], ["Endpoint", ""]),
        ("", [], ["", ""]),
    ],
)
def test_kind_and_names(kind: str, names: list[str], found: list[str]) -> None:
    assert split(kind, names) == found


def test_a_name_is_joined_to_its_kind_once() -> None:
    assert [joined("Model", "m"), joined("Model/m", None), joined("Model/m", "x")] == ["Model/m", "Model/m", "Model/m"]
    assert both(["a"], ["b", "a"]) == ("a", "b")
