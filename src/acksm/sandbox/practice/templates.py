"""The helm templates of a practice chart, acksm's own: they render what ACK's controllers need."""

from __future__ import annotations

from acksm.sandbox.practice.generations import Chart

HELPERS = """\
{{- define "practice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 -}}
{{- end }}
{{- define "practice.fullname" -}}
{{- default (printf "%s-%s" .Release.Name (include "practice.name" .)) .Values.fullnameOverride | trunc 63 -}}
{{- end }}
{{- define "practice.labels" -}}
app.kubernetes.io/name: {{ include "practice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
"""

SERVICE_ACCOUNT = """\
{{- if .Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Values.serviceAccount.name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "practice.labels" . | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- range $key, $value := . }}
    {{ $key }}: {{ $value | quote }}
    {{- end }}
  {{- end }}
{{- end }}
"""

METRICS = """\
{{- if .Values.metrics.service.create }}
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-metrics
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "practice.labels" . | nindent 4 }}
spec:
  type: {{ .Values.metrics.service.type }}
  selector:
    app.kubernetes.io/instance: {{ .Release.Name }}
  ports:
    - name: metricsport
      port: 8080
      targetPort: http
{{- end }}
"""


def templates(chart: Chart) -> dict[str, str]:
    """File name (below templates/) to text."""
    found = {
        "_helpers.tpl": HELPERS,
        "service-account.yaml": SERVICE_ACCOUNT,
        "metrics-service.yaml": METRICS,
        "deployment.yaml": _deployment(chart),
        "controller-rbac.yaml": _rbac(chart),
    }
    if chart.since("1.2.4"):
        found["leader-election.yaml"] = _leader_election()
    if chart.since("1.2.13"):
        found["caches.yaml"] = _caches()
    return found


def _arguments(chart: Chart) -> str:
    """The controller's flags at this generation, as list items."""
    lines = ["- --aws-region", "- {{ .Values.aws.region | quote }}"]
    if not chart.since("0.2.0"):
        # `quote` of a number becomes 1.23456789012e+11, as in the real charts of this age (G3)
        lines += ["- --aws-account-id", "- {{ .Values.aws.account_id | quote }}"]
    if chart.since("0.0.4"):
        lines += ["{{- with .Values.aws.endpoint_url }}", "- --aws-endpoint-url", "- {{ . | quote }}", "{{- end }}"]
    if chart.since("1.2.4"):
        lines += ["{{- if .Values.log.enable_development_logging }}", "- --enable-development-logging", "{{- end }}"]
    else:  # the flag takes no value from the next word, so that it is on in any case (as in the real charts)
        lines += ["- --enable-development-logging", "- {{ .Values.log.enable_development_logging | quote }}"]
    lines += ["- --log-level", "- {{ .Values.log.level | quote }}"]
    lines += ["{{- range .Values.resourceTags }}", "- --resource-tags", "- {{ . | quote }}", "{{- end }}"]
    if not chart.since("0.0.4"):
        lines += ["- --watch-namespace", "- {{ .Values.watchNamespace | quote }}"]
    elif not chart.since("1.2.4"):
        lines += [
            '{{- if eq .Values.installScope "namespace" }}',
            "- --watch-namespace",
            "- {{ .Release.Namespace | quote }}",
            "{{- end }}",
        ]
    else:
        lines += [
            '{{- if eq .Values.installScope "namespace" }}',
            "- --watch-namespace",
            "- {{ default .Release.Namespace .Values.watchNamespace | quote }}",
            "{{- end }}",
            "- --deletion-policy",
            "- {{ .Values.deletionPolicy | quote }}",
            "{{- if .Values.leaderElection.enabled }}",
            "- --enable-leader-election",
            "- --leader-election-namespace",
            "- {{ .Values.leaderElection.namespace | quote }}",
            "{{- end }}",
        ]
    if chart.since("1.4.1"):
        lines += [
            "- --enable-carm={{ .Values.enableCARM }}",
            "{{- with .Values.reconcile.resources }}",
            "- --reconcile-resources",
            '- {{ join "," . | quote }}',
            "{{- end }}",
        ]
    if chart.since("1.9.1"):
        lines.append("- --enable-cross-namespace={{ .Values.enableCrossNamespace }}")
    if chart.since("1.2.13"):
        lines += [
            "{{- $gates := list }}",
            "{{- range $gate, $on := .Values.featureGates }}",
            '{{- $gates = append $gates (printf "%s=%v" $gate $on) }}',
            "{{- end }}",
            "{{- with $gates }}",
            "- --feature-gates",
            '- {{ join "," . | quote }}',
            "{{- end }}",
        ]
    return "\n".join(f"            {line}" for line in lines)


def _optional(value: str, indent: int, *, key: str = "") -> str:
    """A value of the pod's spec, left out where it is empty."""
    name = key or value.rpartition(".")[2]
    return f"""
{{{{- with .Values.{value} }}}}
{" " * indent}{name}:
{" " * indent}  {{{{- toYaml . | nindent {indent + 2} }}}}
{{{{- end }}}}"""


def _pod(chart: Chart) -> str:
    """What the pod has beside its container. Since 1.2.4 it states zero values, which an apiserver leaves out."""
    found = _optional("deployment.nodeSelector", 6) if chart.service == "applicationautoscaling" else ""
    if chart.since("0.2.0"):
        found = _optional("deployment.nodeSelector", 6)
    if not chart.since("1.2.4"):
        return found
    optional = [_optional(f"deployment.{name}", 6) for name in ("tolerations", "affinity")]
    optional.append(_optional("deployment.extraVolumes", 6, key="volumes"))
    return (
        found
        + "".join(optional)
        + """
{{- with .Values.deployment.priorityClassName }}
      priorityClassName: {{ . }}
{{- end }}
      hostIPC: false
      hostPID: false
      hostNetwork: {{ .Values.deployment.hostNetwork }}
      dnsPolicy: {{ .Values.deployment.dnsPolicy }}
      securityContext:
        seccompProfile:
          type: RuntimeDefault"""
    )


_CONTAINER = """
{{- with .Values.deployment.extraEnvVars }}
            {{- toYaml . | nindent 12 }}
{{- end }}
            - name: ACK_WATCH_SELECTORS
              value: {{ .Values.watchSelectors }}
{{- with .Values.deployment.extraVolumeMounts }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
{{- end }}
          securityContext:
            allowPrivilegeEscalation: false
            privileged: false
            runAsNonRoot: true
            capabilities:
              drop: [ALL]"""


def _deployment(chart: Chart) -> str:
    replicas = "{{ .Values.deployment.replicas }}" if chart.since("1.2.4") else "1"
    strategy = _optional("deployment.strategy", 2) if chart.since("1.4.1") else ""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{{{ include "practice.fullname" . }}}}
  namespace: {{{{ .Release.Namespace }}}}
  labels:
    {{{{- include "practice.labels" . | nindent 4 }}}}
spec:
  replicas: {replicas}{strategy}
  selector:
    matchLabels:
      app.kubernetes.io/name: {{{{ include "practice.name" . }}}}
      app.kubernetes.io/instance: {{{{ .Release.Name }}}}
  template:
    metadata:
      {{{{- with .Values.deployment.annotations }}}}
      annotations:
        {{{{- range $key, $value := . }}}}
        {{{{ $key }}}}: {{{{ $value | quote }}}}
        {{{{- end }}}}
      {{{{- end }}}}
      labels:
        app.kubernetes.io/name: {{{{ include "practice.name" . }}}}
        app.kubernetes.io/instance: {{{{ .Release.Name }}}}
        k8s-app: {{{{ include "practice.name" . }}}}
        {{{{- range $key, $value := .Values.deployment.labels }}}}
        {{{{ $key }}}}: {{{{ $value | quote }}}}
        {{{{- end }}}}
    spec:
      serviceAccountName: {{{{ .Values.serviceAccount.name }}}}{_pod(chart)}
      containers:
        - name: controller
          image: {{{{ .Values.image.repository }}}}:{{{{ .Values.image.tag }}}}
          imagePullPolicy: {{{{ .Values.image.pullPolicy }}}}
          args:
{_arguments(chart)}
          ports:
            - name: http
              containerPort: {{{{ .Values.deployment.containerPort }}}}
          resources:
            {{{{- toYaml .Values.resources | nindent 12 }}}}
          env:
            - name: ACK_SYSTEM_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
            - name: AWS_REGION
              value: {{{{ .Values.aws.region | quote }}}}{_CONTAINER if chart.since("1.2.4") else ""}
"""


def _rules(chart: Chart) -> str:
    """What the controller may do: reconcile its own kinds and the common ones, and read what objects refer to."""
    return f"""\
rules:
  - apiGroups: [""]
    resources: [configmaps, secrets]
    verbs: [get, list, patch, watch]
  - apiGroups: [""]
    resources: [namespaces]
    verbs: [get, list, watch]
  - apiGroups: [{chart.service}.services.k8s.aws, services.k8s.aws]
    resources: ["*"]
    verbs: [create, delete, get, list, patch, update, watch]
"""


def _rbac(chart: Chart) -> str:
    name = '{{ include "practice.fullname" . }}' if chart.since("1.4.1") else f"ack-{chart.service}-controller"
    cluster = _role("ClusterRole", name, "", _rules(chart), labels=chart.since("1.2.4"))
    if not chart.since("0.0.4"):
        return cluster
    if not chart.since("1.2.13"):  # bound in the release namespace whatever is watched, as in those releases
        return (
            '{{- if eq .Values.installScope "cluster" }}\n'
            + cluster
            + "{{- else }}\n"
            + _role("Role", name, "{{ .Release.Namespace }}", _rules(chart), labels=chart.since("1.2.4"))
            + "{{- end }}\n"
        )
    each = (
        '{{- range $namespace := splitList "," (default $.Release.Namespace $.Values.watchNamespace) }}\n'
        + _role("Role", name, "{{ $namespace }}", _rules(chart), labels=True)
        + "{{- end }}\n"
    )
    each = each.replace('include "practice.fullname" .', 'include "practice.fullname" $')
    each = each.replace('include "practice.labels" .', 'include "practice.labels" $')
    each = each.replace(".Values.role", "$.Values.role").replace("{{ .Values.service", "{{ $.Values.service")
    each = each.replace("namespace: {{ .Release.Namespace }}", "namespace: {{ $.Release.Namespace }}")
    return '{{- if eq .Values.installScope "cluster" }}\n' + cluster + "{{- else }}\n" + each + "{{- end }}\n"


def _role(kind: str, name: str, namespace: str, rules: str, *, labels: bool) -> str:
    where = f"\n  namespace: {namespace}" if namespace else ""
    more = (
        "\n    {{- range $key, $value := .Values.role.labels }}\n    {{ $key }}: {{ $value | quote }}\n    {{- end }}"
        if labels
        else ""
    )
    return f"""\
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}
metadata:
  name: {name}{where}
  labels:
    {{{{- include "practice.labels" . | nindent 4 }}}}{more}
{rules}---
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}Binding
metadata:
  name: {name}-binding{where}
  labels:
    {{{{- include "practice.labels" . | nindent 4 }}}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {kind}
  name: {name}
subjects:
  - kind: ServiceAccount
    name: {{{{ .Values.serviceAccount.name }}}}
    namespace: {{{{ .Release.Namespace }}}}
---
"""


def _leader_election() -> str:
    """Without `enabled`, `namespace` has no effect, as in the real charts."""
    rules = """\
rules:
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [create, delete, get, list, patch, update, watch]
  - apiGroups: [""]
    resources: [events]
    verbs: [create, patch]
"""
    namespace = "{{ default .Release.Namespace .Values.leaderElection.namespace }}"
    role = _role("Role", '{{ include "practice.fullname" . }}-leaderelection', namespace, rules, labels=False)
    return "{{- if .Values.leaderElection.enabled }}\n" + role + "{{- end }}\n"


def _caches() -> str:
    """Also in namespace scope: the controller reads all namespaces' annotations, and the maps of its own."""

    def rules(resource: str) -> str:
        return f'rules:\n  - apiGroups: [""]\n    resources: [{resource}]\n    verbs: [get, list, watch]\n'

    name = '{{ include "practice.fullname" . }}'
    spaces = _role("ClusterRole", f"{name}-namespaces-cache", "", rules("namespaces"), labels=False)
    maps = _role("Role", f"{name}-configmaps-cache", "{{ .Release.Namespace }}", rules("configmaps"), labels=False)
    return spaces + maps
