"""The device's numbers for Prometheus: counted as it runs, rendered when they are requested.

Names follow https://prometheus.io/docs/practices/naming/: one prefix, base units, `_total` for what
only grows. The label values come from the program and its model, so the series are bounded.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from edge.datatypes import UNCERTAIN, CameraState, Health, Report, Snapshot

PREFIX = "emotion_edge"

_STAGE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_LATENCY_BUCKETS_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_LONGEST_STEP_S = 1.0  # of the time that a frame stands for; after a gap it is unknown


class Metrics:
    """Counts frames, stages and expressions; `note` takes every report of the service.

    `labels` are the model's expressions, `outputs` the names of all outputs.
    """

    def __init__(
        self,
        labels: Sequence[str],
        outputs: Sequence[str],
        version: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._before: Snapshot | None = None
        self._registry = CollectorRegistry()
        ProcessCollector(namespace=PREFIX, registry=self._registry)
        self._frames = self._counter("camera_frames", "Frames that the camera delivered")
        self._dropped = self._counter("dropped_frames", "Frames that no stage had time for")
        self._processed = self._counter("processed_frames", "Frames that passed every stage")
        self._corrupt = self._counter("corrupt_frames", "Frames that could not be decoded")
        self._encoded = self._counter("encoded_frames", "JPEGs made for viewers")
        self._errors = self._counter("inference_errors", "Frames at which a stage failed")
        self._stages = Histogram(
            f"{PREFIX}_stage_duration_seconds",
            "Time that a stage took for one frame",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=self._registry,
        )
        self._latency = Histogram(
            f"{PREFIX}_frame_latency_seconds",
            "Time from the capture of a frame to its result",
            buckets=_LATENCY_BUCKETS_S,
            registry=self._registry,
        )
        seen = Counter(
            f"{PREFIX}_expression_seconds",
            "Time that faces were in view by expression; two faces for a second are two seconds",
            ["expression"],
            registry=self._registry,
        )
        self._seen = {label: seen.labels(label) for label in (*labels, UNCERTAIN)}
        self._outputs = outputs
        self._version = version

    def note(self, report: Report) -> None:
        """Count the frame of a report, once; called by one thread at a time."""
        snapshot, before = report.snapshot, self._before
        if snapshot is before:
            return
        self._before = snapshot
        if snapshot is None:
            return
        self._count_frames(snapshot, before)
        for stage, took_ms in snapshot.stage_ms.items():
            self._stages.labels(stage).observe(took_ms / 1000)
        latency_s = self._clock() - snapshot.captured_at_s
        self._latency.observe(latency_s if latency_s > 0 else 0.0)
        step_s = snapshot.captured_at_s - before.captured_at_s if before else 0.0
        self._count_expressions(snapshot, min(step_s, _LONGEST_STEP_S) if step_s > 0 else 0.0)

    def note_corrupt_frame(self) -> None:
        """Count a frame that the camera delivered and that could not be decoded."""
        self._corrupt.inc()

    def note_encoded_frame(self) -> None:
        """Count a JPEG that was made for viewers."""
        self._encoded.inc()

    def note_inference_error(self) -> None:
        """Count a frame at which a stage failed; it is skipped."""
        self._errors.inc()

    def render(self, report: Report, viewers: int, accept: str = "") -> tuple[bytes, str]:
        """Return the numbers of this moment, and their type: one that a client `accept`s."""
        encoder, content_type = choose_encoder(accept)
        return encoder(_Joined(self._registry, self._gauges(report, viewers))), content_type

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, registry=self._registry)

    def _count_frames(self, snapshot: Snapshot, before: Snapshot | None) -> None:
        # Each opening of the camera counts from 0.
        last = before.seq if before is not None and before.seq < snapshot.seq else -1
        arrived = max(snapshot.seq - last, 1)
        self._frames.inc(arrived)
        self._dropped.inc(arrived - 1)
        self._processed.inc()

    def _count_expressions(self, snapshot: Snapshot, step_s: float) -> None:
        for label, faces in Tally(face.label or UNCERTAIN for face in snapshot.faces).items():
            if label in self._seen:
                self._seen[label].inc(faces * step_s)

    def _gauges(self, report: Report, viewers: int) -> Iterator[Metric]:
        health = report.health
        faces = len(report.snapshot.faces) if report.snapshot and health.healthy else 0
        yield _gauge("build_info", "The program's version", {"version": {self._version: 1}})
        yield _gauge("uptime_seconds", "Time since the device started", health.uptime_s)
        yield _gauge("camera_up", "Whether fresh frames go all the way through", health.healthy)
        states = {str(state): state is health.camera for state in CameraState}
        yield _gauge("camera_state", "1 for the present state, 0 for the others", {"state": states})
        yield _gauge("faces", "Faces in view", faces)
        yield _gauge("viewers", "Streams that run", viewers)
        up = {name: name not in health.failing_outputs for name in self._outputs}
        yield _gauge("output_up", "Whether an output works, such as mqtt", {"output": up})
        yield from _vitals(health)


def _vitals(health: Health) -> Iterator[Metric]:
    vitals = health.vitals
    if health.age_s is not None:
        yield _gauge("frame_age_seconds", "Age of the newest finished frame", health.age_s)
    if vitals.temperature_c is not None:
        text = "Temperature of the system on chip"
        yield _gauge("soc_temperature_celsius", text, vitals.temperature_c)
    text = "Whether the firmware slows the board down, for heat or a weak power supply"
    yield _gauge("throttled", text, vitals.throttled)
    yield _gauge("hot", "Whether the device rests between frames to stay cool", vitals.hot)


def _gauge(
    name: str, text: str, value: float | Mapping[str, Mapping[str, float]]
) -> GaugeMetricFamily:
    """Return a gauge with one value, or with a value for each value of one label."""
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=float(value))
    ((label, values),) = value.items()
    gauge = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=[label])
    for label_value, number in values.items():
        gauge.add_metric([label_value], float(number))
    return gauge


class _Joined:
    """A collector of what was counted and of what is read at this moment."""

    def __init__(self, registry: CollectorRegistry, gauges: Iterable[Metric]) -> None:
        self._registry = registry
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, in a fixed order."""
        yield from self._gauges
        yield from self._registry.collect()
