"""Ids of what is told while a command works (acksm.events). Changes are told under their own ids."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_OK = ExitCode.OK

ENTRIES = (
    Entry(
        "target", "where the command works", "Cluster, region, account and caller, proven to belong together.", "", _OK
    ),
    Entry(
        "observe", "the state is read", "Account and cluster are looked at side by side; nothing is written.", "", _OK
    ),
    Entry("charts.pull", "a chart is fetched", "By digest, from the registry or from what was kept.", "", _OK),
    Entry("note", "something to know first", "The plan's own remarks, such as what a scope leaves out.", "", _OK),
    Entry(
        "config.file",
        "settings come from acksm.yaml of the working directory",
        "Nobody named the file, so its settings that count are named. `acksm config show` has their values.",
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
    Entry("wait", "something is waited for", "The last state seen is told, and again every 30 s.", "", _OK),
    Entry("up-to-date", "nothing was to be done", "What is there is what was asked for.", "", _OK),
    Entry("lease", "the Lease of the cluster", "One acksm at a time changes something; see cluster-busy.", "", _OK),
    Entry("interrupt", "a signal has come", "The call that is under way is finished; see interrupted.", "", _OK),
    Entry("carm.live", "the roles are assumed", "As the controllers do it: `carm verify --live`.", "", _OK),
    Entry("doctor.look", "everything is looked at", "Account, cluster and registry, side by side.", "", _OK),
    Entry("report.read", "what goes into the bundle is read", "What cannot be read is named in the bundle.", "", _OK),
    Entry("sample-synced", "an object is in sync", "With its state in AWS, where it has one.", "", _OK),
    Entry("sandbox.build", "a program of the sandbox is built", "Once; then it is kept.", "", _OK),
    Entry("sandbox.up", "the sandbox is started", "Nothing is done when it runs.", "", _OK),
    Entry("sandbox.cluster", "a practice cluster is started", "A control plane of its own.", "", _OK),
    Entry("sandbox.charts", "a chart is put into the sandbox's registry", "One given by --charts.", "", _OK),
    Entry(
        "sandbox.unhealthy",
        "a part of the sandbox has ended",
        "Its log is told, and `up` starts the sandbox again.",
        "",
        _OK,
    ),
)
