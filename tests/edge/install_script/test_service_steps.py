"""install.sh and the service: what is printed, started, and taken back when it does not start."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from machines import Machine


# What systemd says of a service, and what is true of it then.
@pytest.mark.parametrize(
    ("start", "active", "expected"),
    [
        ("yes", "active", ["emotion-edge 0.1.0-abc is installed."]),
        ("no", "active", ["emotion-edge 0.1.0-abc is installed."]),
        (
            "no",
            "inactive",
            [
                "emotion-edge 0.1.0-abc is installed and not started.",
                "To start it: sudo systemctl start emotion-edge",
            ],
        ),
        (
            "yes",
            "activating",
            [
                "emotion-edge 0.1.0-abc is installed and does not run yet: emotion-edge: no camera",
                "It retries every 10 seconds. See: journalctl -u emotion-edge",
            ],
        ),
        (
            "yes",
            "failed",
            [
                "emotion-edge 0.1.0-abc is installed and does not run: emotion-edge: no camera",
                "See: journalctl -u emotion-edge. Then: sudo systemctl restart emotion-edge",
            ],
        ),
    ],
)
def test_only_what_is_true_of_the_service_is_printed(
    machine: Machine, start: str, active: str, expected: list[str]
):
    machine.add("systemctl", f'#!/bin/sh\ncase "$*" in *ActiveState*) echo {active} ;; esac\n')
    machine.add("journalctl", "#!/bin/sh\necho 'started'; echo 'emotion-edge: no camera'\n")
    asked = f"has_systemd() {{ true; }}; start={start}"
    assert machine.call(f'{asked}; print_state 0.1.0-abc "is installed"') == expected


@pytest.mark.parametrize(
    ("running", "changes", "start", "expected"),
    [
        ("no", 0, "yes", ["· enabling the service", "· starting the service"]),
        ("yes", 0, "yes", ["· enabling the service"]),
        (
            "yes",
            1,
            "yes",
            ["· reloading systemd", "· enabling the service", "· restarting the service"],
        ),
        ("no", 1, "no", ["· reloading systemd", "· enabling the service"]),
        ("yes", 0, "no", ["· enabling the service"]),
        (
            "yes",
            1,
            "no",
            [
                "· reloading systemd",
                "· enabling the service",
                "note: the service runs as before until: sudo systemctl restart emotion-edge",
            ],
        ),
    ],
)
def test_a_service_is_started_as_far_as_it_must_be(
    machine: Machine, running: str, changes: int, start: str, expected: list[str]
):
    machine.add("systemctl", '#!/bin/sh\n[ "$2" != is-enabled ]\n')
    commands = f"has_systemd() {{ true; }}; log=/dev/null start={start}"
    assert machine.call(f"{commands}; start_service {running} {changes}") == expected


def test_a_service_without_an_error_has_no_reason(machine: Machine):
    machine.add("systemctl", '#!/bin/sh\ntest "$1" = show && echo activating\n')
    machine.add("journalctl", "#!/bin/sh\nexit 1\n")
    said = machine.call('has_systemd() { true; }; print_state 0.1.0-abc "is back"')
    assert said[0] == "emotion-edge 0.1.0-abc is back and does not run yet."


@pytest.mark.parametrize(
    ("settings", "expected", "scanned"),
    [
        (
            "0.0.0.0 8080 False code off",
            "http://pi.local:8080 or http://192.0.2.7:8080",
            "http://192.0.2.7:8080",
        ),
        (
            ":: 443 True code off",
            "https://pi.local:443 or https://192.0.2.7:443",
            "https://192.0.2.7:443",
        ),
        ("192.0.2.9 80 False code off", "http://192.0.2.9:80", "http://192.0.2.9:80"),
        (
            "2001:db8::7 8080 False code off",
            "http://[2001:db8::7]:8080",
            "http://[2001:db8::7]:8080",
        ),
        ("::1 8080 False none off", "http://[::1]:8080, on this machine only", ""),
        ("127.0.0.1 8080 False code off", "http://127.0.0.1:8080, on this machine only", ""),
    ],
)
def test_the_page_is_where_the_settings_put_it(
    machine: Machine, settings: str, expected: str, scanned: str
):
    machine.add("uname", "#!/bin/sh\necho pi.fritz.box\n")
    machine.add("hostname", "#!/bin/sh\necho 192.0.2.7 2001:db8::1\n")
    machine.add("qrencode", '#!/bin/sh\nfor url; do :; done\necho "QR $url"\n')
    said = machine.call(
        f"""read_settings() {{ echo "{settings}"; }}
        access_code() {{ echo k7mf-2q9x-ta; }}
        print_state() {{ :; }}
        print_how_to_use 0.1.0-abc"""
    )
    (page,) = (line for line in said if line.startswith("The page: "))
    assert page.removeprefix("The page: ").partition(" (")[0] == expected
    assert [line for line in said if line.startswith("QR ")] == [f"QR {scanned}"] * bool(scanned)
    assert ("Access code: k7mf-2q9x-ta" in said) is ("none" not in settings)


def test_without_an_address_the_name_is_scanned(machine: Machine):
    machine.add("uname", "#!/bin/sh\necho pi\n")
    machine.add("hostname", "#!/bin/sh\nexit 1\n")
    assert machine.call("page_urls 0.0.0.0 8080 False") == ["http://pi.local:8080"]


def test_packages_of_apt_that_stay_are_named(machine: Machine):
    machine.add(
        "dpkg-query",
        "#!/bin/sh\nfor name; do :; done\n"
        "case $name in python3-venv | qrencode) printf installed ;; *) exit 1 ;; esac\n",
    )
    kept = "the packages python3-venv qrencode, which other programs may need"
    paths = "has_user() { false; }; settings=/no/such state_folder=/no/such"
    said = machine.call(f"{paths}; purge=yes; print_what_is_kept")
    assert said == [f"kept: {kept} (sudo apt remove)"]
    has_state = f"has_user() {{ false; }}; settings=/no/such state_folder={machine.bin}"
    assert machine.call(f"{has_state}; purge=no; print_what_is_kept") == [
        f"kept: {machine.bin}; --uninstall --purge removes them",
        f"kept: {kept} (sudo apt remove)",
    ]


def test_no_code_is_said_to_be_made_where_none_is_asked_for(machine: Machine):
    folder = "state_folder=/no/such; install() { :; }; on_failure() { :; }; log=/dev/null"
    making = {
        "code": ["· creating /no/such", "· creating an access code"],
        "none": ["· creating /no/such"],
    }
    for auth, steps in making.items():
        said = machine.call(
            f"""{folder}; read_settings() {{ echo "0.0.0.0 8080 False {auth} off"; }}
            access_code() {{ :; }}
            make_state /no/release"""
        )
        assert said == steps


def test_undoing_goes_backwards_and_keeps_every_word_of_a_command(machine: Machine):
    folder = machine.checkout / "made of words; it's $HOME"
    folder.mkdir()
    said = machine.call(
        f"""log='{machine.checkout}/log' root=/no/such
        on_failure "the first" false
        on_failure "the folder; it's ours" remove_folder "{str(folder).replace("$", chr(92) + "$")}"
        on_failure "the last" true
        undo"""
    )
    assert said == ["; undone: the last, the folder; it's ours"]
    assert not folder.exists()


def test_a_release_that_does_not_start_gives_way_to_the_one_before(machine: Machine):
    root = machine.checkout / "root"
    for version in ("1", "2", "3"):
        release = root / "releases" / version
        (release / "systemd").mkdir(parents=True)
        (release / "complete").touch()
        (release / "systemd/emotion-edge.service").write_text(f"unit of {version}\n")
    (root / "current").symlink_to("releases/2")
    (root / "previous").symlink_to("releases/1")
    machine.add(
        "systemctl",
        """#!/bin/sh
echo "$* $(cat "$UNIT")" >> "$CALLS"
case "$* $(cat "$UNIT")" in "restart "*" 3") echo "Job failed"; exit 1 ;; esac
""",
    )
    for tool in ("basename", "ln", "readlink"):
        (machine.bin / tool).symlink_to(shutil.which(tool) or "/nowhere")
    machine.environ["UNIT"] = str(machine.checkout / "unit")
    (machine.checkout / "unit").write_text("unit of 2\n")
    said = machine.call(
        f"""root='{root}' releases='{root}/releases' unit="$UNIT" command=/bin/sh
        shutdown_rule=/no/rule announcement=/no/a/b log='{machine.checkout}/log'
        has_systemd() {{ true; }}
        read_settings() {{ echo "0.0.0.0 8080 False code off"; }}
        (activate 3) 2>&1 || echo "ended with $?" """
    )
    assert said == [
        f"· writing {machine.checkout}/unit",
        "· switching to 3",
        "· reloading systemd",
        "· restarting the service",
        "install.sh: restarting the service failed: Job failed; undone: the change to 3;"
        f" 2 is untouched; the log is {machine.checkout}/log",
        "ended with 1",
    ]
    assert (root / "current").readlink() == Path("releases/2")
    assert (root / "previous").readlink() == Path("releases/1")
    assert (machine.checkout / "unit").read_text() == "unit of 2\n"
    last = machine.calls.read_text().splitlines()[-2:]
    assert last == ["daemon-reload unit of 2", "restart emotion-edge unit of 2"]
