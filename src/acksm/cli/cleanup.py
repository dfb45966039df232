"""`acksm cleanup`: the guide's §9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.cli.shape import SETUP, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = App()
_CRDS = ("none", "service", "all")


@app.command(
    "cleanup",
    panel=SETUP,
    examples=(
        "acksm cleanup --dry-run",
        "acksm cleanup --all",
        "acksm cleanup --all --delete-aws --confirm demo",
    ),
)
def cleanup(
    ctx: typer.Context,
    crds: Annotated[
        str, typer.Option("--crds", metavar="none|service|all", help="CRDs to delete [service].", show_default=False)
    ] = "",
    delete_aws: Annotated[
        bool,
        typer.Option(
            "--delete-aws/--keep-aws", help="Delete the AWS resources of the objects too [keep].", show_default=False
        ),
    ] = False,
    iam: Annotated[bool, typer.Option("--iam", help="Delete the roles that acksm created for this cluster.")] = False,
    oidc: Annotated[bool, typer.Option("--oidc", help="Delete the OIDC provider if no other role trusts it.")] = False,
    carm: Annotated[
        bool,
        typer.Option("--carm", help="Delete account and team maps, annotations, and the role in the target account."),
    ] = False,
    namespace: Annotated[
        bool, typer.Option("--delete-namespaces", help="Delete empty namespaces that acksm created.")
    ] = False,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Same as both services, --crds all, --iam, --oidc, --carm and --delete-namespaces."),
    ] = False,
    orphan: Annotated[
        bool,
        typer.Option(
            "--orphan", help="Remove ACK's finalizers instead of waiting for controllers; keeps AWS resources."
        ),
    ] = False,
    confirm: Annotated[
        str,
        typer.Option(
            "--confirm", metavar="CLUSTER", help="The cluster's name, to confirm --delete-aws.", show_default=False
        ),
    ] = "",
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    service: options.Service = None,
    adopt_release: options.CleanupRelease = None,
    version: options.VersionBack = None,
    chart: options.Chart = None,
    registry: options.Registry = None,
    role_name: options.RoleName = None,
    target_profile: options.TargetProfile = None,
    target_role_arn: options.TargetRoleArn = None,
    target_role_name: options.TargetRoleName = None,
    target_account: options.TargetAccount = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Uninstall: delete objects, controllers and CRDs; AWS resources are kept unless --delete-aws."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.ack.names import SERVICES
        from acksm.errors import AcksmError
        from acksm.guide.cleanup import command as section
        from acksm.guide.cleanup.observation import Desired

        if crds and crds not in _CRDS:
            raise AcksmError("config-invalid", f'invalid value "{crds}": expected none, service or all', where="--crds")
        desired = Desired(
            services=SERVICES if everything else tuple(settings.controllers.service),
            crds=crds or ("all" if everything else "service"),
            named_crds=bool(crds) or everything,
            delete_aws=delete_aws,
            orphan=orphan,
            iam=iam or everything,
            oidc=oidc or everything,
            carm=carm or everything,
            namespace=namespace or everything,
            adopt_release=settings.controllers.adopt_release,
        )
        return section.run(settings, ui, desired, confirm)

    run(ctx, work)
