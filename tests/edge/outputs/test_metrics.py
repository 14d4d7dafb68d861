"""The numbers for Prometheus: what is counted, on clocks and reports that a test makes up."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from watched import report_of

from edge.datatypes import CameraState, Report, Vitals
from edge.inference_loop import StageFailures
from edge.metering import MeteredOutputs
from edge.outputs.metrics import Metrics

LABELS = ("happy", "sad")


class Meter:
    """The metrics of a device, on a clock that stands still."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.metrics = Metrics(LABELS, ("leds", "mqtt"), "1.2.3", lambda: self.now_s)
        self.report = report_of(self.now_s, ())

    def see(
        self, seq: int, at_s: float, labels: Sequence[str | None] = (), **stages: float
    ) -> None:
        report = report_of(at_s, tuple(labels))
        assert report.snapshot
        snapshot = replace(report.snapshot, seq=seq, stage_ms=stages)
        self.report = replace(report, snapshot=snapshot)
        self.metrics.note(self.report)

    def value(self, name: str, **labels: str) -> float | None:
        """A sample of what is rendered now; None when it is missing."""
        text, _ = self.metrics.render(self.report, 2)
        for family in text_string_to_metric_families(text.decode()):
            for sample in family.samples:
                if sample.name == f"emotion_edge_{name}" and sample.labels == labels:
                    return float(sample.value)
        return None


@pytest.fixture
def meter() -> Meter:
    return Meter()


def test_frames_that_no_stage_had_time_for_are_dropped(meter: Meter) -> None:
    for seq in (2, 3, 7):
        meter.see(seq, 100.0)
    assert meter.value("camera_frames_total") == 8
    assert meter.value("processed_frames_total") == 3
    assert meter.value("dropped_frames_total") == 5


def test_each_opening_of_the_camera_counts_from_0(meter: Meter) -> None:
    meter.see(9, 100.0)
    meter.metrics.note(Report(snapshot=None, health=meter.report.health))
    meter.see(1, 101.0)
    meter.see(0, 102.0)
    assert meter.value("camera_frames_total") == 13
    assert meter.value("processed_frames_total") == 3


def test_a_report_that_comes_again_is_counted_once(meter: Meter) -> None:
    meter.see(0, 100.0, ["happy"], detect=4.0)
    for _ in range(5):
        meter.metrics.note(meter.report)
    assert meter.value("processed_frames_total") == 1
    assert meter.value("stage_duration_seconds_count", stage="detect") == 1


def test_expressions_are_counted_in_seconds_of_faces(meter: Meter) -> None:
    meter.see(0, 100.0, ["happy"])
    meter.see(1, 100.5, ["happy", "happy", None])
    meter.see(2, 101.0, ["sad"])
    assert meter.value("expression_seconds_total", expression="happy") == pytest.approx(1.0)
    assert meter.value("expression_seconds_total", expression="sad") == pytest.approx(0.5)
    assert meter.value("expression_seconds_total", expression="uncertain") == pytest.approx(0.5)


def test_a_clock_that_jumps_or_runs_back_adds_a_second_at_most(meter: Meter) -> None:
    for seq, at_s in enumerate((100.0, 1e9, 50.0, float("nan"), 51.0)):
        meter.see(seq, at_s, ["happy"])
    seconds = meter.value("expression_seconds_total", expression="happy")
    assert seconds is not None
    assert 0 <= seconds <= 3


def test_a_label_of_another_model_adds_no_series(meter: Meter) -> None:
    meter.see(0, 100.0)
    meter.see(1, 100.5, ["made up"])
    assert meter.value("expression_seconds_total", expression="made up") is None


def test_durations_are_seconds(meter: Meter) -> None:
    meter.now_s = 100.25
    meter.see(0, 100.0, detect=40.0, classify=8.0)
    assert meter.value("stage_duration_seconds_sum", stage="detect") == pytest.approx(0.04)
    assert meter.value("stage_duration_seconds_bucket", stage="detect", le="0.025") == 0
    assert meter.value("stage_duration_seconds_bucket", stage="detect", le="0.05") == 1
    assert meter.value("frame_latency_seconds_sum") == pytest.approx(0.25)


@pytest.mark.parametrize("state", list(CameraState))
def test_the_state_of_the_camera_is_one_of_all(meter: Meter, state: CameraState) -> None:
    meter.report = report_of(100.0, ("happy",), state)
    for other in CameraState:
        assert meter.value("camera_state", state=str(other)) == (other is state)
    assert meter.value("camera_up") == (state is CameraState.LIVE)
    assert meter.value("faces") == (state is CameraState.LIVE)


def test_what_is_unknown_is_missing_and_what_fails_is_down(meter: Meter) -> None:
    assert meter.value("soc_temperature_celsius") is None
    vitals = Vitals(temperature_c=61.5, throttled=True, hot=True)
    health = replace(meter.report.health, failing_outputs=("mqtt",), vitals=vitals, age_s=None)
    meter.report = Report(snapshot=None, health=health)
    assert meter.value("soc_temperature_celsius") == 61.5
    assert meter.value("throttled") == meter.value("hot") == 1
    assert meter.value("output_up", output="leds") == 1
    assert meter.value("output_up", output="mqtt") == 0
    assert meter.value("frame_age_seconds") is None
    assert meter.value("viewers") == 2
    assert meter.value("build_info", version="1.2.3") == 1


def test_the_process_has_the_same_prefix(meter: Meter) -> None:
    memory = meter.value("process_resident_memory_bytes")
    assert memory is not None
    assert memory > 10e6
    text, _ = meter.metrics.render(meter.report, 0)
    names = [line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE")]
    assert [name for name in names if not name.startswith("emotion_edge_")] == []


def test_both_formats_are_served(meter: Meter) -> None:
    text, kind = meter.metrics.render(meter.report, 0, "application/openmetrics-text;version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    _, kind = meter.metrics.render(meter.report, 0)
    assert kind.startswith("text/plain")


class Outputs:
    """Outputs that remember, one of them failing."""

    def __init__(self) -> None:
        self.shown: list[Report] = []

    def show(self, report: Report) -> None:
        self.shown.append(report)

    def failing(self) -> tuple[str, ...]:
        return ("leds",)


def test_the_outputs_get_every_report(meter: Meter) -> None:
    outputs = Outputs()
    metered = MeteredOutputs(outputs, meter.metrics)
    metered.show(meter.report)
    assert outputs.shown == [meter.report]
    assert metered.failing() == ("leds",)
    assert meter.value("processed_frames_total") == 1


def test_a_frame_at_which_a_stage_fails_is_counted(meter: Meter) -> None:
    failures = StageFailures(meter.metrics.note_inference_error)
    failures.note_failure(ZeroDivisionError())
    assert meter.value("inference_errors_total") == 1
