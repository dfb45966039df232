"""Every remedy is a command that can be pasted: it parses, and in a run it has the run's own names."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import acksm
from acksm.catalog import entries
from acksm.cli import app, remedies
from acksm.errors import AcksmError
from acksm.remedies import FILL, KNOWN

GROUP: Any = typer.main.get_command(app)
SOURCE = Path(acksm.__file__).parent


def context(line: str) -> Any:
    """The context of a command line, parsed and not run. Raises what the parser raises."""
    words, ctx, group = shlex.split(line), None, GROUP
    ctx = GROUP.make_context("acksm", [], resilient_parsing=True)
    while words and words[0] in getattr(group, "commands", {}):
        group = group.commands[words[0]]
        name = words.pop(0)
        if hasattr(group, "commands"):
            ctx = group.make_context(name, [], parent=ctx, resilient_parsing=True)
    assert group is not GROUP, line
    return group.make_context(name, words, parent=ctx)


def typed_options() -> set[str]:
    """Every option, by its own name and by that of its setting."""
    found, groups = set[str](), [GROUP]
    while groups:
        group = groups.pop()
        groups += getattr(group, "commands", {}).values()
        for item in group.params:
            found |= {*item.opts, *item.secondary_opts, f"--{str(item.name).replace('_', '-')}"}
    return found


def check(remedy: str) -> None:
    """A remedy that begins with acksm parses; `…` is the command as it was typed."""
    command = remedy.partition("   ")[0].partition(" && ")[0]
    words = shlex.split(command)[1:]
    if remedies.TYPED not in words:
        context(" ".join(map(shlex.quote, words)))
        return
    assert words.count(remedies.TYPED) == 1
    at = words.index(remedies.TYPED)
    assert all(word in typed_options() for word in words[at + 1 :] if word.startswith("-")), command
    path, _ = remedies._walk(GROUP, words[:at])
    assert path == words[:at], command


@pytest.mark.parametrize("id", [name for name, entry in entries().items() if entry.remedy.startswith("acksm ")])
def test_remedies_of_the_catalogue_parse(id: str) -> None:
    check(entries()[id].remedy)


SENTENCES = {"acksm VALUE", "acksm VALUE VALUE", "acksm VALUE has no plan", "acksm doctor: cluster VALUE"}
BEGINNING = re.compile("[\"']acksm ")  # parsing all of the code would take each worker a second


def written() -> Iterator[Any]:
    """Remedies in the code that begin with acksm, with VALUE for what is filled in."""
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        if path.parent.name in {"catalog", "sandbox"} or not BEGINNING.search(text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.JoinedStr):
                plain = "".join(str(p.value) if isinstance(p, ast.Constant) else "VALUE" for p in node.values)
                if plain.startswith("acksm ") and plain not in SENTENCES:
                    yield pytest.param(plain, id=f"{path.relative_to(SOURCE)}:{node.lineno}")


@pytest.mark.parametrize("remedy", list(written()))
def test_remedies_in_the_code_parse(remedy: str) -> None:
    check(remedy)


@pytest.mark.parametrize(
    ("typed", "remedy", "expected"),
    [
        ("install --cluster demo", "acksm … --role-name OTHER", "acksm install --cluster demo --role-name OTHER"),
        ("install --role-name x", "acksm … --role-name OTHER   (note)", "acksm install --role-name OTHER   (note)"),
        ("install --policy core", "acksm … --policy studio", "acksm install --policy core --policy studio"),
        ("install -y --no-wait", "acksm …   (again)", "acksm install --no-wait --yes   (again)"),
        ("status --cluster demo --region us-west-2 -n ml", "acksm install", "acksm install --cluster demo --region us-west-2 --controller-namespace ml"),  # noqa: E501
        ("adopt Model m --region us-west-2 --object-region eu-west-1", "acksm … --object-region us-east-1", "acksm adopt Model m --object-region us-east-1 --region us-west-2"),  # noqa: E501
        ("adopt Model m --region us-west-2", "acksm install", "acksm install --region us-west-2"),
        ("install --cluster demo", "acksm install --cluster other", "acksm install --cluster other"),
        ("carm bind team-b --target-account 111111111111", "acksm install … --mode carm", "acksm install --mode carm"),
        ("install --cluster demo", "acksm explain --list", "acksm explain --list"),
        ("install --cluster demo", "kubectl get pods", "kubectl get pods"),
        ("install --cluster demo", "acksm install with a newer version, or not", "acksm install with a newer version, or not"),  # noqa: E501
        ("carm bind 'a b' --target-account 1", "acksm …", "acksm carm bind 'a b' --target-account 1"),
        ("carm bind a b", "acksm carm bind NAMESPACE --target-account ID", "acksm carm bind a b --target-account ID"),
        ("samples apply training -n x --set a=b", "acksm samples show SAMPLE", "acksm samples show training"),
        ("doctor Endpoint/churn -n x", "acksm region explain KIND/NAME -n NAMESPACE", "acksm region explain Endpoint/churn -n x"),  # noqa: E501
        ("adopt Endpoint churn -n x", "kubectl get KIND NAME -n NAMESPACE", "kubectl get Endpoint churn -n x"),
        ("install --cluster demo", "aws eks describe-cluster --name CLUSTER", "aws eks describe-cluster --name demo"),
        ("samples apply training -n x", "acksm doctor --print-rbac COMMAND", "acksm doctor --print-rbac samples-apply -n x"),  # noqa: E501
        ("doctor Model/m -n x", "acksm doctor --print-rbac COMMAND", "acksm doctor --print-rbac doctor-object -n x"),
        ("carm setup --target-account 1", "acksm doctor --print-policy COMMAND", "acksm doctor --print-policy carm-setup"),  # noqa: E501
        ("version", "acksm doctor --print-policy COMMAND", "acksm doctor --print-policy COMMAND"),
    ],
)  # fmt: skip
def test_a_remedy_has_the_options_of_the_run(typed: str, remedy: str, expected: str) -> None:
    ctx = context(typed)
    found = remedies.filled(ctx, remedy)
    assert sorted(shlex.split(found)) == sorted(shlex.split(expected))
    assert found.partition("   ")[2] == remedy.partition("   ")[2]
    assert remedies.filled(ctx, found) == found  # once is enough: a check passes an error's remedy on


@pytest.mark.parametrize("typed", ["install --cluster demo", "doctor --cluster demo", "rbac grant x --cluster demo"])
def test_an_administrators_command_has_no_roles_to_print(typed: str) -> None:
    found = remedies.filled(context(typed), entries()["kube-forbidden"].remedy)
    assert found.startswith("aws eks associate-access-policy --cluster-name demo --region REGION ")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Model team-a/churn", "kubectl describe Model churn -n team-a"),
        ("Model churn", "kubectl describe KIND NAME -n NAMESPACE"),
        ("namespace team-a", "kubectl describe KIND NAME -n NAMESPACE"),
        ("", "kubectl describe KIND NAME -n NAMESPACE"),
    ],
)
def test_an_error_of_an_object_names_it(where: str, found: str) -> None:
    assert AcksmError("defect", "x", where=where, remedy="kubectl describe KIND NAME -n NAMESPACE").remedy == found


def test_an_error_has_the_remedy_of_the_run() -> None:
    ctx = context("install --cluster demo")
    error = AcksmError("role-name-too-long", "too long")
    assert "…" in error.remedy
    token = FILL.set(lambda remedy: remedies.filled(ctx, remedy))
    try:
        assert error.remedy.startswith("acksm install --cluster demo --role-name NAME")
    finally:
        FILL.reset(token)


def test_what_is_known_once_connected_is_filled_in() -> None:
    ctx = context("status --context x")
    token = KNOWN.set(
        {"CLUSTER": "demo", "REGION": "us-west-2", "PRINCIPAL_ARN": "arn:aws:iam::1:role/dana", "PARTITION": "aws"}
    )
    try:
        found = remedies.filled(ctx, entries()["kube-unauthorized"].remedy)
    finally:
        KNOWN.reset(token)
    assert "--cluster-name demo --region us-west-2 --principal-arn arn:aws:iam::1:role/dana" in found
    assert found.count("aws eks ") == 2
    assert "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy" in found
