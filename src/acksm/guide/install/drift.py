"""Drift of a release's objects: changed or deleted since helm created them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from acksm.engine.diff import holds
from acksm.json_types import Manifest
from acksm.kube import paths
from acksm.kube.api import Getter


def object_name(manifest: Manifest) -> str:
    """ "Kind namespace/name", for messages."""
    metadata = manifest["metadata"]
    return f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}".replace(" /", " ")


def changed(kube: Getter, desired: Sequence[Manifest], namespace: str) -> list[str]:
    """Names of the objects that are deleted or lack something that the release has; what others added does not count.

    Kinds that acksm does not know are not checked.
    """
    known = [manifest for manifest in desired if paths.knows(str(manifest.get("kind")))]
    if not known:
        return []
    with ThreadPoolExecutor(max_workers=8) as pool:
        live = list(pool.map(lambda manifest: kube.get(paths.ref_in(manifest, namespace)), known))
    return [
        object_name(manifest) + ("" if now else " (deleted)")
        for manifest, now in zip(known, live, strict=True)
        if now is None or not holds(_compared(manifest), now)
    ]


def _compared(manifest: Manifest) -> Manifest:
    """All but status, and of the metadata only labels and annotations."""
    metadata = manifest["metadata"]
    kept = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    return {key: value for key, value in manifest.items() if key not in {"status", "metadata"}} | {"metadata": kept}
