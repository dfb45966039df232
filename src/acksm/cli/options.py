"""The options that commands share, by name. A command takes one as `cluster: options.Cluster = None`.

A parameter with the name of a setting (`acksm.settings`) is that setting, which a variable and the settings file can
set too; any other parameter belongs to its command. Defaults are None, because `acksm.config.resolve` decides between
flag, variable, file and default.
"""

from __future__ import annotations

from typing import Annotated

import typer

_TARGET, _CONTROLLERS, _ROLE, _OTHER, _RUN = "Target", "Controllers", "IAM role", "Target account", "Running"
_PRESETS = "core|least|studio|autoscaling"

# Target
Cluster = Annotated[
    str | None, typer.Option("--cluster", metavar="NAME", help="EKS cluster name.", rich_help_panel=_TARGET)
]
Region = Annotated[
    str | None, typer.Option("--region", metavar="REGION", help="AWS region of the cluster.", rich_help_panel=_TARGET)
]
Profile = Annotated[
    str | None, typer.Option("--profile", metavar="PROFILE", help="AWS profile.", rich_help_panel=_TARGET)
]
Account = Annotated[
    str | None,
    typer.Option(
        "--account", metavar="ID", help="Fail unless the credentials are of this AWS account.", rich_help_panel=_TARGET
    ),
]
ExportAccount = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="ID",
        help="AWS account of the cluster; fail unless the credentials are of it.",
        rich_help_panel=_TARGET,
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option("--kubeconfig", metavar="FILE", help="Path of the kubeconfig file.", rich_help_panel=_TARGET),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context", metavar="NAME", help="Kubeconfig context; must point to the cluster.", rich_help_panel=_TARGET
    ),
]
SignInRole = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="ARN",
        help="IAM role that signs in to the cluster [the caller].",
        show_default=False,
    ),
]
ControllerNamespace = Annotated[
    str | None,
    typer.Option(
        "--controller-namespace",
        "-n",
        metavar="NAMESPACE",
        help="Namespace of the controllers [ack-system].",
        rich_help_panel=_TARGET,
    ),
]
# For commands whose -n is the namespace of an object
LongControllerNamespace = Annotated[
    str | None,
    typer.Option(
        "--controller-namespace",
        metavar="NAMESPACE",
        help="Namespace of the controllers [ack-system].",
        rich_help_panel=_TARGET,
    ),
]
AdoptionFile = Annotated[
    str | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="Settings file, list of adoptions, or manifests [acksm.yaml].",
        rich_help_panel=_TARGET,
    ),
]
# For commands whose -f is --follow
LongFile = Annotated[
    str | None,
    typer.Option("--file", metavar="FILE", help="Settings file [acksm.yaml].", rich_help_panel=_TARGET),
]
NewFile = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="FILE", help="Settings file to write [acksm.yaml].", rich_help_panel=_TARGET),
]
File = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="FILE", help="Settings file [acksm.yaml].", rich_help_panel=_TARGET),
]

# Controllers
Service = Annotated[
    list[str] | None,
    typer.Option(
        "--service",
        metavar="SERVICE",
        help="sagemaker or applicationautoscaling, repeatable [both].",
        rich_help_panel=_CONTROLLERS,
    ),
]
Version = Annotated[
    list[str] | None,
    typer.Option(
        "--version",
        metavar="SERVICE=V",
        help="Chart version or latest, repeatable [the tested pair, or as installed].",
        rich_help_panel=_CONTROLLERS,
    ),
]
VersionBack = Annotated[
    list[str] | None,
    typer.Option(
        "--version",
        metavar="SERVICE=V",
        help="Version of a controller to reinstall for objects that need it [the last installed].",
        rich_help_panel=_CONTROLLERS,
    ),
]
Scope = Annotated[
    str | None,
    typer.Option(
        "--scope",
        metavar="cluster|namespace",
        help="Watch all namespaces, or those of --watch-namespace [cluster].",
        rich_help_panel=_CONTROLLERS,
    ),
]
WatchNamespace = Annotated[
    list[str] | None,
    typer.Option(
        "--watch-namespace",
        metavar="NAMESPACE",
        help="Namespaces to watch instead of those watched now, with commas or repeatable.",
        rich_help_panel=_CONTROLLERS,
    ),
]
AddWatchNamespace = Annotated[
    list[str] | None,
    typer.Option(
        "--add-watch-namespace",
        metavar="NAMESPACE",
        help="Namespaces to watch in addition, with commas or repeatable.",
        rich_help_panel=_CONTROLLERS,
    ),
]
RemoveWatchNamespace = Annotated[
    list[str] | None,
    typer.Option(
        "--remove-watch-namespace",
        metavar="NAMESPACE",
        help="Namespaces to watch no longer, with commas or repeatable.",
        rich_help_panel=_CONTROLLERS,
    ),
]
CreateNamespace = Annotated[
    bool | None,
    typer.Option("--create-namespace", help="Create namespaces that do not exist.", rich_help_panel=_CONTROLLERS),
]
CreateWatched = Annotated[
    bool | None,
    typer.Option(
        "--create-namespace", help="Create watched namespaces that do not exist.", rich_help_panel=_CONTROLLERS
    ),
]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--values", metavar="FILE", help="Values file for the charts, repeatable.", rich_help_panel=_CONTROLLERS
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="K=V", help="Value for the charts, repeatable.", rich_help_panel=_CONTROLLERS),
]
ResetValues = Annotated[
    bool | None,
    typer.Option("--reset-values", help="Discard the values set by earlier runs.", rich_help_panel=_CONTROLLERS),
]
Chart = Annotated[
    list[str] | None,
    typer.Option(
        "--chart",
        metavar="SERVICE=PATH",
        help="Chart directory or .tgz to use instead of the registry's, repeatable.",
        rich_help_panel=_CONTROLLERS,
    ),
]
Registry = Annotated[
    str | None,
    typer.Option(
        "--registry",
        metavar="HOST/PATH",
        help="OCI registry of the charts, and of the images if it has them [as installed, else the public one].",
        rich_help_panel=_CONTROLLERS,
    ),
]
MirrorSource = Annotated[
    str | None,
    typer.Option(
        "--registry",
        metavar="HOST/PATH",
        help="Registry to copy from [the public one].",
        rich_help_panel=_CONTROLLERS,
    ),
]
RepositoryTag = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="K=V",
        help="Tag for repositories that are created in Amazon ECR, repeatable.",
        rich_help_panel=_CONTROLLERS,
    ),
]
CleanupRelease = Annotated[
    bool | None,
    typer.Option(
        "--adopt-release", help="Uninstall a release that acksm did not create.", rich_help_panel=_CONTROLLERS
    ),
]
AdoptRelease = Annotated[
    bool | None,
    typer.Option("--adopt-release", help="Manage a release that acksm did not create.", rich_help_panel=_CONTROLLERS),
]
Mode = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="carm|role-selector",
        help="Reach other accounts by the account map or by IAMRoleSelectors [as installed].",
        rich_help_panel=_CONTROLLERS,
    ),
]

# IAM role
Identity = Annotated[
    str | None,
    typer.Option(
        "--identity",
        metavar="irsa|pod-identity",
        help="How pods get the role: by IAM roles for service accounts (IRSA) or EKS Pod Identity "
        "[as installed, else irsa].",
        rich_help_panel=_ROLE,
    ),
]
InstallAgent = Annotated[
    bool | None,
    typer.Option(
        "--install-agent",
        help="With Pod Identity, create the EKS add-on of its agent where none runs.",
        rich_help_panel=_ROLE,
    ),
]
RoleArn = Annotated[
    str | None,
    typer.Option(
        "--role-arn",
        metavar="ARN",
        help="Existing role of the controllers; it is not changed in IAM.",
        rich_help_panel=_ROLE,
    ),
]
RoleName = Annotated[
    str | None,
    typer.Option(
        "--role-name", metavar="NAME", help="Name of the role [ack-controller-role-CLUSTER].", rich_help_panel=_ROLE
    ),
]
RolePath = Annotated[
    str | None, typer.Option("--role-path", metavar="PATH", help="Path of the role [/].", rich_help_panel=_ROLE)
]
PermissionsBoundary = Annotated[
    str | None,
    typer.Option(
        "--permissions-boundary", metavar="ARN", help="Permissions boundary of the role.", rich_help_panel=_ROLE
    ),
]
Tag = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="K=V", help="Tag for what is created in IAM, repeatable.", rich_help_panel=_ROLE),
]
Policy = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar=_PRESETS,
        help="Policy preset, repeatable [core, or least where the role has it; autoscaling with its service].",
        rich_help_panel=_ROLE,
    ),
]
PolicyArn = Annotated[
    list[str] | None,
    typer.Option(
        "--policy-arn", metavar="ARN", help="Managed policy instead of presets, repeatable.", rich_help_panel=_ROLE
    ),
]
ExecutionRole = Annotated[
    list[str] | None,
    typer.Option(
        "--execution-role",
        metavar="ARN",
        help="Execution role that objects may name, for --policy least, repeatable [unchanged].",
        rich_help_panel=_ROLE,
    ),
]
AdoptRole = Annotated[
    bool | None, typer.Option("--adopt-role", help="Use a role that acksm did not create.", rich_help_panel=_ROLE)
]

# Other account
TargetProfile = Annotated[
    str | None,
    typer.Option(
        "--target-profile", metavar="PROFILE", help="AWS profile for the target account.", rich_help_panel=_OTHER
    ),
]
TargetRoleArn = Annotated[
    str | None,
    typer.Option(
        "--target-role-arn",
        metavar="ARN",
        help="Role in the target account for acksm to assume.",
        rich_help_panel=_OTHER,
    ),
]
TargetRoleName = Annotated[
    str | None,
    typer.Option(
        "--target-role-name",
        metavar="NAME",
        help="Name of the controllers' role in the target account [SagemakerCrossAccountAccess].",
        rich_help_panel=_OTHER,
    ),
]
TargetRolePath = Annotated[
    str | None,
    typer.Option("--target-role-path", metavar="PATH", help="Path of that role [/].", rich_help_panel=_OTHER),
]
TargetAccount = Annotated[
    str | None, typer.Option("--target-account", metavar="ID", help="Id of the target account.", rich_help_panel=_OTHER)
]
ControllerRoleArn = Annotated[
    list[str] | None,
    typer.Option(
        "--controller-role-arn",
        metavar="ARN",
        help="Further role of the cluster account to trust, repeatable.",
        rich_help_panel=_OTHER,
    ),
]
# The controllers' role in the target account as `carm setup` creates it; settings of the cluster account's role do not
# apply to it.
TargetPolicy = Annotated[
    list[str] | None,
    typer.Option(
        "--target-policy",
        metavar=_PRESETS,
        help="Policy preset of that role, repeatable [core, or least where the role has it; autoscaling].",
        rich_help_panel=_OTHER,
    ),
]
TargetPolicyArn = Annotated[
    list[str] | None,
    typer.Option(
        "--target-policy-arn",
        metavar="ARN",
        help="Managed policy of that role instead of presets, repeatable.",
        rich_help_panel=_OTHER,
    ),
]
TargetExecutionRole = Annotated[
    list[str] | None,
    typer.Option(
        "--target-execution-role",
        metavar="ARN",
        help="Execution role of that account that objects may name, for --target-policy least, repeatable.",
        rich_help_panel=_OTHER,
    ),
]
TargetPermissionsBoundary = Annotated[
    str | None,
    typer.Option(
        "--target-permissions-boundary",
        metavar="ARN",
        help="Permissions boundary of that role.",
        rich_help_panel=_OTHER,
    ),
]
TargetTag = Annotated[
    list[str] | None,
    typer.Option("--target-tag", metavar="K=V", help="Tag of that role, repeatable.", rich_help_panel=_OTHER),
]
AdoptTargetRole = Annotated[
    bool | None,
    typer.Option(
        "--adopt-target-role",
        help="Use a role of that account that acksm did not create.",
        rich_help_panel=_OTHER,
    ),
]
ExpectedMode = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="carm|role-selector",
        help="Fail unless the controllers run in this mode [as installed].",
        rich_help_panel=_OTHER,
    ),
]

# Running
DryRun = Annotated[bool | None, typer.Option("--dry-run", help="Show the plan; write nothing.", rich_help_panel=_RUN)]
Full = Annotated[
    bool | None, typer.Option("--full", help="Show new objects in full in the plan.", rich_help_panel=_RUN)
]
FullChecks = Annotated[
    bool | None,
    typer.Option("--full", help="Show passed checks too, and new objects in full in a plan.", rich_help_panel=_RUN),
]
Yes = Annotated[bool | None, typer.Option("--yes", "-y", help="Do not ask for confirmation.", rich_help_panel=_RUN)]
WaitForControllers = Annotated[
    bool | None,
    typer.Option("--wait/--no-wait", help="Wait until the controllers run [wait].", rich_help_panel=_RUN),
]
WaitForObjects = Annotated[
    bool | None,
    typer.Option("--wait/--no-wait", help="Wait until each object is synced [wait].", rich_help_panel=_RUN),
]
WaitForChanges = Annotated[
    bool | None,
    typer.Option("--wait/--no-wait", help="Wait until what was changed is ready [wait].", rich_help_panel=_RUN),
]
LockTimeout = Annotated[
    str | None,
    typer.Option(
        "--lock-timeout",
        metavar="DURATION",
        help="How long to wait for another acksm on this cluster; 0 does not wait [50s].",
        rich_help_panel=_RUN,
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="Deadline of the whole command, such as 90s or 15m [15m].",
        rich_help_panel=_RUN,
    ),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="text|wide|json|yaml", help="Output format [text].", rich_help_panel=_RUN),
]


_FORMS = ("text", "wide", "json", "yaml", "junit", "markdown")


def _no_file(value: str | None) -> str | None:
    """-o of report and plan was their file once."""
    if value and value not in _FORMS:
        raise typer.BadParameter(f"it is the output format; for a file use: --out {value}")
    return value


OutputNotFile = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="text|wide|json|yaml",
        help="Output format [text].",
        callback=_no_file,
        rich_help_panel=_RUN,
    ),
]

# Not a setting
Watch = Annotated[
    bool,
    typer.Option("--watch", "-w", help="Print it again after each change, until Ctrl-C; --timeout is of each reading."),
]
ObjectRegion = Annotated[
    str,
    typer.Option(
        "--object-region",
        metavar="REGION",
        help="AWS region of the objects' AWS resources [the namespace's].",
        show_default=False,
    ),
]
ObjectNamespace = Annotated[
    str,
    typer.Option(
        "--namespace", "-n", metavar="NAMESPACE", help="Namespace of the objects [default].", show_default=False
    ),
]
# Beside KIND, where an object is KIND/NAME or KIND NAME
ObjectName = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Its name, after KIND alone.")]


def joined(thing: str, name: str | None) -> str:
    """KIND/NAME from KIND/NAME or from KIND NAME."""
    return f"{thing}/{name}" if name and "/" not in thing else thing


# For commands about namespaces, beside their arguments
InNamespaces = Annotated[
    list[str] | None,
    typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Same as the argument NAMESPACE, repeatable."),
]


def both(arguments: list[str] | None, options: list[str] | None) -> tuple[str, ...]:
    """The namespaces of arguments and of options, each once."""
    return tuple(dict.fromkeys([*(arguments or ()), *(options or ())]))
