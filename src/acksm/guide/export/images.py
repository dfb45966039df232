"""The images of exported objects, each by the digest that its registry has for the tag."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.json_types import Manifest, Object, Value
from acksm.settings import location

# HOST[:PORT]/PATH/NAME:TAG; without a host the kubelet decides which registry is meant
_REFERENCE = re.compile(r"(?P<place>[^@\s]{1,512})/(?P<name>[^/@:\s]{1,255}):(?P<tag>[^/@:\s]{1,128})")


@dataclass(frozen=True)
class Image:
    """An image as the chart has it; its digest, or the error that says why it is not known."""

    reference: str
    digest: str = ""
    error: str = ""

    @property
    def pinned(self) -> str:
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


def read(target: Target, manifests: Iterable[Manifest]) -> list[Image]:
    """Every image of the pods of `manifests`, with its digest where its registry answers. Sorted."""
    names = {str(container["image"]) for item in manifests for container in _containers(item) if container.get("image")}
    found: list[Image] = []
    silent: dict[str, str] = {}  # registries that gave an error, which are not asked again
    for name in sorted(name for name in names if "@" not in name):
        place = _place(name)
        if place is None:
            found.append(Image(name, error="its name has no registry and tag"))
        elif place[0] in silent:
            found.append(Image(name, error=silent[place[0]]))
        else:
            found.append(_read(target, name, *place))
            silent |= {place[0]: found[-1].error} if found[-1].error else {}
    return found


def notes(images: Iterable[Image]) -> list[str]:
    """One for each reason why images are not pinned."""
    reasons: dict[str, list[str]] = {}
    for one in images:
        if one.error:
            reasons.setdefault(one.error, []).append(one.reference)
    return [f"not pinned by digest: {', '.join(names)} ({why})" for why, names in reasons.items()]


def _place(reference: str) -> tuple[str, str, str] | None:
    """Registry with path, name and tag of an image, None where it has none."""
    match = _REFERENCE.fullmatch(reference)
    if match is None or not {".", ":"} & set(match["place"].partition("/")[0]):
        return None
    try:
        return location(match["place"]), match["name"], match["tag"]
    except ValueError:
        return None


def _read(target: Target, reference: str, place: str, name: str, tag: str) -> Image:
    registry = target.registry(place)
    try:
        return Image(reference, registry.manifest(registry.repository(name), tag).digest)
    except AcksmError as error:
        return Image(reference, error=error.message.partition(": HTTP")[0])


def pinned(manifests: Sequence[Manifest], images: Iterable[Image]) -> list[Object]:
    """`manifests` with each image that is known as NAME:TAG@DIGEST."""
    by_name = {one.reference: one.pinned for one in images}
    found = [copy.deepcopy(dict(item)) for item in manifests]
    for item in found:
        for container in _containers(item):
            if container.get("image"):
                container["image"] = by_name.get(str(container["image"]), container["image"])
    return found


def _containers(manifest: Manifest) -> list[Value]:
    """The containers of the pods that the object creates."""
    pod = ((manifest.get("spec") or {}).get("template") or {}).get("spec") or {}
    return [one for key in ("initContainers", "containers") for one in pod.get(key) or []]
