"""What the whole pipeline reads of the demo's actors."""

import numpy as np

from edge.camera.demo.scene import DemoScene
from edge.config import load_config
from edge.datatypes import BBox, Frame
from edge.models import load_vision


def test_the_demo_is_read_as_it_is_played() -> None:
    """At least four expressions, for most of the time they are held, by the whole pipeline."""
    config = load_config()
    pipeline, scene = load_vision(config).pipeline(config), DemoScene()
    held: dict[str, list[bool]] = {}
    for seq in range(60 * 10):
        at_s = seq / 10
        snapshot = pipeline.step(Frame(bgr=scene.render(at_s), seq=seq, captured_at_s=at_s))
        for intention in scene.intended(at_s):
            if intention.label is not None:
                box: BBox = intention.box
                read = [face.label for face in snapshot.faces if face.box.iou(box) > 0.3]
                held.setdefault(intention.label, []).append(read == [intention.label])
    shares = {label: float(np.mean(hits)) for label, hits in held.items()}
    print({label: f"{share:.0%} of {len(held[label])}" for label, share in shares.items()})
    assert sum(share > 0.5 for share in shares.values()) >= 4
