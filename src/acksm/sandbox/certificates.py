"""The sandbox's own certificates: one authority for each cluster, kept in the sandbox's directory."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=365)


class Authority:
    """A certificate authority that writes what it issues as NAME.crt and NAME.key into `directory` (keys 0600)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acksm-sandbox")])
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = directory / "ca.crt"
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def pem(self) -> str:
        return self.path.read_text()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + LIFE)
        )

    def server(self, name: str) -> ssl.SSLContext:
        """TLS for a server on loopback that accepts only clients with a certificate of this authority."""
        context = _Patient(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, server=True))
        context.load_verify_locations(self.path)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def public(self, name: str) -> ssl.SSLContext:
        """TLS for a server of that DNS name, which accepts every client."""
        context = _Patient(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, server=True, named=True))
        return context

    def issue(
        self, name: str, *, organization: str = "", server: bool = False, named: bool = False
    ) -> tuple[Path, Path]:
        """A certificate for `name` (a user, a server on loopback, or with `named` one of that DNS name); returns the
        paths of certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]
        parts += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = self._builder(x509.Name(parts), key.public_key()).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        if server:
            known = (name,) if named else ("localhost", "kubernetes", "kubernetes.default.svc")
            names = [x509.DNSName(item) for item in known]
            addresses = [x509.IPAddress(ipaddress.ip_address(item)) for item in ("127.0.0.1", "10.0.0.1")]
            builder = builder.add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        file = name.replace(":", "-")
        crt, pem = self.directory / f"{file}.crt", self.directory / f"{file}.key"
        crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        write_key(pem, key)
        return crt, pem


class _Patient(ssl.SSLContext):
    """The handshake is done when a connection's own thread reads: a silent client blocks no other."""

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        return super().wrap_socket(sock, server_side, False, suppress_ragged_eofs, server_hostname, session)


def write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    """A private key as PEM, 0600 from the first byte."""
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def signing_key(path: Path) -> None:
    """The key that signs service account tokens (RSA, as EKS's)."""
    write_key(path, rsa.generate_private_key(public_exponent=65537, key_size=2048))
