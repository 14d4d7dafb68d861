"""A running device writes nothing to the SD card: two witnesses, Python's own and the folders'."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest

WITNESS = """
import json, os, signal, sys, threading
from edge.cli import main

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.truncate"}
seen, watching = [], threading.Event()

def hook(event, args):
    if watching.is_set():
        if event == "open" and isinstance(args[2], int) and args[2] & WRITING:
            seen.append(str(args[0]))
        elif event in CHANGES:
            seen.append(f"{event} {args[0]}")

def obey():
    sys.stdin.readline()
    watching.set()
    if "--slip" in sys.argv:
        open("slip.txt", "w").close()
    sys.stdin.readline()
    watching.clear()
    print("SEEN", json.dumps(seen), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

sys.addaudithook(hook)
threading.Thread(target=obey, daemon=True).start()
sys.exit(main(["run", *(a for a in sys.argv[1:] if a != "--slip")]))
"""


@contextmanager
def running_device(folder: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    settings = folder / "my.toml"
    settings.write_text('[web]\nauth = "none"\nport = 0\n[camera]\nsource = "demo"\n')
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", WITNESS, "--config", str(settings), *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(root),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "STATE_DIRECTORY": str(folder / "state"),
        },
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return iter(process.stdout.readline, "")


def address(process: subprocess.Popen[str]) -> str:
    line = next(line for line in lines(process) if "http://" in line)
    return line.partition(" on ")[2].split()[0]


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def look_around(url: str, seconds: float) -> bool:
    """Ask for everything a viewer would; whether a face was labelled."""
    labelled = False
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        for path in ("/", "/snapshot.jpg", "/healthz"):
            with suppress(HTTPError):  # 503 before the first frame
                get(url + path)
        snapshot = json.loads(get(url + "/api/status"))["snapshot"] or {"faces": []}
        labelled |= any(face["label"] for face in snapshot["faces"])
        time.sleep(0.1)
    return labelled


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in [folder, *folder.rglob("*")]
    }


def test_nothing_is_written_while_it_runs_and_is_watched(tmp_path: Path) -> None:
    with running_device(tmp_path) as process:
        url = address(process)
        look_around(url, 1.0)
        before = files(tmp_path)
        tell(process)
        labelled = look_around(url, 4.0)
        after = files(tmp_path)
        tell(process)
        seen = next(line for line in lines(process) if line.startswith("SEEN"))
    assert labelled
    assert json.loads(seen.removeprefix("SEEN ")) == []
    assert after == before


@pytest.mark.parametrize("witness", ["python", "folders"])
def test_both_witnesses_notice_a_write(tmp_path: Path, witness: str) -> None:
    with running_device(tmp_path, "--slip") as process:
        address(process)
        before = files(tmp_path)
        tell(process)
        tell(process)
        seen = next(line for line in lines(process) if line.startswith("SEEN"))
    if witness == "python":
        assert json.loads(seen.removeprefix("SEEN ")) == ["slip.txt"]
    else:
        assert files(tmp_path) != before
