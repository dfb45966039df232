"""values.yaml and values.schema.json of a practice chart: the keys of its generation, with acksm's own comments."""

from __future__ import annotations

from acksm.json_types import Json
from acksm.sandbox.practice.generations import Chart


def values_yaml(chart: Chart) -> str:
    """The text of values.yaml. Key names, order and defaults are those of the generation."""
    sections = [
        _image(chart),
        _deployment(chart),
        _role(chart),
        _METRICS,
        _RESOURCES,
        _aws(chart),
        _log(chart),
        _scope(chart),
        _tags(chart),
        _reconcile(chart),
        _service_account(chart),
        _late(chart),
    ]
    return "\n".join(section for section in sections if section)


def _image(chart: Chart) -> str:
    return f"""\
# A practice chart for {chart.service}; see docs/sandbox.md.
image:
  repository: public.ecr.aws/aws-controllers-k8s/{chart.service}-controller
  tag: {chart.tag}
  pullPolicy: IfNotPresent
  pullSecrets: []

nameOverride: ""
fullnameOverride: ""
"""


def _deployment(chart: Chart) -> str:
    text = "# How the controller's pod is made\ndeployment:\n  annotations: {}\n  labels: {}\n  containerPort: 8080\n"
    if chart.since("1.2.4"):
        text += "  # more than one needs leaderElection\n  replicas: 1\n"
    if chart.since("0.2.0") or chart.service == "applicationautoscaling":
        text += "  nodeSelector:\n    kubernetes.io/os: linux\n"
    if chart.since("1.2.4"):
        text += '  tolerations: []\n  affinity: {}\n  priorityClassName: ""\n  hostNetwork: false\n'
        text += "  dnsPolicy: ClusterFirst\n"
        if chart.since("1.4.1"):
            text += "  strategy: {}\n"
        text += "  extraVolumes: []\n  extraVolumeMounts: []\n  extraEnvVars: []\n"
    return text


def _role(chart: Chart) -> str:
    return "role:\n  labels: {}\n" if chart.since("1.2.4") else ""


_METRICS = """\
# A Service for Prometheus
metrics:
  service:
    create: false
    type: "ClusterIP"
"""
_RESOURCES = """\
resources:
  requests:
    memory: "64Mi"
    cpu: "50m"
  limits:
    memory: "128Mi"
    cpu: "100m"
"""


def _aws(chart: Chart) -> str:
    text = '# Where AWS is called\naws:\n  region: ""\n'
    if not chart.since("0.2.0"):
        text += '  account_id: ""\n'
    if chart.since("0.0.4"):
        text += '  endpoint_url: ""\n'
    if chart.since("1.9.1"):
        text += '  identity_endpoint_url: ""\n  allow_unsafe_aws_endpoint_urls: false\n'
    if chart.since("1.2.4"):
        text += "  # a Secret with a shared credentials file, in the place of a role\n"
        text += '  credentials:\n    secretName: ""\n    secretKey: "credentials"\n    profile: "default"\n'
    return text


def _log(chart: Chart) -> str:
    old = not chart.since("0.0.4")
    return f"log:\n  enable_development_logging: {str(old).lower()}\n  level: {'debug' if old else 'info'}\n"


def _scope(chart: Chart) -> str:
    if not chart.since("0.0.4"):
        return '# The one namespace to watch; empty means all\nwatchNamespace: ""\n'
    text = "# cluster or namespace\ninstallScope: cluster\n"
    if chart.since("1.2.4"):
        text += '\n# With installScope namespace: what to watch; empty means the release\'s own\nwatchNamespace: ""\n'
    if chart.since("1.4.1"):
        text += '\n# Only objects with these labels, a=b,c=d\nwatchSelectors: ""\n'
    return text


def _tags(chart: Chart) -> str:
    tags = [
        "services.k8s.aws/managed=true",
        "services.k8s.aws/created=%UTCNOW%",
        "services.k8s.aws/namespace=%KUBERNETES_NAMESPACE%",
    ]
    if chart.since("1.2.4"):
        tags = [
            "services.k8s.aws/controller-version=%CONTROLLER_SERVICE%-%CONTROLLER_VERSION%",
            "services.k8s.aws/namespace=%K8S_NAMESPACE%",
        ]
    if chart.since("1.9.1"):
        tags += ["app.kubernetes.io/managed-by=%MANAGED_BY%", "kro.run/kro-version=%KRO_VERSION%"]
    return "resourceTags:\n  # Tags on everything that is made in AWS\n" + "".join(f"  - {tag}\n" for tag in tags)


def _reconcile(chart: Chart) -> str:
    if not chart.since("1.2.4"):
        return ""
    text = "# delete or retain\ndeletionPolicy: delete\n\nreconcile:\n"
    text += "  defaultResyncPeriod: 36000\n  resourceResyncPeriods: {}\n"
    if chart.since("1.2.13"):
        text += "  defaultMaxConcurrentSyncs: 1\n  resourceMaxConcurrentSyncs: {}\n"
    if chart.since("1.4.1"):
        text += "  # empty means all kinds\n  resources:\n" + "".join(f"    - {kind}\n" for kind in chart.kinds)
    return text


def _service_account(chart: Chart) -> str:
    return f"""\
serviceAccount:
  create: true
  name: ack-{chart.service}-controller
  annotations: {{}}
    # eks.amazonaws.com/role-arn: arn:aws:iam::012345678901:role/NAME
"""


def _late(chart: Chart) -> str:
    text = ""
    if chart.since("1.2.4"):
        text += 'leaderElection:\n  enabled: false\n  namespace: ""\n'
    if chart.since("1.4.1"):
        text += "\n# Other accounts through ack-role-account-map\nenableCARM: true\n"
    if chart.since("1.9.1"):
        text += "\nenableCrossNamespace: true\n"
    if chart.since("1.2.13"):
        gates = {"ServiceLevelCARM": False, "TeamLevelCARM": False}
        if chart.since("1.4.1"):
            gates |= {"ReadOnlyResources": True, "ResourceAdoption": True}
        if chart.since("1.5.1"):
            gates["IAMRoleSelector"] = False
        text += "\nfeatureGates:\n" + "".join(f"  {gate}: {str(on).lower()}\n" for gate, on in gates.items())
    return text


def schema(chart: Chart) -> Json | None:
    """values.schema.json, from the generation that has one on, with the faults of the real ones: unknown keys are
    not forbidden, fullnameOverride is misspelt, and featureGates is outside of `properties`."""
    if not chart.since("1.2.4"):
        return None
    text = {"type": "string"}
    filled = {"type": "string", "minLength": 1}
    found: Json = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values",
        "type": "object",
        "properties": {
            "image": {
                "type": "object",
                "required": ["repository", "tag", "pullPolicy"],
                "properties": {
                    "repository": filled,
                    "tag": filled,
                    "pullPolicy": {"enum": ["IfNotPresent", "Always", "Never"]},
                },
            },
            "nameOverride": text,
            "fullNameOverride": text,
            "deployment": {
                "type": "object",
                "required": ["containerPort"],
                "properties": {
                    "labels": {"type": "object"},
                    "replicas": {"type": "integer"},
                    "containerPort": {"type": "integer", "minimum": 1, "maximum": 65535},
                },
            },
            "aws": {"type": "object", "properties": {"region": filled, "endpoint_url": text}},
            "log": {"type": "object", "properties": {"level": text, "enable_development_logging": {"type": "boolean"}}},
            "installScope": {"enum": ["cluster", "namespace"]},
            "watchNamespace": text,
            "resourceTags": {"type": "array", "items": {"type": "string", "pattern": "(^$|^.*=.*$)"}},
            "deletionPolicy": {"enum": ["delete", "retain"]},
            "serviceAccount": {"type": "object", "properties": {"create": {"type": "boolean"}, "name": text}},
        },
        "required": [
            "image",
            "deployment",
            "metrics",
            "resources",
            "log",
            "installScope",
            "resourceTags",
            "serviceAccount",
        ],
    }
    if chart.since("1.2.13"):
        found["featureGates"] = {"type": "object", "additionalProperties": {"type": "boolean"}}
    return found
