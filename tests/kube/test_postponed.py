"""What acksm postpones of the kubernetes library is there for whoever needs it."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from acksm.kube.client import preload
preload()
import kubernetes
assert not {"requests", "oauthlib", "websocket"} & set(sys.modules), sorted(sys.modules)
from kubernetes import config
assert config.ConfigException.__module__ == "kubernetes.config.config_exception"
import kubernetes.config, kubernetes.stream.ws_client
assert kubernetes.config.load_kube_config and kubernetes.stream.stream
assert kubernetes.informer.__name__ == "kubernetes.informer"
"""


def test_a_postponed_part_is_imported_by_whoever_asks_for_it() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
