"""`acksm region`: the guide's §5, default regions of namespaces."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from acksm.cli.options import CONTROLLERS, OBJECT_TARGET, OUTPUT, RUN, TARGET, command

app = typer.Typer(name="region", help="Default regions of namespaces.", no_args_is_help=True, rich_markup_mode=None)
_CREATE = {"create_namespace": CONTROLLERS["create_namespace"]}


def argument(name: str, kind: Any, default: Any, metavar: str, help: str) -> inspect.Parameter:
    """A positional argument for `command`."""
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=default,
        annotation=Annotated[kind, typer.Argument(metavar=metavar, help=help, show_default=False)],
    )


def option(name: str, kind: Any, default: Any, *flags: str, help: str, metavar: str | None = None) -> inspect.Parameter:
    """An option of one command only, which no variable and no file gives."""
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, typer.Option(*flags, help=help, metavar=metavar, show_default=False)],
    )


@command(
    app,
    "bind",
    TARGET,
    _CREATE,
    RUN,
    extra=[
        argument("namespace", str | None, None, "NAMESPACE", "The namespace [all of the settings file]."),
        argument("wanted", str | None, None, "REGION", "Its default region."),
    ],
    help="Give a namespace a default region; without arguments all that acksm.yaml declares (guide 5).",
)
def bind(resolved: Any, ui: Any, namespace: str | None, wanted: str | None) -> int:
    from acksm.errors import AcksmError
    from acksm.guide.region import command as section

    if namespace and not wanted:
        raise AcksmError("region-unknown", "no region was named", where=namespace)
    declared = {name: item.region for name, item in resolved.settings.namespaces.items() if item.region}
    regions = {namespace: wanted} if namespace and wanted else declared
    return section.run_bind(resolved.settings, ui, regions, "region bind")


@command(
    app,
    "unbind",
    TARGET,
    RUN,
    extra=[argument("namespaces", list[str], inspect.Parameter.empty, "NAMESPACE", "The namespaces.")],
    help="Take the default region away from namespaces.",
)
def unbind(resolved: Any, ui: Any, namespaces: list[str]) -> int:
    from acksm.guide.region import command as section

    return section.run_bind(resolved.settings, ui, dict.fromkeys(namespaces), "region unbind")


@command(app, "list", TARGET, OUTPUT, help="Namespaces with a default region; exit 3 when one is not followed.")
def list_(resolved: Any, ui: Any) -> int:
    from acksm.guide.region import command as section

    return section.run_list(resolved.settings, ui)


@command(
    app,
    "explain",
    OBJECT_TARGET,
    OUTPUT,
    extra=[
        argument("thing", str, inspect.Parameter.empty, "KIND[/NAME]", "The object; KIND alone for one to be created."),
        option("namespace", str, "default", "--namespace", "-n", help="The object's namespace [default]."),
    ],
    help="Every source of an object's region in the controller's order, and which decides.",
)
def explain(resolved: Any, ui: Any, thing: str, namespace: str) -> int:
    from acksm.guide.region import explain as region_explain

    return region_explain.run(resolved.settings, ui, thing, namespace)
