"""A certificate authority for brokers of the tests."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

YEAR = timedelta(days=365)


class Authority:
    """A certificate authority that signs certificates for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        x509 = pytest.importorskip("cryptography.x509", reason="the extra tls is not installed")
        from cryptography.hazmat.primitives.asymmetric import ec

        self.x509, self.folder = x509, folder
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test's authority")])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / "ca.pem"
        basic = (x509.BasicConstraints(ca=True, path_length=None), True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.file.write_bytes(self.signed(self.name, self.key, YEAR, basic, (usage, True)))

    def signed(self, name: Any, key: Any, lasts: timedelta, *extensions: Any) -> bytes:
        from cryptography.hazmat.primitives import hashes, serialization

        x509 = self.x509
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - 2 * YEAR)
            .not_valid_after(datetime.now(UTC) + lasts)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False
            )
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        certificate = builder.sign(self.key, hashes.SHA256())
        return bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def lines(self, lasts: timedelta = YEAR, address: str = "127.0.0.1") -> tuple[str, ...]:
        """Return a broker's settings with a new certificate."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        x509, key = self.x509, ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
        hosts = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate, private = self.folder / "broker.pem", self.folder / "broker.key"
        certificate.write_bytes(self.signed(name, key, lasts, (hosts, False)))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return ("allow_anonymous true", f"certfile {certificate}", f"keyfile {private}")
