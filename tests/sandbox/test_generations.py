"""Every generation of both charts, in each scope that it can have: installed, running, and told what to watch."""

from __future__ import annotations

import pytest

from acksm.ack import charts
from acksm.kube.paths import ref
from acksm.sandbox.practice.generations import VERSIONS
from world import World

EVERY = [(service, version) for service, versions in VERSIONS.items() for version in versions]
BROKEN = {("sagemaker", "1.2.4")}


def arguments(world: World, service: str) -> list[str]:
    (found,) = world.kube.list(
        ref("Deployment", namespace=world.namespace),
        selector=f"app.kubernetes.io/instance={charts.release_name(service)}",
    )
    args: list[str] = found["spec"]["template"]["spec"]["containers"][0]["args"]
    return args


def after(args: list[str], flag: str) -> str:
    return args[args.index(flag) + 1] if flag in args else ""


@pytest.mark.parametrize(("service", "version"), EVERY)
def test_every_generation_in_both_scopes(world: World, service: str, version: str) -> None:
    options = ("--service", service, "--version", f"{service}={version}")
    run = world.install(*options, "--scope", "cluster")
    assert f"{service} {version}" in " ".join(run.stdout.split()).replace(f"{service} v", f"{service} ")
    args = arguments(world, service)
    assert after(args, "--watch-namespace") == ""
    if charts.has(service, version, "account-id"):  # G3: twelve digits, zeros and all
        assert after(args, "--aws-account-id") == world.account
    if (service, version) in BROKEN:
        refused = world.acksm("install", "-y", *options, "--scope", "namespace")
        assert (refused.error_id, refused.exit_code) == ("scope-broken", 3)
        return
    world.install(*options, "--scope", "namespace")
    assert after(arguments(world, service), "--watch-namespace") == world.namespace
    with world.requests() as again:
        world.install(*options)  # the scope is kept without being named again
    assert again.writes == []
    status = world.acksm("status", "--service", service, "-o", "json").ok()
    (row,) = status.data["controllers"]
    assert (row["version"], row["healthy"]) == (version, True)
    assert row["scope"].startswith("namespace")


@pytest.mark.parametrize(
    ("version", "watch", "id"),
    [
        ("0.0.4", ["elsewhere"], "scope-unsupported"),  # only its own namespace
        ("0.2.0", ["elsewhere"], "scope-unsupported"),
        ("0.0.3", ["one", "two"], "scope-unsupported"),  # one namespace
        ("1.2.4", [], "scope-broken"),
    ],
)
def test_what_a_generation_cannot_watch_is_refused_with_the_reason(
    world: World, version: str, watch: list[str], id: str
) -> None:
    flags = [part for name in watch for part in ("--watch-namespace", name)]
    with world.requests() as seen:
        run = world.acksm(
            "install",
            "--service",
            "sagemaker",
            "--version",
            f"sagemaker={version}",
            "--scope",
            "namespace",
            "--create-namespace",
            *flags,
        )
    assert (run.error_id, run.exit_code) == (id, 3)
    assert seen.writes == []
