"""docs/charts.md: what acksm knows of the versions of both charts."""

from __future__ import annotations

from acksm.ack import charts
from acksm.ack.charts import ALWAYS, FEATURES, SERVICES, TESTED, Feature
from acksm.errors import AcksmError
from acksm.sandbox.practice.generations import all_charts
from generator.markdown import NOTICE, code, page as _page, table

_INTRO = """\
Facts about the versions of the two charts are one table in the code (`src/acksm/ack/charts.py`); every command uses it,
and nothing else compares versions. They come from the controllers' repositories at each tag; the versions of
applicationautoscaling are those with the same ACK runtime or one release later, so that no feature is assumed too
early."""
_SCOPE = """\
What `--scope` and `--watch-namespace` set in a chart of each generation, with the controllers in `ack-system`. An id
instead of values is the [error](errors.md) for that request. Where annotations of namespaces are not read,
owner account, default region and deletion policy of a namespace have no effect: objects are created in the
controller's own account and region."""
_REQUESTS = (
    ("`--scope cluster`", "cluster", ()),
    ("`--scope namespace`", "namespace", ()),
    ("one other namespace", "namespace", ("a",)),
    ("two namespaces", "namespace", ("a", "b")),
)


def page() -> str:
    """The page's text."""
    tested = table(("Service", "Version"), ((service, TESTED[service]) for service in SERVICES))
    features = table(
        ("Feature", *SERVICES, "What it is"),
        (
            (code(name), *(_span(feature, index) for index in range(len(SERVICES))), feature.means)
            for name, feature in FEATURES.items()
        ),
    )
    parts = [
        *("# Charts", NOTICE, _INTRO),
        *("## Tested together", "The versions that `acksm install` installs unless others are requested:", tested),
        *("## Features", features),
        *("## Scope", _SCOPE),
    ]
    for service in SERVICES:
        parts += [f"### {service}", _scopes(service)]
    return _page(*parts)


def _span(feature: Feature, index: int) -> str:
    since = feature.since[index]
    until = feature.until[index] if feature.until else ""
    if until == ALWAYS:
        return "never"
    if since == ALWAYS:
        return f"before {until}" if until else "always"
    return f"{since} to before {until}" if until else f"from {since}"


def _scopes(service: str) -> str:
    versions = [chart.version for chart in all_charts() if chart.service == service]
    rows = (
        (version, *(_scope(service, version, desired, watch) for _, desired, watch in _REQUESTS))
        for version in versions
    )
    return table(("Version", *(title for title, _, _ in _REQUESTS)), rows)


def _scope(service: str, version: str, desired: str, watch: tuple[str, ...]) -> str:
    try:
        scope = charts.scope(service, version, desired, watch, "ack-system")
    except AcksmError as error:
        return f"[{error.id}](errors.md#{error.id})"
    values = "<br>".join(code(f"{key}: {value or chr(34) * 2}") for key, value in scope.values.items()) or "nothing"
    return values + ("" if scope.reads_namespaces else "<br>annotations not read")
