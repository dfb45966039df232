"""Calls of IAM that moto does not have, answered over moto's own backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from acksm.sandbox import permissions

if TYPE_CHECKING:
    from moto.iam.models import IAMBackend

Params = Mapping[str, str]
_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"


class NoSuchEntityError(Exception):
    """What the call is about does not exist; the message says what."""


def _response(action: str, result: str = "") -> bytes:
    body = f"<{action}Result>{result}</{action}Result>" if result else ""
    return f'<{action}Response xmlns="{_NAMESPACE}">{body}</{action}Response>'.encode()


def _simulate(backend: IAMBackend, params: Params) -> bytes:
    """The decision on each action and resource in the given context; names condition keys that the context lacks."""
    arn = params.get("PolicySourceArn", "")
    try:
        documents = permissions.documents_of(backend, *permissions.principal(arn))
    except KeyError as error:
        raise NoSuchEntityError("the principal does not exist") from error

    def members(prefix: str, of: str = "") -> list[str]:
        return [
            value
            for name, value in params.items()
            if name.startswith(f"{prefix}.member.") and (not of or name.endswith(of))
        ]

    keys, values = members("ContextEntries", ".ContextKeyName"), members("ContextEntries", "ContextKeyValues.member.1")
    context = dict(zip(keys, values, strict=False))
    rows = []
    for action in members("ActionNames"):
        for resource in members("ResourceArns") or ["*"]:
            on = resource.strip("*")
            lacking = permissions.missing(documents, action, on, context)
            rows.append(
                f"<member><EvalActionName>{escape(action)}</EvalActionName>"
                f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
                f"<EvalDecision>{permissions.allowed(backend, arn, action, on, context)}</EvalDecision>"
                f"<MissingContextValues>{''.join(f'<member>{escape(key)}</member>' for key in lacking)}"
                "</MissingContextValues><MatchedStatements/></member>"
            )
    result = f"<IsTruncated>false</IsTruncated><EvaluationResults>{''.join(rows)}</EvaluationResults>"
    return _response("SimulatePrincipalPolicy", result)


def _audiences(backend: IAMBackend, params: Params) -> list[str]:
    arn = params.get("OpenIDConnectProviderArn", "")
    if arn not in backend.open_id_providers:
        raise NoSuchEntityError(f"OpenIDConnect Provider not found for arn {arn}")
    found: list[str] = backend.open_id_providers[arn].client_id_list
    return found


def _add_audience(backend: IAMBackend, params: Params) -> bytes:
    audiences = _audiences(backend, params)
    if params["ClientID"] not in audiences:
        audiences.append(params["ClientID"])
    return _response("AddClientIDToOpenIDConnectProvider")


def _remove_audience(backend: IAMBackend, params: Params) -> bytes:
    audiences = _audiences(backend, params)
    if params["ClientID"] in audiences:
        audiences.remove(params["ClientID"])
    return _response("RemoveClientIDFromOpenIDConnectProvider")


OWN: dict[str, Callable[[IAMBackend, Params], bytes]] = {
    "iam:SimulatePrincipalPolicy": _simulate,
    "iam:AddClientIDToOpenIDConnectProvider": _add_audience,
    "iam:RemoveClientIDFromOpenIDConnectProvider": _remove_audience,
}
