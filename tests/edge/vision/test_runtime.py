"""Several samples in one run of a network give what they give one by one."""

import numpy as np
import numpy.typing as npt
import pytest

from edge.config import load_config
from edge.models import model_path
from edge.vision.runtime import Network

SHIPPED = model_path(load_config()).read_bytes()
# The shape of the network's last reshape, in the file: any number of samples, seven logits each.
ANY, ONE = (np.array([count, 7], np.int32).tobytes() for count in (-1, 1))


def samples(count: int) -> npt.NDArray[np.int8]:
    rng = np.random.default_rng(count)
    return rng.integers(-128, 128, (count, 48, 48, 1)).astype(np.int8)


def for_one() -> bytes:
    """The shipped model as it was converted before: its reshape states one sample."""
    assert SHIPPED.count(ANY) == 1
    return SHIPPED.replace(ANY, ONE)


@pytest.mark.parametrize("content", [SHIPPED, for_one()], ids=["any", "one"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9])
def test_a_batch_gives_what_its_samples_give(content: bytes, count: int) -> None:
    network, batch = Network(content), samples(count)
    together = network.run_batch(batch)
    alone = np.concatenate([network(batch[i : i + 1])[0] for i in range(count)])
    np.testing.assert_array_equal(together, alone)
    assert together.shape == (count, 7)


def test_sizes_may_alternate() -> None:
    network, alone = Network(SHIPPED), Network(SHIPPED)
    for count in (2, 1, 4, 3, 1, 2, 8):
        batch = samples(count)
        np.testing.assert_array_equal(network.run_batch(batch)[-1], alone(batch[-1:])[0][0])


def test_several_go_through_the_shipped_network_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network, sizes = Network(SHIPPED), []
    run = network._run
    monkeypatch.setattr(network, "_run", lambda arrays: sizes.append(len(arrays[0])) or run(arrays))
    network.run_batch(samples(9))
    assert sizes == [4, 4, 1]
