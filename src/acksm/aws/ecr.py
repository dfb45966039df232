"""Amazon ECR: which registry a host is, credentials for it, and its repositories."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence

from acksm.aws.errors import code_of, translated
from acksm.aws.session import Session
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Untyped

# Each partition's domains, those of dual-stack hosts too (botocore's partitions.json); a test compares them.
SUFFIXES = {
    "aws": ("amazonaws.com", "on.aws"),
    "aws-cn": ("amazonaws.com.cn", "on.amazonwebservices.com.cn"),
    "aws-us-gov": ("amazonaws.com", "on.aws"),
    "aws-iso": ("c2s.ic.gov", "on.aws.ic.gov"),
    "aws-iso-b": ("sc2s.sgov.gov", "on.aws.scloud"),
    "aws-iso-e": ("cloud.adc-e.uk", "on.cloud-aws.adc-e.uk"),
    "aws-iso-f": ("csp.hci.ic.gov", "on.aws.hci.ic.gov"),
    "aws-eusc": ("amazonaws.eu", "on.amazonwebservices.eu"),
}
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html, ecr-requests.html (dual-stack, FIPS)
_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr(?P<dual>[.-])ecr(?P<fips>-fips)?\.(?P<region>[a-z]{2,8}(?:-[a-z0-9]{1,16}){1,4})"
    r"\.(?P<suffix>" + "|".join(sorted({re.escape(name) for names in SUFFIXES.values() for name in names})) + ")"
)
_NAME = 256  # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
_WORD, _BETWEEN = re.compile(r"[a-z0-9]+"), re.compile(r"__|[._/]|-{1,256}")


@dataclass(frozen=True)
class EcrRegistry:
    """A private registry: one for each account and region. `fips` and `dual_stack` say how its API is reached."""

    host: str
    account: str
    region: str
    fips: bool = False
    dual_stack: bool = False

    @property
    def partition(self) -> str:
        """The partition, by the region's name."""
        for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-isob-", "aws-iso-b")):
            if self.region.startswith(prefix):
                return partition
        for prefix, partition in (("us-isof-", "aws-iso-f"), ("us-iso-", "aws-iso"), ("eu-isoe-", "aws-iso-e")):
            if self.region.startswith(prefix):
                return partition
        return "aws-eusc" if self.region.startswith("eusc-") else "aws"

    def arn(self, repository: str) -> str:
        """A repository's ARN; `repository` may have wildcards."""
        return f"arn:{self.partition}:ecr:{self.region}:{self.account}:repository/{repository}"


def registry_of(host: str) -> EcrRegistry | None:
    """The private ECR registry at `host`, None where it is any other registry."""
    found = _HOST.fullmatch(host.lower())
    if not found:
        return None
    return EcrRegistry(host, found["account"], found["region"], bool(found["fips"]), found["dual"] == "-")


def is_repository(name: str) -> bool:
    """Whether ECR accepts the name of a repository."""
    return 2 <= len(name) <= _NAME and all(_WORD.fullmatch(word) for word in _BETWEEN.split(name))


class Ecr:
    """The registry's API, by the session's credentials and in the registry's own region."""

    WRITES = ("create_repository",)

    def __init__(self, session: Session, registry: EcrRegistry) -> None:
        self._session, self.registry = session, registry

    def _client(self) -> Untyped:
        return self._session.client(
            "ecr", self.registry.region, fips=self.registry.fips, dual_stack=self.registry.dual_stack
        )

    def login(self) -> tuple[str, str]:
        """A user name and a password, valid for twelve hours. Errors: aws-…"""
        where = self.registry.host
        client = self._client()
        with translated("ecr", "GetAuthorizationToken", where):
            answer = client.get_authorization_token()
        try:
            token = answer["authorizationData"][0]["authorizationToken"]
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (LookupError, TypeError, binascii.Error, ValueError) as error:
            raise AcksmError("aws-failed", "ecr:GetAuthorizationToken: the answer has no token", where=where) from error
        return user, password

    def missing(self, names: Sequence[str]) -> list[str]:
        """Those of the repositories that do not exist. Errors: aws-…"""
        client, missing = self._client(), list[str]()
        for name in names:
            with translated("ecr", "DescribeRepositories", self.registry.arn(name)):
                try:
                    client.describe_repositories(registryId=self.registry.account, repositoryNames=[name])
                except client.exceptions.RepositoryNotFoundException:
                    missing.append(name)
        return missing

    def create_repository(self, name: str, tags: Mapping[str, str]) -> None:
        """Create a repository; one that another run has created since is no error. Errors: aws-…"""
        client = self._client()
        with translated("ecr", "CreateRepository", self.registry.arn(name)):
            try:
                client.create_repository(
                    registryId=self.registry.account,
                    repositoryName=name,
                    tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                )
            except client.exceptions.ClientError as error:
                if code_of(error) != "RepositoryAlreadyExistsException":
                    raise
