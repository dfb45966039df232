"""`acksm adopt`: the guide's §8, existing AWS resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run_resolved
from acksm.cli.shape import OBJECTS, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.config import Resolved

app = App()


@app.command(
    "adopt",
    panel=OBJECTS,
    examples=(
        "acksm adopt Endpoint churn reco -n team-a",
        "acksm adopt Endpoint churn -n team-a --with-dependencies",
        "acksm adopt --discover Model -n team-a",
        "acksm adopt -f adoptions.yaml --dry-run",
    ),
)
def adopt(
    ctx: typer.Context,
    kind: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help="Kind of the AWS resource, such as Endpoint [all that the file declares]."),
    ] = None,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME|ARN", help="Its name or ARN in AWS; or KIND/NAME; or several.")
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Its name in the cluster [the one in AWS].")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Namespace of the objects [default].")
    ] = None,
    object_region: options.ObjectRegion = "",
    field: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="K=V", help="Further adoption field, repeatable."),
    ] = None,
    retain: Annotated[
        bool | None,
        typer.Option("--retain/--no-retain", help="Keep the AWS resource when the object is deleted [retain]."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Make the object read-only: never change the AWS resource.")
    ] = False,
    print_only: Annotated[bool, typer.Option("--print", help="Print the manifests; write nothing.")] = False,
    with_dependencies: Annotated[
        bool,
        typer.Option(
            "--with-dependencies", help="Also adopt what it refers to: an endpoint's configuration and models."
        ),
    ] = False,
    discover: Annotated[bool, typer.Option("--discover", help="Find AWS resources that no object manages.")] = False,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Kind to find, repeatable [all but jobs]."),
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag-filter", metavar="K=V", help="Tag of resources to find, repeatable.")
    ] = None,
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="PREFIX", help="Prefix of names to find.", show_default=False)
    ] = "",
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.AdoptionFile = None,
    target_profile: options.TargetProfile = None,
    target_role_arn: options.TargetRoleArn = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    wait: options.WaitForObjects = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Adopt existing AWS resources: one, all that a file declares, or those found by --discover."""

    def work(resolved: Resolved, ui: Ui) -> int:
        from acksm.guide.adopt import command as section

        settings = resolved.settings
        kind_name, first, *more = split(kind or "", names or ())
        request = section.Options(
            kind=kind_name,
            name=first,
            more=more,
            fields=pairs(field, "--field"),
            as_=as_ or "",
            namespace=namespace or "",
            region=object_region,
            retain=retain,
            read_only=read_only,
            print_only=print_only,
            discover=discover,
            kinds=kinds or (),
            tags=pairs(tags, "--tag-filter"),
            prefix=prefix,
            with_dependencies=with_dependencies,
            file=resolved.origins["adopt"].removeprefix("file "),
        )
        return section.run(settings.target, settings.other_account, settings.declared.adopt, settings.run, ui, request)

    run_resolved(ctx, work)


def split(kind: str, names: Sequence[str]) -> list[str]:
    """KIND and its names, from KIND NAME… or KIND/NAME…; an ARN has slashes of its own. At least two texts."""
    found = [kind, *names]
    if "/" in kind and not kind.startswith("arn:"):
        name, _, first = kind.partition("/")
        others = [text.removeprefix(f"{name}/") for text in names]
        found = [name, first, *others]
    return found if len(found) > 1 else [*found, ""]


def pairs(texts: list[str] | None, flag: str) -> dict[str, str]:
    """K=V texts as a mapping. Error: `config-invalid`."""
    from acksm.errors import AcksmError

    found = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise AcksmError("config-invalid", f'"{text}" is not in the form NAME=VALUE', where=f"flag {flag}")
        found[key] = value
    return found
