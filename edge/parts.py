"""The parts of a device that the outputs to other systems reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.history.history import History
from edge.leds.leds import Leds
from edge.service import Service
from edge.web.stream import JpegFeed


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What commands and the state reach: the parts of a device, once they are opened.

    `service` and `feed` exist only after the outputs, so they are asked for when needed.
    """

    history: History
    leds: Leds | None
    labels: Sequence[str]
    service: Callable[[], Service]
    feed: Callable[[], JpegFeed]
