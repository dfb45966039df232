from __future__ import annotations
import time, json
from pathlib import Path
from collections.abc import Iterator
import pytest
import likeness
from abroad import Abroad
from kills import Kills
from killer import Forks
from world import World


@pytest.fixture
def kills(world: World, tmp_path: Path) -> Iterator[Kills]:
    abroad = Abroad.open(world)
    found = Kills(abroad, Forks(tmp_path / "forks"), tmp_path)
    yield found
    found.forks.close()
    abroad.clean()


def prepare(kills):
    world = kills.world
    home = world.namespace
    scaling = world.aws("application-autoscaling")
    for n in "ab":
        scaling.register_scalable_target(ServiceNamespace="sagemaker", ResourceId=f"endpoint/{n}/variant/v",
          ScalableDimension="sagemaker:variant:DesiredInstanceCount", MinCapacity=1, MaxCapacity=2)
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{home}-team"}})
    file = kills.place / "adopt.json"
    file.write_text(json.dumps([{"kind": "ScalableTarget", "name": f"endpoint/{n}/variant/v", "namespace": f"{home}-team", "as": f"scale-{n}"} for n in "ab"]))
    one = ("--service", "applicationautoscaling")
    b = kills.abroad
    return {
        "install": ("install", "-y", *one, "--version", "applicationautoscaling=1.1.2"),
        "upgrade": ("install", "-y", *one, "--version", "applicationautoscaling=1.4.1"),
        "carm setup": ("carm", "setup", "--target-account", b.account, "--target-profile", b.profile, "-y"),
        "carm bind": ("carm", "bind", f"{home}-abroad", "--account", b.account, "--create-namespace"),
        "adopt": ("adopt", "-f", str(file), "-y"),
        "cleanup": ("cleanup", "--all", "--delete-aws", "--confirm", world.cluster, "--target-profile", b.profile),
    }

def test_x(kills: Kills) -> None:
    world = kills.world
    want = {}
    print()
    for name, argv in prepare(kills).items():
        t = time.monotonic()
        e = kills.ok(*argv)
        want[name] = kills.seen()
        print(name, len(e.calls), time.monotonic() - t, flush=True)
        for c in e.calls: print("   ", c)
    world.reset(); kills.abroad = Abroad.open(world)
    for name, argv in prepare(kills).items():
        t = time.monotonic()
        died = kills.chain(*argv)
        print("chain", name, len(died), time.monotonic() - t, flush=True)
        print("\n".join(likeness.difference(want[name], kills.seen())))
