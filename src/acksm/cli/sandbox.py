"""`acksm sandbox`: the practice cluster and account."""

from __future__ import annotations

from typing import Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run_without_settings
from acksm.cli.shape import OTHER, App
from acksm.ui import Ui

app = App(
    name="sandbox",
    panel=OTHER,
    help="Run a practice EKS cluster and AWS accounts on this machine.",
    no_args_is_help=True,
)
# A sandbox has no settings: its --cluster, --region, … have other parameter names than those of acksm.cli.options.
Name = Annotated[str, typer.Option("--name", metavar="SANDBOX", envvar="ACKSM_SANDBOX", help="Name of the sandbox.")]
Clusters = Annotated[
    list[str] | None,
    typer.Option("--cluster", metavar="CLUSTER", help="Name of a cluster, repeatable [practice]."),
]


def _check_extra() -> None:
    """Error: `sandbox-extra` where a package of the sandbox is not installed."""
    from acksm.errors import AcksmError

    try:
        import acksm.sandbox.api  # noqa: F401
    except ImportError as error:
        raise AcksmError("sandbox-extra", f"{error.name} is not installed") from error


@app.command("build")
def build(
    ctx: typer.Context,
    all_parts: Annotated[bool, typer.Option("--all", help="Build kubectl and yq too, for the benchmark.")] = False,
    gitops: Annotated[
        bool, typer.Option("--gitops", help="Build Flux's and Argo CD's controllers, kustomize and kubectl too.")
    ] = False,
    output: options.Output = None,
) -> None:
    """Build the sandbox's programs without starting it."""

    def work(ui: Ui) -> int:
        _check_extra()
        from acksm.sandbox import parts

        further = (*(("kubectl", "yq") if all_parts else ()), *(parts.GITOPS if gitops else ()))
        found = parts.ensure((*parts.NEEDED, *further), ui.emit)
        ui.result(
            "sandbox build",
            {"parts": {k: str(v) for k, v in found.items()}},
            "\n".join(f"{key:24} {value}" for key, value in found.items()),
        )
        return 0

    run_without_settings(ctx, work)


@app.command(
    "up",
    examples=(
        "acksm sandbox up",
        'eval "$(acksm sandbox env)"',
    ),
)
def up(
    ctx: typer.Context,
    name: Name = "default",
    clusters: Clusters = None,
    in_region: Annotated[str, typer.Option("--region", metavar="REGION", help="Region of the clusters.")] = "us-west-2",
    own_account: Annotated[
        str, typer.Option("--account", metavar="ID", help="Account of the clusters.")
    ] = "012345678901",
    other_account: Annotated[
        list[str] | None,
        typer.Option("--other-account", metavar="ID", help="Further account, repeatable [111111111111]."),
    ] = None,
    charts: Annotated[
        list[str] | None,
        typer.Option("--charts", metavar="PATH", help="Chart directory or .tgz to push to the registry, repeatable."),
    ] = None,
    own_kubeconfig: Annotated[
        str, typer.Option("--kubeconfig", metavar="FILE", help="Use an existing cluster; only AWS is emulated.")
    ] = "",
    own_context: Annotated[str, typer.Option("--context", metavar="NAME", help="Context of that kubeconfig.")] = "",
    controller: Annotated[
        list[str] | None,
        typer.Option(
            "--controller",
            metavar="SERVICE=PATH",
            help="A real controller's binary to run instead of the stand-in, repeatable.",
        ),
    ] = None,
    images: Annotated[
        bool,
        typer.Option("--images", help="Run the binaries of images in the sandbox's registry, as the current user."),
    ] = False,
    pull: Annotated[
        bool,
        typer.Option(
            "--pull",
            help="Pull the images that charts name and run their binaries; implies --images.",
        ),
    ] = False,
    controllers: Annotated[
        bool, typer.Option("--controllers/--no-controllers", help="Run controllers in their pods.")
    ] = True,
    pace: Annotated[
        float,
        typer.Option(
            "--pace", metavar="FACTOR", help="Factor for the waits of controllers and back-off; 1 is real time."
        ),
    ] = 0.1,
    output: options.Output = None,
) -> None:
    """Start a sandbox, unless it is running."""

    def work(ui: Ui) -> int:
        import base64
        from pathlib import Path

        _check_extra()
        from acksm.sandbox import api

        endpoint = ca_data = ""
        if own_kubeconfig:
            from acksm.kube.kubeconfig import load

            found = load(own_kubeconfig, own_context)
            endpoint, ca_data = found.server, base64.b64encode(found.ca_data.encode()).decode()
        desired = api.Options(
            name=name,
            clusters=tuple(clusters or ("practice",)),
            region=in_region,
            account=own_account,
            other_accounts=tuple(other_account or ("111111111111",)),
            charts=tuple(str(Path(item).resolve()) for item in charts or ()),
            controllers=controllers,
            controller=api.binaries(controller or ()),
            images=images,
            pull=pull,
            pace=pace,
            endpoint=endpoint,
            ca_data=ca_data,
        )
        api.up(desired, ui.emit)
        data, _ = api.status(name)
        ui.result("sandbox up", data, f'next: eval "$(acksm sandbox env --name {name})" && acksm install -y')
        return 0

    run_without_settings(ctx, work)


@app.command("list")
def list_(ctx: typer.Context, output: options.Output = None) -> None:
    """List the sandboxes on this machine."""

    def work(ui: Ui) -> int:
        _check_extra()
        from acksm.sandbox import api

        rows = api.rows()
        cells = [(row["name"], "running" if row["running"] else "stopped", ", ".join(row["clusters"])) for row in rows]
        text = ui.table(("NAME", "STATE", "CLUSTERS"), cells) if rows else "no sandboxes; start one: acksm sandbox up"
        ui.result("sandbox list", {"sandboxes": rows}, text)
        return 0

    run_without_settings(ctx, work)


@app.command("down")
def down(ctx: typer.Context, name: Name = "default", output: options.Output = None) -> None:
    """Stop a sandbox and delete all but the build cache."""

    def work(ui: Ui) -> int:
        _check_extra()
        from acksm.sandbox import api

        existed = api.down(name, ui.emit)
        text = "" if existed else f"sandbox {name} is not running"
        ui.result("sandbox down", {"name": name, "existed": existed}, text)
        return 0

    run_without_settings(ctx, work)


@app.command("status")
def status(ctx: typer.Context, name: Name = "default", output: options.Output = None) -> None:
    """Show the parts of a sandbox; exit 3 when one has exited."""

    def work(ui: Ui) -> int:
        _check_extra()
        from acksm.sandbox import api

        data, problems = api.status(name)
        lines = [
            f"{part['name']:24} {'running' if part['alive'] else 'exited':8} {part['pid']}" for part in data["parts"]
        ]
        for item in data["controllers"]:
            where = f"{item['cluster']}/{item['namespace']}"
            lines.append(f"{item['service']:24} {item['state']:8} {where}: {item['note']}")
        code = 3 if problems else 0
        ui.result("sandbox status", {**data, "problems": problems}, "\n".join([*lines, *problems]), code)
        return code

    run_without_settings(ctx, work)


@app.command("gitops", examples=("acksm sandbox gitops", "acksm sandbox gitops --engine argocd --cluster practice"))
def gitops_(
    ctx: typer.Context,
    name: Name = "default",
    of_cluster: Annotated[str, typer.Option("--cluster", metavar="NAME", help="Cluster to keep [the first].")] = "",
    engine: Annotated[str, typer.Option("--engine", metavar="flux|argocd", help="Whose controllers.")] = "flux",
    output: options.Output = None,
) -> None:
    """Run Flux's or Argo CD's own controllers for a cluster of a running sandbox."""

    def work(ui: Ui) -> int:
        _check_extra()
        from acksm.sandbox import api
        from acksm.sandbox.gitops import ENGINES

        cluster = api.run_engine(engine, name, of_cluster, ui.emit)
        data = {"name": name, "cluster": cluster, "engine": engine, "namespace": ENGINES[engine].namespace}
        ui.result("sandbox gitops", data, f"{ENGINES[engine].title} runs for cluster {cluster}")
        return 0

    run_without_settings(ctx, work)


@app.command("env")
def env(
    ctx: typer.Context,
    name: Name = "default",
    of_cluster: Annotated[
        str, typer.Option("--cluster", metavar="NAME", help="Cluster to connect to [the first].")
    ] = "",
    as_account: Annotated[
        str, typer.Option("--account", metavar="ID", help="Account whose administrator to be [the cluster's].")
    ] = "",
    registries: Annotated[
        bool,
        typer.Option(
            "--registries", help="Reach public.ecr.aws and Amazon ECR by their names, to practise with mirrors."
        ),
    ] = False,
    output: options.Output = None,
) -> None:
    """Print shell exports, for eval "$(acksm sandbox env)"."""

    def work(ui: Ui) -> int:
        _check_extra()
        from acksm.sandbox import api

        variables = api.environment(name, of_cluster, as_account, registries=registries)
        ui.result("sandbox env", {"variables": variables}, api.exports(variables))
        return 0

    run_without_settings(ctx, work)


@app.command("logs")
def logs(
    ctx: typer.Context,
    name: Name = "default",
    part: Annotated[
        str, typer.Option("--part", metavar="PART", help="Only this part, or the controllers of this service.")
    ] = "",
    output: options.Output = None,
) -> None:
    """Print the end of the logs of parts and controllers."""

    def work(ui: Ui) -> int:
        _check_extra()
        from acksm.sandbox import api

        lines = list(api.logs(name, part))
        ui.result("sandbox logs", {"lines": lines}, "\n".join(lines))
        return 0

    run_without_settings(ctx, work)
