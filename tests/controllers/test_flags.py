"""Flags by release, and what the controllers say of wrong ones (docs/ack/messages.md#at-start)."""

from __future__ import annotations

import pytest

from acksm.sandbox.controllers.standin import flags
from acksm.sandbox.controllers.standin.flags import Config
from acksm.sandbox.controllers.standin.pflag import FlagError
from acksm.sandbox.controllers.standin.versions import Release, release


def started(*words: str, tag: str = "1.9.1", service: str = "sagemaker", env: dict[str, str] | None = None) -> Config:
    which = release(service, tag)
    config = flags.parse(["--aws-region", "us-west-2", *words], env or {}, which)
    flags.check_late(config, which)
    return config


def test_what_the_chart_gives() -> None:
    config = started(
        "--enable-development-logging",
        "--resource-tags",
        "a=b,c=d",
        "--resource-tags=e=f",
        "--watch-namespace",
        "one,two",
        "--deletion-policy=retain",
        "--enable-carm=true",
        "--feature-gates=ServiceLevelCARM=true,ResourceAdoption=false",
        "--reconcile-resources",
        "Model, Endpoint",
        "--reconcile-resource-resync-seconds=Model=60",
        env={"ACK_SYSTEM_NAMESPACE": "here"},
    )
    assert config.development
    assert config.tags == ["a=b", "c=d", "e=f"]
    assert config.watch == ["one", "two"]
    assert config.deletion_policy == "retain"
    assert config.kinds == ["Model", "Endpoint"]
    assert config.resync == {"model": 60.0}
    assert config.system_namespace == "here"
    assert config.gates["ServiceLevelCARM"]
    assert not config.gates["ResourceAdoption"]
    assert config.gates["ReadOnlyResources"]


@pytest.mark.parametrize(
    ("words", "tag", "message", "code"),
    [
        (["--nonsense"], "1.9.1", "unknown flag: --nonsense", 2),
        (["--enable-carm=true"], "1.2.13", "unknown flag: --enable-carm", 2),
        (["--aws-account-id", "012345678901"], "0.2.0", "unknown flag: --aws-account-id", 2),
        (["--log-level"], "1.9.1", "flag needs an argument: --log-level", 2),
        (["--aws-region="], "1.9.1", "AWS region is missing", 1),
        ([], "0.0.3", "unable to start service controller as account ID is nil", 1),
        (["--feature-gates", "Nope=true"], "1.9.1", "unknown feature gate: Nope", 1),
        (["--feature-gates", "IAMRoleSelector=false"], "1.4.1", "unknown feature gate: IAMRoleSelector", 1),
        (["--feature-gates", "A=true,"], "1.9.1", "unknown feature gate: A", 1),
        (["--feature-gates", "ServiceLevelCARM"], "1.9.1", "invalid feature gate format: ServiceLevelCARM", 1),
        (
            ["--feature-gates=IAMRoleSelector=true"],
            "1.9.1",
            "cannot enable feature gate 'IAMRoleSelector' when flag 'enable-carm' is set to true",
            1,
        ),
        (["--watch-namespace", "a, b"], "1.9.1", "invalid namespace ' b'", 1),
        (["--watch-namespace", "a,a"], "1.9.1", "duplicate namespace 'a'", 1),
        (["--watch-namespace", "a,"], "1.9.1", "invalid namespace: empty namespace", 1),
        (["--reconcile-resources", "Space,Gadget"], "1.9.1", "resource kind 'Gadget' is not supported", 1),
        (["--reconcile-resources", "Project"], "1.4.1", "resource kind 'Project' is not supported", 1),
        (["--deletion-policy", "keep"], "1.9.1", "invalid DeletionPolicy value: keep", 2),
        (["--deletion-policy="], "1.9.1", 'invalid argument "" for "--deletion-policy" flag', 2),
        (["--no-enable-carm"], "1.9.1", "unknown flag: --no-enable-carm", 2),
        (["-enable-carm=false"], "1.9.1", "unknown shorthand flag: 'e' in -enable-carm=false", 2),
        (["--enable-carm=yes"], "1.9.1", 'strconv.ParseBool: parsing "yes": invalid syntax', 2),
        (["--enable-carm="], "1.9.1", 'invalid argument "" for "--enable-carm" flag', 2),
        (["---log-level"], "1.9.1", "bad flag syntax: ---log-level", 2),
        (["--help"], "1.9.1", "help requested", 0),
        (["-healthz-addr=x"], "1.9.1", "help requested", 0),  # -h: a word with one dash is of short flags
        (["--reconcile-default-resync-seconds", "1h"], "1.9.1", 'strconv.ParseInt: parsing "1h": invalid syntax', 2),
        (["--reconcile-default-resync-seconds=-1"], "1.9.1", "resync seconds default must be greater than 0", 1),
        (["--reconcile-default-max-concurrent-syncs=0"], "1.9.1", "max concurrency default must be greater than 0", 1),
        (["--reconcile-resource-resync-seconds", "Gadget=1"], "1.9.1", "resource 'Gadget' is not managed", 1),
        (["--reconcile-resource-resync-seconds", "Model=1.5"], "1.9.1", 'strconv.Atoi: parsing "1.5"', 1),
        (["--reconcile-resource-max-concurrent-syncs", "Model"], "1.9.1", "expected key=value", 1),
        (["--reconcile-resources", "Model,Model"], "1.9.1", "duplicate resource kind 'Model'", 1),
        (["--http-client-timeout", "60"], "1.9.1", 'time: missing unit in duration "60"', 2),
        (["--resource-tags", 'a="b"'], "1.9.1", 'bare " in non-quoted field', 2),
        (["--resource-tags", "a=b="], "1.9.1", "invalid resource tag: a=b=", 1),
        (["--aws-endpoint-url", "http://aws.example"], "1.9.1", "using an unsafe endpoint is not allowed", 1),
        (["--aws-endpoint-url", "http://aws.example", "--aws-account-id=0"], "0.1.0", "invalid service endpoint", 1),
    ],
)
def test_what_keeps_it_from_starting(words: list[str], tag: str, message: str, code: int) -> None:
    with pytest.raises(FlagError) as caught:
        started(*words, tag=tag)
    assert message in str(caught.value)
    assert caught.value.code == code


def test_the_arguments_of_the_first_charts_are_read_as_go_reads_them() -> None:
    """Chart v0.0.3 gives --enable-development-logging a value of its own: the flag alone is true, the word ignored."""
    words = ["--aws-account-id", "012345678901", "--enable-development-logging", "false", "--log-level", "debug"]
    config = started(*words, "--resource-tags", "a=b,c=%UTCNOW%", "--watch-namespace", "", tag="0.0.3")
    assert (config.development, config.level, config.watch) == (True, "debug", [])
    assert config.tags == ["a=b", "c=%UTCNOW%"]


def test_the_last_of_repeated_flags_counts_and_lists_collect_them() -> None:
    words = ["--log-level=debug", "--log-level", "warn", "--enable-carm", "--enable-carm=0", "stray"]
    lists = ["--resource-tags", "a=b", "--resource-tags", '"c=d,e",f=g', "--", "--nonsense"]
    config = started(*words, *lists)
    assert (config.level, config.carm) == ("warn", False)
    assert config.tags == ["a=b", "c=d,e", "f=g"]
    unsafe = started("--aws-endpoint-url", "http://aws.example", "--allow-unsafe-aws-endpoint-urls")
    assert unsafe.endpoint == "http://aws.example"
    assert started("--resource-tags", "a=b=", tag="1.4.1").tags == ["a=b="]  # not checked before
    assert started("--reconcile-default-resync-seconds=0x10").resync == {"": 16.0}


def test_the_region_may_come_from_the_environment() -> None:
    assert flags.parse([], {"AWS_REGION": "eu-west-1"}, release("sagemaker", "1.9.1")).region == "eu-west-1"


@pytest.mark.parametrize(
    ("tag", "words", "cached"),
    [
        ("1.9.1", [], True),
        ("1.9.1", ["--watch-namespace", "a"], False),
        ("1.9.1", ["--watch-namespace", "a,b"], True),
        ("1.9.1", ["--enable-carm=false"], False),
        ("1.2.4", ["--watch-namespace", "a,b"], False),  # one namespace of an odd name
        ("0.0.4", ["--watch-namespace", "a", "--aws-account-id", "0"], False),
        ("0.0.3", ["--watch-namespace", "a", "--aws-account-id", "0"], True),
    ],
)
def test_when_annotations_of_namespaces_are_read(tag: str, words: list[str], cached: bool) -> None:
    """The matrix of docs/ack/accounts-and-regions.md#scope."""
    assert started(*words, tag=tag).caches_namespaces(release("sagemaker", tag)) is cached


def test_releases_and_their_kinds() -> None:
    assert str(release("sagemaker", "v0.0.3").runtime) == "0.6.0"
    assert str(release("sagemaker", "1.2.9").runtime) == "0.32.0"
    assert str(release("applicationautoscaling", "1.4.1").runtime) == "0.61.0"
    newest = release("sagemaker", "latest")
    assert newest == Release("sagemaker", "", newest.runtime)
    counts = {"0.0.3": 15, "0.0.4": 17, "0.3.0": 20, "0.5.0": 22, "1.2.9": 23, "1.3.0": 24, "1.5.0": 25, "1.9.1": 26}
    assert {tag: len(release("sagemaker", tag).kinds) for tag in counts} == counts
    assert len(newest.kinds) == 26
