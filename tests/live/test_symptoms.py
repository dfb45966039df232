"""Each entry of the table of symptoms, with the string that it is about (docs/ack/messages.md), and the matching."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.catalog import lookup
from acksm.live import symptoms
from acksm.live.symptoms import SYMPTOMS, Location, match, of_log, of_object, parse

ROLE = "arn:aws:iam::111111111111:role/SagemakerCrossAccountAccess"
DENIED = "api error AccessDenied: User: arn:aws:sts::012345678901:assumed-role/ack/x is not authorized to perform: "
CARM = 'IAM Role is not available: retrieving role ARN for account/team ID "111111111111" from "ack-role-account-map" '
# id -> what is seen, as the controllers and helm write it
SEEN: dict[str, list[tuple[Location, str]]] = {
    "symptom.web-identity-denied": [
        (
            Location.LOG,
            "unable to determine account info: unable to get caller identity: operation error STS: GetCallerIdentity, "
            "get identity: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        )
    ],
    "symptom.oidc-provider": [
        (Location.LOG, "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://oidc.eks"),
        (Location.LOG, "unable to get caller identity: InvalidIdentityToken: Incorrect token audience"),
    ],
    "symptom.no-identity": [
        (Location.LOG, "unable to determine account info: unable to get caller identity: no EC2 IMDS role found"),
        (Location.LOG, "unable to determine account ID: NoCredentialProviders"),
    ],
    "symptom.account-id-missing": [
        (Location.LOG, "unable to start service controller as account ID is nil. Please pass --aws-account-id flag")
    ],
    "symptom.region-missing": [
        (Location.LOG, "unable to start service controller as AWS region is missing. Please pass --aws-region flag")
    ],
    "symptom.selector-needs-carm-off": [
        (Location.LOG, "cannot enable feature gate 'IAMRoleSelector' when flag 'enable-carm' is set to true")
    ],
    "symptom.feature-gate": [(Location.LOG, "error overriding feature gates: unknown feature gate: Moon")],
    "symptom.reconcile-resources": [
        (Location.LOG, "invalid value for flag 'reconcile-resources': resource kind 'Space' is not supported")
    ],
    "symptom.watch-namespace": [
        (Location.LOG, "invalid namespace ' b': [a lowercase RFC 1123 label must consist of lower case]"),
        (Location.LOG, "duplicate namespace 'a'"),
    ],
    "symptom.list-forbidden": [
        (
            Location.LOG,
            'failed to list *v1alpha1.Model: models.sagemaker.services.k8s.aws is forbidden: User "x" cannot list',
        ),
        (Location.LOG, 'failed to list *v1.Namespace: namespaces is forbidden: User "x" cannot list resource'),
    ],
    "symptom.kind-not-served": [
        (Location.LOG, 'no matches for kind "Space" in version "sagemaker.services.k8s.aws/v1alpha1"'),
        (Location.LOG, 'no matches for kind "IAMRoleSelector" in version "services.k8s.aws/v1alpha1"'),
    ],
    "symptom.carm-off": [
        (
            Location.LOG,
            "--enable-carm is set to true but --watch-namespace is set to a single namespace. CARM will not be "
            "enabled.",
        )
    ],
    "symptom.selectors-overlap": [(Location.LOG, "Reconciler error: multiple (2) matching IAMRoleSelectors found")],
    "symptom.selector-invalid": [
        (Location.LOG, "invalid IAMRoleSelector, not caching: invalid namespace selector: duplicate namespace name: a")
    ],
    "symptom.region-moved": [
        (
            Location.LOG,
            "Resource already exists in region us-east-1, but the desired state specifies region us-west-2. ",
        )
    ],
    "symptom.account-moved": [
        (Location.LOG, "Resource already exists in account 012345678901, but the role used for reconciliation is in B")
    ],
    "symptom.adopted-not-found": [(Location.LOG, "Reconciler error: adopted resource not found")],
    "symptom.adoption-kind": [
        (Location.LOG, "resource manager factory not found for sagemaker.services.k8s.aws/Modell")
    ],
    "symptom.not-adoptable": [(Location.LOG, "Reconciler error: resource not adoptable")],
    "symptom.carm-map-missing": [(Location.CONDITION, CARM + "configmap: CARM configmap not found")],
    "symptom.carm-key-missing": [
        (Location.CONDITION, CARM + "configmap: key not found in CARM configmap"),
        (Location.CONDITION, "unable to retrieve role ARN for account 1: account ID not found in CARM configmap"),
    ],
    "symptom.carm-role-empty": [(Location.CONDITION, CARM + "configmap: role value is empty in CARM configmap")],
    "symptom.role-not-available": [(Location.CONDITION, "IAM Role is not available")],
    "symptom.not-managed": [
        (
            Location.CONDITION,
            "Resource already exists: This resource already exists but is not managed by ACK. Adopt it, with the "
            "ResourceAdoption feature gate",
        )
    ],
    "symptom.adoption-field": [
        (Location.CONDITION, "Error populating adoption fields: required field missing: modelName")
    ],
    "symptom.adoption-policy": [
        (Location.CONDITION, 'unrecognized adoption policy maybe. Supported policies are "adopt" and "adopt-or-create"')
    ],
    "symptom.assume-role-denied": [
        (Location.CONDITION, f"{DENIED}sts:AssumeRole on resource: {ROLE}"),
        (Location.LOG, f"{DENIED}sts:TagSession on resource: {ROLE}"),
    ],
    "symptom.pass-role-denied": [(Location.CONDITION, f"{DENIED}iam:PassRole on resource: {ROLE}")],
    "symptom.action-denied": [(Location.CONDITION, f"{DENIED}sagemaker:CreateModel on resource: arn:aws:sagemaker:x")],
    "chart-format-old": [
        (Location.HELM, "manifest does not contain minimum number of descriptors (2), descriptors found: 1")
    ],
    "registry-forbidden": [(Location.HELM, "failed to authorize: unexpected status from HEAD request: 403 Forbidden")],
    "helm-ownership": [
        (
            Location.HELM,
            'ServiceAccount "a" in namespace "b" exists and cannot be imported into the current release: invalid '
            "ownership metadata; label validation error",
        )
    ],
    "chart-version-unknown": [
        (Location.HELM, "public.ecr.aws/aws-controllers-k8s/sagemaker-chart:v1.1.5: not found"),
    ],
}


def test_the_table_and_the_strings_agree() -> None:
    assert [symptom.id for symptom in SYMPTOMS if symptom.id not in SEEN] == []
    assert [name for name in SEEN if name not in {symptom.id for symptom in SYMPTOMS}] == []


@pytest.mark.parametrize(
    ("id", "location", "text"),
    [(name, location, text) for name, seen in SEEN.items() for location, text in seen],
    ids=[f"{name}-{index}" for name, seen in SEEN.items() for index, _ in enumerate(seen)],
)
def test_each_string_is_recognised_where_it_is_seen(id: str, location: Location, text: str) -> None:
    found = match(text, location)
    assert found is not None
    assert found.id == id
    assert location in found.locations
    entry = lookup(id)
    assert entry.cause
    assert entry.remedy


@pytest.mark.parametrize(
    "text",
    [
        "starting manager",
        "Resource synced successfully",
        "created new resource",
        "desired resource state has changed",
        "this is acksm's practice stand-in, not the real controller",
        'Model "multiple" found',
        "",
    ],
)
def test_what_is_well_is_no_symptom(text: str) -> None:
    assert [match(text, location) for location in Location] == [None] * 3


def line(message: str, *, development: bool = False, **fields: Any) -> str:
    if development:
        return "\t".join(["2026-01-01T00:00:00.000Z", "ERROR", "ackrt", message, json.dumps(fields)])
    return json.dumps({"level": "error", "ts": "2026-01-01T00:00:00Z", "logger": "ackrt", "msg": message, **fields})


@pytest.mark.parametrize("development", [True, False])
def test_both_forms_of_log_lines_are_read(development: bool) -> None:
    fields = {"controllerKind": "Model", "namespace": "team", "name": "m", "error": "adopted resource not found"}
    found = parse(line("Reconciler error", development=development, **fields))
    assert found.text == "Reconciler error: adopted resource not found"
    assert (found.object, found.level) == ("Model team/m", "error")
    assert found.time.startswith("2026-01-01")


def test_a_log_tells_each_symptom_once_for_each_object_with_the_newest_line() -> None:
    def lost(name: str, attempt: int) -> str:
        return line(
            "Reconciler error", kind="Model", namespace="team", name=name, error=f"adopted resource not found {attempt}"
        )

    log = "\n".join([lost("a", 1), lost("b", 1), "panic: plain text", lost("a", 2), line("AWS region is missing")])
    found = of_log(log)
    assert [(item.id, item.object, item.count) for item in found] == [
        ("symptom.adopted-not-found", "Model team/b", 1),
        ("symptom.adopted-not-found", "Model team/a", 2),
        ("symptom.region-missing", "", 1),
    ]
    assert found[1].text.endswith("not found 2")
    assert [item.object for item in of_log(log, "Model team/b")] == ["Model team/b"]
    assert [(item.object, item.count) for item in symptoms.merged([*found, *found])] == [
        ("Model team/b", 2),
        ("Model team/a", 4),
        ("", 2),
    ]


def model(*conditions: dict[str, str]) -> dict[str, Any]:
    return {"kind": "Model", "metadata": {"name": "m", "namespace": "team"}, "status": {"conditions": [*conditions]}}


def test_conditions_tell_only_when_they_fail() -> None:
    well = {"type": "ACK.ResourceSynced", "status": "True", "message": "IAM Role is not available"}
    over = {"type": "ACK.Recoverable", "status": "False", "message": f"{DENIED}iam:PassRole on resource: x"}
    assert symptoms.failing(model(well, over)) == []
    assert of_object(model(well, over)) == []
    waits = {
        "type": "ACK.ResourceSynced",
        "status": "False",
        "message": "IAM Role is not available",
        "reason": "retrieving role ARN: key not found in CARM configmap",
    }
    ready = {"type": "Ready", "status": "False", "message": "IAM Role is not available"}
    (found,) = of_object(model(waits, ready))
    assert (found.id, found.object, found.location) == ("symptom.carm-key-missing", "Model team/m", Location.CONDITION)
    (alone,) = of_object(model(ready))
    assert alone.id == "symptom.role-not-available"
    assert of_object({}) == of_object(model({"type": "Ready", "status": "False"})) == []


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    parse(text)
    of_log(text)
    symptoms.of_helm(text)
    of_object(model({"type": "ACK.Terminal", "status": "True", "message": text}))


@pytest.mark.parametrize("text", ['{"msg": ' * 2000, "x" * 1_000_000, "[" * 5000, "\t" * 3000, '{"error": null}'])
def test_hostile_lines_are_survived(text: str) -> None:
    assert of_log(text) == []
