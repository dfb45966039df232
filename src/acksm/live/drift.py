"""What the apiserver would change in an object to make it as desired, by a server-side dry run.

Texts that differ may mean the same: `cpu: 0.5` is stored as "500m", `hostIPC: false` not at all, and admission webhooks
and policies change what is written (https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run). Only an
object whose text differs costs a request. Nothing is written, but the request needs the right to patch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import StrEnum

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object, Value
from acksm.kube import owners, paths
from acksm.kube.api import Applier
from acksm.kube.quantities import amount
from acksm.live.bindings import shortened
from acksm.live.synced import moment

Path = tuple[str | int, ...]
AGAIN_SECONDS = 3600.0  # what is changed again so soon after it was restored is not changed by hand
_RESTORED = "restored by acksm: "
_UNTOLD = {"kube-forbidden", "kube-invalid", "kube-webhook-denied", "kube-failed"}


class State(StrEnum):
    """`CHANGED` and `DELETED` are restored by a write. `NOT_KEPT`: a write does not last. `UNKNOWN`: the text differs,
    and the apiserver did not say what it would change."""

    CHANGED = "changed"
    DELETED = "deleted"
    NOT_KEPT = "not-kept"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Drift:
    """An object that differs: `fields` of it, `by` the field managers that changed them and `at` when, where known;
    `why` is the apiserver's message, or who undoes a write."""

    object: str
    state: State = State.CHANGED
    fields: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    at: str = ""
    why: str = ""

    @property
    def is_restored(self) -> bool:
        """Whether a write restores it."""
        return self.state in {State.CHANGED, State.DELETED}

    def __str__(self) -> str:
        if self.state is State.DELETED:
            return f"{self.object} (deleted)"
        if self.state is State.UNKNOWN:
            return f"{self.object} differs in text; whether the apiserver would change it is unknown: {self.why}"
        by = f", by {', '.join(self.by)}" if self.by else ""
        if self.state is State.NOT_KEPT:
            return f"{self.object}: {shortened(self.fields)} {self.why}"
        return f"{self.object} ({shortened(self.fields)}{by})" if self.fields else self.object


def object_name(manifest: Manifest) -> str:
    """ "Kind namespace/name", for messages."""
    metadata = manifest["metadata"]
    return f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}".replace(" /", " ")


def of_all(kube: Applier, desired: Sequence[Manifest], namespace: str, restored: str = "", at: str = "") -> list[Drift]:
    """The objects of a release that are deleted or lack something that the release has; what others added does not
    count. Kinds that acksm does not know are not checked.

    `restored` is what the release's last operation restored (`restoring`), `at` when that was.
    """
    known = [manifest for manifest in desired if paths.knows(str(manifest.get("kind")))]
    if not known:
        return []

    def one(manifest: Manifest) -> list[Drift]:
        live = kube.get(paths.ref_in(manifest, namespace))
        if live is None:
            return [Drift(object_name(manifest), State.DELETED)]
        found = of(kube, _applied(manifest, namespace), live)
        return _split(found, restored, at) if found else []

    with ThreadPoolExecutor(max_workers=8) as pool:
        return [found for drifts in pool.map(one, known) for found in drifts]


def of(kube: Applier, desired: Manifest, live: Manifest, *, force: bool = True, whole: bool = False) -> Drift | None:
    """What applying `desired` would change in `live`, None for nothing. `force`: also fields of other managers; without
    it a conflict is a change. `whole`: what it would remove is a change too."""
    if not whole and not any(differences(_content(desired), _content(live))):
        return None
    name = object_name(desired)
    try:
        after = kube.apply(desired, force, dry_run=True)
    except AcksmError as error:
        if error.id == "kube-conflict":
            return Drift(name)
        if error.id not in _UNTOLD:
            raise
        return Drift(name, State.UNKNOWN, why=error.message)
    before, then = _content(live), _content(after)
    moved = [path for one in (_content(desired), *([before] if whole else [])) for path in _moved(one, before, then)]
    if moved:
        by, at = _changed_by(live, moved)
        return Drift(name, State.CHANGED, _texts(desired, moved), by, at)
    left = [path for path, one, other in differences(_content(desired), _content(live)) if not _means(one, other)]
    if not left:
        return None
    by, at = _changed_by(live, left)
    whose = f" (its field manager is {', '.join(by)})" if by else ""
    why = f"is changed at each write by an admission webhook or policy{whose}"
    return Drift(name, State.NOT_KEPT, _texts(desired, left), by, at, why)


def restoring(drifts: Iterable[Drift]) -> str:
    """The description of an operation that restores these, so that a later run knows; "" for none."""
    fields = [f"{one.object} {field}" for one in drifts for field in one.fields]
    return _RESTORED + "; ".join(fields[:50]) if fields else ""


def _split(found: Drift, restored: str, at: str) -> list[Drift]:
    """What the last operation restored and is changed again, apart from the rest: restoring it again would not last."""
    before = set(restored.removeprefix(_RESTORED).split("; ")) if restored.startswith(_RESTORED) else set()
    again = tuple(field for field in found.fields if f"{found.object} {field}" in before)
    if found.state is not State.CHANGED or not again or _by_hand(found, at):
        return [found]
    who = " and ".join(found.by) or "another client"
    why = f"was restored, and {who} changed it again; it is not restored again"
    rest = tuple(field for field in found.fields if field not in again)
    kept = replace(found, state=State.NOT_KEPT, fields=again, why=why)
    return [kept, replace(found, fields=rest)] if rest else [kept]


def _by_hand(found: Drift, restored: str) -> bool:
    """Whether a change after it was restored is a person's: by kubectl, or more than AGAIN_SECONDS later."""
    if found.by and all(name.startswith("kubectl") for name in found.by):
        return True
    last, then = moment(found.at), moment(restored)
    return last is None or then is None or (last - then).total_seconds() >= AGAIN_SECONDS


def differences(desired: object, live: object, path: Path = ()) -> Iterator[tuple[Path, object, object]]:
    """Where `live` lacks something of `desired`: path, desired and live value."""
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        for key, item in desired.items():
            yield from differences(item, live.get(key), (*path, str(key)))
    elif isinstance(desired, list) and isinstance(live, list) and len(desired) == len(live):
        for index, (one, other) in enumerate(zip(desired, live, strict=True)):
            yield from differences(one, other, (*path, index))
    elif desired != live or type(desired) is not type(live):
        yield path, desired, live


def holds(desired: object, live: object) -> bool:
    """Whether there are no `differences`, several times faster where there are none."""
    if isinstance(desired, dict) and isinstance(live, dict):
        return all(holds(item, live.get(key)) for key, item in desired.items())
    if isinstance(desired, list) and isinstance(live, list) and len(desired) == len(live):
        return all(map(holds, desired, live))
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        return not any(differences(desired, live))
    return desired == live and type(desired) is type(live)


def _moved(desired: object, before: object, after: object, path: Path = ()) -> Iterator[Path]:
    """The paths of `desired` at which `after` differs from `before`."""
    if before == after:
        return
    if isinstance(desired, Mapping) and isinstance(before, Mapping) and isinstance(after, Mapping):
        for key, item in desired.items():
            yield from _moved(item, before.get(key), after.get(key), (*path, str(key)))
    elif isinstance(desired, list) and isinstance(before, list) and isinstance(after, list):
        if len(desired) == len(before) == len(after):
            for index, (item, old, new) in enumerate(zip(desired, before, after, strict=True)):
                yield from _moved(item, old, new, (*path, index))
        else:
            yield path
    else:
        yield path


def _means(desired: object, live: object) -> bool:
    """Whether a stored value means the desired one: what is zero or empty is not stored, quantities have one form, and
    others may have added to a list."""
    if isinstance(desired, Mapping) and (live is None or isinstance(live, Mapping)):
        return all(_means(item, (live or {}).get(key)) for key, item in desired.items())
    if desired in (None, "") or (not desired and live is None):  # the default, whatever it is
        return True
    if isinstance(desired, list) and isinstance(live, list) and all(isinstance(item, Mapping) for item in desired):
        return all(any(_means(item, other) for other in live) for item in desired)
    return desired == live or amount(desired) == amount(live) is not None


def _content(manifest: Manifest) -> Object:
    """What is compared: of the metadata only labels and annotations; items of a list have neither kind nor version."""
    metadata = manifest["metadata"]
    kept = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    own = {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind", "status", "metadata"}}
    return own | {"metadata": kept}


def _applied(manifest: Manifest, namespace: str) -> Manifest:
    """An object of a release as it is applied: with its namespace, and what `_content` has."""
    content, where = _content(manifest), paths.ref_in(manifest, namespace)
    name = {"name": where.name} | ({"namespace": where.namespace} if where.namespace else {})
    kind = {key: manifest[key] for key in ("apiVersion", "kind")}
    return {**kind, **content, "metadata": {**name, **content["metadata"]}}


def _texts(manifest: Manifest, found: Iterable[Path]) -> tuple[str, ...]:
    """Paths as texts: spec.template.spec.containers[controller].image."""
    return tuple(dict.fromkeys(_text(manifest, path) for path in found))


def _text(manifest: Value, path: Path) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            manifest = manifest[step] if isinstance(manifest, list) and step < len(manifest) else None
            named = isinstance(manifest, Mapping) and manifest.get("name")
            text += f"[{named or step}]"
        else:
            manifest = manifest.get(step) if isinstance(manifest, Mapping) else None
            text += f".{step}" if text else step
    return text


def _changed_by(live: Manifest, found: Sequence[Path]) -> tuple[tuple[str, ...], str]:
    """Who else than helm owns one of these fields, and when the last of them changed one; ((), "") where unknown. A
    removed field has no owner: then the time of the last change by anyone else."""
    by = {one for path in found for one in owners.of_field(live, path) if one[0] != "helm"}
    last = max((at for _, at in by or owners.writers(live) if at), default="")
    return tuple(sorted({name for name, _ in by})), last
