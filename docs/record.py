"""`make pictures`: runs the tutorial pages on their own sandbox, writes the output into them and into docs/pictures.
Run it after messages have changed, review the diff, commit it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from acksm.sandbox import api
from generator.walk import Screen, WalkError, walk

DOCS = Path(__file__).parent
NAME = "docs"
# Each page with what others did before its story begins.
BUCKETS = """set -e
python - <<'PYTHON'
import boto3
for profile, region, name in (
    (None, "us-west-2", "ml-data"),
    (None, "us-east-1", "ml-data-east"),
    ("other-111111111111", "us-west-2", "team-b-data"),
):
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    boto3.Session(profile_name=profile, region_name=region).client("s3").create_bucket(Bucket=name, **where)
PYTHON
set +e
"""
PAGES = {
    "start.md": BUCKETS,
    "data-scientist.md": BUCKETS
    + """set -e
acksm install --yes --scope namespace --watch-namespace team-a --watch-namespace team-b --create-namespace
acksm samples apply endpoint -n team-b --with-role --set bucket=ml-data --set name=churn --yes
kubectl annotate endpoints.sagemaker.services.k8s.aws churn -n team-b services.k8s.aws/deletion-policy=retain
kubectl delete endpoints.sagemaker.services.k8s.aws churn -n team-b
kubectl create serviceaccount dana -n team-a
acksm rbac grant team-a --user system:serviceaccount:team-a:dana
export KUBECONFIG=$PWD/kubeconfig:$KUBECONFIG
kubectl config set-credentials dana --token "$(kubectl create token dana -n team-a)"
kubectl config set-context dana --user dana --cluster "$(kubectl config view -o jsonpath='{.clusters[0].name}')"
kubectl config view --flatten > whole && mv whole kubeconfig && export KUBECONFIG=$PWD/kubeconfig
kubectl config rename-context "$(kubectl config current-context)" practice
kubectl config use-context dana
set +e
""",
}


def record(page: str, before: str) -> list[Screen]:
    """Run a page's commands, on a new cluster with new accounts."""
    api.up(api.Options(name=NAME))
    try:
        environment = {**_bare(), **api.environment(NAME)}
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
        with tempfile.TemporaryDirectory() as home:
            directory = Path(home) / "story"
            directory.mkdir()
            text, screens = walk((DOCS / page).read_text("utf-8"), environment, directory, before)
    finally:
        api.down(NAME)
    (DOCS / page).write_text(text, encoding="utf-8")
    return screens


def _bare() -> dict[str, str]:
    """This environment without anything of acksm's and AWS's, and with this acksm first on the path."""
    theirs = ("AWS_", "ACKSM_", "KUBE", "NO_COLOR", "CI")
    return {name: value for name, value in os.environ.items() if not name.startswith(theirs)}


def main() -> int:
    """1 when a command ends with another exit code than its page says."""
    for page, before in PAGES.items():
        try:
            screens = record(page, before)
        except WalkError as wrong:
            sys.stderr.write(f"docs/{page}: {wrong}\n")
            return 1
        for screen in screens:
            if screen.picture:
                file = DOCS / "pictures" / f"{screen.picture}.ansi"
                file.parent.mkdir(exist_ok=True)
                file.write_text(f"\x1b[1m$ {screen.script.strip()}\x1b[0m\n{screen.text}", encoding="utf-8")
        sys.stdout.write(f"wrote docs/{page}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
