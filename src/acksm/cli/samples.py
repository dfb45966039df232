"""`acksm samples`: the guide's §4."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from acksm.cli.options import CONTROLLERS, OBJECT_TARGET, OUTPUT, ROLE, RUN, TARGET, command, in_target
from acksm.cli.region import argument, option

app = typer.Typer(name="samples", help="Samples of both services.", no_args_is_help=True, rich_markup_mode=None)
_FILE = {"file": TARGET["file"]}
# --region is the objects' here, as in adopt
_TARGET = OBJECT_TARGET | {"region": in_target(str | None, "--cluster-region", help="AWS region of the cluster.")}
_MAKING = {"create_namespace": CONTROLLERS["create_namespace"]}
_MAKING |= {key: ROLE[key] for key in ("role_path", "permissions_boundary", "tag")}
_NAME = argument("name", str, inspect.Parameter.empty, "SAMPLE", "Name of a sample, or a kind.")
_SET = option(
    "given",
    list[str] | None,
    None,
    "--set",
    help="A parameter; SAMPLE.K=V for one that it is made after.",
    metavar="K=V",
)
_PLACE = option(
    "place",
    str,
    "",
    "--region",
    help="AWS region of the objects [the namespace's].",
    metavar="REGION",
)


@command(app, "list", OUTPUT, help="Every sample: kind, what it shows, what it needs, whether the sandbox can make it.")
def list_(resolved: Any, ui: Any) -> int:
    from acksm.guide.samples import show as sample_show

    return sample_show.run_list(resolved.settings, ui)


@command(
    app,
    "show",
    _FILE,
    OUTPUT,
    extra=[
        _NAME,
        _SET,
        option("namespace", str, "", "--namespace", "-n", help="Namespace in the manifest [none]."),
        _PLACE,
    ],
    help="A sample's manifest with its parameters filled in; needs no cluster.",
)
def show(resolved: Any, ui: Any, name: str, given: list[str] | None, namespace: str, place: str) -> int:
    from acksm.guide.samples import show as sample_show

    return sample_show.run_show(resolved.settings, ui, name, given or (), namespace, place)


@command(
    app,
    "apply",
    _TARGET,
    _MAKING,
    RUN,
    extra=[
        _NAME,
        _SET,
        option("namespace", str, "default", "--namespace", "-n", help="The objects' namespace [default]."),
        _PLACE,
        option("with_role", bool, False, "--with-role", help="Make an execution role for the samples."),
    ],
    help="Make a sample and what it needs, in order, and wait until each is in sync (guide 4).",
)
def apply(
    resolved: Any, ui: Any, name: str, given: list[str] | None, namespace: str, place: str, with_role: bool
) -> int:
    from acksm.guide.samples import command as samples
    from acksm.guide.samples.files import find
    from acksm.guide.samples.values import parse

    asked = samples.Asked(find(name), parse(given or ()), namespace, place, with_role)
    return samples.run_apply(resolved.settings, ui, asked)
