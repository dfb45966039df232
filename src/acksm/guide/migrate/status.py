"""`acksm identity status`: by which way each controller and each of its pods has its role, and what shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from acksm import reports
from acksm.aws.eks import Association
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.guide.migrate import reading
from acksm.guide.migrate.reading import Seen
from acksm.live import identities
from acksm.live.identities import Problem, Reading, Verdict, Way
from acksm.output import Output, Table
from acksm.settings import RunSettings, TargetSettings
from acksm.words import counted

_OTHERS = {Way.NODE: "(the node's)", Way.STATIC: "(of its own)"}
HEADER = ("SERVICE", "POD", "HAS", "ROLE", "READY", "NEXT POD", "TAGS", "PROVEN BY", "SERVICE ACCOUNT")
DROP = ("SERVICE ACCOUNT", "TAGS", "READY", "PROVEN BY")  # what a narrow terminal does without, first to last


@dataclass(frozen=True)
class Row:
    """One controller: what was read, and what that means."""

    reading: Reading
    verdict: Verdict

    def as_data(self) -> reports.IdentityController:
        one, said = self.reading, self.verdict
        association = None if isinstance(one.association, AcksmError) else one.association
        return {
            "service": one.service,
            "namespace": one.namespace,
            "deployment": one.deployment,
            "service_account": one.service_account,
            "annotation": None if isinstance(one.annotation, AcksmError) else one.annotation,
            "associated": None if isinstance(one.association, AcksmError) else association is not None,
            "association": _association(association) if association else None,
            "mechanism": said.now and str(said.now),
            "role": said.role,
            "pods": None if isinstance(one.pods, AcksmError) else [self._pod(pod) for pod in one.pods],
            "problems": _problems(said.problems, ""),
        }

    def _pod(self, pod: identities.Pod) -> reports.IdentityPod:
        return {
            "name": pod.name,
            "created": pod.created,
            "ready": pod.ready,
            "mechanism": str(pod.way),
            "role": self.verdict.roles[pod.name],
            "proven_by": list(pod.proofs),
            "problems": _problems(self.verdict.problems, pod.name),
        }

    def cells(self) -> list[tuple[str, ...]]:
        """A row of the table for each pod; one for a controller without any."""
        one, said = self.reading, self.verdict
        after = (str(said.now or "unknown"), self._tags())
        account = f"{one.namespace}/{one.service_account}"
        if isinstance(one.pods, AcksmError) or not one.pods:
            none = "none" if not isinstance(one.pods, AcksmError) else "unknown"
            return [(one.service, none, "", said.role or "", "", *after, "", account)]
        return [
            (
                one.service,
                pod.name,
                str(pod.way),
                _OTHERS.get(pod.way) or ("unknown" if (role := said.roles[pod.name]) is None else role),
                "yes" if pod.ready else "no",
                *after,
                ", ".join(pod.proofs),
                account,
            )
            for pod in one.pods
        ]

    def _tags(self) -> str:
        association = self.reading.association
        return ("yes" if association.tags else "no") if isinstance(association, Association) else ""


def _association(found: Association) -> reports.IdentityAssociation:
    return {
        "id": found.name,
        "role": found.through,
        "target_role": found.role if found.role != found.through else "",
        "session_tags": found.tags,
        "owner": found.owner,
    }


def _problems(found: Iterable[Problem], pod: str) -> list[reports.IdentityProblem]:
    return [{"id": one.id, "text": one.text, "remedy": one.remedy} for one in found if one.pod == pod]


def run(at: TargetSettings, run: RunSettings, ui: Output) -> int:
    """Exit 3 with a problem, or where no controller is installed; 7 where too little could be read to tell."""
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        seen = reading.observe(target)
        rows = judged(target, seen)
        missing = _missing(seen, rows)
        healthy = _healthy(rows, missing)
        notes = [*seen.notes, *(note for row in rows for note in row.verdict.notes)]
        data: reports.IdentityStatusReport = {
            "target": target.as_data(),
            "healthy": healthy,
            "controllers": None if seen.hidden else [row.as_data() for row in rows],
            "notes": notes,
            "incomplete": missing,
        }
        code = {True: ExitCode.OK, False: ExitCode.CHECK_FAILED, None: ExitCode.INCOMPLETE}[healthy]
        ui.result("identity status", data, text(rows, notes, missing, ui.table), int(code))
        return int(code)


def judged(target: Target, seen: Seen) -> list[Row]:
    """Each controller with its verdict."""
    cluster = target.cluster
    return [Row(one, identities.judge(one, cluster.name, cluster.region)) for one in seen.readings]


def _missing(seen: Seen, rows: Sequence[Row]) -> list[str]:
    hidden = [f"the controllers: {seen.hidden}"] if seen.hidden else []
    return list(dict.fromkeys([*hidden, *(text for row in rows for text in row.verdict.unknown)]))


def _healthy(rows: Sequence[Row], missing: Sequence[str]) -> bool | None:
    if any(row.verdict.problems for row in rows):
        return False
    if missing:
        return None
    return bool(rows)


def text(rows: Sequence[Row], notes: Sequence[str], missing: Sequence[str], table: Table) -> str:
    """The rows, their problems with remedies, notes, and what could not be read."""
    lines = [table(HEADER, [cells for row in rows for cells in row.cells()], drop=DROP)] if rows else []
    for row in rows:
        for problem in row.verdict.problems:
            lines.append(f"! {row.reading.service}: {problem.text} [{problem.id}]")
            lines += [f"  remedy: {problem.remedy}"] if problem.remedy else []
        lines += _ways(row)
    if not rows and not missing:
        lines.append("no controller is installed: acksm install")
    lines += [f"note: {note}" for note in notes]
    if missing:
        lines += ["", f"incomplete: {counted(len(missing), 'part')} of the state could not be read"]
        lines += [f"  {one}" for one in missing]
    return "\n".join(lines)


def _ways(row: Row) -> list[str]:
    """That both ways are set up for the same role, as during a migration."""
    one, association = row.reading, row.reading.association
    if isinstance(association, Association) and one.annotation and one.annotation == association.role:
        here = any(pod.way is Way.IRSA for pod in (() if isinstance(one.pods, AcksmError) else one.pods))
        after = "   (its pods were created before the association)" if here else ""
        return [f"{one.service}: association and annotation name the same role{after}"]
    return []
