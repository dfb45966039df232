"""What is wrong between clusters."""

from acksm import reports
from acksm.fleet.between import findings

EAST, WEST = "111111111111/us-east-1/ml", "111111111111/us-west-2/ml"
MODEL = ["sagemaker", "Model", "111111111111", "us-east-1", "classifier"]


def facts(
    version: str = "1.9.1", role: str = "arn:aws:iam::111111111111:role/a", *held: reports.FleetHeld
) -> reports.FleetFactsReport:
    return {
        "target": {
            "cluster": "",
            "cluster_arn": "",
            "region": "",
            "account": "",
            "identity": "",
            "endpoint": "",
            "kubernetes": "",
            "namespace": "",
        },
        "issuer": "",
        "controllers": [{"service": "sagemaker", "version": version, "role_arn": role, "mode": "carm"}],
        "held": list(held),
        "adopted_resources": [],
        "crossing": [],
        "bound": [],
        "incomplete": [],
    }


def holding(*, read_only: bool = False) -> reports.FleetHeld:
    return {"object": "Model team/classifier", "aws": MODEL, "read_only": read_only}


OTHER = "arn:aws:iam::111111111111:role/b"


def ids(found: dict[str, reports.FleetFactsReport]) -> list[str]:
    return [item["id"] for item in findings(found)]


def test_two_clusters_that_have_nothing_in_common_are_fine() -> None:
    assert findings({EAST: facts(), "222222222222/us-east-1/ml": facts("1.9.1", OTHER)}) == []
    assert findings({}) == []


def test_one_aws_object_in_two_clusters_is_an_error_and_comes_first() -> None:
    found = findings({EAST: facts("1.8.0", "", holding()), "2/us-east-1/b": facts("1.9.1", "", holding())})
    assert found[0] == {
        "id": "fleet.resource-in-two-clusters",
        "severity": "error",
        "clusters": [EAST, "2/us-east-1/b"],
        "text": "sagemaker Model classifier in 111111111111, us-east-1 is managed by "
        f"{EAST} (Model team/classifier), 2/us-east-1/b (Model team/classifier)",
        "remedy": "kubectl annotate model classifier -n team services.k8s.aws/read-only=true"
        "   (in all clusters but one)",
    }
    assert found[1]["id"] == "fleet.version-skew"


def test_a_read_only_object_changes_nothing() -> None:
    found = {EAST: facts("1.9.1", "", holding()), "2/us-east-1/b": facts("1.9.1", "", holding(read_only=True))}
    assert ids(found) == []


def test_one_role_and_one_name() -> None:
    assert ids({EAST: facts(), WEST: facts()}) == ["fleet.name-in-two-regions", "fleet.role-in-two-clusters"]


def test_version_skew_names_those_behind() -> None:
    found = findings({EAST: facts("1.10.0", ""), "2/us-east-1/b": facts("1.9.1", "")})
    assert [item["clusters"] for item in found] == [["2/us-east-1/b"]]
    assert found[0]["remedy"] == "acksm fleet upgrade --version sagemaker=1.10.0"


def test_who_still_uses_what_is_announced_to_go() -> None:
    one = facts("1.9.1", "")
    one["adopted_resources"], one["crossing"] = ["AdoptedResource a/b"], ["FieldExport a/c", "FieldExport a/d"]
    found = findings({EAST: one})
    assert [(item["id"], item["severity"], item["clusters"]) for item in found] == [
        ("fleet.adopted-resources", "warning", [EAST]),
        ("fleet.cross-namespace", "warning", [EAST]),
    ]
