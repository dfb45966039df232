"""`acksm mirror` as a plan: the repositories to create and the charts and images to copy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op, words

if TYPE_CHECKING:
    from acksm import reports

IMAGE, CHART = "image", "chart"


@dataclass(frozen=True)
class Artifact:
    """A chart or an image to copy. `registry` and `repository` are where it is read, `name` is its repository in the
    target registry; `platforms` are those of an image's index."""

    service: str
    kind: str
    name: str
    tag: str
    digest: str
    registry: str
    repository: str
    platforms: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """HOST/REPOSITORY:TAG of the source."""
        return f"{self.registry.partition('/')[0]}/{self.repository}:{self.tag}"

    def as_data(self, target: str) -> reports.MirroredArtifact:
        return {
            "service": self.service,
            "kind": self.kind,
            "source": self.source,
            "target": f"{target}/{self.name}:{self.tag}",
            "digest": self.digest,
            "platforms": list(self.platforms),
        }


@dataclass(frozen=True)
class Observed:
    """What is to be copied, each service's image before its chart; the digest that the target has under each artifact's
    tag, by its name and tag ("" for none); and repositories that have to be created first, by their name, with ARN."""

    artifacts: Sequence[Artifact]
    present: Mapping[tuple[str, str], str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def plan(observed: Observed, to: str, tags: Mapping[str, str]) -> list[Change]:
    """The changes that make the target have every artifact, in a lane for each service; `tags` are those of new
    repositories. [] where it has them all."""
    changes: list[Change] = []
    path = to.partition("/")[2]
    for one in observed.artifacts:
        now = observed.present.get((one.name, one.tag), "")
        if now == one.digest:
            continue
        if one.name in observed.missing:
            repository = "/".join(part for part in (path, one.name) if part)
            changes.append(_create(observed.missing[one.name], repository, one, tags))
        changes.append(_copy(one, to, now))
    if changes:
        changes.append(
            Change(
                id="mirror.verified",
                step="mirror",
                op=Op.WAIT,
                system="registry",
                target=to,
                call="mirror.verify",
                params={},
                words=words("verifying", "verified", f"the digests in {to}"),
            )
        )
    return changes


def _create(arn: str, repository: str, one: Artifact, tags: Mapping[str, str]) -> Change:
    return Change(
        id="ecr.create-repository",
        step="mirror",
        op=Op.CREATE,
        system="aws",
        target=arn,
        call="ecr.create_repository",
        params={"name": repository, "tags": dict(tags)},
        after={"repository": repository, "tags": dict(tags)},
        lane=one.service,
        guide=f"aws ecr create-repository --repository-name {repository}",
    )


def _copy(one: Artifact, to: str, now: str) -> Change:
    target = f"{to}/{one.name}:{one.tag}"
    shape = {
        "source": one.source,
        "digest": one.digest,
        **({"platforms": list(one.platforms)} if one.platforms else {}),
    }
    return Change(
        id="mirror.copy",
        step="mirror",
        op=Op.UPDATE if now else Op.CREATE,
        system="registry",
        target=target,
        call="mirror.copy",
        params={
            "registry": one.registry,
            "source": one.repository,
            "name": one.name,
            "digest": one.digest,
            "tag": one.tag,
        },
        before={"digest": now} if now else None,
        after=shape,
        reason=f"the tag names {now}" if now else "",
        danger=Danger.MILD if now else Danger.NONE,  # who pulls by the tag gets another image
        lane=one.service,
        words=words("copying", "copied", f"{one.source} to {target}"),
    )
