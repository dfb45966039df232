"""`acksm adopt`: the guide's §8, objects that exist in AWS already."""

from __future__ import annotations

from typing import Any

import typer

from acksm.cli.options import ACCOUNTS, OBJECT_TARGET, RUN, command, in_target
from acksm.cli.region import argument, option

# --region is the object's here, as in samples
_TARGET = OBJECT_TARGET | {
    "region": in_target(str | None, "--cluster-region", help="AWS region of the cluster."),
    "file": in_target(
        str | None, "--file", "-f", help="Settings file, a list of adoptions, or manifests [acksm.yaml]."
    ),
}
_OTHER = {key: ACCOUNTS[key] for key in ("target_profile", "target_role_arn")}


def register(app: typer.Typer) -> None:
    """Add the command to the root."""
    command(
        app,
        "adopt",
        _TARGET,
        _OTHER,
        RUN,
        extra=[
            argument(
                "kind", str | None, None, "KIND", "Kind of the object, such as Endpoint [all that the file declares]."
            ),
            argument("name", str | None, None, "NAME|ARN", "Its name or ARN in AWS."),
            option("as_", str | None, None, "--as", help="Its name in the cluster [the one in AWS].", metavar="NAME"),
            option("namespace", str | None, None, "--namespace", "-n", help="Namespace of the object [default]."),
            option(
                "object_region",
                str | None,
                None,
                "--region",
                "--object-region",
                help="AWS region of the object [its namespace's].",
                metavar="REGION",
            ),
            option(
                "field",
                list[str] | None,
                None,
                "--field",
                help="More of its adoption fields, repeatable.",
                metavar="K=V",
            ),
            option(
                "retain",
                bool | None,
                None,
                "--retain/--no-retain",
                help="Whether deleting it in the cluster leaves it in AWS [retain].",
            ),
            option("read_only", bool, False, "--read-only", help="Show it in the cluster and never change it in AWS."),
            option("print_only", bool, False, "--print", help="Print the manifests; write nothing."),
            option("discover", bool, False, "--discover", help="Look for what nothing in the cluster manages."),
            option(
                "kinds",
                list[str] | None,
                None,
                "--kind",
                help="Kind to look for, repeatable [all but jobs].",
                metavar="KIND",
            ),
            option(
                "tags", list[str] | None, None, "--tag", help="Tag of what is looked for, repeatable.", metavar="K=V"
            ),
            option("prefix", str, "", "--prefix", help="What the name in AWS begins with."),
        ],
        help="Adopt objects that exist in AWS: one, all that a file declares, or those found (guide 8).",
    )(adopt)


def adopt(resolved: Any, ui: Any, **given: Any) -> int:
    from acksm.guide.adopt import command as section

    options = section.Options(
        kind=given["kind"] or "",
        name=given["name"] or "",
        fields=pairs(given["field"], "--field"),
        as_=given["as_"] or "",
        namespace=given["namespace"] or "",
        region=given["object_region"] or "",
        retain=given["retain"],
        read_only=given["read_only"],
        print_only=given["print_only"],
        discover=given["discover"],
        kinds=given["kinds"] or (),
        tags=pairs(given["tags"], "--tag"),
        prefix=given["prefix"],
        file=resolved.origins["adopt"].removeprefix("file "),
    )
    return section.run(resolved.settings, ui, options)


def pairs(texts: list[str] | None, flag: str) -> dict[str, str]:
    """K=V texts as a mapping. Error: `config-invalid`."""
    from acksm.errors import AcksmError

    found = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise AcksmError("config-invalid", f"{text!r} is not NAME=VALUE", where=f"flag {flag}")
        found[key] = value
    return found
