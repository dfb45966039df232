"""Names of ACK: the two services, and the API group that all services share. And acksm's own mark on what it
applied from a chart."""

from __future__ import annotations

SERVICES = ("sagemaker", "applicationautoscaling")
COMMON_GROUP = "services.k8s.aws"
CHART_ANNOTATION = "acksm.dev/chart"
