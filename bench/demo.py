"""`make demo`: the sandbox up, both controllers installed in it, their status, a sample model, an endpoint that
exists already and is adopted, and what to try next.

Every step is a command that anyone can type. The demo ends with the exit code of the first that fails; the next run
continues from there. The sandbox is kept.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from acksm.json_types import Untyped
from acksm.sandbox import api, parts

ACKSM = str(Path(sys.executable).parent / "acksm")
UP_TO_DATE = "up to date"
ENDPOINT = "churn"
BUCKET = "practice-sagemaker"


class StepFailedError(Exception):
    """A command of the demo ended with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def acksm(*arguments: str, environment: Mapping[str, str] | None = None, capture: bool = False) -> str:
    """Run acksm with its output visible, as a user would. With `capture` its stderr is returned too."""
    print(f"\n$ acksm {shlex.join(arguments)}", flush=True)
    process = subprocess.Popen(
        [ACKSM, *arguments],
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE if capture else None,
        text=True,
    )
    reported = []
    for line in process.stderr or ():
        print(line, end="", file=sys.stderr, flush=True)
        reported.append(line)
    if process.wait() != 0:
        raise StepFailedError(process.returncode)
    return "".join(reported)


def in_aws(service: str, environment: Mapping[str, str]) -> Untyped:
    """A client of the practice account."""
    import boto3

    connect: Untyped = boto3.client  # typed by literal names of services
    return connect(
        service,
        region_name=environment["AWS_REGION"],
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def create_bucket_in_aws(environment: Mapping[str, str]) -> None:
    """The bucket of the sample, unless it exists."""
    client = in_aws("s3", environment)
    if BUCKET not in {item["Name"] for item in client.list_buckets()["Buckets"]}:
        print(f"\n# aws s3 mb s3://{BUCKET}", flush=True)
        region = {"LocationConstraint": environment["AWS_REGION"]}
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)


def create_endpoint_in_aws(environment: Mapping[str, str]) -> None:
    """An endpoint in the practice account that no object manages, with its model and configuration."""
    print(f"\n# another user creates the endpoint {ENDPOINT} in AWS, without the cluster", flush=True)
    client = in_aws("sagemaker", environment)
    if any(item["EndpointName"] == ENDPOINT for item in client.list_endpoints()["Endpoints"]):
        return
    role = "arn:aws:iam::012345678901:role/practice"
    variant = {"VariantName": "v", "ModelName": ENDPOINT, "InitialInstanceCount": 1, "InstanceType": "ml.t2.medium"}
    client.create_model(ModelName=ENDPOINT, ExecutionRoleArn=role, PrimaryContainer={"Image": "practice:1"})
    client.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)


def next_steps(activate: Path, has_kubectl: bool) -> str:
    """Lines to copy and paste. kubectl is not one of the sandbox's parts; it can be built if it is missing."""
    kubectl = ["kubectl get crds", "kubectl -n ack-system get deployments,pods"]
    if not has_kubectl:
        kubectl = [
            "acksm sandbox build --all    # builds kubectl, once, in some minutes; then repeat the eval line",
            *kubectl,
        ]
    return "\n".join(
        [
            "",
            "The sandbox is still running. To explore it:",
            "",
            f"  source {shlex.quote(str(activate))}",
            '  eval "$(acksm sandbox env)"',
            *(f"  {line}" for line in kubectl),
            "  helm list -n ack-system",
            "  acksm install --scope namespace --dry-run     # what another scope would change",
            "  acksm install --version sagemaker=1.5.1 --dry-run",
            "  acksm adopt --discover --dry-run              # other AWS resources that no object manages",
            "  acksm samples list",
            "  acksm samples apply endpoint --set bucket=practice-sagemaker   # uses the model",
            "  acksm status -o json",
            "  acksm sandbox down                            # removes everything except the build cache",
        ]
    )


def main() -> int:
    """The exit code of the first command that fails, or 0."""
    try:
        acksm("sandbox", "up")
        environment = os.environ | api.environment("default")
        for name in ("AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN"):  # as `acksm sandbox env` unsets them
            environment.pop(name, None)
        acksm("install", "--yes", environment=environment)
        acksm("status", environment=environment)
        reported = acksm("install", "--yes", environment=environment, capture=True)
        sample = ("model", "--with-role", "--set", f"bucket={BUCKET}")
        create_bucket_in_aws(environment)
        acksm("samples", "apply", *sample, "--yes", environment=environment)
        create_endpoint_in_aws(environment)
        acksm("adopt", "Endpoint", ENDPOINT, "--yes", environment=environment)
    except StepFailedError as failed:
        return failed.code
    except KeyboardInterrupt:
        return 130
    if UP_TO_DATE not in reported:
        print("the second install was not up to date", file=sys.stderr)
        return 1
    home = Path(sys.executable).parent / "activate"
    relative = home.relative_to(Path.cwd()) if home.is_relative_to(Path.cwd()) else home
    print(next_steps(relative, parts.existing("kubectl") is not None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
