"""AWS on loopback: moto behind a small gate that behaves like AWS where moto is too permissive.

The gate refuses requests that no key of an account has signed, fails an action on demand, and records each request,
so that tests and the benchmark can count them.
"""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment as Environ

from acksm.json_types import Json, Untyped
from acksm.sandbox import (
    actions,
    answers,
    authorization,
    buckets,
    eks_limits,
    eks_own,
    iam_answers,
    iam_limits,
    iam_model,
    sagemaker_calls,
    signatures,
    trust,
)
from acksm.sandbox.faults import Faults, drop

if TYPE_CHECKING:
    from moto.core.base_backend import BackendDict
    from moto.iam.models import IAMBackend, Role
    from moto.sts.models import AssumedRole

    from acksm.sandbox.registries import Registries

ADMINISTRATOR = "practice-admin"
NODE_ROLE = "practice-node"
EXPIRED_KEY = "ASIAACKSMEXPIREDKEY0"
_CREDENTIAL = re.compile(r"Credential=([A-Z0-9]+)/\d+/([^/]*)/([a-z0-9-]+)/")
WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"  # the one action whose caller has no key: the token is its signature
# What moto's server answers beside AWS's own calls: to reset and to set it, and EC2's instance metadata
_MOTOS_OWN = ("/moto-api", "/latest/", "/favicon.ico")


class Cloud:
    """The WSGI application. `faults` of each account: by action ("iam:CreateRole"), what goes wrong with it; `scps`:
    its service control policies."""

    def __init__(self, log: Path) -> None:
        os.environ.update(MOTO_IAM_LOAD_MANAGED_POLICIES="true")
        from moto import backends
        from moto.core import responses
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        known = frozenset(backends.list_of_moto_modules())  # with each request it would list its own folder again
        backends.list_of_moto_modules = lambda: known
        answers: Untyped = responses
        if not hasattr(answers.method_names_from_class, "cache_info"):  # and look at each attribute of a class
            answers.method_names_from_class = lru_cache(answers.method_names_from_class)
        _name_linked_roles()
        eks_limits.apply()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._log = log.open("a", buffering=1)
        self._lock = threading.Lock()  # moto is not made for threads: its lists fail while something is created
        self.faults: dict[str, Faults] = {}
        self.scps: dict[str, list[Json]] = {}  # of an account in an organization: all that apply to it, as one level
        self.registries: Registries | None = None
        self.eks = eks_own.EksOwn()
        self.token_keys: dict[str, Path] = {}  # of each cluster's issuer: what signs its service accounts' tokens

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        key, service = _caller(environ)
        action = f"{service}:{actions.name(environ, body, service)}"
        seen: list[str] = []

        def note(
            status: str, headers: answers.Headers, exc_info: answers.ExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            seen.append(status)
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        params = {name: values[0] for name, values in _form(body).items()}
        if action == "unsigned:AssumeRoleWithWebIdentity":
            service, action = "sts", WEB_IDENTITY
        account = account_of(key) if key else _account_in(params)
        faults = self.faults.get(account, Faults())
        fault = None if key == EXPIRED_KEY else faults.next(action)
        if fault and fault.drop == "before":
            drop(environ)
        with self._lock:
            refused = (fault.refusal if fault else None) or self._refusal(environ, body, key, action, params)
            # Given the account of the key, moto does not search every partition of every account, for each of which it
            # would first create a state with a thousand policies: half a second before a new account's first answer.
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
            found = (
                _refused(environ, service, *refused)
                if refused
                else self._corrected(environ, body, account, key, service, action, params)
            )
            if found:
                status_line, headers, raw = found
                note(status_line, headers)
                answer: Iterable[bytes] = [raw]
            else:
                answer = self._moto(environ, note)
            number, _, reason = (seen or ["0"])[0].partition(" ")
            status_code = int(number)
            who = {"action": action, "account": account, "key": key}
            self._log.write(json.dumps({"time": time.time(), **who, "status": status_code, "reason": reason}) + "\n")
        if status_code < 300:
            faults.happened(action)
        if fault and fault.drop == "after":
            drop(environ)
        return answer

    def _corrected(
        self,
        environ: Environ,
        body: bytes,
        account: str,
        key: str,
        service: str,
        action: str,
        params: Mapping[str, str],
    ) -> tuple[str, answers.Headers, bytes] | None:
        """Status line, headers and body of what moto alone would answer otherwise than AWS; None for the rest."""
        if action in iam_answers.OWN:
            status_line, raw = _own_answer(_iam(account), action, params, self.scps.get(account))
            return status_line, [("Content-Type", "text/xml")], raw
        if action in eks_own.OWN:
            return self.eks.respond(action, environ, body, account, _region(environ))
        if action == "ecr:GetAuthorizationToken" and self.registries:
            token = self.registries.token(account, key, _region(environ))
            until = time.time() + 12 * 3600
            issued = {"authorizationData": [{"authorizationToken": token, "expiresAt": until}]}
            return "200 OK", [("Content-Type", "application/x-amz-json-1.1")], json.dumps(issued).encode()
        if service in answers.SERVICES:
            return answers.respond(self._moto, environ, service, action, body, _region(environ))
        return None

    def _refusal(
        self, environ: Environ, body: bytes, key: str, action: str, params: Mapping[str, str]
    ) -> tuple[int, str, str] | None:
        if key == EXPIRED_KEY:
            return 403, "ExpiredToken", "The security token included in the request is expired"
        account = account_of(key) if key else ""
        if key and not account:
            return 403, "InvalidClientTokenId", "The security token included in the request is invalid."
        if not key and action != WEB_IDENTITY:
            return 403, "MissingAuthenticationToken", "Request is missing Authentication Token"
        wrong = _unsigned(environ, body, account, key) if key else None
        if wrong:
            return wrong
        if environ["PATH_INFO"].startswith(_MOTOS_OWN):
            return 404, "UnknownOperationException", "AWS has no such path"
        if action == WEB_IDENTITY:
            return trust.web_identity(_backends(), self.token_keys, params)
        if not key:
            return None
        return self._denial(environ, body, account, key, action, params) or _invalid(_iam(account), action, params)

    def _denial(
        self, environ: Environ, body: bytes, account: str, key: str, action: str, params: Mapping[str, str]
    ) -> tuple[int, str, str] | None:
        """What AWS answers an identity whose policies do not allow `action`, and where there is no such action."""
        backend, (service, _, verb), region = _iam(account), action.partition(":"), _region(environ)
        if action == "sts:GetCallerIdentity":  # needs no permission
            return None
        if not verb.isalnum():
            return 404, "UnknownOperationException", f"{service} has no operation at {verb}"
        if service == "ecr":
            asked = authorization.of_ecr(verb, body, region, account)
        elif service in answers.SERVICES:
            asked = authorization.needs(service, verb, body, region, account)
        elif service == "s3":
            bucket = buckets.name(environ)
            if buckets.owner(bucket) not in {"", account} and verb != "CreateBucket":  # whose answer is that it exists
                return 403, "AccessDenied", "Access Denied"  # no policy of a bucket allows another account here
            asked = [authorization.Need(buckets.action(verb), f"arn:aws:s3:::{bucket}" if bucket else "*", {})]
        elif service == "eks":
            asked = authorization.of_eks(str(environ.get("PATH_INFO", "")), verb, body, region, account)
        else:
            asked = authorization.of_iam(action, actions.resource(backend, account, verb, params), params)
        tags = self.eks.pods.transitive.get(key, {})
        if tags and action == "sts:AssumeRole":
            asked.append(authorization.Need("sts:TagSession", asked[0].resource, {}))
        why = self._why(account, key, asked, region)
        if not why:
            if action != "sts:AssumeRole":
                return None
            arn = _principal(account, key)
            return trust.assume_role(_backends(), arn, _session(account, key, arn), params, tags)
        return 403, "AccessDenied" if action.startswith(("iam:", "sts:")) else "AccessDeniedException", why

    def empty(self, account: str) -> None:
        """Remove what was created in `account`, and leave its organization; its administrator and clusters are kept."""
        with self._lock:
            empty_account(account)
            self.eks.empty(account)
            self.scps.pop(account, None)

    def denied(self, account: str, key: str, action: str, resource: str, region: str) -> str:
        """Why the identity of `key` may not perform `action` on `resource`, in IAM's words; "" where it may."""
        return self._why(account, key, [authorization.Need(action, resource, {})], region)

    def _why(self, account: str, key: str, asked: list[authorization.Need], region: str) -> str:
        arn, session = _principal(account, key), _session_of(account, key)
        tags = {f"aws:PrincipalTag/{name}": value for name, value in self.eks.pods.transitive.get(key, {}).items()}
        asked = [need._replace(context={**tags, **need.context}) for need in asked]
        found = authorization.denied(_iam(account), arn, asked, region, self.scps.get(account), session)
        if found is None:
            return ""
        need, why = found
        who = _session(account, key, arn)
        return f"User: {who} is not authorized to perform: {need.action} on resource: {need.resource} {why}"


_QUERY = {"iam", "sts", "unsigned"}


def _name_linked_roles() -> None:
    """Service-linked roles get AWS's names instead of those that moto derives; a second one of a name is refused."""
    from moto.iam.exceptions import InvalidInput
    from moto.iam.models import IAMBackend

    made = IAMBackend.create_service_linked_role

    def create(self: IAMBackend, service_name: str, description: str, suffix: str) -> Role:
        name = actions.LINKED_ROLES.get(service_name)
        if name and any(role.name == name for role in self.roles.values()):
            raise InvalidInput(
                f"Service role name {name} has been taken in this account, please try a different suffix."
            )
        role = made(self, service_name, description, suffix)
        role.name = name or role.name
        return role

    IAMBackend.create_service_linked_role = create  # type: ignore[method-assign]


def _unsigned(environ: Environ, body: bytes, account: str, key: str) -> tuple[int, str, str] | None:
    """What AWS answers a request that its caller has not signed: the secret, or a session's token, is another."""
    session = _session_of(account, key)
    if session and environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "") != session.session_token:
        return 403, "InvalidClientTokenId", "The security token included in the request is invalid."
    why = signatures.fault(environ, body, secret_of(key))
    service = _caller(environ)[1]
    return (403, "SignatureDoesNotMatch" if service in _QUERY else "InvalidSignatureException", why) if why else None


def _invalid(backend: IAMBackend, action: str, params: Mapping[str, str]) -> tuple[int, str, str] | None:
    """What IAM refuses although the caller may do it: names, lengths, quotas."""
    if not action.startswith("iam:"):
        return None
    wrong = iam_model.fault(action.partition(":")[2], params)
    return (400, "ValidationError", wrong) if wrong else iam_limits.refusal(backend, action, params)


def _form(body: bytes) -> dict[str, list[str]]:
    """The parameters of a request in the query protocol, empty ones too."""
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


def _principal(account: str, key: str) -> str:
    """The ARN of the user or role that owns `key`."""
    access = _iam(account).access_keys[key]
    return str(getattr(access, "role_arn", "") or f"arn:aws:iam::{account}:user/{access.user_name}")


def _session(account: str, key: str, arn: str) -> str:
    """The caller as AWS names it in a refusal: a user's ARN, or that of the role's session."""
    found = _session_of(account, key)
    return str(found.arn) if found else arn


def _session_of(account: str, key: str) -> AssumedRole | None:
    """moto's record of the session that `key` is of, None for a user's key."""
    from moto.sts.models import sts_backends

    return sts_backends[account]["aws"].get_assumed_role_from_access_key(key)


def identity_of(key: str) -> str:
    """The ARN that STS's GetCallerIdentity gives the owner of `key`, "" where no one owns it."""
    account = account_of(key)
    if not account:
        return ""
    found = _session_of(account, key) or _iam(account).get_user_from_access_key_id(key)
    return str(found.arn) if found else ""


def _own_answer(
    backend: IAMBackend, action: str, params: Mapping[str, str], scps: list[Json] | None
) -> tuple[str, bytes]:
    try:
        return "200 OK", iam_answers.OWN[action](backend, params, scps)
    except iam_answers.NoSuchEntityError as error:
        return "404 NoSuchEntity", _error("iam", "NoSuchEntity", str(error))
    except iam_answers.InvalidInputError as error:
        return "400 InvalidInput", _error("iam", "InvalidInput", str(error))


def _account_in(params: Mapping[str, str]) -> str:
    """The account of the role that an unsigned request wants to assume."""
    return (params.get("RoleArn", "").split(":") + [""] * 5)[4]


def _caller(environ: Environ) -> tuple[str, str]:
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return (found[1], found[3]) if found else ("", "unsigned")


def _region(environ: Environ) -> str:
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return found[2] if found else ""


def _refused(
    environ: Environ, service: str, status: int, code: str, message: str
) -> tuple[str, answers.Headers, bytes]:
    kind = "text/xml" if service in _QUERY else "application/json"
    raw = b"" if environ["REQUEST_METHOD"] == "HEAD" else _error(service, code, message)
    return f"{status} {code}", [("Content-Type", kind), ("x-amzn-ErrorType", code)], raw


def _error(service: str, code: str, message: str) -> bytes:
    if service in _QUERY:
        return (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            "<RequestId>practice</RequestId></ErrorResponse>"
        ).encode()
    return json.dumps({"__type": code, "message": message}).encode()


def _backends() -> BackendDict[IAMBackend]:
    from moto.iam.models import iam_backends

    return iam_backends


def _iam(account: str) -> IAMBackend:
    return _backends()[account]["aws"]


def account_of(key: str) -> str:
    """The account that issued this access key, or ""."""
    from moto.iam.models import iam_backends

    for account, partitions in list(iam_backends.items()):
        if key in partitions["aws"].access_keys:
            return str(account)
    return ""


def secret_of(key: str) -> str:
    """The key's secret, for the authenticator."""
    account = account_of(key)
    return str(_iam(account).access_keys[key].secret_access_key) if account else ""


def open_account(account: str, region: str, user: str = ADMINISTRATOR) -> dict[str, str]:
    """Create an administrator in `account` and issue a key."""
    backend = _iam(account)
    backend.create_user(region, user)
    backend.attach_user_policy("arn:aws:iam::aws:policy/AdministratorAccess", user)
    key = backend.create_access_key(user)
    return {
        "AWS_ACCESS_KEY_ID": str(key.access_key_id),
        "AWS_SECRET_ACCESS_KEY": str(key.secret_access_key),
        "arn": f"arn:aws:iam::{account}:user/{user}",
    }


def set_status(account: str, region: str, kind: str, name: str, status: str) -> None:
    """Put a SageMaker object into a state, such as a training job InProgress: moto's are finished at once."""
    from moto.backends import get_backend

    sagemaker_calls.set_status(get_backend("sagemaker")[account][region], kind, name, status)


def empty_account(account: str) -> None:
    """Remove what was created in `account`; its administrator and its clusters are kept."""
    from moto.backends import get_backend

    backend = _iam(account)
    for made in (backend.roles, backend.open_id_providers, backend.instance_profiles):
        made.clear()
    for name in [name for name in backend.users if name != ADMINISTRATOR]:
        del backend.users[name]
    for service in ("sagemaker", "applicationautoscaling", "ecr"):
        for regional in dict(get_backend(service)[account]).values():
            regional.reset()


def node_keys(account: str, region: str) -> dict[str, str]:
    """The keys that a pod without a role of its own finds: those of its node's role, which has no permissions here."""
    return role_keys(f"arn:aws:iam::{account}:role/{NODE_ROLE}", region, "i-00000000practice")


def role_keys(role: str, region: str, session_name: str) -> dict[str, str]:
    """The keys of a session of `role` that AWS itself opens."""
    from moto.sts.models import sts_backends

    session = sts_backends[role.split(":")[4]]["aws"].assume_role(
        region_name=region,
        role_session_name=session_name,
        role_arn=role,
        policy="",
        duration=43_200,
        external_id="",
    )
    return {
        "AWS_ACCESS_KEY_ID": str(session.access_key_id),
        "AWS_SECRET_ACCESS_KEY": str(session.secret_access_key),
        "AWS_SESSION_TOKEN": str(session.session_token),
    }


def issuer(region: str) -> str:
    """An issuer in the form of EKS's."""
    return f"https://oidc.eks.{region}.amazonaws.com/id/{secrets.token_hex(16).upper()}"


def record_cluster(
    name: str, region: str, account: str, endpoint: str, ca_data: str, issuer_url: str, version: str
) -> None:
    """The cluster's EKS record, pointing at the real apiserver."""
    from moto.eks.models import eks_backends

    backend = eks_backends[account][region]
    role = f"arn:aws:iam::{account}:role/practice-cluster"
    cluster = backend.create_cluster(name, role, {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]}, version)
    cluster.endpoint, cluster.version = endpoint, version
    cluster.certificate_authority = {"data": ca_data}
    cluster.identity = {"oidc": {"issuer": issuer_url}}


def move_endpoint(name: str, region: str, account: str, endpoint: str) -> None:
    """Let EKS report another endpoint of the cluster, which leads to the same apiserver."""
    from moto.eks.models import eks_backends

    eks_backends[account][region].clusters[name].endpoint = endpoint


def forget_cluster(name: str, region: str, account: str) -> None:
    """Remove the EKS record, if it exists."""
    from moto.eks.models import eks_backends

    eks_backends[account][region].clusters.pop(name, None)


def has_auto_mode(name: str, region: str, account: str) -> bool:
    """Whether EKS Auto Mode is on, whose nodes have what other clusters get by add-ons."""
    from moto.eks.models import eks_backends

    found = eks_backends[account][region].clusters.get(name)
    return bool((vars(found).get("compute_config") or {}).get("enabled")) if found else False
