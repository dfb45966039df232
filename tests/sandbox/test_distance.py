"""The benchmark's distance: AWS and the apiserver by proxies, for acksm as for any tool."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import counts
from acksm.sandbox import api
from acksm.sandbox.state import directory
from distance import Proxy, longest_chain
from run import Network
from world import World


def test_all_that_a_command_asks_passes_the_proxies(world: World, tmp_path: Path) -> None:
    cluster = world.state.clusters[world.cluster]
    given = api.environment(world.state.name, cluster.handle)
    log = counts.Log(directory(world.state.name) / "clusters" / cluster.handle / "audit.log")
    with (
        Proxy(urlsplit(world.state.aws_endpoint).netloc, 0.02) as aws,
        Proxy(urlsplit(cluster.endpoint).netloc, 0.01) as kube,
    ):
        network = Network(aws, kube)
        variables = network.variables(given, cluster.endpoint, tmp_path)
        kubeconfig = Path(variables["KUBECONFIG"]).read_text()
        for theirs, own in ((cluster.endpoint, kube.address), (world.state.aws_endpoint, aws.address)):
            assert own in kubeconfig
            assert theirs not in kubeconfig
        api.move_endpoint(world.state, cluster.handle, f"https://{kube.address}")
        try:
            network.trips(log.added())
            world.acksm("install", "--dry-run", env=variables).ok()
        finally:
            api.move_endpoint(world.state, cluster.handle, cluster.endpoint)
        taken = aws.taken()
        _, to_kube = network.trips(log.added())
    requests = sum(len(one.spans) for one in taken)
    assert len(taken) < requests  # connections are reused
    assert 2 <= longest_chain(span for one in taken for span in one.spans) <= requests
    assert to_kube.connections >= 1
    assert to_kube.sequential >= 1
    described = world.aws("eks").describe_cluster(name=cluster.name)["cluster"]["endpoint"]
    assert described == cluster.endpoint
