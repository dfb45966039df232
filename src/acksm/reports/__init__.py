"""The report documents of `-o json` and `-o yaml`: their shapes, written once.

docs/schemas/report.json is generated from here (docs/generate.py), mypy checks the places that fill them, and the tests
validate what commands print. A field may be added within v1; none changes its meaning or goes.
"""

from __future__ import annotations

from acksm.reports.adopt import (
    AdoptedObject as AdoptedObject,
    AdoptFacts as AdoptFacts,
    AdoptReport as AdoptReport,
)
from acksm.reports.capability import (
    Capability as Capability,
    CapabilityFacts as CapabilityFacts,
    CapabilityLease as CapabilityLease,
    CapabilityService as CapabilityService,
    CapabilityShareReport as CapabilityShareReport,
    CapabilityStatusReport as CapabilityStatusReport,
)
from acksm.reports.carm import (
    CarmBindFacts as CarmBindFacts,
    CarmBinding as CarmBinding,
    CarmBindReport as CarmBindReport,
    CarmListReport as CarmListReport,
    CarmRow as CarmRow,
    CarmSetupFacts as CarmSetupFacts,
    CarmSetupReport as CarmSetupReport,
    CarmUnbindFacts as CarmUnbindFacts,
    CarmUnbindReport as CarmUnbindReport,
    CarmUnbound as CarmUnbound,
    CarmVerifyReport as CarmVerifyReport,
)
from acksm.reports.cleanup import (
    CleanupFacts as CleanupFacts,
    CleanupKept as CleanupKept,
    CleanupObject as CleanupObject,
    CleanupReport as CleanupReport,
)
from acksm.reports.common import (
    Change as Change,
    Changes as Changes,
    CheckResult as CheckResult,
    Drift as Drift,
    Envelope as Envelope,
    Error as Error,
    KeptBy as KeptBy,
    Target as Target,
)
from acksm.reports.connect import (
    ConnectFacts as ConnectFacts,
    ConnectReport as ConnectReport,
)
from acksm.reports.controllers import (
    Controller as Controller,
    ControllerFacts as ControllerFacts,
    HistoryEvent as HistoryEvent,
    HistoryReport as HistoryReport,
    InstallFacts as InstallFacts,
    InstallReport as InstallReport,
    OidcFacts as OidcFacts,
    OidcReport as OidcReport,
    RoleFacts as RoleFacts,
    RoleReport as RoleReport,
    RunningController as RunningController,
    ServiceVersions as ServiceVersions,
    StatusReport as StatusReport,
    UpgradeAdoptedResource as UpgradeAdoptedResource,
    UpgradeAfter as UpgradeAfter,
    UpgradeDifference as UpgradeDifference,
    UpgradeExplainReport as UpgradeExplainReport,
    UpgradeReport as UpgradeReport,
    UpgradeRollback as UpgradeRollback,
    UpgradeService as UpgradeService,
    VersionsReport as VersionsReport,
    WorseObject as WorseObject,
)
from acksm.reports.doctor import (
    BundleFile as BundleFile,
    BundleReport as BundleReport,
    DoctorCheck as DoctorCheck,
    DoctorReport as DoctorReport,
    LogLine as LogLine,
    LogsReport as LogsReport,
    Policy as Policy,
    Rbac as Rbac,
    Symptom as Symptom,
)
from acksm.reports.export import ExportedFile as ExportedFile, ExportReport as ExportReport
from acksm.reports.fleet import (
    FleetBinding as FleetBinding,
    FleetController as FleetController,
    FleetFactsReport as FleetFactsReport,
    FleetFinding as FleetFinding,
    FleetHeld as FleetHeld,
    FleetJobReport as FleetJobReport,
    FleetListReport as FleetListReport,
    FleetPlace as FleetPlace,
    FleetReport as FleetReport,
    FleetRow as FleetRow,
    FleetTrust as FleetTrust,
)
from acksm.reports.identity import (
    IdentityAssociation as IdentityAssociation,
    IdentityController as IdentityController,
    IdentityMigrated as IdentityMigrated,
    IdentityMigrateFacts as IdentityMigrateFacts,
    IdentityMigrateReport as IdentityMigrateReport,
    IdentityPod as IdentityPod,
    IdentityProblem as IdentityProblem,
    IdentityStatusReport as IdentityStatusReport,
)
from acksm.reports.information import (
    CatalogEntry as CatalogEntry,
    ConfigReport as ConfigReport,
    ExplainReport as ExplainReport,
    InitReport as InitReport,
    VersionReport as VersionReport,
)
from acksm.reports.mirror import (
    MirroredArtifact as MirroredArtifact,
    MirrorFacts as MirrorFacts,
    MirrorReport as MirrorReport,
)
from acksm.reports.plans import (
    PlanFile as PlanFile,
    PlannedChange as PlannedChange,
    PlanShowReport as PlanShowReport,
)
from acksm.reports.rbac import RbacFacts as RbacFacts, RbacReport as RbacReport
from acksm.reports.region import (
    RegionBinding as RegionBinding,
    RegionExplainReport as RegionExplainReport,
    RegionFacts as RegionFacts,
    RegionListReport as RegionListReport,
    RegionReport as RegionReport,
    RegionRow as RegionRow,
    RegionSource as RegionSource,
)
from acksm.reports.samples import (
    SampleApplyReport as SampleApplyReport,
    SampleDeleteFacts as SampleDeleteFacts,
    SampleDeleteReport as SampleDeleteReport,
    SampleFacts as SampleFacts,
    SampleListReport as SampleListReport,
    SampleObject as SampleObject,
    SampleParameter as SampleParameter,
    SampleRow as SampleRow,
    SampleShowReport as SampleShowReport,
)
from acksm.reports.sandbox import (
    PartsReport as PartsReport,
    SandboxCluster as SandboxCluster,
    SandboxController as SandboxController,
    SandboxDownReport as SandboxDownReport,
    SandboxEngineReport as SandboxEngineReport,
    SandboxEnvReport as SandboxEnvReport,
    SandboxListReport as SandboxListReport,
    SandboxLogsReport as SandboxLogsReport,
    SandboxPart as SandboxPart,
    SandboxReport as SandboxReport,
    SandboxRow as SandboxRow,
    SandboxStatusReport as SandboxStatusReport,
)

# The data of each command, beside the envelope. A new command has to have its line here; docs/generate.py asks for it.
FLEET = ("status", "doctor", "plan", "apply", "upgrade", "cleanup", "run", "merge")
REPORTS: dict[str, object] = {
    "init": InitReport,
    "connect": ConnectReport,
    "oidc": OidcReport,
    "iam-role": RoleReport,
    "install": InstallReport,
    "upgrade": UpgradeReport,
    "status": StatusReport,
    "history": HistoryReport,
    "logs": LogsReport,
    "versions": VersionsReport,
    "identity status": IdentityStatusReport,
    "identity migrate": IdentityMigrateReport,
    "export": ExportReport,
    "mirror": MirrorReport,
    "doctor": DoctorReport,
    "report": BundleReport,
    "region bind": RegionReport,
    "region unbind": RegionReport,
    "region list": RegionListReport,
    "capability status": CapabilityStatusReport,
    "capability share": CapabilityShareReport,
    "region explain": RegionExplainReport,
    "rbac grant": RbacReport,
    "rbac revoke": RbacReport,
    "carm setup": CarmSetupReport,
    "carm bind": CarmBindReport,
    "carm unbind": CarmUnbindReport,
    "carm list": CarmListReport,
    "carm verify": CarmVerifyReport,
    **dict.fromkeys((f"fleet {name}" for name in FLEET), FleetReport),
    "fleet list": FleetListReport,
    "fleet facts": FleetFactsReport,
    "fleet job": FleetJobReport,
    "samples list": SampleListReport,
    "samples show": SampleShowReport,
    "samples apply": SampleApplyReport,
    "samples delete": SampleDeleteReport,
    "adopt": AdoptReport,
    "cleanup": CleanupReport,
    "plan show": PlanShowReport,
    "explain": ExplainReport,
    "config show": ConfigReport,
    "version": VersionReport,
    "sandbox build": PartsReport,
    "sandbox up": SandboxReport,
    "sandbox gitops": SandboxEngineReport,
    "sandbox list": SandboxListReport,
    "sandbox status": SandboxStatusReport,
    "sandbox down": SandboxDownReport,
    "sandbox env": SandboxEnvReport,
    "sandbox logs": SandboxLogsReport,
}
# Commands whose output is another program's format, whatever -o says; only their errors are report documents.
VERBATIM = {"token": "an ExecCredential of client.authentication.k8s.io/v1, for kubectl"}
# Commands that print another command's document.
PASSED_ON = {
    "plan": "the document of the command that is planned, as with --dry-run",
    "apply": "the document of the command that was planned",
}
