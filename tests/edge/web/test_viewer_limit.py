"""The places of viewers: how many there are, and who gets the last ones."""

from edge.web.viewer_limit import ViewerLimit


def test_viewers_are_limited_and_removed() -> None:
    viewers = ViewerLimit(2)
    first, second = viewers.add("a"), viewers.add("a")
    assert first
    assert second
    assert viewers.add("b") is None
    assert "a" in viewers
    viewers.remove(first)
    assert viewers.add("b")
    assert len(viewers) == 2
    viewers.remove(second)
    assert "a" not in viewers


def test_a_client_with_all_places_loses_some_to_others() -> None:
    viewers = ViewerLimit(8)
    greedy = [viewers.add(str(number), "greedy") for number in range(8)]
    assert not viewers.has_room_for("greedy")
    assert viewers.add("9", "greedy") is None
    others = [viewers.add("a", "other") for _ in range(5)]
    assert [place is not None for place in others] == [True] * 4 + [False]
    assert [place.is_lost for place in greedy if place] == [False] * 4 + [True] * 4
    third = viewers.add("b", "third")
    assert third
    assert len(viewers) == 8
    for place in (*greedy, *others, third):
        if place:
            viewers.remove(place)
    assert len(viewers) == 0


def test_a_single_place_is_kept() -> None:
    viewers = ViewerLimit(1)
    assert viewers.add("a", "one")
    assert not viewers.has_room_for("another")
    assert viewers.add("b", "another") is None
