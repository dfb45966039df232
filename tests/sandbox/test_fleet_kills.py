"""A cluster's process that is killed in the middle of a rollout: the supervisor reports it and starts no other cluster,
and the same command goes on from the call at which it was, without one made twice."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

import killer
from acksm.exits import ExitCode
from acksm.sandbox.state import REGION
from kept_forks import kept
from killer import AFTER, BEFORE, LEASE
from world import ONE, World

# Applied by two requests, for two field managers; a run that was killed between them repeats the first
_COMMON_CRD = re.compile(r"/[a-z]+\.services\.k8s\.aws$")
# In the place of acksm: acksm with somebody who kills it, as the file beside it says
_KILLED = """
import json, sys
from pathlib import Path
from killer import Order, run
home = Path(__file__).parent
order = json.loads((home / "order").read_text())
run(Order(tuple(sys.argv[1:]), order["at"], order["moment"], str(home / "log"), passing=True))
"""


class Rollout:
    """`acksm fleet apply` on the world's cluster, and in a later wave on one that does not exist."""

    def __init__(self, world: World, home: Path) -> None:
        self.world, self.home = world, home
        (home / "killed.py").write_text(_KILLED)
        (home / "fleet.yaml").write_text(f"""
defaults: {{service: [applicationautoscaling], controller-namespace: {world.namespace}}}
waves: [{{name: canary, select: {{stage: canary}}}}, {{name: rest}}]
clusters:
- {{cluster: {world.cluster}, account: "{world.account}", region: {REGION}, labels: {{stage: canary}}}}
- {{cluster: nowhere, account: "{world.account}", region: {REGION}}}
""")

    def apply(self, at: int = 0, moment: str = AFTER) -> tuple[int, dict[str, str], list[str]]:
        """The exit code, the states, and the mutating calls that the canary made; it is killed at one, or at none."""
        (self.home / "order").write_text(json.dumps({"at": at, "moment": moment}))
        (self.home / "log").write_text("")
        run = self.world.acksm("fleet", "apply", "--yes", "-o", "json")
        states = {item["cluster"]: item["state"] for item in run.data["clusters"]}
        rows = [json.loads(line) for line in (self.home / "log").read_text().splitlines()]
        calls = [f"{row['system']} {row['what']}" for row in rows if "k" in row and LEASE not in row["what"]]
        died = any("died" in row for row in rows)
        assert died is (run.exit_code == ExitCode.INTERRUPTED), run.stderr
        return run.exit_code, states, calls[:-1] if died and moment == BEFORE else calls


@pytest.mark.timeout(600)
def test_a_killed_process_is_reported_and_the_same_command_goes_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = Rollout(world, tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(killer.__file__).parent)]))
    with kept("killed"):
        killed_and_continued(rollout)


def killed_and_continued(rollout: Rollout) -> None:
    """Killed at every third call, until nothing is left to do."""
    world, made, kills = rollout.world, list[str](), 0
    while True:
        code, states, calls = rollout.apply(*((3, AFTER), (4, BEFORE))[kills % 2])
        made += calls
        if code != ExitCode.INTERRUPTED:
            break
        kills += 1
        assert states == {world.cluster: "failed", "nowhere": "not started"}
        assert len(calls) == 3
    assert kills >= 3
    assert (code, states) == (ExitCode.CHECK_FAILED, {world.cluster: "done", "nowhere": "failed"})
    once = [call for call in made if not _COMMON_CRD.search(call)]
    assert sorted(set(once)) == sorted(once)
    code, states, calls = rollout.apply()
    assert (states[world.cluster], calls) == ("up to date", [])
    world.acksm("status", *ONE).ok()
