"""Ids of the progress that commands report (acksm.events). Changes are reported under their own ids."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_OK = ExitCode.OK

ENTRIES = (
    Entry(
        "target",
        "the cluster and account of the command",
        "Cluster, region, account and caller, verified to belong together.",
        "",
        _OK,
    ),
    Entry("observe", "reading the state", "Account and cluster are read concurrently; nothing is written.", "", _OK),
    Entry("charts.pull", "downloading a chart", "By digest, from the registry or the cache.", "", _OK),
    Entry("mirror.target", "the registries of acksm mirror", "What is copied from, and what to.", "", _OK),
    Entry("mirror.progress", "reading and copying", "What acksm mirror is reading or copying.", "", _OK),
    Entry("note", "note", "A remark on the plan, such as what a scope leaves out.", "", _OK),
    Entry(
        "config.file",
        "settings from acksm.yaml of the working directory",
        "The file was not named, so the settings that it sets are listed. `acksm config show` has their values.",
        "",
        _OK,
    ),
    Entry(
        "plan.file",
        "what a plan file is for",
        "Its cluster and account, its command, and every setting that it was made with; see docs/plans.md.",
        "",
        _OK,
    ),
    Entry("summary", "what was applied", "The number of changes, and how long they took, waits included.", "", _OK),
    Entry("wait", "waiting", "The last state observed, repeated every 30 s.", "", _OK),
    Entry("up-to-date", "up to date", "Nothing has to change.", "", _OK),
    Entry("watch", "the clock of acksm status --watch", "When the state was last read; on a terminal only.", "", _OK),
    Entry("lease", "the lock of the cluster", "One acksm at a time changes a cluster; see cluster-busy.", "", _OK),
    Entry("interrupt", "signal received", "The current call is finished; see interrupted.", "", _OK),
    Entry("carm.live", "assuming the roles", "As the controllers do: `carm verify --live`.", "", _OK),
    Entry("doctor.look", "reading what is checked", "Account, cluster and registry, concurrently.", "", _OK),
    Entry("report.read", "reading what goes into the bundle", "What cannot be read is listed in the bundle.", "", _OK),
    Entry("sample-synced", "object synced", "With the state of its AWS resource, where it has one.", "", _OK),
    Entry("sample-deleted", "object deleted", "Its controller has removed the finalizer.", "", _OK),
    Entry("sandbox.build", "building a program of the sandbox", "Once; the result is cached.", "", _OK),
    Entry("sandbox.gitops", "starting a GitOps engine for a cluster", "It runs until the sandbox is stopped.", "", _OK),
    Entry("sandbox.up", "starting the sandbox", "Not repeated while it runs.", "", _OK),
    Entry("sandbox.cluster", "starting a practice cluster", "With its own control plane.", "", _OK),
    Entry("sandbox.charts", "pushing a chart to the sandbox's registry", "One given by --charts.", "", _OK),
    Entry(
        "sandbox.unhealthy",
        "a part of the sandbox exited",
        "The message has the end of its log; `up` starts the sandbox again.",
        "",
        _OK,
    ),
    Entry("fleet.cluster", "what happened on one cluster", "Its command starts, continues, or has ended.", "", _OK),
    Entry("fleet.soak", "a wave is waited for", "Then the status of its changed clusters is read.", "", _OK),
    Entry(
        "fleet.unread",
        "clusters could not be discovered",
        "EKS did not list the clusters of an account and region. They are left out, and the exit code is 7.",
        "",
        _OK,
    ),
)
