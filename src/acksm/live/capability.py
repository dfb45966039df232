"""EKS's own ACK: a capability of type ACK runs AWS's controllers for the same kinds.

docs/ack/identity.md#eks-capability.
"""

from __future__ import annotations

from acksm.aws.account import Aws
from acksm.aws.eks import Cluster
from acksm.errors import AcksmError


def check(aws: Aws, cluster: Cluster) -> None:
    """Error: `capability-conflict`, with the capabilities."""
    found = aws.eks.ack_capabilities(cluster.name)
    if found:
        listed = ", ".join(f"{item.name} ({item.status})" for item in found)
        raise AcksmError(
            "capability-conflict",
            f"EKS already runs ACK's controllers for cluster {cluster.name}: {listed}",
            where=f"cluster {cluster.name}",
        )
