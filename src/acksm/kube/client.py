"""Kubernetes through the dynamic client with plain dicts; the only importer of the `kubernetes` library.

Paths are built here instead of by discovery: acksm knows every kind it touches, and the library's discovery cache
is a predictable file in the temp directory keyed by host only. Pydantic models of kubernetes 37
reject fields they do not know, so dicts only.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from acksm import trace
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Json, Manifest, Object, Untyped, Value
from acksm.kube import answers
from acksm.kube.api import Keep, whole
from acksm.kube.paths import Ref, ref, ref_of
from acksm.kube.postponed import postpone
from acksm.surroundings import proxy_for

FIELD_MANAGER = "acksm"
HELM_MANAGER = "helm"  # helm 4's field manager (helm.sh/helm/v4/pkg/kube, ManagedFieldsManager)
READ_TIMEOUT_SECONDS = 30.0
LAST_SECONDS = 5.0  # for a request that begins after the command's deadline: a last read, the release of the Lease
PAGE = 500
LOG_BYTES = 1024 * 1024  # of one log
_PASSING = {"kube-unreachable", "kube-busy", "kube-failed"}
_METADATA_ONLY = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io"


@dataclass(frozen=True)
class Endpoint:
    """Where and how to connect. `ca_data` is PEM. Exactly one of `token` and the certificate pair is set."""

    server: str
    ca_data: str
    token: str = ""
    cert_file: str = ""
    key_file: str = ""
    tls_server_name: str = ""
    proxy_url: str = ""
    verify: bool = True

    @property
    def proxy(self) -> str:
        """The URL of the proxy by which the server is reached, "" for none."""
        return self.proxy_url or proxy_for(self.server)


def preload() -> None:
    """Import the library now, while another thread waits for the network, so that the first `Kube` does not have to."""
    postpone()
    import kubernetes.client
    import kubernetes.dynamic  # noqa: F401


def groups_of(namespace: str) -> list[str]:
    """The groups of a namespace's service accounts (kubernetes.io/docs/reference/access-authn-authz/authentication)."""
    return ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]


class _NoDiscovery:
    """The discoverer that DynamicClient requires; it requests nothing."""

    def __init__(self, _client: object, _cache_file: object) -> None:
        self.version: Json = {}


def _plain(_client: object, data: object) -> object:
    return data


def _query(params: Json) -> str:
    found = params.get("query_params")
    return f"?{urlencode(found)}" if found else ""


class Kube:
    """Reads and writes objects as dicts. Errors are `AcksmError`s with ids ``kube-…``. Thread-safe.

    `left` gives the seconds that the command still has: requests are cut to them, and none is repeated after them
    (`timed-out`). `renew` returns a new token where the old one is no longer accepted.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        left: Callable[[], float] = lambda: math.inf,
        renew: Callable[[], str] | None = None,
    ) -> None:
        postpone()
        from kubernetes import client
        from kubernetes.dynamic import DynamicClient

        from acksm.connections import Connections
        from acksm.kube.retries import Retries

        self._left, self._renew, self._token = left, renew, endpoint.token
        self._lock, self._answered = threading.Lock(), False
        configuration = client.Configuration(host=endpoint.server.rstrip("/"), proxy="", no_proxy="")
        self._configuration = configuration
        self._carry(endpoint.token)
        self.server = endpoint.server
        api = client.ApiClient(configuration)
        api.user_agent = "acksm"
        # The library's own pool has no login for a proxy, and follows NO_PROXY even for the proxy of a kubeconfig.
        tls = {"server_hostname": endpoint.tls_server_name} if endpoint.tls_server_name else {}
        api.rest_client.pool_manager = Connections(
            ca_cert_data=endpoint.ca_data or None,
            cert_file=endpoint.cert_file or None,
            key_file=endpoint.key_file or None,
            cert_reqs="CERT_REQUIRED" if endpoint.verify else "CERT_NONE",
            retries=Retries.made(left, lambda: self._answered),
            maxsize=16,
            **tls,
        ).to(endpoint.server, endpoint.proxy)
        self._client: Untyped = DynamicClient(api, discoverer=_NoDiscovery)  # type: ignore[no-untyped-call]

    def _carry(self, token: str) -> None:
        self._token = token
        if token:
            self._configuration.api_key = {"BearerToken": f"Bearer {token}"}

    def _request(self, method: str, path: str, body: object = None, **params: Value) -> Untyped:
        """One request, with a new token where EKS no longer accepts the old one: it is valid for 15 minutes."""
        token = self._token
        try:
            return self._ask(method, path, body, deepcopy(params))  # the library adds to its lists
        except AcksmError as error:
            if error.id != "kube-unauthorized" or self._renew is None or not self._answered:
                raise
        with self._lock:
            if self._token == token:  # no other thread was faster
                self._carry(self._renew())
        return self._ask(method, path, body, params)

    def _ask(self, method: str, path: str, body: object, params: Json) -> Untyped:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        from acksm.retries import UNTRUSTED

        seconds = params.pop("seconds", max(LAST_SECONDS, min(READ_TIMEOUT_SECONDS, self._left())))
        try:
            with trace.called(f"{method.upper()} {self.server}{path}{_query(params)}"):
                found = self._client.request(
                    method, path, body=body, serializer=_plain, _request_timeout=seconds, **params
                )
        except ApiException as error:
            raise self._in_time(answers.translated(error, method, path), method, path) from error
        except HTTPError as error:
            reason = answers.innermost(error)
            intercepted = UNTRUSTED in reason  # no proxy has the cluster's authority
            unreachable = AcksmError(
                "kube-unreachable",
                f"the apiserver did not answer: {reason}",
                where=self.server,
                remedy="exempt the cluster's endpoint from TLS interception, or bypass the proxy: export "
                f"NO_PROXY={urlsplit(self.server).hostname}"
                if intercepted
                else "",
            )
            raise self._in_time(unreachable, method, path) from error
        except UnicodeDecodeError:  # the library decodes as text what is not JSON
            found = None
        if params.get("serialize", True) and not isinstance(found, dict):
            raise AcksmError("kube-failed", "the response is not a JSON object", where=f"{method.upper()} {path}")
        self._answered = True
        return found

    def _in_time(self, error: AcksmError, method: str, path: str) -> AcksmError:
        """`error`, or `timed-out` where only the deadline prevented a retry."""
        if self._left() > 0 or error.id not in _PASSING:
            return error
        return AcksmError("timed-out", f"{error.message}; deadline exceeded", where=f"{method.upper()} {path}")

    def get(self, ref: Ref) -> Object | None:
        """The object, or None when it (or its kind) does not exist."""
        try:
            return dict(self._request("get", ref.path))
        except AcksmError as error:
            if error.id == "kube-not-found":
                return None
            raise

    def snapshot(self, ref: Ref) -> tuple[list[Object], str]:
        """Metadata of all objects of `ref`'s collection, and the version from which `changes` continues ("" for a kind
        that is not served)."""
        return self._listed(ref, {"Accept": _METADATA_ONLY.format("List")})

    def _listed(self, ref: Ref, headers: Json, keep: Keep = whole, **selectors: Value) -> tuple[list[Object], str]:
        """Items, and the version of the collection when the list began."""
        items: list[Object] = []
        token = None
        while True:
            try:
                page = self._request(
                    "get",
                    ref.collection,
                    limit=PAGE,
                    _continue=token,
                    query_params=[],
                    header_params=dict(headers),
                    **selectors,
                )
            except AcksmError as error:
                if error.id == "kube-not-found":
                    return items, ""
                if error.id == "kube-gone" and token:  # the list's snapshot expired: start again
                    items, token = [], None
                    continue
                raise
            items += map(keep, page.get("items") or [])
            metadata = page.get("metadata") or {}
            token = metadata.get("continue")
            if not token:
                return items, str(metadata.get("resourceVersion") or "")

    def list(
        self, ref: Ref, *, selector: str = "", field: str = "", metadata_only: bool = False, keep: Keep = whole
    ) -> list[Object]:
        """All objects of `ref`'s collection, page by page; [] when the kind is not served.

        `metadata_only` asks for PartialObjectMetadata, a tenth of the bytes for CRDs. `keep` is applied to each page.
        """
        headers = {"Accept": _METADATA_ONLY.format("List")} if metadata_only else {}
        return self._listed(ref, headers, keep, label_selector=selector or None, field_selector=field or None)[0]

    def read(self, path: str, accept: str = "application/json") -> Object:
        """A document of the apiserver that is not an object, such as a discovery document."""
        return dict(self._request("get", path, query_params=[], header_params={"Accept": accept}))

    def version(self) -> str:
        """The server's version, "1.35.4"."""
        return str(self._request("get", "/version")["gitVersion"]).lstrip("v")

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Object:
        """With `dry_run`, what would be created: admitted, and not stored."""
        return dict(
            self._request(
                "post",
                ref_of(manifest).collection,
                body=dict(manifest),
                field_manager=FIELD_MANAGER,
                query_params=[],
                dry_run="All" if dry_run else None,
            )
        )

    def apply(
        self, manifest: Manifest, force: bool = False, dry_run: bool = False, *, manager: str = FIELD_MANAGER
    ) -> Object:
        """Server-side apply as field manager `manager`. Conflict without `force`: `kube-conflict` naming managers."""
        return dict(
            self._request(
                "patch",
                ref_of(manifest).path,
                body=dict(manifest),
                query_params=[],
                content_type="application/apply-patch+yaml",
                field_manager=manager,
                force_conflicts="true" if force else None,
                dry_run="All" if dry_run else None,
            )
        )

    def patch(self, ref: Ref, body: Manifest) -> Object:
        """JSON merge patch."""
        return dict(
            self._request(
                "patch",
                ref.path,
                body=dict(body),
                query_params=[],
                field_manager=FIELD_MANAGER,
                content_type="application/merge-patch+json",
            )
        )

    def delete(self, ref: Ref, resource_version: str = "", uid: str = "") -> None:
        """Delete with background propagation (foreground leaves AWS resources behind: community#1759).

        With `resource_version` or `uid` only the object as it was then; a changed one is a `kube-conflict`.
        """
        desired = {key: value for key, value in (("resourceVersion", resource_version), ("uid", uid)) if value}
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": desired}
        try:
            self._request(
                "delete",
                ref.path,
                body=body if desired else None,
                query_params=[],
                propagation_policy="Background",
            )
        except AcksmError as error:
            if error.id != "kube-not-found":
                raise

    def restart(self, namespace: str, deployment: str) -> None:
        """What `kubectl rollout restart` does: a new time in the pod template's annotation."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}
        self.patch(ref("Deployment", deployment, namespace), {"spec": {"template": template}})

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 20) -> str:
        """The last lines of a container's log, LOG_BYTES at most, or "" when it is not available (it only helps
        error messages). Error: `kube-forbidden`: a log that may not be read says nothing about what is in it.

        The kubelet's limitBytes keeps the first of the last lines, so fewer are requested where lines are long.
        """
        from urllib3.exceptions import HTTPError

        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        fixed = [("container", container), ("limitBytes", str(LOG_BYTES))] + (
            [("previous", "true")] if previous else []
        )
        while True:
            try:
                raw = self._request("get", path, serialize=False, query_params=[*fixed, ("tailLines", str(lines))])
                data = bytes(raw.read(LOG_BYTES))
                raw.close()
            except (AcksmError, HTTPError) as error:
                if isinstance(error, AcksmError) and error.id == "kube-forbidden":
                    raise
                return ""
            if len(data) < LOG_BYTES or lines == 1:
                return data.decode("utf-8", "replace")
            lines = max(1, lines // 4)

    def log_lines(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        tail: int | None = None,
        since: int | None = None,
        follow: bool = False,
    ) -> Iterator[str]:
        """The lines of a container's log; with `follow` as they are written, without a deadline.

        Errors: kube-…, also for a container that has not started.
        """
        from urllib3.exceptions import HTTPError

        chosen = {"previous": previous or None, "follow": follow or None, "tailLines": tail, "sinceSeconds": since}
        query = [(name, str(value).lower()) for name, value in chosen.items() if value is not None]
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        more = {"seconds": None} if follow else {}
        raw = self._request("get", path, serialize=False, query_params=[("container", container), *query], **more)
        rest = b""
        try:
            for data in raw.stream(amt=None if raw.chunked else LOG_BYTES):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    yield line.decode("utf-8", "replace")
        except HTTPError as error:
            reason = answers.innermost(error)
            raise AcksmError("kube-unreachable", f"the log ended: {reason}", where=self.server) from error
        finally:
            raw.close()
        if rest:
            yield rest.decode("utf-8", "replace")

    def can(
        self,
        verb: str,
        group: str,
        resource: str,
        namespace: str = "",
        *,
        account: tuple[str, str] | None = None,
        name: str = "",
    ) -> bool:
        """Whether this identity, or the service account (namespace, name) `account`, may do `verb`, to the object
        `name` or ("") to all.

        A SelfSubjectAccessReview or a SubjectAccessReview; neither writes anything. "" is every namespace.
        """
        attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace, "name": name}
        spec: Object = {"resourceAttributes": attributes}
        if account:
            spec |= {"user": f"system:serviceaccount:{account[0]}:{account[1]}", "groups": groups_of(account[0])}
        kind = "SubjectAccessReview" if account else "SelfSubjectAccessReview"
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        path = f"/apis/authorization.k8s.io/v1/{kind.lower()}s"
        return bool(self._request("post", path, body=review, query_params=[])["status"].get("allowed"))

    def who_am_i(self) -> tuple[str, Sequence[str]]:
        """The user that the apiserver takes this identity for, and its groups (SelfSubjectReview, Kubernetes 1.28 and
        newer). Errors: `kube-not-found` of an older one, kube-…"""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        found = self._request("post", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=body, query_params=[])
        user = (found.get("status") or {}).get("userInfo") or {}
        return str(user.get("username", "")), [str(group) for group in user.get("groups") or []]

    def token(self, namespace: str, service_account: str, audience: str, seconds: int = 600) -> str:
        """A token of a service account (TokenRequest); it expires by itself and nothing is stored."""
        spec = {"audiences": [audience], "expirationSeconds": seconds}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"{ref('ServiceAccount', service_account, namespace).path}/token"
        return str(self._request("post", path, body=body, query_params=[])["status"]["token"])

    def watch(self, ref: Ref, *, name: str = "", selector: str = "", seconds: int = 30) -> Iterator[Object]:
        """Objects of the collection as they are and then as they change, for at most `seconds`.

        Deleted ones have ``metadata.deletionTimestamp`` or come as they last were. Ends early when the server
        closes the watch; the caller loops under its own deadline. Errors: ``kube-…``, when it begins.
        """
        field = f"metadata.name={name}" if name else None
        raw = self._watch(ref, seconds, label_selector=selector or None, field_selector=field)
        with contextlib.suppress(answers.EndedError):
            for _, found in answers.events(raw):
                yield found

    def changes(self, ref: Ref, version: str, *, seconds: int = 30) -> Generator[tuple[str, Object], None, None]:
        """What happened to the collection since `version`, for at most `seconds`: ADDED, MODIFIED or DELETED, and the
        object's metadata. BOOKMARK: only its version is new. Error: `kube-gone` when `version` is too old."""
        raw = self._watch(
            ref,
            seconds,
            resource_version=version,
            allow_watch_bookmarks="true",
            header_params={"Accept": _METADATA_ONLY.format("")},
        )
        try:
            yield from answers.events(raw)
        except answers.EndedError as end:
            raise AcksmError("kube-gone", f"the watch ended: {end}", where=ref.collection) from end

    def _watch(self, ref: Ref, seconds: int, **params: Value) -> Untyped:
        return self._request(
            "get",
            ref.collection,
            serialize=False,
            query_params=[("watch", "true")],
            timeout_seconds=max(1, seconds),
            seconds=(10, seconds + 10),
            **params,
        )
