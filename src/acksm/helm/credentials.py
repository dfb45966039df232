"""Credentials for registries where docker, helm and podman keep them: their files, and docker's credential helpers.

Read only, and only for a registry that requires credentials. No library reads all of it: oras (PyPI) knows `auths`
alone, and docker's SDK ignores a malformed file.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from acksm import bounded
from acksm.errors import AcksmError
from acksm.helm.oci import Login
from acksm.json_types import Document, Value

MAX_FILE, HELPER_SECONDS = 4 * 1024 * 1024, 30
DOCKER_HUB = "https://index.docker.io/v1/"  # the name that docker gives it in its file
_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN_USER = "<token>"  # noqa: S105 (the user name with which a helper says that its secret is an identity token)


def find(host: str, repository: str, environment: Mapping[str, str] | None = None) -> Login | None:
    """Credentials for a repository of a registry, from the first file that has any. Error: `registry-credentials`."""
    environment = os.environ if environment is None else environment
    for path in files(environment):
        document = _read(path)
        if document is not None:
            login = _of_file(document, path, host, repository, environment)
            if login:
                return login
    return None


def files(environment: Mapping[str, str]) -> list[Path]:
    """Where helm, docker and podman keep credentials, in this order."""
    home = Path(environment.get("HOME") or Path.home())
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    helm = home / "Library" / "Preferences" / "helm" if sys.platform == "darwin" else config / "helm"
    helm = Path(environment.get("HELM_CONFIG_HOME") or helm)
    podman = [config / "containers" / "auth.json"]
    if environment.get("XDG_RUNTIME_DIR"):
        podman.insert(0, Path(environment["XDG_RUNTIME_DIR"]) / "containers" / "auth.json")
    return [
        Path(environment.get("HELM_REGISTRY_CONFIG") or helm / "registry" / "config.json"),
        Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json",
        *([Path(environment["REGISTRY_AUTH_FILE"])] if environment.get("REGISTRY_AUTH_FILE") else podman),
    ]


def _read(path: Path) -> Document | None:
    """The file, None where it does not exist."""
    try:
        raw = bounded.read(path, MAX_FILE)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _wrong(path, f"cannot be read: {error}") from error
    if not raw.strip():
        return None
    try:
        loaded = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"is not JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise _wrong(path, "is not a JSON object")
    return loaded


def _of_file(
    document: Document, path: Path, host: str, repository: str, environment: Mapping[str, str]
) -> Login | None:
    """As docker reads it: the host's own helper, then the common one, then the file itself."""
    auths, helpers = _mapping(document, "auths", path), _mapping(document, "credHelpers", path)
    names = list(_names(host, repository))
    entry = next((name for name in names if name in auths), "")
    helped = next((name for name in names if name in helpers), "")
    if helped:
        return _ask(helpers[helped], helped, path, environment)
    store = document.get("credsStore") or ""
    if store:
        try:
            login = _ask(store, entry or _servers(host)[0], path, environment)
        except AcksmError:
            if entry:  # it was logged in to; of any other registry a missing helper says nothing
                raise
            login = None
        if login:
            return login
    return _login(auths[entry], f"{path} ({entry})", path) if entry else None


def _mapping(document: Document, key: str, path: Path) -> Document:
    found = document.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _wrong(path, f'"{key}" is not a mapping')
    return found


def _names(host: str, repository: str) -> Iterator[str]:
    """The keys that an entry may have, the most specific first: podman's and helm's may have a path
    (https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md)."""
    parts = repository.split("/")
    for count in range(len(parts), 0, -1):
        yield "/".join([host, *parts[:count]])
    yield from _servers(host)


def _servers(host: str) -> list[str]:
    hub = [DOCKER_HUB] if host in _HUB else []
    return [*hub, host, f"https://{host}", f"https://{host}/", f"https://{host}/v1/", f"https://{host}/v2/"]


def _login(entry: Value, source: str, path: Path) -> Login | None:
    """An entry of `auths`; None where it is empty, because a helper has the credentials."""
    if not isinstance(entry, dict):
        raise _wrong(path, f"the entry of {source} is not a mapping")
    token = entry.get("identitytoken") or ""
    if token:
        return Login(identity_token=str(token), source=source)
    if entry.get("username") and entry.get("password"):
        return Login(str(entry["username"]), str(entry["password"]), source=source)
    encoded = entry.get("auth") or ""
    if not encoded:
        return None
    try:
        user, colon, password = base64.b64decode(str(encoded), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError) as error:
        raise _wrong(path, f'"auth" of {source} is not base64') from error
    if not colon:
        raise _wrong(path, f'"auth" of {source} is not USER:PASSWORD in base64')
    return Login(user, password.rstrip("\0"), source=source)


def _ask(helper: Value, server: str, path: Path, environment: Mapping[str, str]) -> Login | None:
    """What `docker-credential-HELPER get` answers
    (https://github.com/docker/docker-credential-helpers#development); None where it has no credentials."""
    if not isinstance(helper, str) or not _HELPER.fullmatch(helper):
        raise _wrong(path, "names a credential helper that is no name of a program")
    program = f"docker-credential-{helper}"
    answer = _run(program, server, path, environment)
    user, secret = (str((answer or {}).get(key) or "") for key in ("Username", "Secret"))
    if not secret:
        return None
    source = f"{program} ({server})"
    return Login(identity_token=secret, source=source) if user == _TOKEN_USER else Login(user, secret, source=source)


def _run(program: str, server: str, path: Path, environment: Mapping[str, str]) -> Document | None:
    try:
        done = subprocess.run(
            [program, "get"],
            input=server.encode(),
            env=dict(environment),  # the user's own program for secrets: it finds them by the user's variables
            capture_output=True,
            timeout=HELPER_SECONDS,
            check=False,
        )
    except OSError as error:
        raise _wrong(path, f"names {program}, which cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise _wrong(path, f"names {program}, which did not answer within {HELPER_SECONDS} s") from error
    text = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        if "not found" in text.lower() or "not exist" in text.lower():
            return None
        said = text or done.stderr.decode("utf-8", "replace").strip()
        raise _wrong(path, f"names {program}, which failed: {said[:300]}")
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"names {program}, whose answer is not JSON") from error
    if not isinstance(loaded, dict):
        raise _wrong(path, f"names {program}, whose answer is not a JSON object")
    return loaded


def _wrong(path: Path, why: str) -> AcksmError:
    return AcksmError("registry-credentials", f"{path} {why}"[:600], where=str(path))
