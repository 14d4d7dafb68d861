from edge.datatypes import BBox
from edge.vision.refusals import Refusals


def test_a_false_face_that_comes_again_is_refused_again_and_forgotten_at_last() -> None:
    refusals = Refusals()
    for number in range(40):
        box = BBox(100 * number, 0, 100 * number + 50, 50)
        assert refusals.count(box) == 0
        refusals.add(box)
        refusals.add(box.translate(3, 0))
        assert refusals.count(box) == 2
    assert refusals.count(BBox(0, 0, 50, 50)) == 0
