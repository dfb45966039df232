"""What a finding between clusters shares with all others: its severities, and commands with the names of the fleet."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import field

from acksm import reports
from acksm.dataclass import dataclass
from acksm.fleet.file import FILE_NAME, Member

ERROR, WARNING = "error", "warning"
Facts = Mapping[str, reports.FleetFactsReport]


@dataclass(frozen=True)
class Fleet:
    """What remedies name: the file, and its clusters by id. `whole`: the facts are of every cluster, so that what none
    of them has is not the fleet's."""

    file: str = FILE_NAME
    members: Mapping[str, Member] = field(default_factory=dict)
    whole: bool = True

    def command(self, verb: str, clusters: Sequence[str], *words: str) -> str:
        """`acksm fleet VERB` on some clusters."""
        file = ["-f", self.file] if self.file != FILE_NAME else []
        only = [word for cluster in clusters for word in ("--cluster", cluster)]
        return shlex.join(["acksm", "fleet", verb, *file, *only, *words])

    def pinned(self, setting: str, clusters: Sequence[str]) -> str:
        """A note where the file has another value than the remedy, which the next run would restore; "" where not."""
        if any(setting in self.members[one].settings for one in clusters if one in self.members):
            return f"   (change {setting.replace('_', '-')} in {self.file} too)"
        return ""

    def profile(self, cluster: str) -> list[str]:
        """The option of the cluster's profile, [] without one."""
        found = self.members[cluster].profile if cluster in self.members else ""
        return ["--profile", found] if found else []

    def kubectl(self, cluster: str, found: reports.FleetFactsReport) -> tuple[str, str]:
        """kubectl for a cluster, and what writes its context first where the kubeconfig has none: "… && ", or ""."""
        context = found["context"] or found["target"]["cluster_arn"]
        connect = ""
        if not found["context"]:
            _, region, name = cluster.split("/", 2)
            words = ["acksm", "connect", "--cluster", name, "--region", region, *self.profile(cluster)]
            connect = shlex.join(words) + " && "
        return shlex.join(["kubectl", "--context", context]), connect
