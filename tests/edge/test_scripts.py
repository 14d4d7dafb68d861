"""install.sh on machines it does not know: each test gives it a PATH with only what it names."""

from __future__ import annotations

import grp
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.config import StateConfig
from edge.state import find_folder

ROOT = Path(__file__).parents[2]
TOOLS = (
    *("bash", "cat", "chmod", "cut", "dirname", "flock", "grep", "id", "mkdir", "mktemp", "mv"),
    *("rm", "sh", "sha256sum", "sleep", "tail", "true", "uname"),
)
# A Python that answers what install.sh asks, and whose venv holds a Python like itself.
PYTHON = """\
#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
    *"checks.py python"*) echo "{version} {bits}" ;;
    -V) echo "Python {version}.1" ;;
    *can-make-venv*) {venv_module} ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
                 printf '#!/bin/sh\\necho "started: $*"\\n' > "$3/bin/emotion-edge"
                 chmod +x "$3/bin/emotion-edge" ;;
    "-m pip install"*) {pip} ;;
esac
"""


class Machine:
    """A copy of install.sh in a checkout, and a PATH with the usual tools and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.bin = folder / "a checkout", folder / "bin"
        self.calls = folder / "calls"
        self.checkout.mkdir()
        self.bin.mkdir()
        for name in ("install.sh", "pyproject.toml"):
            shutil.copy(ROOT / name, self.checkout)
        shutil.copytree(ROOT / "systemd" / "installer", self.checkout / "systemd" / "installer")
        for tool in (*TOOLS, "cp"):
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)
        self.environ = {"PATH": str(self.bin), "CALLS": str(self.calls), "TMPDIR": str(folder)}

    def add(self, name: str, script: str) -> None:
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def add_python(
        self,
        name: str = "python3",
        version: str = "3.11",
        bits: int = 64,
        venv_module: str = "true",
        pip: str = "true",
    ) -> None:
        self.add(name, PYTHON.format(version=version, bits=bits, venv_module=venv_module, pip=pip))

    def install(self, *args: str) -> subprocess.CompletedProcess[str]:
        self.calls.write_text("")
        return subprocess.run(
            [self.checkout / "install.sh", *args],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def call(self, commands: str) -> list[str]:
        """Run commands with install.sh's functions known; return the lines they print."""
        functions = (ROOT / "install.sh").read_text().removesuffix('main "$@"\n')
        part = self.checkout / "part.sh"
        for tool in ("head", "sed"):
            (self.bin / tool).unlink(missing_ok=True)
            (self.bin / tool).symlink_to(shutil.which(tool) or "/nowhere")
        (self.checkout / "complete").touch()  # as in a release
        part.write_text(f"{functions}{commands}")
        result = subprocess.run(
            [self.bin / "bash", part],
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert result.stderr == ""
        return result.stdout.splitlines()

    def count(self, call: str) -> int:
        return self.calls.read_text().count(call)

    @property
    def state(self) -> str:
        return (self.checkout / ".venv" / ".emotion-edge").read_text().strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def assert_refused(result: subprocess.CompletedProcess[str], status: int, message: str) -> None:
    assert result.returncode == status
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("install.sh: ")
    assert message in result.stderr


OPTIONS = (
    *("--demo", "--upgrade", "--rollback", "--uninstall", "--purge", "--offline", "--config"),
    *("--no-start", "--dry-run", "RUN-ARGS"),
)


def test_help_names_every_option(machine: Machine):
    result = machine.install("--help")
    assert result.returncode == 0
    assert [option for option in OPTIONS if option not in result.stdout] == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--demo", "--prot", "80"), "unknown option --prot"),
        (("extra",), "unknown option extra"),
        (("--upgrade", "--", "--port", "80"), "unknown option --port"),
        (("--demo", "--rollback"), "--demo and --rollback exclude each other"),
        (("--uninstall", "--upgrade"), "--uninstall and --upgrade exclude each other"),
        (("--purge",), "--purge goes with --uninstall"),
        (("--demo", "--dry-run"), "--dry-run does not go with --demo"),
        (("--uninstall", "--no-start"), "--no-start does not go with --uninstall"),
        (("--offline",), "--offline needs a folder of wheels, not ''"),
        (("--offline", "nowhere"), "--offline needs a folder of wheels, not 'nowhere'"),
        (("--config",), "--config needs a file of settings, not ''"),
        (("--config", "/"), "--config needs a file of settings, not '/'"),
        (("--rollback", "--config", "/etc/passwd"), "--config does not go with --rollback"),
        (("--rollback", "--offline", "/"), "--offline does not go with --rollback"),
    ],
)
def test_any_other_use_is_explained(machine: Machine, args: tuple[str, ...], message: str):
    assert_refused(machine.install(*args), 2, message)


@pytest.mark.parametrize("option", ["--no-start", "--upgrade", "--rollback", "--dry-run"])
def test_without_root_the_system_is_left_alone(machine: Machine, option: str):
    machine.add("id", "#!/bin/sh\necho 1000\n")
    assert_refused(machine.install(option), 2, "permission denied: run sudo ./install.sh")
    assert_refused(machine.install(), 2, "permission denied: run sudo ./install.sh")


def test_a_32_bit_machine_is_refused_before_anything_is_touched(machine: Machine):
    machine.add("id", "#!/bin/sh\necho 0\n")
    machine.add("uname", "#!/bin/sh\necho armv6l\n")
    assert_refused(machine.install(), 1, "this is a armv6l: inference needs a 64-bit system")


def test_a_machine_without_python_is_told_what_it_needs(machine: Machine):
    assert_refused(machine.install("--demo"), 1, "Python 3.11 or newer is needed, found none")


def test_an_old_python_is_named(machine: Machine):
    machine.add_python(version="3.9")
    assert_refused(machine.install("--demo"), 1, "Python 3.11 or newer is needed, found 3.9")


def test_a_32_bit_python_will_not_do(machine: Machine):
    machine.add_python(bits=32)
    assert_refused(machine.install("--demo"), 1, "found a 32-bit one")


def test_a_newer_python_beside_an_old_one_is_taken(machine: Machine):
    machine.add_python(version="3.9")
    machine.add_python("python3.12", version="3.12")
    result = machine.install("--demo", "--no-start")
    assert result.returncode == 0
    assert "creating .venv with Python 3.12" in result.stdout


def test_a_32_bit_system_is_refused(machine: Machine):
    machine.add_python()
    machine.add("uname", "#!/bin/sh\necho armv7l\n")
    assert_refused(machine.install("--demo"), 1, "this is a armv7l: inference needs a 64-bit")


def test_a_missing_venv_module_names_the_command(machine: Machine):
    machine.add_python(version="3.13", venv_module="exit 1")
    result = machine.install("--demo")
    assert_refused(result, 1, "venv module is missing; run: sudo apt install python3.13-venv")
    assert not (machine.checkout / ".venv").exists()
    assert not list(machine.checkout.parent.glob("emotion-edge-install.*"))


def test_root_installs_the_missing_venv_module(machine: Machine):
    machine.add_python(venv_module='test -e "$CALLS.venv"')
    machine.add("id", "#!/bin/sh\necho 0\n")
    machine.add("apt-get", '#!/bin/sh\necho "apt-get $*" >> "$CALLS"; echo > "$CALLS.venv"\n')
    result = machine.install("--demo", "--no-start")
    assert result.returncode == 0, result.stderr
    assert machine.count("apt-get update") == 1
    assert machine.count("apt-get install -y python3.11-venv") == 1


def test_without_a_password_sudo_is_used_else_it_is_not(machine: Machine):
    machine.add_python(venv_module="exit 1")
    machine.add("id", "#!/bin/sh\necho 1000\n")
    machine.add("apt-get", "#!/bin/sh\nexit 0\n")
    machine.add("sudo", "#!/bin/sh\nexit 1\n")
    assert_refused(machine.install("--demo"), 1, "run: sudo apt install python3.11-venv")
    machine.add("sudo", '#!/bin/sh\nshift; echo "sudo $*" >> "$CALLS"; exec "$@"\n')
    assert "installing python3.11-venv" in machine.install("--demo").stdout
    assert machine.count("sudo sh -c apt-get update") == 1


def test_the_first_run_builds_and_the_second_only_starts(machine: Machine):
    machine.add_python()
    first = machine.install("--demo", "--", "--port", "8090")
    assert first.returncode == 0, first.stderr
    assert [line for line in first.stdout.splitlines() if line.startswith("·")] == [
        "· creating .venv with Python 3.11",
        "· installing emotion-edge (minutes the first time)",
        "· installing the face detector",
        "· checking the imports",
    ]
    assert first.stdout.endswith("started: run --source demo --port 8090\n")
    assert not list(machine.checkout.parent.glob("emotion-edge-install.*"))
    second = machine.install("--demo")
    assert second.stdout == "started: run --source demo\n"
    assert machine.count("-m") == 0


def test_changed_packages_update_the_environment_in_place(machine: Machine):
    machine.add_python()
    machine.install("--demo", "--no-start")
    mine = machine.checkout / ".venv" / "mine"
    mine.touch()
    with (machine.checkout / "pyproject.toml").open("a") as file:
        file.write("\n# a change\n")
    assert machine.install("--demo", "--no-start").returncode == 0
    assert mine.exists()
    assert machine.count("-m venv") == 0
    assert machine.count("-m pip install") == 2


def test_another_python_or_place_makes_the_environment_afresh(machine: Machine):
    machine.add_python(version="3.11")
    machine.install("--demo", "--no-start")
    machine.add_python(version="3.13")
    shutil.copy(machine.bin / "python3", machine.checkout / ".venv/bin/python")
    machine.install("--demo", "--no-start")
    assert machine.count("-m venv") == 1
    machine.checkout = machine.checkout.rename(machine.checkout.parent / "moved")
    machine.install("--demo", "--no-start")
    assert machine.count("-m venv") == 1
    assert machine.state.startswith(f"{machine.checkout} 3.13.1 ")


def test_an_environment_a_person_made_is_brought_up_to_date(machine: Machine):
    machine.add_python()
    venv = machine.checkout / ".venv"
    subprocess.run([machine.bin / "python3", "-m", "venv", venv], env=machine.environ, check=True)
    (venv / "mine").touch()
    assert machine.install("--demo", "--no-start").returncode == 0
    assert (venv / "mine").exists()
    assert machine.count("-m pip install") == 2


def test_a_failed_build_is_one_line_and_never_trusted(machine: Machine):
    machine.add_python(pip="echo; echo 'ERROR: no network' >&2; echo; exit 1")
    result = machine.install("--demo")
    assert_refused(result, 1, "installing emotion-edge (minutes the first time) failed:")
    assert "ERROR: no network; the log is " in result.stderr
    assert Path(result.stderr.rsplit(" ", 1)[1].strip()).is_file()
    assert machine.state == "building"

    (machine.checkout / ".venv" / "rest").touch()
    machine.add_python()
    result = machine.install("--demo", "--no-start")
    assert result.returncode == 0, result.stderr
    assert "removing the unfinished or outdated .venv" in result.stdout
    assert not (machine.checkout / ".venv" / "rest").exists()
    assert machine.state != "building"


def test_help_says_what_the_demo_leaves(machine: Machine):
    said = " ".join(machine.install("--help").stdout.split())
    _, _, undoing = said.partition("To undo everything, delete ")
    state = find_folder(StateConfig(folder="auto"), {"HOME": "/home/maker"})
    for left in (".venv", "emotion_edge.egg-info", "__pycache__", "~/.cache/pip", "-venv"):
        assert left in undoing
    assert str(state).replace(str(Path.home()), "~") in undoing


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


def test_a_dry_run_goes_by_the_settings_that_are_kept(machine: Machine):
    settings = machine.checkout / "config.toml"
    settings.write_text('[web]\nauth = "none"\nport = 80\n[button]\nmode = "pause_and_shutdown"\n')
    ours = f"""dry=yes settings='{settings}' python='{sys.executable}'
        unit=/no/unit shutdown_rule=/no/rule announcement=/no/a/b state_folder=/no/state
        will_be_installed() {{ false; }}"""
    said = machine.call(
        f"{ours}; release_file() {{ :; }}; make_state /none; write_system_files /none"
    )
    done = [line.removeprefix("would be done: ") for line in said]
    assert done[0] == "creating /no/state"
    assert "creating an access code" not in done
    assert "writing /no/rule" in done
    settings.unlink()
    shutil.copy(ROOT / "systemd/config.toml", machine.checkout / "systemd")
    assert machine.call(f"{ours}; read_settings /none") == ["0.0.0.0 8080 False code off"]


# What pip 25 prints when it cannot fetch what a build needs: the reason, and much after it.
PIP_IN_PIP = """\
  error: subprocess-exited-with-error
  \u00d7 pip subprocess to install build dependencies did not run successfully.
  │ exit code: 1
  ╰─> [2 lines of output]
      ERROR: Could not find a version that satisfies the requirement setuptools>=77
      ERROR: No matching distribution found for setuptools>=77
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: subprocess-exited-with-error

\u00d7 pip subprocess to install build dependencies did not run successfully.
│ exit code: 1
╰─> See above for output.

note: This error originates from a subprocess, and is likely not a problem with pip.
hint: See above for details.
"""


def test_the_reason_is_told_and_not_what_pip_says_after_it(machine: Machine):
    (machine.checkout / "said").write_text(PIP_IN_PIP)
    machine.add_python(pip=f"cat '{machine.checkout}/said'; exit 1")
    result = machine.install("--demo")
    reason = "failed: ERROR: No matching distribution found for setuptools>=77; the log is"
    assert_refused(result, 1, reason)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_ends_at_once_and_is_not_trusted(
    machine: Machine, number: signal.Signals
):
    machine.add_python(pip='echo $$ > "$CALLS.pid"; exec sleep 30')
    pid_file = Path(f"{machine.calls}.pid")
    with subprocess.Popen(
        # As in a terminal: what a shell starts in the background ignores SIGINT for good.
        ["/usr/bin/env", "--default-signal=INT", machine.checkout / "install.sh", "--demo"],
        env=machine.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as install:
        while not (pid_file.exists() and pid_file.read_text().strip()):
            time.sleep(0.02)
        install.send_signal(number)
        _, stderr = install.communicate(timeout=10)
    assert install.returncode == 130
    assert stderr == "install.sh: interrupted; run it again to start from the beginning\n"
    assert machine.state == "building"
    assert not is_running(int(pid_file.read_text()))


def is_running(pid: int) -> bool:
    deadline_s = time.monotonic() + 5
    while time.monotonic() < deadline_s:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbf[web]\r\nport = 1\r\n", []),  # as Notepad saves it: with a byte order mark
        (b"[web]\nport = a", ["not valid TOML: Invalid value (at line 2, column 8)"]),
    ],
)
def test_settings_that_the_device_reads_are_settings_for_the_installer(
    machine: Machine, content: bytes, expected: list[str]
):
    settings = machine.checkout / "config.toml"
    settings.write_bytes(content)
    said = machine.call(
        f"""fail() {{ echo "$*"; }}
        settings='{settings}' python='{sys.executable}'
        check_toml"""
    )
    assert said == [f"{settings}: {x}; correct it and run install.sh again" for x in expected]


def making_settings(machine: Machine, given: Path, then: str) -> list[str]:
    """Let make_settings run, with a group that exists; return what is printed."""
    group = grp.getgrgid(os.getgid()).gr_name
    for tool in ("cmp", "install", "ln", "mv"):
        if not (machine.bin / tool).exists():
            (machine.bin / tool).symlink_to(shutil.which(tool) or "/nowhere")
    return machine.call(
        f"""log='{machine.checkout}/log' user={group} settings='{machine.checkout}/etc/config.toml'
        given='{given}'; make_settings; {then}"""
    )


def test_given_settings_replace_the_present_ones_which_are_kept(machine: Machine):
    settings, given = machine.checkout / "etc/config.toml", machine.checkout / "fleet.toml"
    given.write_text("[web]\nport = 1\n")
    said = making_settings(machine, given, 'echo "$changes"')
    assert said == [f"· writing {settings}", "1"]
    assert settings.read_text() == given.read_text()
    assert settings.stat().st_mode & 0o777 == 0o640
    assert making_settings(machine, given, 'echo "$changes"') == ["0"]
    given.write_text("[web]\nport = 2\n")
    assert making_settings(machine, given, 'keep_old_settings; echo "$changes"')[-1] == "1"
    assert settings.read_text() == "[web]\nport = 2\n"
    assert settings.with_name("config.toml.old").read_text() == "[web]\nport = 1\n"


def test_given_settings_that_do_not_work_are_undone(machine: Machine):
    settings, given = machine.checkout / "etc/config.toml", machine.checkout / "fleet.toml"
    settings.parent.mkdir()
    settings.write_text("[web]\nport = 1\n")
    older = settings.with_name("config.toml.old")
    older.write_text("[web]\nport = 0\n")
    given.write_text("[web]\nport = 70000\n")
    before = settings.stat()
    said = making_settings(machine, given, "undo")
    assert said[-1] == "; undone: the change of the settings"
    assert settings.read_text() == "[web]\nport = 1\n"
    assert (settings.stat().st_ino, settings.stat().st_mtime) == (before.st_ino, before.st_mtime)
    assert older.read_text() == "[web]\nport = 0\n"
    assert sorted(settings.parent.iterdir()) == [settings, older]


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


def test_without_its_parts_it_is_refused(machine: Machine):
    shutil.rmtree(machine.checkout / "systemd" / "installer")
    assert_refused(machine.install("--demo"), 1, "run the install.sh of a whole clone")


@pytest.mark.parametrize("name", ["install.sh", "tests/run", ".ci/run"])
def test_every_script_is_clean_and_executable(name: str):
    assert os.access(ROOT / name, os.X_OK)
    if not (shellcheck := shutil.which("shellcheck")):
        pytest.skip("shellcheck is not installed")
    result = subprocess.run(
        [shellcheck, "-a", ROOT / name], capture_output=True, text=True, check=False
    )
    assert result.stdout == ""


def test_the_test_command_explains_itself():
    result = subprocess.run(
        [ROOT / "tests/run", "--help"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert "tests/run [--fast] [PYTEST-ARGS...]" in result.stdout


@pytest.mark.parametrize(
    ("offered", "machine_name", "expected"),
    [
        (
            "2.15.0, 2.13.0",
            "x86_64",
            ["downloads the CUDA build, about 3 GB", "0.2 GB", "/whl/cpu"],
        ),
        ("2.15.0, 2.13.0+cpu, 2.13.0", "x86_64", []),
        ("2.15.0, 2.13.0", "aarch64", []),
    ],
)
def test_the_size_of_a_cuda_build_is_told_before_it_is_downloaded(
    machine: Machine, offered: str, machine_name: str, expected: list[str]
):
    tests = machine.checkout / "tests"
    tests.mkdir()
    (tests / "constraints.txt").write_text("torch==2.13.0\n")
    functions = (ROOT / "tests/run").read_text().removesuffix('main "$@"\n')
    machine.add("uname", f"#!/bin/sh\necho {machine_name}\n")
    machine.add("offers", f"#!/bin/sh\necho 'Available versions: {offered}'\n")
    (machine.bin / "sed").symlink_to(shutil.which("sed") or "/nowhere")
    (tests / "part.sh").write_text(f"{functions}python='{machine.bin}/offers'\nwarn_of_cuda\n")
    command = [machine.bin / "bash", tests / "part.sh"]
    said = subprocess.run(
        command, env=machine.environ, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(said) == len(expected)
    assert all(part in line for part, line in zip(expected, said, strict=True))
