"""`acksm sandbox`: the practice cluster and account."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from acksm.cli.options import OUTPUT, command

app = typer.Typer(
    name="sandbox",
    help="A practice EKS cluster and AWS accounts on this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _parameter(name: str, kind: Any, default: Any, *flags: str, help: str) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, typer.Option(*flags, help=help)],
    )


_NAME = _parameter("name", str, "default", "--name", help="Name of the sandbox.")
_CLUSTER = _parameter("cluster", str, "", "--cluster", help="Cluster [the first].")
_OUTPUT = {"output": OUTPUT["output"]}


def _api() -> Any:
    from acksm.errors import AcksmError

    try:
        from acksm.sandbox import api
    except ImportError as error:
        raise AcksmError("sandbox-extra", f"{error.name} is not installed") from error
    return api


@command(
    app,
    "build",
    _OUTPUT,
    extra=[_parameter("all_parts", bool, False, "--all", help="Also kubectl and yq, for the benchmark.")],
    help="Build the sandbox's programs without starting it.",
)
def build(_resolved: Any, ui: Any, all_parts: bool) -> int:
    _api()
    from acksm.sandbox import parts

    found = parts.ensure((*parts.NEEDED, "kubectl", "yq") if all_parts else parts.NEEDED, ui.emit)
    ui.result(
        "sandbox build",
        {"parts": {k: str(v) for k, v in found.items()}},
        "\n".join(f"{key:24} {value}" for key, value in found.items()),
    )
    return 0


@command(
    app,
    "up",
    _OUTPUT,
    extra=[
        _NAME,
        _parameter("cluster", list[str] | None, None, "--cluster", help="Cluster to have, repeatable [practice]."),
        _parameter("region", str, "us-west-2", "--region", help="Region of the clusters."),
        _parameter("account", str, "012345678901", "--account", help="Account of the clusters."),
        _parameter("other_account", list[str] | None, None, "--other-account", help="Further account [111111111111]."),
        _parameter(
            "charts", list[str] | None, None, "--charts", help="Chart directory or .tgz for the registry, repeatable."
        ),
        _parameter("kubeconfig", str, "", "--kubeconfig", help="Use this cluster of yours; only AWS is emulated."),
        _parameter("context", str, "", "--context", help="Context of that kubeconfig."),
        _parameter(
            "controller",
            list[str] | None,
            None,
            "--controller",
            help="SERVICE=PATH: a real controller's binary to run in the stand-in's place, repeatable.",
        ),
        _parameter(
            "images", bool, False, "--images", help="Run the binaries of images in the sandbox's own registry, as you."
        ),
        _parameter(
            "pull",
            bool,
            False,
            "--pull",
            help="Run the binary of the image that a chart names, pulled from its registry; implies --images.",
        ),
        _parameter(
            "controllers", bool, True, "--controllers/--no-controllers", help="Whether controllers run in their pods."
        ),
        _parameter(
            "pace", float, 0.1, "--pace", help="How long controllers and back-off wait; 1 is as long as for real."
        ),
    ],
    help="Start it; nothing is done when it runs.",
)
def up(
    _resolved: Any,
    ui: Any,
    name: str,
    cluster: list[str] | None,
    region: str,
    account: str,
    other_account: list[str] | None,
    charts: list[str] | None,
    kubeconfig: str,
    context: str,
    controller: list[str] | None,
    images: bool,
    pull: bool,
    controllers: bool,
    pace: float,
) -> int:
    import base64
    from pathlib import Path

    api = _api()
    own: dict[str, str] = {}
    if kubeconfig:
        from acksm.kube.kubeconfig import load

        found = load(kubeconfig, context)
        own = {"endpoint": found.server, "ca_data": base64.b64encode(found.ca_data.encode()).decode()}
    options = api.Options(
        name=name,
        clusters=tuple(cluster or ("practice",)),
        region=region,
        account=account,
        other_accounts=tuple(other_account or ("111111111111",)),
        charts=tuple(str(Path(item).resolve()) for item in charts or ()),
        controllers=controllers,
        controller=api.binaries(controller or ()),
        images=images,
        pull=pull,
        pace=pace,
        **own,
    )
    api.up(options, ui.emit)
    data, _ = api.status(name)
    ui.result("sandbox up", data, f'next: eval "$(acksm sandbox env --name {name})" && acksm install -y')
    return 0


@command(app, "down", _OUTPUT, extra=[_NAME], help="End it; only the build cache is left.")
def down(_resolved: Any, ui: Any, name: str) -> int:
    existed = _api().down(name, ui.emit)
    ui.result("sandbox down", {"name": name, "existed": existed}, "" if existed else f"there was no sandbox {name}")
    return 0


@command(app, "status", _OUTPUT, extra=[_NAME], help="Its parts; exit 3 when one has ended.")
def status(_resolved: Any, ui: Any, name: str) -> int:
    data, problems = _api().status(name)
    lines = [f"{part['name']:24} {'running' if part['alive'] else 'ENDED':8} {part['pid']}" for part in data["parts"]]
    for item in data["controllers"]:
        lines.append(f"{item['service']:24} {item['state']:8} {item['cluster']}/{item['namespace']}: {item['note']}")
    code = 3 if problems else 0
    ui.result("sandbox status", {**data, "problems": problems}, "\n".join([*lines, *problems]), code)
    return code


@command(
    app,
    "env",
    _OUTPUT,
    extra=[
        _NAME,
        _CLUSTER,
        _parameter("account", str, "", "--account", help="Whose administrator to be [the cluster's]."),
    ],
    help='Shell exports: eval "$(acksm sandbox env)".',
)
def env(_resolved: Any, ui: Any, name: str, cluster: str, account: str) -> int:
    api = _api()
    variables = api.environment(name, cluster, account)
    ui.result("sandbox env", {"variables": variables}, api.exports(variables))
    return 0


@command(
    app,
    "logs",
    _OUTPUT,
    extra=[_NAME, _parameter("part", str, "", "--part", help="Only this part, or controllers of this service.")],
    help="The end of its parts' logs and its controllers'.",
)
def logs(_resolved: Any, ui: Any, name: str, part: str) -> int:
    lines = list(_api().logs(name, part))
    ui.result("sandbox logs", {"lines": lines}, "\n".join(lines))
    return 0
