"""`acksm cleanup`: the guide's §9."""

from __future__ import annotations

from typing import Any

import typer

from acksm.cli.options import ACCOUNTS, CONTROLLERS, ROLE, RUN, TARGET, command
from acksm.cli.region import option

_CRDS = ("none", "service", "all")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @command(
        app,
        "cleanup",
        TARGET,
        {key: CONTROLLERS[key] for key in ("service", "adopt_release", "version", "chart", "registry")},
        {"role_name": ROLE["role_name"]},
        {key: kind for key, kind in ACCOUNTS.items() if key not in {"mode", "target_role_path"}},
        {key: kind for key, kind in RUN.items() if key != "wait"},
        extra=[
            option("crds", str, "", "--crds", metavar="none|service|all", help="CRDs that go [service]."),
            option(
                "delete_aws", bool, False, "--delete-aws/--keep-aws", help="Delete what the objects stand for [keep]."
            ),
            option("iam", bool, False, "--iam", help="The roles that acksm made for this cluster."),
            option("oidc", bool, False, "--oidc", help="The OIDC provider, when no other role trusts it."),
            option("carm", bool, False, "--carm", help="Maps, annotations, and the role in the other account."),
            option("namespace", bool, False, "--namespace", help="Namespaces that acksm made and nobody uses."),
            option("everything", bool, False, "--all", help="Both services, all CRDs, and all of these."),
            option("orphan", bool, False, "--orphan", help="Take ACK's finalizers off; no controller is needed."),
            option("confirm", str, "", "--confirm", metavar="CLUSTER", help="The cluster's name, for --delete-aws."),
        ],
        help="Take controllers, CRDs, roles and bindings away, objects first; AWS objects stay (guide 9).",
    )
    def cleanup(
        resolved: Any,
        ui: Any,
        crds: str,
        delete_aws: bool,
        iam: bool,
        oidc: bool,
        carm: bool,
        namespace: bool,
        everything: bool,
        orphan: bool,
        confirm: str,
    ) -> int:
        from acksm.ack.names import SERVICES
        from acksm.errors import AcksmError
        from acksm.guide.cleanup import command as section
        from acksm.guide.cleanup.observation import Wanted

        settings = resolved.settings
        if crds and crds not in _CRDS:
            raise AcksmError("config-invalid", f"{crds!r} is not one of {', '.join(_CRDS)}", where="--crds")
        if everything:
            settings = settings.model_copy(update={"service": list(SERVICES)})
        wanted = Wanted(
            services=tuple(settings.service),
            crds=crds or ("all" if everything else "service"),
            named_crds=bool(crds) or everything,
            delete_aws=delete_aws,
            orphan=orphan,
            iam=iam or everything,
            oidc=oidc or everything,
            carm=carm or everything,
            namespace=namespace or everything,
            adopt_release=settings.adopt_release,
        )
        return section.run(settings, ui, wanted, confirm)
