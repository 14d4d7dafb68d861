"""Drills: the state folder is read-only, full, gone or of another owner."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drill import Lab, drill, left_out
from drilled import Drilled, is_whole, until
from permissions import open_to_all

_OUTPUT = "history-file"
_DOWN, _BACK = f"output {_OUTPUT} failed", f"output {_OUTPUT} is back"
_MINUTE_S = 75.0  # the history is written once a minute
_UNPRIVILEGED = 65534


@contextmanager
def _disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk of its own."""
    folder.mkdir(parents=True)
    mount = ("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        left_out("only root can mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def _state(disk: Path) -> dict[str, str]:
    return {"folder": str(disk / "state")}


def _goes_down_and_comes_back(
    device: Drilled, soon_s: float, mend: Callable[[], object]
) -> tuple[float, float]:
    """Return after how many seconds the page showed the fault, and its end."""
    down_s = until("the fault is shown", lambda: _OUTPUT in device.failing, soon_s, device)
    assert device.is_well()
    mend()
    back_s = until("its end is shown", lambda: device.failing == [], 45, device)
    until("both are logged", lambda: device.logged(_BACK), 5, device)
    assert (device.logged(_DOWN), device.logged(_BACK)) == (1, 1), device.log
    assert is_whole(device.history)
    return down_s, back_s


@drill(
    "the state folder's disk is read-only from the start on, and writable again later",
    "the device runs with the code and the sessions that it has; within 2 s the page shows "
    "history-file as failing; one line down and one back",
)
def state_folder_read_only(lab: Lab) -> str:
    with _disk(lab.folder / "disk", "4m") as disk:
        first = lab.live(state=_state(disk))
        code, cookie = first.code, first.log_in()
        assert first.end() == 0
        _remount(disk, "ro")
        device = lab.live(state=_state(disk))
        assert (device.code, device.knows(cookie)) == (code, True)
        down_s, back_s = _goes_down_and_comes_back(device, lab.soon_s, lambda: _remount(disk, "rw"))
        assert device.end() == 0
    return f"shown {down_s:.1f} s after the start; back {back_s:.1f} s after it was writable"


@drill(
    "the state folder's disk is full while the device runs, and has space again",
    "the page and inference go on; from the next write on (once a minute) history-file is failing; "
    "no minute is lost, the code and the sessions stay valid",
)
def state_folder_full(lab: Lab) -> str:
    with _disk(lab.folder / "disk", "1m") as disk:
        device = lab.live(state=_state(disk))
        code, cookie = device.code, device.log_in()
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(256)):
                pass
        down_s, back_s = _goes_down_and_comes_back(device, _MINUTE_S, filler.unlink)
        assert (device.code, device.knows(cookie)) == (code, True)
        assert device.end() == 0
        again = lab.live(state=_state(disk))
        assert (again.code, again.knows(cookie)) == (code, True)
        assert again.end() == 0
    return f"shown {down_s:.0f} s after, back {back_s:.1f} s after there was space"


@drill(
    "the state folder is deleted while the device runs",
    "the page stays reachable with the code that it had, sessions included; the history is in a "
    "new file within 2 s, with the last day; one line says so",
    is_short=True,
)
def state_folder_gone(lab: Lab) -> str:
    device = lab.live()
    code, cookie = device.code, device.log_in()
    log = device.history.with_name(f"{device.history.name}-wal")
    until("the history has rows", lambda: log.exists() and log.stat().st_size, 30, device)
    assert device.infers()  # so that opening it is over
    gone = device.state.rename(device.folder / "gone")  # at once, and not file by file
    shutil.rmtree(gone)
    back_s = until("it is there again", device.history.exists, lab.soon_s, device)
    bearer = {"Authorization": f"Bearer {code}", "Cookie": ""}
    assert device.ask("/api/status", **bearer)[0] == 200
    assert device.knows(cookie)
    assert b"ok" in device.ask("/healthz", Cookie=cookie)[1]
    # A write at that very moment fails instead, and the next one opens the file again.
    told = f"was removed or replaced; opening it again|{_DOWN}"
    until("it is logged", lambda: device.logged(told), 10, device)
    assert device.logged(told) == 1, device.log
    assert device.end() == 0
    assert is_whole(device.history)
    return f"a new file after {back_s:.1f} s; a new code is made at the next start"


@drill(
    "the state folder belongs to another user: before the start, and from a moment of running on",
    "before the start: one line that says what to do, exit code 1. While it runs: the page and "
    "inference go on, history-file is failing within 2 s; one line down and one back",
)
def state_folder_of_another_owner(lab: Lab) -> str:
    if os.geteuid() != 0:
        left_out("only root can give a folder to another user")
    other = ("setpriv", f"--reuid={_UNPRIVILEGED}", f"--regid={_UNPRIVILEGED}", "--clear-groups")
    open_to_all(lab.folder)
    folder = lab.folder / "device"
    state = folder / "state"
    state.mkdir(parents=True)
    state.chmod(0o700)
    (state / "access-code").write_text("abcd-efgh-jk\n")
    refused = lab.device(before=other)
    assert refused.wait() == 1, refused.log
    (line,) = (line for line in refused.lines if line.startswith("emotion-edge: "))
    assert "access-code: cannot read it" in line, line
    os.chown(state, _UNPRIVILEGED, _UNPRIVILEGED)
    os.chown(state / "access-code", _UNPRIVILEGED, _UNPRIVILEGED)
    device = lab.live(before=other)
    until("the history is on disk", device.history.exists, 20, device)
    os.chown(state, 0, 0)
    down_s, back_s = _goes_down_and_comes_back(
        device, lab.soon_s, lambda: os.chown(state, _UNPRIVILEGED, _UNPRIVILEGED)
    )
    assert device.end() == 0
    return f"refused; while it ran shown after {down_s:.1f} s, back after {back_s:.1f} s"
