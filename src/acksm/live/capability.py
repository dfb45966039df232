"""EKS's own ACK: a capability of type ACK runs AWS's controllers for the same kinds.

docs/ack/identity.md#eks-capability.
"""

from __future__ import annotations

from collections.abc import Sequence

from acksm.aws.account import Aws
from acksm.aws.eks import Cluster
from acksm.errors import AcksmError


def check(aws: Aws, cluster: Cluster, services: Sequence[str]) -> None:
    """Error: `capability-conflict`, with the capabilities that run any of `services`."""
    found = [
        (item, [one for one in services if one not in item.disabled]) for item in aws.eks.ack_capabilities(cluster.name)
    ]
    if any(shared for _, shared in found):
        listed = ", ".join(f"{item.name} ({item.status}): {', '.join(shared)}" for item, shared in found if shared)
        raise AcksmError(
            "capability-conflict",
            f"EKS already runs ACK's controllers for cluster {cluster.name}: {listed}",
            where=f"cluster {cluster.name}",
        )
