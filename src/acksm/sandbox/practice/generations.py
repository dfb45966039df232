"""Which practice charts exist, and what each generation's chart has: a table (docs/ack/versions.md#values).

A generation is named after the sagemaker release that started it; application autoscaling has the matching one.
"""

from __future__ import annotations

from dataclasses import dataclass

GENERATIONS = ("0.0.3", "0.0.4", "0.2.0", "1.2.4", "1.2.13", "1.4.1", "1.5.1", "1.9.1")

# service -> version -> generation. 1.2.4 is one of the releases whose namespace scope does not work (community#1996).
VERSIONS: dict[str, dict[str, str]] = {
    "sagemaker": {generation: generation for generation in GENERATIONS},
    "applicationautoscaling": {
        "0.0.3": "0.0.4",
        "0.2.0": "0.2.0",
        "1.0.17": "1.2.13",
        "1.1.1": "1.4.1",
        "1.1.2": "1.5.1",
        "1.4.1": "1.9.1",
    },
}
# Tags lost their `v` in May 2023 (docs/ack/versions.md#names-and-tags).
V_TAGS = {"0.0.3", "0.0.4", "0.2.0"}

_FIRST_KINDS = """
DataQualityJobDefinition Endpoint EndpointConfig FeatureGroup HyperParameterTuningJob Model ModelBiasJobDefinition
ModelExplainabilityJobDefinition ModelPackage ModelPackageGroup ModelQualityJobDefinition MonitoringSchedule
ProcessingJob TrainingJob TransformJob
""".split()  # noqa: SIM905
_LATER_KINDS = {
    "0.0.4": ["NotebookInstance", "NotebookInstanceLifecycleConfig"],
    "1.2.4": ["App", "Domain", "UserProfile", "Pipeline", "PipelineExecution"],
    "1.2.13": ["InferenceComponent"],
    "1.4.1": ["LabelingJob"],
    "1.5.1": ["Space"],
    "1.9.1": ["Project"],
}
GENERATOR = {
    "0.0.3": "v0.6.1",
    "0.0.4": "v0.6.1",
    "0.2.0": "v0.7.0",
    "1.2.4": "v0.9.2",
    "1.2.13": "v0.14.0",
    "1.4.1": "v0.16.2",
    "1.5.1": "v0.16.2",
    "1.9.1": "v0.19.0",
}


@dataclass(frozen=True)
class Chart:
    """One practice chart: a service at a version, which is of a generation."""

    service: str
    version: str
    generation: str

    def since(self, generation: str) -> bool:
        """Whether this chart is of `generation` or later."""
        return GENERATIONS.index(self.generation) >= GENERATIONS.index(generation)

    @property
    def tag(self) -> str:
        return f"v{self.version}" if self.generation in V_TAGS else self.version

    @property
    def kinds(self) -> list[str]:
        """The service's own kinds, sorted."""
        if self.service == "applicationautoscaling":
            return ["ScalableTarget", "ScalingPolicy"]
        later = [kind for generation, kinds in _LATER_KINDS.items() if self.since(generation) for kind in kinds]
        return sorted([*_FIRST_KINDS, *later])

    @property
    def common_kinds(self) -> list[str]:
        """Kinds of the group services.k8s.aws that this generation ships (docs/ack/versions.md#crds)."""
        kinds = [] if self.since("1.5.1") else ["AdoptedResource"]
        kinds += ["FieldExport"] if self.since("1.2.4") else []
        return kinds + (["IAMRoleSelector"] if self.since("1.5.1") else [])


def all_charts() -> list[Chart]:
    """Every practice chart, oldest first within its service."""
    return [
        Chart(service, version, generation)
        for service, versions in VERSIONS.items()
        for version, generation in versions.items()
    ]


def plural(kind: str) -> str:
    lower = kind.lower()
    return lower[:-1] + "ies" if lower.endswith("y") else lower + "s"
