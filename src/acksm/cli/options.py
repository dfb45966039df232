"""The options that commands share, by name. A command takes one as `cluster: options.Cluster = None`.

A parameter that has the name of a setting (`acksm.settings`) is that setting, which a variable and the settings file
can give as well; any other parameter is of its command alone. Defaults are None, because `acksm.config.resolve` decides
between flag, variable, file and default.
"""

from __future__ import annotations

from typing import Annotated

import typer

_TARGET, _CONTROLLERS, _ROLE, _OTHER, _RUN = "Target", "Controllers", "IAM role", "Other account", "Running"
_PRESETS = "core|least|studio|autoscaling"

# Target
Cluster = Annotated[str | None, typer.Option("--cluster", help="EKS cluster name.", rich_help_panel=_TARGET)]
Region = Annotated[str | None, typer.Option("--region", help="AWS region of the cluster.", rich_help_panel=_TARGET)]
# Where --region is that of objects
ClusterRegion = Annotated[
    str | None, typer.Option("--cluster-region", help="AWS region of the cluster.", rich_help_panel=_TARGET)
]
Profile = Annotated[str | None, typer.Option("--profile", help="AWS profile.", rich_help_panel=_TARGET)]
Account = Annotated[
    str | None, typer.Option("--account", help="Refuse any other AWS account.", rich_help_panel=_TARGET)
]
Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", help="Kubeconfig to take the context from.", rich_help_panel=_TARGET)
]
Context = Annotated[
    str | None, typer.Option("--context", help="Context; must be that cluster.", rich_help_panel=_TARGET)
]
ControllerNamespace = Annotated[
    str | None,
    typer.Option(
        "--controller-namespace", "-n", help="Namespace of the controllers [ack-system].", rich_help_panel=_TARGET
    ),
]
# Where -n is the namespace of an object
LongControllerNamespace = Annotated[
    str | None,
    typer.Option("--controller-namespace", help="Namespace of the controllers [ack-system].", rich_help_panel=_TARGET),
]
AdoptionFile = Annotated[
    str | None,
    typer.Option(
        "--file",
        "-f",
        help="Settings file, a list of adoptions, or manifests [acksm.yaml].",
        rich_help_panel=_TARGET,
    ),
]
File = Annotated[str | None, typer.Option("--file", "-f", help="Settings file [acksm.yaml].", rich_help_panel=_TARGET)]

# Controllers
Service = Annotated[
    list[str] | None,
    typer.Option("--service", help="sagemaker or applicationautoscaling [both].", rich_help_panel=_CONTROLLERS),
]
Version = Annotated[
    list[str] | None,
    typer.Option(
        "--version",
        metavar="SERVICE=V",
        help="Chart version, or latest [the tested pair, or what is installed].",
        rich_help_panel=_CONTROLLERS,
    ),
]
VersionBack = Annotated[
    list[str] | None,
    typer.Option(
        "--version",
        metavar="SERVICE=V",
        help="Version of a controller that has to come back for its objects [the one that was there].",
        rich_help_panel=_CONTROLLERS,
    ),
]
Scope = Annotated[
    str | None,
    typer.Option(
        "--scope",
        metavar="cluster|namespace",
        help="Watch all namespaces, or only some [cluster].",
        rich_help_panel=_CONTROLLERS,
    ),
]
WatchNamespace = Annotated[
    list[str] | None,
    typer.Option(
        "--watch-namespace",
        help="Namespace to watch with --scope namespace, repeatable.",
        rich_help_panel=_CONTROLLERS,
    ),
]
CreateNamespace = Annotated[
    bool | None,
    typer.Option("--create-namespace", help="Make namespaces that are missing.", rich_help_panel=_CONTROLLERS),
]
CreateWatched = Annotated[
    bool | None,
    typer.Option("--create-namespace", help="Make missing watched namespaces.", rich_help_panel=_CONTROLLERS),
]
Values = Annotated[
    list[str] | None,
    typer.Option("--values", metavar="FILE", help="Values for the charts, repeatable.", rich_help_panel=_CONTROLLERS),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="K=V", help="One value, repeatable.", rich_help_panel=_CONTROLLERS),
]
ResetValues = Annotated[
    bool | None,
    typer.Option("--reset-values", help="Forget values given to earlier runs.", rich_help_panel=_CONTROLLERS),
]
Chart = Annotated[
    list[str] | None,
    typer.Option(
        "--chart",
        metavar="SERVICE=PATH",
        help="Chart directory or .tgz instead of the registry.",
        rich_help_panel=_CONTROLLERS,
    ),
]
Registry = Annotated[
    str | None, typer.Option("--registry", help="OCI registry and path.", rich_help_panel=_CONTROLLERS)
]
AdoptRelease = Annotated[
    bool | None,
    typer.Option("--adopt-release", help="Take over a release that acksm did not make.", rich_help_panel=_CONTROLLERS),
]
Mode = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="carm|role-selector",
        help="How other accounts are reached: by the map, or by IAMRoleSelectors [what is installed].",
        rich_help_panel=_CONTROLLERS,
    ),
]

# IAM role
RoleArn = Annotated[
    str | None, typer.Option("--role-arn", help="Use this role; leave IAM alone.", rich_help_panel=_ROLE)
]
RoleName = Annotated[
    str | None, typer.Option("--role-name", help="Role name [ack-controller-role-CLUSTER].", rich_help_panel=_ROLE)
]
RolePath = Annotated[str | None, typer.Option("--role-path", help="Role path [/].", rich_help_panel=_ROLE)]
PermissionsBoundary = Annotated[
    str | None,
    typer.Option(
        "--permissions-boundary", metavar="ARN", help="Permissions boundary of the role.", rich_help_panel=_ROLE
    ),
]
Tag = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="K=V", help="Tag for what is made, repeatable.", rich_help_panel=_ROLE),
]
Policy = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar=_PRESETS,
        help="Policy preset, repeatable [core, or least where the role has it; and autoscaling with its service].",
        rich_help_panel=_ROLE,
    ),
]
PolicyArn = Annotated[
    list[str] | None,
    typer.Option("--policy-arn", help="Policies instead of presets, repeatable.", rich_help_panel=_ROLE),
]
ExecutionRole = Annotated[
    list[str] | None,
    typer.Option(
        "--execution-role",
        metavar="ARN",
        help="Role that objects may name, with --policy least, repeatable [those that the role has].",
        rich_help_panel=_ROLE,
    ),
]
AdoptRole = Annotated[
    bool | None, typer.Option("--adopt-role", help="Use a role that acksm did not make.", rich_help_panel=_ROLE)
]

# Other account
TargetProfile = Annotated[
    str | None, typer.Option("--target-profile", help="AWS profile of the other account.", rich_help_panel=_OTHER)
]
TargetRoleArn = Annotated[
    str | None,
    typer.Option("--target-role-arn", help="Role to assume for work in the other account.", rich_help_panel=_OTHER),
]
TargetRoleName = Annotated[
    str | None,
    typer.Option(
        "--target-role-name",
        help="The controllers' role in the other account [SagemakerCrossAccountAccess].",
        rich_help_panel=_OTHER,
    ),
]
TargetRolePath = Annotated[
    str | None, typer.Option("--target-role-path", help="That role's path [/].", rich_help_panel=_OTHER)
]
TargetAccount = Annotated[
    str | None, typer.Option("--target-account", help="The other account's id.", rich_help_panel=_OTHER)
]
ControllerRoleArn = Annotated[
    list[str] | None,
    typer.Option(
        "--controller-role-arn",
        metavar="ARN",
        help="Also let this role of the controllers' account in, repeatable.",
        rich_help_panel=_OTHER,
    ),
]
# The controllers' role in the other account as `carm setup` makes it; nothing of the own account's is used there.
TargetPolicy = Annotated[
    list[str] | None,
    typer.Option(
        "--target-policy",
        metavar=_PRESETS,
        help="Policy preset of that role, repeatable [core, or least where the role has it; and autoscaling].",
        rich_help_panel=_OTHER,
    ),
]
TargetPolicyArn = Annotated[
    list[str] | None,
    typer.Option("--target-policy-arn", help="That role's policies instead of presets.", rich_help_panel=_OTHER),
]
TargetExecutionRole = Annotated[
    list[str] | None,
    typer.Option(
        "--target-execution-role",
        metavar="ARN",
        help="Role of that account that objects may name, with --target-policy least, repeatable.",
        rich_help_panel=_OTHER,
    ),
]
TargetPermissionsBoundary = Annotated[
    str | None,
    typer.Option("--target-permissions-boundary", metavar="ARN", help="That role's boundary.", rich_help_panel=_OTHER),
]
TargetTag = Annotated[
    list[str] | None,
    typer.Option("--target-tag", metavar="K=V", help="Tag for that role, repeatable.", rich_help_panel=_OTHER),
]
AdoptTargetRole = Annotated[
    bool | None,
    typer.Option(
        "--adopt-target-role",
        help="Use a role of that account that acksm did not make.",
        rich_help_panel=_OTHER,
    ),
]
ExpectedMode = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="carm|role-selector",
        help="Refuse controllers that work in the other mode [what is installed].",
        rich_help_panel=_OTHER,
    ),
]

# Running
DryRun = Annotated[bool | None, typer.Option("--dry-run", help="Show the plan; write nothing.", rich_help_panel=_RUN)]
Full = Annotated[bool | None, typer.Option("--full", help="Show long new objects in the plan.", rich_help_panel=_RUN)]
FullChecks = Annotated[
    bool | None, typer.Option("--full", help="Show the checks that hold as well.", rich_help_panel=_RUN)
]
Yes = Annotated[bool | None, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=_RUN)]
WaitForControllers = Annotated[
    bool | None,
    typer.Option("--wait/--no-wait", help="Wait until the controllers run [wait].", rich_help_panel=_RUN),
]
WaitForObjects = Annotated[
    bool | None,
    typer.Option("--wait/--no-wait", help="Wait until each object is in sync [wait].", rich_help_panel=_RUN),
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
        help="How long to wait for another acksm on this cluster; 0 refuses at once [50s].",
        rich_help_panel=_RUN,
    ),
]
Timeout = Annotated[
    str | None, typer.Option("--timeout", help="Time for everything, 90s or 15m [15m].", rich_help_panel=_RUN)
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="text|json|yaml", help="Form of the result [text].", rich_help_panel=_RUN),
]
# Where -o is a file
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="text|json|yaml", help="Form of the result [text].", rich_help_panel=_RUN),
]

# No setting
ObjectNamespace = Annotated[
    str, typer.Option("--namespace", "-n", help="The object's namespace [default].", show_default=False)
]
