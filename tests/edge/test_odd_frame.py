"""A whole device that meets one frame at which its pipeline raises."""

import subprocess
import sys
import urllib.request
from pathlib import Path

from mosquitto import eventually, free_port

ODD_FRAME = """
import sys
from edge.cli import main
from edge.pipeline import Pipeline

step = Pipeline.step

def odd(self, frame):
    if frame.seq == 5:
        raise ZeroDivisionError("an odd frame")
    return step(self, frame)

Pipeline.step = odd
sys.exit(main(sys.argv[1:]))
"""


def test_the_frame_is_skipped_and_counted(tmp_path: Path) -> None:
    port, settings, log = free_port(), tmp_path / "my.toml", tmp_path / "log"
    settings.write_text(
        f'[web]\nport = {port}\nauth = "none"\n[state]\nfolder = "{tmp_path}/state"\n'
    )
    command = ["run", "--source", "demo", "--config", str(settings)]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", ODD_FRAME, *command], stdout=subprocess.DEVNULL, stderr=stream
        )

    def metrics() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    try:
        eventually(lambda: "emotion_edge_inference_errors_total 1" in metrics(), 60)
        eventually(lambda: "processed_frames_total 0" not in metrics(), 60)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert log.read_text().count("inference failed, the frame is skipped: an odd frame") == 1
