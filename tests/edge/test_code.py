"""`emotion-edge code`: of which device it tells the code and the addresses."""

import codecs
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from permissions import open_to_all, skip_where_others_cannot_read_this_code

import edge.cli
import edge.config.options
from edge.cli import main
from edge.network import own_addresses
from edge.web.page_addresses import published, running_addresses

URLS = ("http://127.0.0.1:8090", "http://pi.local:8090")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own state folder; nothing is installed."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    installed = tmp_path / "etc" / "config.toml"
    for module in (edge.config.options, edge.cli):
        monkeypatch.setattr(module, "INSTALLED_SETTINGS", installed)
    monkeypatch.setattr(edge.cli, "INSTALLED_FOLDER", tmp_path / "service")
    folder = tmp_path / "state" / "emotion-edge"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def installed(tmp_path: Path, state: Path) -> Path:
    """An installed device's settings, and its state folder beside them."""
    path = tmp_path / "etc" / "config.toml"
    path.parent.mkdir()
    path.write_text("[web]\nport = 9000\n")
    (tmp_path / "service").mkdir(mode=0o700)
    (tmp_path / "service" / "access-code").write_text("abcd-efgh-jk\n")
    return path


def told(capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    assert main(["code", *args]) == 0
    return capsys.readouterr().out.splitlines()


def complaint(capsys: pytest.CaptureFixture[str], *args: str, code: int) -> str:
    assert main(list(args)) == code
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    return line


def test_the_access_code_is_the_same_until_a_new_one_is_asked_for(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines(*args: str) -> list[str]:
        assert main(["code", *args]) == 0
        return capsys.readouterr().out.splitlines()

    first = lines("--port", "8090")
    assert re.fullmatch(r"[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{2}", first[0])
    assert first[1:] == ["http://127.0.0.1:8090"]
    name = socket.gethostname().partition(".")[0]
    addresses = [address for address in own_addresses() if ":" not in address]
    hosts = ["127.0.0.1", *addresses, f"{name}.local"]
    assert lines("--host", "0.0.0.0")[1:] == [f"http://{host}:8080" for host in hosts]  # noqa: S104
    assert lines()[0] == first[0]
    renewed = lines("--new")[0]
    assert renewed != first[0]
    assert lines()[0] == renewed == (state / "access-code").read_text().strip()
    assert stat.S_IMODE((state / "access-code").stat().st_mode) == 0o600


def test_no_address_is_told_while_none_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    _, line = told(capsys)
    assert line == "no device is running; `emotion-edge run` shows the page's address"


def test_the_addresses_are_those_of_the_device_that_runs(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with published(state, URLS):
        assert told(capsys)[1:] == [*URLS]
        assert told(capsys, "--port", "8091")[1:] == ["http://127.0.0.1:8091"]
    assert "no device is running" in told(capsys)[1]


def test_the_installed_device_is_meant_where_there_is_one(
    installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys) == ["abcd-efgh-jk", "http://127.0.0.1:9000"]
    assert told(capsys, "--config", str(installed)) == ["abcd-efgh-jk", "http://127.0.0.1:9000"]
    with published(tmp_path / "service", URLS):  # started before its settings were changed
        assert told(capsys) == ["abcd-efgh-jk", *URLS]


def test_a_device_of_ones_own_goes_before_the_installed_one(
    installed: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state / "access-code").write_text("mnpq-rstu-vw\n")
    with published(state, URLS):
        assert told(capsys) == ["mnpq-rstu-vw", *URLS]


@contextmanager
def unprivileged() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    skip_where_others_cannot_read_this_code()
    # Python imports these when they are needed, and this user may not read root's.
    edge.config.options.load_config()
    codecs.lookup("utf-8-sig")
    os.seteuid(65534)  # an ordinary user: root may read everything
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("command", ["code", "config"])
def test_settings_of_root_alone_are_not_replaced_by_the_defaults(
    installed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    for hidden in (installed, installed.parent):  # the file, then the folder it is in
        open_to_all(tmp_path)
        hidden.chmod(0)
        with unprivileged():
            line = complaint(capsys, command, code=2)
        assert f"run `sudo emotion-edge {command}`" in line
        hidden.chmod(0o755)


def test_a_state_folder_of_another_user_is_told_with_a_remedy(
    installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_to_all(tmp_path)
    (tmp_path / "service").chmod(0)
    with unprivileged():
        line = complaint(capsys, "code", code=1)
    (tmp_path / "service").chmod(0o700)
    assert "access-code: cannot read it: Permission denied; run with sudo" in line
    assert line.endswith("or as the device's own user")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user that does not exist")
def test_a_user_without_a_home_is_told_what_to_set() -> None:
    skip_where_others_cannot_read_this_code()
    program = (
        "import os, pwd, sys, edge.cli, edge.web.setup; edge.config.options.load_config()\n"
        "[os.environ.pop(name, None) for name in ('HOME', 'XDG_STATE_HOME', 'STATE_DIRECTORY')]\n"
        "os.setuid(54321); sys.exit(edge.cli.main(['code']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2, run.stderr
    assert run.stderr == (
        "emotion-edge: [state] folder = 'auto': this user has no home folder; "
        "set [state] folder to an absolute path\n"
    )


def test_a_device_that_was_killed_leaves_no_address(state: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from edge.web.page_addresses import published\n"
        "with published(Path(sys.argv[1]), ['http://a:1', 'http://b:1']):\n"
        "    print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(state)], stdout=subprocess.PIPE
    ) as device:
        assert device.stdout is not None
        device.stdout.readline()
        assert running_addresses(state) == ("http://a:1", "http://b:1")
        with published(state, URLS):  # a second device leaves the first one's alone
            assert running_addresses(state) == ("http://a:1", "http://b:1")
        device.kill()
        device.wait()
    assert (state / "page-addresses").exists()
    assert running_addresses(state) == ()
    with published(state, URLS):
        assert running_addresses(state) == URLS
    assert list(state.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "absent", tmp_path / "file"):
        with published(folder, URLS):
            assert running_addresses(folder) == ()


def test_a_pipe_in_place_of_the_addresses_is_not_waited_for(state: Path) -> None:
    state.mkdir(parents=True, exist_ok=True)
    os.mkfifo(state / "page-addresses")
    assert running_addresses(state) == ()
    with published(state, ["http://127.0.0.1:8080"]):
        assert running_addresses(state) == ("http://127.0.0.1:8080",)


def test_what_fails_while_addresses_are_published_is_not_hidden(state: Path) -> None:
    with pytest.raises(OSError, match="the camera"), published(state, URLS):
        raise OSError("the camera")
    assert running_addresses(state) == ()
