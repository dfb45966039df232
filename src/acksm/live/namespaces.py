"""Creating a namespace: the same change for the controllers' namespace, a watched one and a bound one."""

from __future__ import annotations

from acksm.engine.change import Change, Op
from acksm.kube.owners import OWNED_LABEL


def create(name: str, step: str, *, guide: str, lane: str = "") -> Change:
    """The namespace with its owner's label; `guide` is the guide's command that it replaces."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {OWNED_LABEL: "true"}},
    }
    return Change(
        id="namespace.create",
        step=step,
        op=Op.CREATE,
        system="kubernetes",
        target=f"Namespace {name}",
        call="kube.apply",
        params={"manifest": manifest},
        after=manifest,
        guide=guide,
        lane=lane,
    )
