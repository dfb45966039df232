"""Calls of IAM that moto does not have, answered over moto's own backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from acksm.json_types import Document
from acksm.sandbox import permissions

if TYPE_CHECKING:
    from moto.iam.models import IAMBackend

Params = Mapping[str, str]
Scps = Sequence[Document] | None  # of the account; None outside of an organization
_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"


class NoSuchEntityError(Exception):
    """What the call is about does not exist; the message says what."""


class InvalidInputError(Exception):
    """A value that IAM's own checks refuse; the message says which."""


def _response(action: str, result: str = "") -> bytes:
    body = f"<{action}Result>{result}</{action}Result>" if result else ""
    return f'<{action}Response xmlns="{_NAMESPACE}">{body}</{action}Response>'.encode()


def _simulate(backend: IAMBackend, params: Params, scps: Scps) -> bytes:
    """The decision on each action, over all resources and on each of them, in the given context. The condition keys
    that the context lacks are among the results of the resource, as IAM has them
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html)."""
    arn = params.get("PolicySourceArn", "")
    if ":iam::" not in arn:
        raise InvalidInputError(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    kind, name = permissions.principal(arn)
    entity = permissions.role_named(backend, name) if kind == "role" else backend.users.get(name)
    if entity is None or entity.arn != arn:
        raise NoSuchEntityError(f"The entity {arn} does not exist")
    layers = permissions.layers(backend, arn)

    def members(prefix: str, of: str = "") -> list[str]:
        return [
            value
            for name, value in params.items()
            if name.startswith(f"{prefix}.member.") and (not of or name.endswith(of))
        ]

    keys, values = members("ContextEntries", ".ContextKeyName"), members("ContextEntries", "ContextKeyValues.member.1")
    context, resources = dict(zip(keys, values, strict=False)), members("ResourceArns") or ["*"]
    first, most = int(params.get("Marker") or 0), int(params.get("MaxItems") or 100)
    actions = members("ActionNames")
    rows = [_evaluated(action, resources, layers, context, scps) for action in actions[first : first + most]]
    more = first + most < len(actions)
    result = f"<IsTruncated>{str(more).lower()}</IsTruncated>" + (f"<Marker>{first + most}</Marker>" if more else "")
    return _response("SimulatePrincipalPolicy", f"{result}<EvaluationResults>{''.join(rows)}</EvaluationResults>")


_SEVERITY = (permissions.ALLOWED, permissions.NOT_ALLOWED, permissions.DENIED)


def _evaluated(
    action: str, resources: Sequence[str], layers: permissions.Layers, context: Mapping[str, str], scps: Scps
) -> str:
    """One EvaluationResult: the most restrictive decision, and one for each resource. A denial by an SCP ends it."""
    own = permissions.unconditional(scps or ())
    by_resource, organization, parts = [], True, []
    for resource in resources:
        if scps is not None and permissions.decide(own, action, resource, context) != permissions.ALLOWED:
            decision, lacking, organization = permissions.NOT_ALLOWED, "", False
        else:
            decision = permissions.allowed(layers, action, resource, context)[0]
            keys = sorted({key for _, item in layers for key in permissions.missing(item, action, resource, context)})
            lacking = "".join(f"<member>{escape(key)}</member>" for key in keys)
        detail = f"<MissingContextValues>{lacking}</MissingContextValues>" + _boundary(
            layers, action, resource, context
        )
        by_resource.append(decision)
        parts.append(
            f"<member><EvalResourceName>{escape(resource)}</EvalResourceName>"
            f"<EvalResourceDecision>{decision}</EvalResourceDecision>{detail}<MatchedStatements/></member>"
        )
    each = f"<ResourceSpecificResults>{''.join(parts)}</ResourceSpecificResults>"
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>*</EvalResourceName>"
        f"<EvalDecision>{max(by_resource, key=_SEVERITY.index)}</EvalDecision><MatchedStatements/>"
        + (detail if resources == ["*"] else f"<MissingContextValues/>{each}")
        + (
            f"<OrganizationsDecisionDetail><AllowedByOrganizations>{str(organization).lower()}"
            "</AllowedByOrganizations></OrganizationsDecisionDetail>"
            if scps is not None
            else ""
        )
        + "</member>"
    )


def _boundary(layers: permissions.Layers, action: str, resource: str, context: Mapping[str, str]) -> str:
    documents = dict(layers).get(permissions.BOUNDARY)
    if documents is None:
        return ""
    allows = permissions.decide(documents, action, resource, context) == permissions.ALLOWED
    return (
        f"<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>{str(allows).lower()}"
        "</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>"
    )


def _audiences(backend: IAMBackend, params: Params) -> list[str]:
    arn = params.get("OpenIDConnectProviderArn", "")
    if arn not in backend.open_id_providers:
        raise NoSuchEntityError(f"OpenIDConnect Provider not found for arn {arn}")
    found: list[str] = backend.open_id_providers[arn].client_id_list
    return found


def _add_audience(backend: IAMBackend, params: Params, _scps: Scps) -> bytes:
    audiences = _audiences(backend, params)
    if params["ClientID"] not in audiences:
        audiences.append(params["ClientID"])
    return _response("AddClientIDToOpenIDConnectProvider")


def _remove_audience(backend: IAMBackend, params: Params, _scps: Scps) -> bytes:
    audiences = _audiences(backend, params)
    if params["ClientID"] in audiences:
        audiences.remove(params["ClientID"])
    return _response("RemoveClientIDFromOpenIDConnectProvider")


OWN: dict[str, Callable[[IAMBackend, Params, Scps], bytes]] = {
    "iam:SimulatePrincipalPolicy": _simulate,
    "iam:AddClientIDToOpenIDConnectProvider": _add_audience,
    "iam:RemoveClientIDFromOpenIDConnectProvider": _remove_audience,
}
