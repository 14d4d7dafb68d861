"""A whole device that meets one frame at which its pipeline raises."""

from contextlib import closing
from pathlib import Path

from drill import Lab
from drilled import until

ODD_FRAME = """
import sys
from edge.__main__ import main
from edge.pipeline import Pipeline

step = Pipeline.step
ahead = [ZeroDivisionError("an odd frame")]

def odd(self, frame):
    if frame.seq >= 5 and ahead:  # a busy machine skips the fifth frame itself
        raise ahead.pop()
    return step(self, frame)

Pipeline.step = odd
sys.exit(main())
"""


def test_the_frame_is_skipped_and_counted(tmp_path: Path) -> None:
    with closing(Lab(tmp_path, times=1, soon_s=20)) as lab:
        device = lab.live(program=("-c", ODD_FRAME))

        def metrics() -> str:
            return device.ask("/metrics")[1].decode()

        until("it is counted", lambda: "inference_errors_total 1" in metrics(), 60, device)
        until("others pass", lambda: "processed_frames_total 0" not in metrics(), 60, device)
        assert device.process.poll() is None
        assert device.logged("inference failed, the frame is skipped: an odd frame") == 1
