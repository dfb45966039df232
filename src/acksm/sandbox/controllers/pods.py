"""From a pod's spec to a process: which container is a controller, its arguments, environment and files.

As a kubelet does it: downward API, secrets, config maps, `$(VAR)`. Mounted volumes become directories of the sandbox,
and paths into them are rewritten, because no program here runs in a container.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from acksm.json_types import Manifest

# kind ("ConfigMap" or "Secret"), namespace, name -> the object's data as text, None when it does not exist
Lookup = Callable[[str, str, str], Mapping[str, str] | None]
FAIL_ANNOTATION = "acksm.dev/practice-fail"
PROGRAM_ANNOTATION = "acksm.dev/practice-program"  # "stand-in" or "image", even where a binary is named
_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z0-9]+)\)")
_KEYED = re.compile(r"^metadata\.(labels|annotations)\['([^']+)'\]$")
ACKSM = "acksm"  # the service of a pod of acksm itself
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"  # where a pod finds its token for the apiserver
# The image of acksm in the sandbox's own registry, as in stages.yaml
_OWN_IMAGE = re.compile(r"127\.0\.0\.1:[0-9]{1,5}/acksm[:@].{1,128}")
_FLAG = "--aws-region"  # every ACK controller has it since v0.0.1, and no other program does


class ConfigError(Exception):
    """The container cannot be created: a secret, config map or key is missing (CreateContainerConfigError)."""


class MountError(Exception):
    """A volume cannot be set up, so that no container is created: it waits (ContainerCreating), and events say why."""


@dataclass(frozen=True)
class Controller:
    """A controller's container in a pod: `service` is its ACK service, `image` as the pod names it; `program`:
    the one that the pod asks for, "" for none."""

    service: str
    container: str
    image: str
    program: str = ""

    @property
    def tag(self) -> str:
        name, _, tag = self.image.rpartition("/")[2].partition("@")[0].partition(":")
        return tag if name else ""


def controller_of(pod: Manifest) -> Controller | None:
    """The ACK controller, or acksm, that the pod runs, or None."""
    annotations = pod["metadata"].get("annotations") or {}
    if FAIL_ANNOTATION in annotations:
        return None
    for container in (pod.get("spec") or {}).get("containers") or []:
        image = str(container.get("image", ""))
        if _OWN_IMAGE.fullmatch(image):
            return Controller(ACKSM, str(container["name"]), image)
        words = [*(container.get("command") or []), *(container.get("args") or [])]
        if any(str(word).partition("=")[0] == _FLAG for word in words):
            service = image.rpartition("/")[2].partition("@")[0].partition(":")[0].removesuffix("-controller")
            return Controller(service, str(container["name"]), image, str(annotations.get(PROGRAM_ANNOTATION) or ""))
    return None


@dataclass
class Rendered:
    """What to run: `arguments` after the program's name, its whole environment, where each volume is mounted."""

    arguments: list[str]
    environment: dict[str, str]
    mounts: dict[str, str] = field(default_factory=dict)  # mount path -> volume's name


def render(pod: Manifest, name: str, lookup: Lookup) -> Rendered:
    """Arguments and environment of container `name`. Raises ConfigError."""
    container = next(item for item in pod["spec"]["containers"] if item["name"] == name)
    environment = _environment(pod, container, lookup)
    words = [*(container.get("command") or [])[1:], *(container.get("args") or [])]
    mounts = {item["mountPath"]: item["name"] for item in container.get("volumeMounts") or []}
    return Rendered([expand(str(word), environment) for word in words], environment, mounts)


def unknown_program(pod: Manifest, name: str) -> str:
    """The program of container `name` that acksm's image does not have, "" for acksm."""
    container = next(item for item in pod["spec"]["containers"] if item["name"] == name)
    program = next(iter(container.get("command") or ()), ACKSM)
    return "" if program in {ACKSM, f"/usr/local/bin/{ACKSM}"} else str(program)


def memory_limit(pod: Manifest, name: str) -> int:
    """Bytes that container `name` may use, 0 without a limit."""
    container = next(item for item in pod["spec"]["containers"] if item["name"] == name)
    given = str(((container.get("resources") or {}).get("limits") or {}).get("memory", ""))
    match = re.fullmatch(r"(\d{1,18})(|[kMG]|[KMG]i)", given)
    return int(match[1]) * _UNITS[match[2]] if match else 0


def restarts(pod: Manifest, code: int) -> bool:
    """Whether a kubelet starts a container of the pod again that ended with `code`."""
    policy = pod["spec"].get("restartPolicy") or "Always"
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def writable(pod: Manifest, name: str) -> list[str] | None:
    """The volumes in which container `name` may write, where its root filesystem is read-only; None elsewhere."""
    container = next(item for item in pod["spec"]["containers"] if item["name"] == name)
    if not (container.get("securityContext") or {}).get("readOnlyRootFilesystem"):
        return None
    own = {str(volume["name"]) for volume in pod["spec"].get("volumes") or [] if "emptyDir" in volume}
    mounts = container.get("volumeMounts") or []
    return [str(item["name"]) for item in mounts if item["name"] in own and not item.get("readOnly")]


def expand(text: str, values: Mapping[str, str]) -> str:
    """`$(VAR)` where VAR is known, `$$` for a dollar; anything else is unchanged."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else values.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def _environment(pod: Manifest, container: Manifest, lookup: Lookup) -> dict[str, str]:
    found: dict[str, str] = {}
    namespace = str(pod["metadata"]["namespace"])
    for source in container.get("envFrom") or []:
        for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if key in source:
                data = _data(lookup, kind, namespace, source[key])
                found |= {source.get("prefix", "") + name: value for name, value in data.items()}
    for item in container.get("env") or []:
        value = _value(pod, container, item, lookup, found)
        if value is not None:
            found[str(item["name"])] = value
    return found


def _value(pod: Manifest, container: Manifest, item: Manifest, lookup: Lookup, known: Mapping[str, str]) -> str | None:
    source = item.get("valueFrom") or {}
    if "fieldRef" in source:
        return downward(pod, str(source["fieldRef"]["fieldPath"]))
    if "resourceFieldRef" in source:
        return _resource(container, str(source["resourceFieldRef"]["resource"]))
    for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
        if key in source:
            data = _data(lookup, kind, str(pod["metadata"]["namespace"]), source[key])
            wanted = str(source[key]["key"])
            if wanted not in data and not source[key].get("optional"):
                raise ConfigError(f"couldn't find key {wanted} in {kind} {_place(pod, source[key])}")
            return data.get(wanted)
    return expand(str(item.get("value") or ""), known)


def _data(lookup: Lookup, kind: str, namespace: str, source: Manifest) -> Mapping[str, str]:
    data = lookup(kind, namespace, str(source["name"]))
    if data is None and not source.get("optional"):
        raise ConfigError(f'{kind.lower()} "{source["name"]}" not found')
    return data or {}


def _place(pod: Manifest, source: Manifest) -> str:
    return f"{pod['metadata']['namespace']}/{source['name']}"


def downward(pod: Manifest, path: str) -> str:
    """The downward API's value of a field; "" where the pod has none."""
    keyed = _KEYED.match(path)
    if keyed:
        return str((pod["metadata"].get(keyed[1]) or {}).get(keyed[2], ""))
    known = {
        "metadata.name": pod["metadata"].get("name"),
        "metadata.namespace": pod["metadata"].get("namespace"),
        "metadata.uid": pod["metadata"].get("uid"),
        "spec.nodeName": pod["spec"].get("nodeName"),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName"),
        "status.podIP": "127.0.0.1",
        "status.hostIP": "127.0.0.1",
    }
    return str(known.get(path) or "")


def _resource(container: Manifest, resource: str) -> str:
    kind, _, name = resource.partition(".")
    return str(((container.get("resources") or {}).get(kind) or {}).get(name, "0"))


@dataclass(frozen=True)
class TokenFile:
    """A projected service account token: its audience ("" for the apiserver's own) and path in the volume."""

    path: str
    audience: str
    seconds: int


@dataclass
class Files:
    """A volume's content: text by relative path, and tokens to request."""

    texts: dict[str, str] = field(default_factory=dict)
    tokens: list[TokenFile] = field(default_factory=list)


def volumes(pod: Manifest, lookup: Lookup) -> dict[str, Files]:
    """Each volume's content by name; kinds that practice does not need are empty. Raises MountError."""
    found = {}
    for volume in pod["spec"].get("volumes") or []:
        files = Files()
        sources = (volume.get("projected") or {}).get("sources") or [volume]
        try:
            for source in sources:
                _add(pod, source, files, lookup)
        except ConfigError as error:
            raise MountError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from None
        found[str(volume["name"])] = files
    return found


def _add(pod: Manifest, source: Manifest, files: Files, lookup: Lookup) -> None:
    namespace = str(pod["metadata"]["namespace"])
    if "serviceAccountToken" in source:
        asked = source["serviceAccountToken"]
        seconds = int(asked.get("expirationSeconds") or 3600)
        files.tokens.append(TokenFile(str(asked["path"]), str(asked.get("audience") or ""), seconds))
    for kind, key in (("ConfigMap", "configMap"), ("Secret", "secret")):
        if key not in source:
            continue
        named = {"name": source[key].get("name") or source[key].get("secretName")}
        data = _data(lookup, kind, namespace, {**named, "optional": source[key].get("optional")})
        items = source[key].get("items") or [{"key": name, "path": name} for name in data]
        for item in items:
            if item["key"] in data:
                files.texts[str(item["path"])] = data[item["key"]]
            elif not source[key].get("optional"):
                raise ConfigError(f"references non-existent {kind.lower()} key: {item['key']}")
    for item in (source.get("downwardAPI") or {}).get("items") or []:
        files.texts[str(item["path"])] = downward(pod, str((item.get("fieldRef") or {}).get("fieldPath", "")))


def relocate(rendered: Rendered, homes: Mapping[str, str]) -> Rendered:
    """Paths below a mount path become paths below the directory that holds the volume (`homes`: name -> path)."""
    moves = sorted(
        ((path, homes[name]) for path, name in rendered.mounts.items() if name in homes),
        key=lambda move: -len(move[0]),
    )

    def moved(text: str) -> str:
        flag, equals, rest = text.partition("=") if text.startswith("--") else ("", "", text)
        for path, home in moves:
            if rest == path or rest.startswith(path.rstrip("/") + "/"):
                return flag + equals + home + rest[len(path.rstrip("/")) :]
        return text

    environment = {name: moved(value) for name, value in rendered.environment.items()}
    return Rendered([moved(word) for word in rendered.arguments], environment, rendered.mounts)


def decoded(data: Mapping[str, str] | None) -> dict[str, str]:
    """A Secret's data as text."""
    return {key: base64.b64decode(value).decode("utf-8", "replace") for key, value in (data or {}).items()}
