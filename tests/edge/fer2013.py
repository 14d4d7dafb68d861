"""FER2013, which is not part of this project: tests that need it skip where it is absent."""

from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "fer2013.npz"
PRIVATE_TEST = 2

needs_fer2013 = pytest.mark.skipif(
    not DATA.is_file(), reason="needs FER2013 as ../shared/data/fer2013.npz, which is not here"
)


def stratified(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return about `count` PrivateTest samples, each class by its share, and their labels."""
    data = np.load(DATA)
    images, labels = (data[name][data["split"] == PRIVATE_TEST] for name in ("images", "labels"))
    rng = np.random.default_rng(seed)
    chosen = np.concatenate(
        [
            rng.choice(members, int(np.ceil(count * len(members) / len(labels))), replace=False)
            for members in (np.flatnonzero(labels == label) for label in np.unique(labels))
        ]
    )
    return images[chosen], labels[chosen]
