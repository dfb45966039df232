"""The rights of each command, proven: its rules are enough, and without any verb of them it says what is missing.

The authorizer is one in memory (tests/memory_rbac.py); tests/sandbox/test_one_namespace.py has the apiserver's own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import typed
from acksm.exits import ExitCode
from acksm.guide.rbac import grants, table
from acksm.guide.rbac.table import CLUSTER, CONTROLLERS, OBJECTS, Rule
from memory_account import HOME
from memory_rbac import Governed
from typed import OTHER, ROLE, Answer, answer

BIND = f"carm bind three --target-account {OTHER}"
AGAIN = "carm bind two --target-account 333333333333"
SELECTORS = {"mode": "role-selector"}
OLD = {"service": ["sagemaker"], "version": {"sagemaker": "1.2.4"}}


@dataclass(frozen=True)
class Case:
    """A line of a command, by a user whose namespace is `space`; `before`: lines that an administrator typed, on
    controllers installed with `options`; `when`: which conditions of rules it fulfils."""

    line: str
    before: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    when: frozenset[str] = frozenset()
    space: str = "one"


def case(
    line: str, *before: str, options: Mapping[str, Any] | None = None, when: Collection[str] = (), space: str = "one"
) -> Case:
    return Case(line, before, options or {}, frozenset(when), space)


CASES: Mapping[str, tuple[Case, ...]] = {
    "samples apply": (
        case(f"samples apply model -n three --set role={ROLE} --set bucket=data --no-wait --yes", space="three"),
    ),
    "samples delete": (case("samples delete model -n one --yes"),),
    "adopt": (
        case("adopt Model churn -n one --no-wait --yes"),
        case("adopt Model m -n one --retain --no-wait --yes"),
    ),
    "doctor KIND/NAME": (
        case("doctor Model/m -n one"),
        case("doctor Model/m -n three", BIND, when=(table._ABROAD,), space="three"),
        case("doctor Model/m -n three", BIND, options=SELECTORS, when=(table._ABROAD, table._SELECTING), space="three"),
    ),
    "region explain": (case("region explain Model/m -n one", when=("KIND/NAME",)), case("region explain Model -n one")),
    "logs": (case("logs sagemaker"),),
    "identity status": (case("identity status"),),
    "region list": (case("region list"),),
    "region bind": (
        case("region bind three us-east-1"),
        case("region bind new us-east-1 --create-namespace", when=("--create-namespace",)),
    ),
    "region unbind": (case("region unbind two"),),
    "carm list": (case("carm list", BIND), case("carm list", BIND, options=SELECTORS, when=(table._SELECTING,))),
    "carm verify": (case("carm verify", BIND), case("carm verify", BIND, options=SELECTORS, when=(table._SELECTING,))),
    "carm bind": (
        case(BIND),
        case(BIND, AGAIN),
        case(f"{BIND} --create-namespace".replace("three", "new"), when=("--create-namespace",)),
        case(BIND, options=SELECTORS, when=(table._SELECTING,)),
        case(f"{BIND} --yes", f"{AGAIN} --yes", options=OLD, when=(table._RESTARTED,)),
    ),
    "carm unbind": (
        case("carm unbind three", BIND),
        case("carm unbind three", BIND, options=SELECTORS, when=(table._SELECTING,)),
    ),
}


@pytest.fixture(autouse=True, scope="module")
def _in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("here"))
        typed.in_memory(patch)
        yield


def bound(rules: Iterable[Rule], space: str) -> list[tuple[str, Any]]:
    places = {OBJECTS: space, CONTROLLERS: HOME, CLUSTER: ""}
    return [(places[rule.on], rule.as_rule()) for rule in rules]


# Rights that no case uses, and why: (command, verb, resource); "" for every command.
NOT_HERE = {
    ("adopt", "get", "* of objects"): "it waits for the object",
    ("adopt", "list", "* of objects"): "objects of one namespace, where all cannot be listed",
    ("adopt", "delete", "* of objects"): "an interrupted adoption is continued",
    ("doctor KIND/NAME", "list", "* of objects"): "a selector with labels is searched by name",
    ("carm verify", "create", "serviceaccounts/token"): "--live",
    ("carm bind", "delete", "iamroleselectors"): "another role",
    **{("", verb, "pods, pods/log"): "an object is not synced for a while" for verb in ("get", "list")},
    **{("", verb, "leases"): "a lock is renewed, taken over and released" for verb in ("get", "patch")},
    ("carm bind", "watch", "deployments"): "a rollout takes time",
    ("carm bind", "list", "replicasets"): "a rollout takes time",
    ("", "create", "subjectaccessreviews"): "controllers run in other namespaces",
    ("", "list", "rolebindings"): "controllers run in other namespaces",
}
VERIFIED = {"carm verify": ExitCode.CHECK_FAILED}  # the other account is not read


def what(rule: Rule) -> str:
    """Its resources; of ACK's kinds, where."""
    return f"* of {rule.on}" if rule.resources == ("*",) else ", ".join(rule.resources)


def less(rules: Sequence[Rule], rule: Rule, verb: str) -> list[Rule]:
    """The rules without one verb of one rule."""
    kept = [
        replace(rule, verbs=tuple(one for one in rule.verbs if one != verb)) if one is rule else one for one in rules
    ]
    return [one for one in kept if one.verbs]


class Stage:
    """The world of a case, the same for each run of its line."""

    def __init__(self, one: Case) -> None:
        there = {"model_in": "three", "account": OTHER} if "Model/m -n three" in one.line else {}
        self.case, self.governed = one, Governed()
        self.world = typed.a_world(*one.before, **there, **one.options)
        self.governed.over(self.world.kube)
        self.kept, self.governed.on = self.world.snapshot(), True

    def run(self, rules: Iterable[Rule]) -> Answer:
        self.world.restore(self.kept)
        self.governed.rules = bound(rules, self.case.space)
        return answer(self.case.line)


def says_what_is_missing(found: Answer, whole: Answer, resource: str) -> bool:
    new = found.lines - whole.lines
    if found.code == ExitCode.DEFECT:
        return False
    if found.good:
        return found.tells(whole) or any("this identity may not" in line for line in new)
    return any(re.search("cannot|may not", line) and resource in line for line in new) or found.tells(whole)


@pytest.mark.parametrize("name", table.COMMANDS)
def test_each_verb_of_each_rule_is_needed_and_together_they_are_enough(name: str) -> None:
    rules = table.COMMANDS[name]
    needed, wrong = set[tuple[str, str]](), []
    for one in CASES[name]:
        stage = Stage(one)
        applying = [rule for rule in rules if not rule.when or rule.when in one.when]
        whole = stage.run(applying)
        assert whole.code == VERIFIED.get(name, ExitCode.OK), f"{one.line}: {sorted(whole.lines)}"
        for rule in applying:
            for verb in (one for one in rule.verbs if (one, what(rule)) not in needed):
                found = stage.run(less(applying, rule, verb))
                if found == whole:
                    continue
                needed.add((verb, what(rule)))
                if not says_what_is_missing(found, whole, rule.resources[0].replace("*", "")):
                    wrong.append((one.line, verb, str(rule), found))
    assert not wrong, "\n".join(map(str, wrong))
    every = {(verb, what(rule)) for rule in rules for verb in rule.verbs}
    excused = {(verb, where) for command, verb, where in NOT_HERE if command in {"", name}}
    assert every - needed <= excused, f"not needed: {every - needed - excused}"
    assert not needed & {(verb, where) for command, verb, where in NOT_HERE if command == name}


def test_what_rbac_grant_allows_is_enough_for_its_commands() -> None:
    """Without any right outside of the namespace they say what they could not read; with the reader's Role they are
    complete where they are about one object."""
    user = [("one", rule) for rule in grants.user_rules()]
    reader = [(HOME, rule) for rule in grants.reader_rules()]
    stage = Stage(case(""))
    for name in grants._OF_USER:
        stage.case = case(CASES[name][0].line.replace("-n three", "-n one"))
        for rules in (user, user + reader):
            stage.world.restore(stage.kept)
            stage.governed.rules = rules
            found = answer(stage.case.line)
            limited = rules is user and name in {"doctor KIND/NAME", "samples apply", "adopt"}
            incomplete = rules is user and name == "doctor KIND/NAME"
            assert found.code == (ExitCode.INCOMPLETE if incomplete else ExitCode.OK), stage.case.line
            assert not limited or any("not checked" in line or "incomplete" in line for line in found.lines)
