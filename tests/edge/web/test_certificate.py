"""The certificate under clocks that are ahead or late, and under files of other kinds."""

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.errors import StateError
from edge.web.certificate import keep_certificate

pytest.importorskip("cryptography", reason="the extra tls is not installed")

NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


def begins(path: Path) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_before_utc


@pytest.mark.parametrize(
    ("ahead", "clock_is_set"),
    [(100 * YEAR, False), (20 * YEAR, False), (2 * YEAR, True), (timedelta(days=3), True)],
)
def test_one_made_while_the_clock_was_ahead_is_replaced(
    tmp_path: Path, ahead: timedelta, clock_is_set: bool
) -> None:
    early = keep_certificate(tmp_path, now=NOW + ahead)
    again = keep_certificate(tmp_path, now=NOW, clock_is_set=clock_is_set)
    assert again.fingerprint != early.fingerprint
    assert begins(again.path) <= NOW
    again.server_context()
    assert keep_certificate(tmp_path, now=NOW, clock_is_set=True) == again


@pytest.mark.parametrize("late", [timedelta(hours=1), timedelta(days=20), 3 * YEAR])
def test_a_clock_that_is_late_after_booting_keeps_it(tmp_path: Path, late: timedelta) -> None:
    first = keep_certificate(tmp_path, now=NOW)
    for _ in range(2):
        assert keep_certificate(tmp_path, now=NOW - late, clock_is_set=False) == first
    assert keep_certificate(tmp_path, now=NOW, clock_is_set=True) == first


def test_a_clock_that_may_be_late_or_was_ahead_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep_certificate(tmp_path, now=NOW + 2 * YEAR)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        keep_certificate(tmp_path, now=NOW, clock_is_set=False)
    (record,) = caplog.records
    assert "valid from 2028-05-30" in record.getMessage()
    assert f"delete {tmp_path / 'certificate.pem'}" in record.getMessage()


def test_one_made_by_a_clock_that_was_late_is_replaced(tmp_path: Path) -> None:
    first = keep_certificate(tmp_path, now=datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC))
    second = keep_certificate(tmp_path, now=NOW)
    assert second.fingerprint != first.fingerprint


@pytest.mark.parametrize("year", [1970, 2037, 2038, 2039, 2049, 2050, 2106, 2232, 9999])
def test_any_year_has_a_certificate(tmp_path: Path, year: int) -> None:
    now = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    made = keep_certificate(tmp_path, now=now)
    made.server_context()
    assert begins(made.path) < now
    if year < 9999:
        assert keep_certificate(tmp_path, now=now) == made


@pytest.mark.parametrize("name", ["certificate.pem", "certificate-key.pem"])
def test_what_is_no_file_is_replaced_and_never_waited_for(tmp_path: Path, name: str) -> None:
    first = keep_certificate(tmp_path, now=NOW)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    second = keep_certificate(tmp_path, now=NOW)
    assert second.fingerprint != first.fingerprint
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(StateError, match=f"{name}: cannot write it: Is a directory"):
        keep_certificate(tmp_path, now=NOW)


@pytest.mark.parametrize("content", [b"", b"\xff" * 1000, b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_damaged_one_is_replaced(tmp_path: Path, content: bytes) -> None:
    first = keep_certificate(tmp_path, now=NOW)
    first.path.write_bytes(content)
    assert keep_certificate(tmp_path, now=NOW).fingerprint != first.fingerprint
