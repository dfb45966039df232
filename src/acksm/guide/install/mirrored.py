"""Where a release's chart and image come from: `--registry`, else where the installed release came from.

A registry that has the controller's image beside its chart is a mirror: the release pulls the image from it, and keeps
that as an annotation in its values, so that later commands need no option. One that has only charts changes no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from acksm.ack import charts
from acksm.errors import AcksmError
from acksm.helm.api import Charts
from acksm.helm.values import Edit
from acksm.json_types import Document
from acksm.settings import DEFAULT_REGISTRY, located, location as location_of

REGISTRY_PATH = ("deployment", "annotations", "acksm.dev/registry")
IMAGE_PATH, TAG_PATH = ("image", "repository"), ("image", "tag")


def mirror_of(values: Document) -> str:
    """The mirror that these values of a release name, "" for none, also where it is no registry."""
    try:
        return location_of(str(_at(values, REGISTRY_PATH) or ""))
    except ValueError:
        return ""


def tag_of(values: Document) -> str:
    """The tag of the image that these values name, "" for none."""
    return str(_at(values, TAG_PATH) or "")


def location(requested: str, installed: Document) -> str:
    """The registry of a service: as requested, else the installed release's mirror, else the public one."""
    return located(requested or mirror_of(installed) or DEFAULT_REGISTRY)


def image(
    registry: Callable[[], Charts],
    at: str,
    service: str,
    chart_values: Document,
    installed: Document,
    kept: Sequence[Edit],
    given: Sequence[Edit],
) -> str:
    """The repository in the mirror at `at` from which pods pull, "" where the values name no mirror.

    `kept` are the installed values, `given` those of options. The registry is asked only where it decides.
    Errors: `image-missing`, registry-….
    """
    found = f"{at}/{charts.image_name(service)}"
    if at == DEFAULT_REGISTRY or _at(chart_values, IMAGE_PATH) == found:
        return ""
    used = _at(installed, IMAGE_PATH) == found
    others = [edit for edit in kept if edit.path == IMAGE_PATH and edit.value != found and mirror_of(installed) == at]
    if others or any(edit.path == IMAGE_PATH for edit in given):  # the user's own image, which wins
        return found
    tags = [edit.value for edit in (*kept, *given) if edit.path == TAG_PATH]
    tag = str(tags[-1] if tags else _at(chart_values, TAG_PATH) or "")
    if registry().image(service, tag) is not None:
        return found
    if used:
        raise AcksmError("image-missing", f"{found} does not exist, and the installed release uses it", where=at)
    return ""


def edits(kept: Sequence[Edit], service: str, at: str, image: str, installed: Document) -> list[Edit]:
    """The installed values `kept`, with the image of this run's registry below them instead of an earlier mirror's."""
    before = mirror_of(installed)
    own = f"{before}/{charts.image_name(service)}" if before else ""
    moved = bool(image) and before != at

    def stays(edit: Edit) -> bool:
        return edit.path != IMAGE_PATH or not (moved or edit.value == own)

    first = [Edit(IMAGE_PATH, image, "--registry"), Edit(REGISTRY_PATH, at, "--registry")] if image else []
    return [*first, *(edit for edit in kept if stays(edit))]


def _at(values: object, path: Sequence[str]) -> object:
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values
