"""AWS Signature Version 4, from its public specification
(https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html): of presigned URLs and of requests."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

from acksm.json_types import Document

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)
STAMP = "%Y%m%dT%H%M%SZ"
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[A-Z0-9]{1,128}/"
    r"(?P<scope>\d{8}/[^/,]{0,64}/(?P<service>[a-z0-9-]{1,64})/aws4_request)"
    r",\s{0,8}SignedHeaders=(?P<signed>[^,\s]{1,512}),\s{0,8}Signature=(?P<signature>[0-9a-f]{64})"
)


def signature(
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    payload_hash: str,
    secret: str,
    stamp: str,
    scope: str,
) -> str:
    """The signature of a request: `headers` are the signed ones by lower-case name, `path` is encoded as it is to be
    signed, `query` is decoded, `scope` is DAY/REGION/SERVICE/aws4_request."""
    pairs = sorted((quote(key, safe="-_.~"), quote(value, safe="-_.~")) for key, value in query)
    canonical = "\n".join(
        [
            method,
            path or "/",
            "&".join(f"{key}={value}" for key, value in pairs),
            "".join(f"{name}:{' '.join(value.split())}\n" for name, value in sorted(headers.items())),
            ";".join(sorted(headers)),
            payload_hash,
        ]
    )
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def fault(environ: Document, body: bytes, secret: str, now: datetime | None = None) -> str:
    """Why the signature in the Authorization header of a WSGI request is not valid, "" for a valid one."""
    found = _HEADER.fullmatch(environ.get("HTTP_AUTHORIZATION", ""))
    stamp = str(environ.get("HTTP_X_AMZ_DATE", ""))
    try:
        made = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    if not found:
        return "Authorization header is not a complete one of Signature Version 4."
    if abs((now or datetime.now(UTC)) - made) > SKEW:
        return f"Signature expired: {stamp} is not within {SKEW.seconds // 60} min. of the server's time."
    signed = found["signed"].split(";")
    given = {key.removeprefix("HTTP_").lower().replace("_", "-") for key in environ if key.startswith("HTTP_X_AMZ_")}
    if not {"host", *given} <= {*signed}:
        return "'Host' and every 'X-Amz-…' header must be signed."
    headers = {name: _header(environ, name) for name in signed}
    path, payload = urlsplit(str(environ.get("REQUEST_URI", ""))).path, hashlib.sha256(body).hexdigest()
    if found["service"] == "s3":
        payload = headers.get("x-amz-content-sha256", payload)  # it may say that the body is not signed
    else:
        path = quote(path, safe="/~")  # S3 alone signs the path encoded once
    wanted = signature(
        environ["REQUEST_METHOD"],
        path,
        parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True),
        headers,
        payload,
        secret,
        stamp,
        found["scope"],
    )
    if hmac.compare_digest(wanted, found["signature"]):
        return ""
    return (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )


def _header(environ: Document, name: str) -> str:
    key = name.upper().replace("-", "_")
    return str(environ.get(key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}", ""))
