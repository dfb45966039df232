"""`acksm mirror --to HOST/PATH`: charts and images of both controllers in a registry of one's own, for clusters that
cannot reach the public one. Observe, plan, execute, verify; no cluster is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from acksm.ack import charts
from acksm.aws import ecr
from acksm.aws.account import Aws
from acksm.aws.ecr import Ecr
from acksm.dataclass import dataclass
from acksm.engine import interrupts, review
from acksm.engine.change import Danger, Plan, summary
from acksm.engine.diff import render_plan
from acksm.engine.executor import execute
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.guide.connect import rights
from acksm.guide.connect.registries import registry
from acksm.guide.mirror.planning import CHART, IMAGE, Artifact, Observed, plan
from acksm.helm import copying, values
from acksm.helm.registry import Registry
from acksm.output import Output
from acksm.settings import DEFAULT_REGISTRY, ControllerSettings, RunSettings, TargetSettings, located, location
from acksm.words import counted

if TYPE_CHECKING:
    from acksm import reports

# What pushing needs in Amazon ECR (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html)
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
CREATE = ("ecr:CreateRepository", "ecr:TagResource")


@dataclass
class Session:
    """The registries of one run; one client for each, as it keeps its tokens."""

    aws: Aws
    to: str
    deadline: Deadline
    emit: Emit

    def __post_init__(self) -> None:
        self._registries: dict[str, Registry] = {}
        private = ecr.registry_of(self.to.partition("/")[0])
        self.ecr = Ecr(self.aws, private) if private else None

    def at(self, location: str) -> Registry:
        if location not in self._registries:
            self._registries[location] = registry(location, self.deadline.left, self.aws)
        return self._registries[location]

    @property
    def target(self) -> Registry:
        return self.at(self.to)

    def tell(self, text: str) -> None:
        self.emit(Event(Kind.PROGRESS, "mirror.progress", text))


def run(
    at: TargetSettings,
    controllers: ControllerSettings,
    tags: Mapping[str, str],
    to: str,
    run: RunSettings,
    ui: Output,
) -> int:
    """Copy what is missing. Errors: `mirror-target`, registry-…, aws-…, `not-confirmed`."""
    deadline = Deadline(run.timeout)
    aws = Aws(at.profile or None, at.region or None, at.account or None, left=deadline.left)
    session = Session(aws, _target(to), deadline, ui.emit)
    source = _source(controllers.registry, session.to)
    ui.emit(Event(Kind.STEP, "mirror.target", f"from {source} to {session.to}"))
    session.tell("reading both registries")
    observed = observe(session, controllers, source)
    session.tell("")
    changes = plan(observed, session.to, tags)
    result: reports.MirrorFacts = {"artifacts": [one.as_data(session.to) for one in observed.artifacts]}
    planned = Plan("mirror", tuple(changes), facts=dict(result))
    return _finish(session, source, planned, observed, result, run, ui)


def observe(session: Session, controllers: ControllerSettings, source: str) -> Observed:
    """Both registries, read concurrently. Reads only."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = list(pool.map(lambda service: _of_service(session, controllers, source, service), controllers.service))
        artifacts = [one for pair in found for one in pair]
        target = session.target
        names = list(dict.fromkeys(one.name for one in artifacts))
        missing: dict[str, str] = {}
        if session.ecr:
            paths = {target.repository(name): name for name in names}
            for path in paths:
                if not ecr.is_repository(path):
                    raise AcksmError(
                        "mirror-target", f"{path} cannot be the name of a repository in Amazon ECR", where="--to"
                    )
            arns = session.ecr.registry.arn
            missing = {paths[path]: arns(path) for path in session.ecr.missing(list(paths))}
        digests = pool.map(
            lambda one: "" if one.name in missing else copying.digest_at(target, target.repository(one.name), one.tag),
            artifacts,
        )
        present = {(one.name, one.tag): digest for one, digest in zip(artifacts, digests, strict=True)}
    return Observed(artifacts, present, missing)


def _of_service(session: Session, controllers: ControllerSettings, source: str, service: str) -> list[Artifact]:
    """The image and the chart of one service, the image first: a mirror that has a chart has its image."""
    charts_at = session.at(source)
    requested = controllers.version.get(service) or charts.TESTED[service]
    session.tell(f"reading {charts.chart_name(service)} {requested} in {source}")
    chart = charts_at.find(service, requested)
    named = values.plain(charts_at.pull(service, requested).chart.values_text)["image"]
    tag = str(named["tag"])
    origin, repository = charts_at, charts_at.repository(charts.image_name(service))
    found = origin.image(service, tag) if source != DEFAULT_REGISTRY else None
    if found is None:  # a registry that has only charts: the chart's own image
        place, _, name = located(str(named["repository"])).rpartition("/")
        origin = session.at(place)
        repository = origin.repository(name)
        found = origin.manifest(repository, tag)
    platforms = tuple(copying.platforms(origin, found))
    image_name, chart_name = charts.image_name(service), charts.chart_name(service)
    return [
        Artifact(service, IMAGE, image_name, tag, found.digest, origin.location, repository, platforms),
        Artifact(service, CHART, chart_name, chart.reference, chart.digest, source, charts_at.repository(chart_name)),
    ]


def _finish(
    session: Session,
    source: str,
    planned: Plan,
    observed: Observed,
    result: reports.MirrorFacts,
    run: RunSettings,
    ui: Output,
) -> int:
    """Show, confirm, apply and report; as guide/connect/apply.py does with a cluster."""
    mutations = planned.mutations
    reviewer = review.CURRENT.get()
    if reviewer is not None:
        reviewer.inspect(planned, _as_target(session))
    report: reports.MirrorReport = {
        "source": source,
        "registry": session.to,
        "dry_run": run.dry_run,
        "changes": [change.as_data() for change in mutations],
        "result": result,
    }
    if run.dry_run:
        report["digest"] = planned.digest()
        shown = f"dry run: {summary(mutations)}; nothing was written" if mutations else "already up to date"
        ui.result("mirror", report, "\n\n".join([*([render_plan(planned, full=run.full)] if mutations else []), shown]))
        return 0
    for note in _check_rights(session, planned):
        ui.emit(Event(Kind.NOTE, "note", note))
    moved = [change for change in mutations if change.danger is not Danger.NONE]
    if moved or (mutations and reviewer is not None and reviewer.asks):
        ui.show(render_plan(planned))
        ui.confirm(f"Copy {counted(len(mutations), 'change')} to {session.to}?", yes=run.yes)
    with interrupts.finishing(session.deadline.stopped, ui.emit):
        execute(planned, _dispatch(session, observed), ui.emit, session.deadline)
    if not mutations:
        ui.emit(Event(Kind.UP_TO_DATE, "up-to-date", "already up to date"))
    lines = [f"{one['kind']} {one['target']}@{one['digest']}" for one in result["artifacts"]]
    ui.result("mirror", report, "\n".join([*lines, f"next: acksm install --registry {session.to}"]))
    return 0


def _dispatch(session: Session, observed: Observed) -> dict[str, Callable[..., object]]:
    target = session.target

    def copy(registry: str, source: str, name: str, digest: str, tag: str) -> None:
        copying.copy(session.at(registry), source, target, target.repository(name), digest, tag, session.tell)
        session.tell("")

    def verify() -> None:
        """Errors: `mirror-digest` where a tag does not name what was copied."""
        for one in observed.artifacts:
            found = copying.digest_at(target, target.repository(one.name), one.tag)
            if found != one.digest:
                where = f"{session.to}/{one.name}:{one.tag}"
                raise AcksmError("mirror-digest", f"the tag names {found or 'nothing'}, not {one.digest}", where=where)

    table: dict[str, Callable[..., object]] = {"mirror.copy": copy, "mirror.verify": verify}
    return table | ({"ecr.create_repository": session.ecr.create_repository} if session.ecr else {})


def _check_rights(session: Session, planned: Plan) -> list[str]:
    """What the plan needs in Amazon ECR, simulated before the first write; notes. Error: `aws-access-denied`."""
    if session.ecr is None or not planned.mutations:
        return []
    needs: dict[str, list[str]] = {}
    for change in planned.mutations:
        if change.call == "ecr.create_repository":
            needs.setdefault(change.target, []).extend(CREATE)
        else:
            arn = session.ecr.registry.arn(session.target.repository(change.params["name"]))
            needs.setdefault(arn, []).extend(action for action in PUSH if action not in needs.get(arn, []))
    remedy = f"acksm doctor --print-policy mirror --registry {session.to}"
    return rights.check_needs(session.aws.iam, session.aws.identity().arn, needs, remedy)


def _target(to: str) -> str:
    """The target registry. Error: `mirror-target`."""
    try:
        found = location(to)
    except ValueError as error:
        raise AcksmError("mirror-target", str(error), where="--to") from error
    if not found:
        raise AcksmError("mirror-target", "no registry specified", where="--to")
    if found == DEFAULT_REGISTRY:
        raise AcksmError("mirror-target", f"{found} is the public registry", where="--to")
    return found


def _source(requested: str, to: str) -> str:
    """Where to copy from: --registry, unless that is already the mirror, which acksm.yaml may name for install."""
    return located(requested) if requested and located(requested) != to else DEFAULT_REGISTRY


def _as_target(session: Session) -> reports.Target:
    """The registry instead of a cluster, for a plan file."""
    private = session.ecr.registry if session.ecr else None
    identity = session.aws.identity() if private else None
    return {
        "cluster": session.to,
        "cluster_arn": session.to,
        "region": private.region if private else "",
        "account": private.account if private else "",
        "identity": identity.arn if identity else "",
        "endpoint": session.target.client.base,
        "kubernetes": "",
        "namespace": "",
    }
