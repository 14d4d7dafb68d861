"""What people write for a host's name, and what browsers make of it."""

from pathlib import Path

import pytest

from edge.config import load_config
from edge.config.hostnames import canonical_host, host_from_here, host_problem, is_loopback
from edge.errors import ConfigError
from edge.web.auth.allowed_hosts import AllowedHosts


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Pi.Example.org", "pi.example.org"),
        ("pi.example.org.", "pi.example.org"),
        ("raspberrypi", "raspberrypi"),
        ("my_pi.lan", "my_pi.lan"),
        # As Chromium and Firefox send them.
        ("müller.de", "xn--mller-kva.de"),
        ("MÜLLER.de", "xn--mller-kva.de"),
        ("mu\u0308ller.de", "xn--mller-kva.de"),
        ("straße.de", "xn--strae-oqa.de"),
        ("日本語。jp", "xn--wgv71a119e.jp"),
        ("βόλος.com", "xn--nxasmm1c.com"),
        ("☕.example", "xn--53h.example"),
        ("\uff50\uff49.example", "pi.example"),
        ("xn--mller-kva.de", "xn--mller-kva.de"),
        ("192.168.1.2", "192.168.1.2"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
    ],
)
def test_a_name_as_browsers_send_it(written: str, sent: str) -> None:
    assert canonical_host(written) == sent
    assert host_problem(written) == ""


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("http://foo.de", "write 'foo.de'"),
        ("https://Foo.de/", "write 'Foo.de'"),
        ("http://user@foo.de:8080/page?x#y", "write 'foo.de'"),
        ("foo.de:8080", "write 'foo.de'"),
        ("foo.de/", "write 'foo.de'"),
        (" foo.de\n", "write 'foo.de'"),
        ("192.168.1.2:8080", "write '192.168.1.2'"),
        ("[::1]:8080", "write '::1'"),
        ("[::1]", "write '::1'"),
        ("https://[fe80::1%eth0]:8080/", "write 'fe80::1%eth0'"),
        ("http://müller.de", "write 'müller.de'"),
        ("*.bar.de", "each name in full"),
        ("http://*.bar.de:80/", "each name in full"),
        *((bad, "expected an address, or a name") for bad in ("", ".", "a..b", "-a.de", "a-.de")),
        *(
            (bad, "expected an address, or a name")
            for bad in ("foo bar", "a\0b", "ü ü.de", "ü\0.de")
        ),
        *(
            (bad, "expected an address, or a name")
            for bad in ("1.2.3.4.5", "256.1.1.1", "1.2", "0x7f")
        ),
        *(
            (bad, "expected an address, or a name")
            for bad in ("a" * 64, "ü" * 64, "a." * 200 + "de")
        ),
        *((bad, "expected an address, or a name") for bad in ("x" * 100_000, "\ud800.de", "::1::")),
        *(
            (bad, "expected an address, or a name")
            for bad in ("fe80::1%a b", "fe80::1%\0", "[a..de]")
        ),
    ],
)
def test_what_is_no_name_is_refused_with_what_to_write(written: str, advice: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        canonical_host(written)
    assert advice in str(caught.value)
    assert len(str(caught.value)) < 200
    assert host_problem(written) == str(caught.value)


@pytest.mark.parametrize("key", ["allowed_hosts", "host"])
@pytest.mark.parametrize("value", ["http://foo.de", "foo.de:8080", "*.bar.de", "a b", "x" * 5000])
def test_settings_that_no_request_would_match_are_refused(
    tmp_path: Path, key: str, value: str
) -> None:
    file = tmp_path / "my.toml"
    file.write_text(f"[web]\n{key} = " + (f'["pi.lan", "{value}"]' if "_" in key else f'"{value}"'))
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    line = str(caught.value)
    item = ", item 2" if "_" in key else ""
    assert line.startswith(f"{file}: [web] {key}{item} = ")
    assert value[:20] in line
    assert "expected" in line
    assert "\n" not in line
    assert len(line) < 400 + len(str(file))


def test_a_name_with_an_umlaut_is_answered_to(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('[web]\nallowed_hosts = ["müller.de", "2001:db8::1", "Straße.example."]')
    hosts = AllowedHosts(load_config(file).web.allowed_hosts)
    assert hosts.allows("xn--mller-kva.de:8080")
    assert hosts.allows("XN--STRAE-OQA.EXAMPLE")
    assert not hosts.allows("xn--mller-kva.com")
    assert not hosts.allows("müller.de")  # no browser sends that


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        *((host, True) for host in ("127.0.0.1", "127.9.9.9", "::1", "0:0::1", "::ffff:127.0.0.1")),
        *((host, True) for host in ("localhost", "LocalHost.", "pi.localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "192.0.2.1", "raspberrypi", "")),  # noqa: S104
        *((host, False) for host in ("127.evil.example", "localhost.example", "fe80::1%lo")),
    ],
)
def test_what_only_this_machine_reaches(host: str, is_own: bool) -> None:
    assert is_loopback(host) is is_own


def test_a_server_on_every_address_is_asked_on_the_machine_s_own() -> None:
    assert host_from_here("0.0.0.0") == "127.0.0.1"  # noqa: S104
    assert host_from_here("0:0::") == host_from_here("::") == "::1"
    assert host_from_here("192.0.2.1") == "192.0.2.1"
