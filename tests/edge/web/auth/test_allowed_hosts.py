import pytest

from edge.web.auth.allowed_hosts import AllowedHosts


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8080", "192.168.178.20", "[::1]", "[fe80::1]:8080"),
        *("localhost", "LOCALHOST:80", "raspberrypi", "raspberrypi.local:8080", "Pi.Local."),
        "pi.example.org:8080",
    ],
)
def test_names_of_this_device(host: str) -> None:
    assert AllowedHosts(["Pi.Example.org"]).allows(host)


@pytest.mark.parametrize(
    "host",
    [
        *("", ":80", "evil.example", "127.0.0.1.evil.example", "pi.locals", "x.local.evil.example"),
        *("[::1", "::1", "[evil.example]", "a b", "a/b", "127.0.0.1:80:80", "pi.local:http"),
        *("127.0.0.1, evil.example", "user@localhost", "localhost\x00", "1.2.3.4.5", "\u212aelvin"),
    ],
)
def test_names_that_are_not_this_device(host: str) -> None:
    assert not AllowedHosts(["Pi.Example.org"]).allows(host)
