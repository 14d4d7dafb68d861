"""The certificate that the device signs itself, for https in a network without its own names.

Browsers warn of it once; the fingerprint that is printed at the start identifies it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from edge.config.hostnames import canonical_host, host_problem, is_address
from edge.errors import PackageMissing
from edge.network import own_addresses
from edge.state import read_file, replace_file

# Apple's devices refuse a certificate that is valid for longer than 398 days.
_VALID = timedelta(days=397)
_RENEWED_BEFORE = timedelta(days=30)
# The clock of a Pi without a battery may be a little behind its viewers' clocks.
_BACKDATED = timedelta(days=1)
# Without a time server and a saved time, a clock starts at the date of the system's build.
_LATE = timedelta(days=3652)
_LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)  # of the calendar, and of X.509's

# systemd-timesyncd creates this file when it has set the clock.
_CLOCK_IS_SET = Path("/run/systemd/timesync/synchronized")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate and its key, and the SHA-256 fingerprint as browsers show it."""

    path: Path
    key_path: Path
    fingerprint: str

    def server_context(self) -> ssl.SSLContext:
        """Return a server's context for TLS 1.2 or later."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.path, self.key_path)
        return context


def keep_certificate(
    folder: Path,
    names: Iterable[str] = (),
    now: datetime | None = None,
    clock_is_set: bool | None = None,
) -> Certificate:
    """Return the folder's certificate; create one unless it is valid for another month.

    `names` are added to the machine's own. A certificate that is not valid yet was created while
    the clock was ahead. It is replaced if the clock is known to be right now, or is ten years
    behind the certificate. Otherwise the clock may be late, as a Pi's is for some seconds after
    booting: a new certificate would then have another fingerprint at each start, and would have
    expired for its viewers. The old one is kept, and the log says what to do.

    Raises PackageMissing without cryptography, StateError when the folder cannot be
    written.
    """
    path, key_path = folder / "certificate.pem", folder / "certificate-key.pem"
    now = now or datetime.now(UTC)
    is_set = _CLOCK_IS_SET.exists() if clock_is_set is None else clock_is_set
    valid = _validity(path, key_path)
    if valid is None or not _is_good(valid, now, late=timedelta(0) if is_set else _LATE):
        begins = min(now - _BACKDATED, _LAST_DAY - _VALID)
        certificate, key = _make([*_own_names(), *names], begins)
        # The key first: a certificate that does not match its key is replaced at the next start.
        replace_file(key_path, key)
        replace_file(path, certificate)
        log.info("web: created a certificate, valid until %s", (begins + _VALID).date())
    elif valid.begins > now:
        log.warning(
            "web: the certificate is valid from %s on, but the clock says %s; if the clock is "
            "right, delete %s and restart",
            valid.begins.date(),
            now.date(),
            path,
        )
    der = ssl.PEM_cert_to_DER_cert(read_file(path).decode("ascii"))
    digest = hashlib.sha256(der).hexdigest().upper()
    return Certificate(path, key_path, ":".join(digest[i : i + 2] for i in range(0, 64, 2)))


class _Validity(NamedTuple):
    begins: datetime
    ends: datetime


def _validity(path: Path, key_path: Path) -> _Validity | None:
    """Return the validity of the certificate, None when the files do not match."""
    x509 = _cryptography().x509
    try:
        pem, _ = read_file(path), read_file(key_path)  # load_cert_chain would wait for a pipe
        found = x509.load_pem_x509_certificate(pem)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, key_path)
        # Naive and in UTC up to cryptography 41, Bookworm's; deprecated since 42.
        return _Validity(
            getattr(found, "not_valid_before_utc", None)
            or found.not_valid_before.replace(tzinfo=UTC),
            getattr(found, "not_valid_after_utc", None)
            or found.not_valid_after.replace(tzinfo=UTC),
        )
    except (OSError, ValueError):
        return None


def _is_good(valid: _Validity, now: datetime, late: timedelta) -> bool:
    """Whether it is valid for another month, by a clock that may be late by `late`."""
    return valid.ends - now > _RENEWED_BEFORE and valid.begins - now <= late


def _make(names: list[str], begins: datetime) -> tuple[bytes, bytes]:
    """Return a certificate for these names, valid from `begins`, and its key, both PEM."""
    package = _cryptography()
    x509, serialization = package.x509, package.serialization
    key = package.ec.generate_private_key(package.ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "emotion-edge")])
    usage = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + _VALID)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(_alternative_names(x509, names), critical=False)
        .sign(key, package.hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _alternative_names(x509: Any, names: list[str]) -> Any:
    hosts = [canonical_host(name) for name in names if not host_problem(name)]
    return x509.SubjectAlternativeName(
        [
            x509.IPAddress(ipaddress.ip_address(host.partition("%")[0]))
            if is_address(host)
            else x509.DNSName(host)
            for host in dict.fromkeys(hosts)
        ]
    )


def _own_names() -> list[str]:
    """Return this machine's names and addresses."""
    host = socket.gethostname().partition(".")[0]
    return [host, f"{host}.local", "localhost", "127.0.0.1", "::1", *own_addresses()]


@dataclass(frozen=True, slots=True)
class _Cryptography:
    """The parts of the package that are used here."""

    x509: Any
    ec: Any
    hashes: Any
    serialization: Any


def _cryptography() -> _Cryptography:
    """Import the package that only https needs. Raises PackageMissing when it is missing."""
    try:
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    except ImportError as exc:
        raise PackageMissing(
            "[web] tls = true needs the package cryptography: "
            "sudo apt install python3-cryptography, or pip install 'emotion-edge[tls]'"
        ) from exc
    return _Cryptography(x509, ec, hashes, serialization)
