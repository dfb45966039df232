"""What a finding between clusters shares with all others: its severities, and commands with the names of the fleet."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from acksm import reports
from acksm.fleet.file import FILE_NAME

ERROR, WARNING = "error", "warning"
Facts = Mapping[str, reports.FleetFactsReport]


@dataclass(frozen=True)
class Fleet:
    """What remedies name: the file, and the profile of each cluster that has one. `whole`: the facts are of every
    cluster, so that what none of them has is not the fleet's."""

    file: str = FILE_NAME
    profiles: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True

    def command(self, verb: str, clusters: Sequence[str], *words: str) -> str:
        """`acksm fleet VERB` on some clusters."""
        file = ["-f", self.file] if self.file != FILE_NAME else []
        only = [word for cluster in clusters for word in ("--cluster", cluster)]
        return shlex.join(["acksm", "fleet", verb, *file, *only, *words])

    def kubectl(self, cluster: str, found: reports.FleetFactsReport) -> tuple[str, str]:
        """kubectl for a cluster, and what writes its context first where the kubeconfig has none: "… && ", or ""."""
        context = found["context"] or found["target"]["cluster_arn"]
        connect = ""
        if not found["context"]:
            _, region, name = cluster.split("/", 2)
            profile = self.profiles.get(cluster, "")
            words = ["acksm", "connect", "--cluster", name, "--region", region]
            connect = shlex.join([*words, *(["--profile", profile] if profile else [])]) + " && "
        return shlex.join(["kubectl", "--context", context]), connect
