"""Every file of an export by path, and its record. Deterministic: the same source gives the same bytes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acksm import __version__, yaml_writer
from acksm.dataclass import dataclass
from acksm.guide.export import argocd, flux, iam, layers, readme
from acksm.guide.export.folder import SCHEMA, digest
from acksm.guide.export.layers import Layer
from acksm.guide.export.reading import Source
from acksm.guide.export.repository import Repository
from acksm.json_types import Json, Manifest, Object

ENGINES = ("argocd", "flux", "kustomize", "cloudformation")
IAM, README = "iam.yaml", "README.md"


@dataclass(frozen=True)
class Request:
    """The options of the export itself. `repository` is None where the engine needs none, or its objects are the user's
    own (`bare`); `settings` are the recorded ones, of which those of `of_file` come from a settings file."""

    engine: str
    offline: bool
    issuer: str
    repository: Repository | None
    options: Mapping[str, str]
    settings: Json
    of_file: Sequence[str] = ()
    bare: bool = False


def build(source: Source, request: Request, bindings: Sequence[Manifest]) -> tuple[dict[str, bytes], Json]:
    """The files, without EXPORT.json, and what EXPORT.json has. Error: `export-not-expressible`."""
    found: list[Layer] = []
    objects: dict[str, Object] = {}
    if request.engine != "cloudformation":
        found = layers.of(source, request.engine, bindings)
        for layer in found:
            objects |= layer.files()
    if request.engine == "kustomize" or request.bare:
        objects["kustomization.yaml"] = layers.kustomization([layer.path for layer in found])
    if request.repository is not None and request.engine == "flux":
        objects |= flux.files(found, request.repository, layers.prefix(source))
    if request.repository is not None and request.engine == "argocd":
        objects |= argocd.files(found, request.repository, layers.prefix(source))
    template = iam.template(source, required=request.engine == "cloudformation")
    texts = {path: yaml_writer.dump(item) for path, item in objects.items()}
    if template:
        texts[IAM] = template
    texts[README] = readme.text(source, found, request.engine, request.repository, has_iam=bool(template))
    files = {path: text.encode() for path, text in sorted(texts.items())}
    return files, _record(source, request, files)


def _record(source: Source, request: Request, files: Mapping[str, bytes]) -> Json:
    """EXPORT.json: what was exported, from which settings, and the digest of each file."""
    return {
        "schema": SCHEMA,
        "acksm": __version__,
        "export": {
            "to": request.engine,
            **({"offline": True} if request.offline else {}),
            **({"manifests-only": True} if request.bare else {}),
            **request.options,
        },
        "settings": request.settings,
        "settings-file": sorted(request.of_file),
        "cluster": source.cluster.arn,
        "namespace": source.namespace,
        "charts": {
            one.service: {
                "name": one.name,
                "version": one.version,
                "registry": one.registry,
                "digest": one.manifest_digest,
                "archive": one.digest,
            }
            for one in source.charts
        },
        "images": {one.reference: one.digest for one in source.images},
        "files": {path: digest(data) for path, data in files.items()},
    }
