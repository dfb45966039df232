"""`acksm explain`: what the catalogue has for an id."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from acksm.catalog import Entry, entries
from acksm.errors import AcksmError
from acksm.output import Table
from acksm.words import did_you_mean

REPOSITORIES = {  # as the catalogue names them: community#1246
    "community": "aws-controllers-k8s/community",
    "eksctl": "eksctl-io/eksctl",
    "karpenter": "aws/karpenter-provider-aws",
    "kubeflow-manifests": "awslabs/kubeflow-manifests",
    "sagemaker-controller": "aws-controllers-k8s/sagemaker-controller",
}
ISSUE = re.compile(r"\b([a-z-]{1,40})#(\d{1,6})\b")


def url(cited: re.Match[str]) -> str:
    """The address of an issue that ISSUE found."""
    return f"https://github.com/{REPOSITORIES[cited[1]]}/issues/{cited[2]}"


def explain(id: str | None, table: Table, *, list_all: bool = False) -> tuple[dict[str, object], str]:
    """Data and text for `acksm explain`: of an id, also without its prefix, or of all whose titles have these words.

    Error: `explain-unknown`, with similar ids.
    """
    known = entries()
    if list_all or id is None:
        return _listed(list(known.values()), table)
    meant = [entry for name, entry in known.items() if name == id] or [
        entry for name, entry in known.items() if id and name.partition(".")[2] == id
    ]
    meant = meant or [entry for entry in known.values() if _is_about(entry, id)]
    if not meant:
        raise AcksmError("explain-unknown", f'unknown id "{id}"{did_you_mean(get_close_matches(id, known, n=3))}')
    if len(meant) > 1:
        return _listed(meant, table)
    entry = meant[0]
    title = entry.title + (" (retired)" if entry.retired else "")
    text = f"{entry.id}: {title}\n\n{table(('cause',), [(entry.cause,)])}\n"
    if entry.remedy:
        text += f"\nremedy\n{entry.remedy}\n"
    if issues := dict.fromkeys(url(cited) for cited in ISSUE.finditer(entry.cause)):
        text += "\nsee\n" + "".join(f"{issue}\n" for issue in issues)
    return {"entry": _data(entry)}, text + f"\nexit code {int(entry.exit_code)} ({entry.exit_code.name})"


def _listed(found: Sequence[Entry], table: Table) -> tuple[dict[str, object], str]:
    rows = [(entry.id, entry.title) for entry in found]
    return {"entries": [_data(entry) for entry in found]}, table(("ID", "TITLE"), rows)


def _is_about(entry: Entry, text: str) -> bool:
    """Whether the id or the title has every word of `text`."""
    words = re.findall(r"[a-z0-9]+", f"{entry.id} {entry.title}".lower())
    desired = re.findall(r"[a-z0-9]+", text.lower())
    return bool(desired) and all(len(one) > 2 and any(word.startswith(one) for word in words) for one in desired)


def _data(entry: Entry) -> dict[str, object]:
    """`acksm.reports.CatalogEntry`."""
    return {
        "id": entry.id,
        "title": entry.title,
        "cause": entry.cause,
        "remedy": entry.remedy,
        "exit_code": int(entry.exit_code),
    }
