"""Brightness and colour from faces, and how they move through time: no pins, no clock."""

from dataclasses import replace
from itertools import pairwise

import pytest

from edge.datatypes import BBox, CameraState, FaceState, Health, Report, Snapshot
from edge.leds.animation import SILENCE_S, Animation, status_level
from edge.leds.mood import DARK, level_of, light_of, per_emotion_levels, rgb_mood
from edge.palette import UNCERTAIN, colour_of

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def face(label: str | None, confidence: float, probs: dict[str, float] | None = None) -> FaceState:
    return FaceState(
        track_id=1,
        box=BBox(0, 0, 10, 10),
        label=label,
        confidence=confidence,
        probs={label: 1.0} if probs is None and label else probs or {},
    )


def snapshot(*faces: FaceState) -> Snapshot:
    return Snapshot(seq=1, captured_at_s=0.0, faces=faces, dominant=None, stage_ms={})


def report(*faces: FaceState, camera: CameraState = CameraState.LIVE) -> Report:
    health = Health(camera=camera, detail="", source="test", fps=15.0, age_s=0.1, uptime_s=1.0)
    return Report(snapshot=snapshot(*faces), health=health)


def test_each_label_is_as_bright_as_its_surest_face():
    levels = per_emotion_levels(
        snapshot(face("happy", 0.6), face("happy", 0.9), face("sad", 0.5)), LABELS
    )
    assert levels == dict.fromkeys(LABELS, 0.0) | {"happy": 0.9, "sad": 0.5}
    assert tuple(levels) == LABELS


def test_an_uncertain_face_and_a_stranger_s_label_light_nothing():
    levels = per_emotion_levels(snapshot(face(None, 0.3), face("contempt", 0.9)), LABELS)
    assert set(levels.values()) == {0.0}


def test_the_mood_of_one_sure_face_is_its_own_colour():
    for label in LABELS:
        assert rgb_mood(snapshot(face(label, 1.0))) == colour_of(label)


def test_an_empty_room_is_dark_and_an_unknown_face_is_grey():
    assert rgb_mood(snapshot()) == DARK
    assert rgb_mood(snapshot(face(None, 0.0))) == UNCERTAIN


def test_a_face_not_classified_yet_does_not_change_the_mood():
    assert rgb_mood(snapshot(face("sad", 1.0), face(None, 0.0))) == colour_of("sad")


def test_two_moods_mix_as_light_does():
    mixed = rgb_mood(snapshot(face("happy", 1.0), face("sad", 1.0)))
    for code, one, other in zip(mixed, colour_of("happy"), colour_of("sad"), strict=True):
        light = (light_of(one / 255) + light_of(other / 255)) / 2
        assert light_of(code / 255) == pytest.approx(light, abs=0.01)
    assert rgb_mood(snapshot(face(None, 0.5, {"happy": 0.5, "sad": 0.5}))) == mixed


@pytest.mark.parametrize(
    ("level", "light"),
    # Published values of the sRGB transfer function: black, its knee, mid grey 188 and white.
    [(0.0, 0.0), (0.04045, 0.0031308), (188 / 255, 0.5029), (1.0, 1.0)],
)
def test_light_follows_srgb(level: float, light: float):
    assert light_of(level) == pytest.approx(light, abs=1e-4)
    assert level_of(light) == pytest.approx(level, abs=1e-4)


def glow(mode: str = "per_emotion", brightness: float = 1.0) -> Animation:
    return Animation(mode, LABELS, brightness)  # type: ignore[arg-type]


def test_a_change_is_eased_and_arrives():
    leds = glow()
    leds.advance(0.0)
    leds.tell(report(face("happy", 0.8)), 0.0)
    levels = [leds.advance(step * 0.025).levels["happy"] for step in range(1, 41)]
    assert all(before <= after for before, after in pairwise(levels))
    assert max(after - before for before, after in pairwise([0.0, *levels])) < 0.2
    assert levels[-1] == 0.8


def test_brightness_scales_every_led():
    leds = glow(brightness=0.5)
    leds.tell(report(face("happy", 0.8)), 0.0)
    levels = leds.advance(1.0).levels
    assert levels["happy"] == pytest.approx(0.4)
    assert levels["privacy"] == 0.5
    assert levels["status"] == pytest.approx(0.5)


def test_the_privacy_led_is_seen_however_faint_the_others_are():
    leds = glow(brightness=0.05)
    leds.tell(report(face("happy", 1.0)), 0.0)
    levels = leds.advance(1.0).levels
    assert levels["happy"] == pytest.approx(0.05)
    assert levels["privacy"] == 0.3


def test_rgb_levels_are_the_colour_of_the_mood():
    leds = glow("rgb")
    leds.tell(report(face("angry", 1.0)), 0.0)
    state = leds.advance(0.0)
    assert state.mode == "rgb"
    assert [round(state.levels[k] * 255) for k in ("red", "green", "blue")] == [213, 94, 0]


@pytest.mark.parametrize(
    ("camera", "privacy"),
    [
        (CameraState.STARTING, 1.0),
        (CameraState.LIVE, 1.0),
        (CameraState.LOST, 0.0),
        (CameraState.PAUSING, 1.0),
        (CameraState.PAUSED, 0.0),
    ],
)
def test_the_privacy_led_tells_whether_the_camera_is_on(camera: CameraState, privacy: float):
    leds = glow()
    leds.tell(report(face("happy", 0.8), camera=camera), 0.0)
    levels = leds.advance(0.1).levels
    assert levels["privacy"] == privacy
    assert (levels["happy"] > 0) == (camera is CameraState.LIVE)


def test_a_camera_that_is_open_and_lost_keeps_the_privacy_led_lit():
    leds = glow()
    lost = report(camera=CameraState.LOST)
    leds.tell(replace(lost, health=replace(lost.health, camera_open=True)), 0.0)
    levels = leds.advance(0.1).levels
    assert levels["privacy"] == 1.0
    leds.tell(lost, 0.2)
    assert leds.advance(0.3).levels["privacy"] == 0.0


def test_a_clock_that_goes_back_or_stands_still_does_no_harm():
    leds = glow()
    leds.tell(report(face("happy", 0.8)), 100.0)
    leds.advance(100.0)
    for now_s in (100.0, 3.0, 3.0, 3.1, 3.5):
        levels = leds.advance(now_s).levels
        assert all(0 <= level <= 1 for level in levels.values())
    assert leds.advance(4.0).levels["happy"] == pytest.approx(0.8, abs=0.01)
    assert leds.advance(3.0 + SILENCE_S + 0.1).levels["privacy"] == 1.0
    assert leds.advance(3.0 + SILENCE_S + 2.0).levels["happy"] == pytest.approx(0.0, abs=0.01)


def test_silence_is_shown_as_a_lost_camera_but_never_as_privacy():
    leds = glow()
    leds.tell(report(face("happy", 0.8)), 10.0)
    assert leds.advance(10.0 + SILENCE_S).levels["happy"] == 0.8
    shown = [leds.advance(12.0 + step * 0.025).levels for step in range(40)]
    assert {levels["status"] for levels in shown} == {0.0, 1.0}
    assert shown[-1]["happy"] == 0.0
    assert shown[-1]["privacy"] == 1.0
    leds.tell(report(face("happy", 0.8)), 13.0)
    assert leds.advance(14.0).levels["happy"] == pytest.approx(0.8, abs=0.01)


def test_before_the_first_report_the_status_led_is_steady():
    leds = glow()
    assert {leds.advance(t).levels["status"] for t in (0.0, 1.0, 5.0, 60.0)} == {1.0}


def blinks_per_s(camera: CameraState) -> int:
    levels = [status_level(camera, step / 100) for step in range(1000)]
    return sum(a < 0.5 <= b for a, b in pairwise(levels)) // 10


def test_the_status_led_breathes_slowly_and_blinks_fast():
    levels = [status_level(CameraState.LIVE, step / 40) for step in range(80)]
    assert min(levels) > 0.0
    assert max(levels) == pytest.approx(1.0, abs=0.01)
    assert max(abs(a - b) for a, b in pairwise(levels)) < 0.1
    assert blinks_per_s(CameraState.LIVE) == 0
    assert blinks_per_s(CameraState.LOST) >= 3
    assert status_level(CameraState.PAUSED, 1.23) == status_level(CameraState.PAUSED, 4.56) < 0.5
