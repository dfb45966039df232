"""What a person sees of whole commands, on a terminal of 80 columns and without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.guide.cleanup import command as cleanup
from acksm.guide.cleanup.observation import Desired
from acksm.guide.install import command as install
from acksm.settings import Settings
from acksm.ui import Ui
from memory_kube import namespace
from memory_world import MemoryWorld, commands_run_on, run_install
from streams import Stream

ARN = "arn:aws:sagemaker:us-west-2:012345678901:model/churn"


class Answering(Stream):
    def __init__(self, answer: str) -> None:
        super().__init__(terminal=True)
        self._answer = answer

    def readline(self, _size: int = -1, /) -> str:  # type: ignore[override]
        return self._answer


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    for name in ("CI", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    made = MemoryWorld()
    for name in ("team-a", "team-b", "team-c"):
        made.kube.put(namespace(name))
    commands_run_on(monkeypatch, lambda: made, [install, cleanup])
    return made


def asked(settings: Settings, work: Callable[[Settings, Any], object], answer: str = "y\n") -> tuple[str, str]:
    """stderr and stdout of a command on a terminal; questions get `answer`."""
    run = settings.run.model_copy(update={"yes": False})
    ui = Ui(stdout=Stream(), stderr=Stream(terminal=True), stdin=Answering(answer))
    work(Settings(**{**settings.__dict__, "run": run}), ui)
    return ui.stderr.text, ui.stdout.text  # type: ignore[attr-defined]


def piped(settings: Settings, work: Callable[[Settings, Any], object]) -> tuple[str, str]:
    ui = Ui(stdout=Stream(), stderr=Stream())
    work(settings, ui)
    return ui.stderr.text, ui.stdout.text  # type: ignore[attr-defined]


def lasting(text: str, height: int = 80) -> list[str]:
    """The lines that are on a terminal at the end."""
    from pyte import HistoryScreen, Stream as Terminal

    screen = HistoryScreen(80, height)
    Terminal(screen).feed(text.replace("\n", "\r\n"))
    return "\n".join(line.rstrip() for line in screen.display).rstrip().splitlines()


def test_a_first_install_shows_on_one_screen_what_it_makes_and_asks_nothing(world: MemoryWorld) -> None:
    err, out = asked(world.settings(), run_install, answer="")
    shown = lasting(err)
    first = next(number for number, line in enumerate(shown) if line.startswith("about to change:"))
    last = next(number for number, line in enumerate(shown) if line.startswith("✓"))
    assert last - first <= 24, shown
    plan = "\n".join(shown[first:last])
    for part in ("oidc-provider/", "role/ack-controller-role-demo", "AmazonSageMakerFullAccess", "CRDs of sagemaker"):
        assert part in plan
    assert "[y/N]" not in err
    assert any(line.startswith("✓ CRDs") for line in shown)
    assert "created" in shown[-1]
    assert " in " in shown[-1]
    assert "next: acksm status" in out


def test_a_second_install_says_so_and_nothing_else(world: MemoryWorld) -> None:
    piped(world.settings(), run_install)
    err, out = piped(world.settings(), run_install)
    assert "✓ already up to date" in err
    assert "about to change" not in err
    assert "next:" not in out


def test_without_a_terminal_each_step_is_one_line_that_says_what_changed(world: MemoryWorld) -> None:
    err, _ = piped(world.settings(), run_install)
    done = [line for line in err.splitlines() if line.startswith("✓")]
    assert len(done) == len(set(done))
    assert not [line for line in err.splitlines() if line.startswith("  creating")]
    assert "✓ attached AmazonSageMakerFullAccess to role ack-controller-role-demo" in done


def test_another_scope_shows_its_namespaces_and_roles_and_no_values(world: MemoryWorld) -> None:
    first = world.settings(scope="namespace", watch_namespace=["team-a", "team-b"])
    piped(first, run_install)
    other = world.settings(scope="namespace", watch_namespace=["team-a", "team-c"], dry_run=True)
    _, out = piped(other, run_install)
    assert "watches namespaces team-a, team-c instead of namespaces team-a, team-b" in out
    assert "# values.yaml" not in out
    assert len(out.splitlines()) < 40, out
    _, whole = piped(
        world.settings(scope="namespace", watch_namespace=["team-a", "team-c"], dry_run=True, full=True), run_install
    )
    assert "# values.yaml" in whole


def test_what_is_deleted_in_aws_is_right_above_the_question(world: MemoryWorld) -> None:
    piped(world.settings(), run_install)
    world.kube.put(
        {
            "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
            "kind": "Model",
            "metadata": {
                "name": "churn",
                "namespace": "team-a",
                "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"],
            },
            "spec": {"modelName": "churn"},
            "status": {"ackResourceMetadata": {"arn": ARN, "ownerAccountID": "012345678901", "region": "us-west-2"}},
        }
    )
    desired = Desired(crds="all", delete_aws=True, iam=True, oidc=True, carm=True, namespace=True)
    run = world.settings().run.model_copy(update={"yes": False})
    ui = Ui(stdout=Stream(), stderr=Stream(terminal=True), stdin=Answering("no\n"))
    with pytest.raises(AcksmError, match="not confirmed"):
        cleanup.run(Settings(**{**world.settings().__dict__, "run": run}), ui, desired, "")
    err = ui.stderr.text  # type: ignore[attr-defined]
    lines = lasting(err, 200)
    question = next(number for number, line in enumerate(lines) if "Type demo to confirm" in line)
    above = "\n".join(lines[question - 12 : question])
    assert "Model team-a/churn" in above
    assert "deletes in AWS: 1, keeps: 0" in lines[question - 1]
    assert "CRDs of sagemaker" in err
    assert err.count("CustomResourceDefinition") < 5
