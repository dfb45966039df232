"""`acksm export`: an install as files for a GitOps engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run_resolved, run_without_settings
from acksm.cli.shape import SETUP, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.config import Resolved

app = App()
Chosen = tuple[str, str, str, bool, str, str, str, str, bool]
_OF_AWS = ("variable AWS_REGION", "variable AWS_DEFAULT_REGION", "variable AWS_PROFILE")  # the machine's, not a choice


@app.command(
    "export",
    panel=SETUP,
    examples=(
        "acksm export --cluster demo --to flux --repo https://git.example.com/clusters.git --out clusters/demo",
        "acksm export --cluster demo --to kustomize --out clusters/demo",
        "acksm export --to cloudformation --out demo --offline --cluster demo --region us-west-2 "
        "--account 111111111111 --identity pod-identity",
        "acksm export --check clusters/demo",
        "acksm export --fleet fleet.yaml --to argocd --repo https://git.example.com/clusters.git --out .",
    ),
)
def export(
    ctx: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="argocd|flux|kustomize|cloudformation",
            help="What the files are for.",
            show_default=False,
        ),
    ] = "",
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Directory to write to.", show_default=False)] = "",
    check: Annotated[
        str,
        typer.Option(
            "--check",
            metavar="DIR",
            help="Write nothing; exit with 10 and a diff unless this directory is what would be written.",
            show_default=False,
        ),
    ] = "",
    repo: Annotated[
        str,
        typer.Option(
            "--repo",
            metavar="URL",
            help="Git repository (https, ssh) or OCI artifact (oci) in which flux or argocd finds the files.",
            show_default=False,
        ),
    ] = "",
    repo_path: Annotated[
        str, typer.Option("--repo-path", metavar="PATH", help="Path of the files in it [its root].", show_default=False)
    ] = "",
    revision: Annotated[
        str,
        typer.Option(
            "--revision",
            metavar="REVISION",
            help="Branch, tag, commit, range of versions or digest [branch main, tag latest].",
            show_default=False,
        ),
    ] = "",
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask neither AWS nor the cluster, which need not exist yet.")
    ] = False,
    issuer: Annotated[
        str,
        typer.Option(
            "--issuer", metavar="URL", help="With --offline: the cluster's OIDC issuer, for IRSA.", show_default=False
        ),
    ] = "",
    manifests_only: Annotated[
        bool, typer.Option("--manifests-only", help="For argocd or flux: none of the engine's own objects.")
    ] = False,
    fleet: Annotated[
        str,
        typer.Option(
            "--fleet", metavar="FILE", help="Export every cluster of this file of acksm fleet.", show_default=False
        ),
    ] = "",
    destination: Annotated[
        str,
        typer.Option(
            "--destination",
            metavar="name=TEMPLATE|server=TEMPLATE",
            help="With --fleet: how Argo CD knows a cluster, from {arn}, {cluster}, {account}, {region} and labels "
            "[name={arn}].",
            show_default=False,
        ),
    ] = "",
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.ExportAccount = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    service: options.Service = None,
    version: options.Version = None,
    scope: options.Scope = None,
    watch_namespace: options.WatchNamespace = None,
    add_watch_namespace: options.AddWatchNamespace = None,
    remove_watch_namespace: options.RemoveWatchNamespace = None,
    create_namespace: options.CreateWatched = None,
    values: options.Values = None,
    set: options.Set = None,
    reset_values: options.ResetValues = None,
    chart: options.Chart = None,
    registry: options.Registry = None,
    adopt_release: options.AdoptRelease = None,
    mode: options.Mode = None,
    identity: options.Identity = None,
    install_agent: options.InstallAgent = None,
    role_arn: options.RoleArn = None,
    role_name: options.RoleName = None,
    role_path: options.RolePath = None,
    permissions_boundary: options.PermissionsBoundary = None,
    tag: options.Tag = None,
    policy: options.Policy = None,
    policy_arn: options.PolicyArn = None,
    execution_role: options.ExecutionRole = None,
    adopt_role: options.AdoptRole = None,
    timeout: options.Timeout = None,
    output: options.OutputNotFile = None,
) -> None:
    """Write an install as files for Flux, Argo CD, kustomize or CloudFormation."""

    chosen = (to, out, check, offline, issuer, repo, repo_path, revision, manifests_only)
    if path := fleet or (check and _fleet_of(check)):
        run_without_settings(ctx, lambda ui: _fleet(ctx, path, destination, chosen, ui))

    def work(resolved: Resolved, ui: Ui) -> int:
        from acksm.guide.export import command as section

        origins = {name: origin for name, origin in resolved.origins.items() if origin not in _OF_AWS}
        given = section.Given(
            resolved.settings,
            frozenset(name for name, origin in origins.items() if origin.startswith(("flag", "variable"))),
            frozenset(name for name, origin in origins.items() if origin.startswith("file")),
        )
        if destination:
            from acksm.errors import AcksmError

            raise AcksmError("config-invalid", "--destination is for --fleet", where="--destination")
        return section.run(given, section.Options(*chosen), ui)

    run_resolved(ctx, work)


_OWN = {"to", "out", "check", "repo", "repo_path", "revision", "offline", "manifests_only"}
_OF_FLEET = {"fleet", "destination", "output"}


def _fleet_of(directory: str) -> str:
    from acksm.fleet import export as section

    return section.recorded(directory)


def _fleet(ctx: typer.Context, path: str, destination: str, chosen: Chosen, ui: Ui) -> int:
    """The export of a fleet. Error: `config-invalid` for an option that is a setting of a cluster."""
    from acksm.errors import AcksmError
    from acksm.fleet import export as section
    from acksm.guide.export.command import Options

    for name in sorted(ctx.params.keys() - _OWN - _OF_FLEET):
        if str(ctx.get_parameter_source(name)).endswith("COMMANDLINE"):
            option = f"--{name.replace('_', '-')}"
            message = f"{option} and --fleet are mutually exclusive: settings of clusters are in {path}"
            raise AcksmError("config-invalid", message, where=option)
    return section.run(section.Given(path, destination, Options(*chosen)), ui)
