"""The parts of a device that the outputs to other systems reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.history.history import History
from edge.leds.leds import Leds
from edge.owner_settings import OwnerSettings
from edge.pausing import Pausing
from edge.web.stream import JpegFeed


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What commands and the state reach: the parts of a device, once they are opened.

    `pausing` and `feed` exist only after the outputs, so they are asked for when needed.
    """

    history: History
    leds: Leds | None
    labels: Sequence[str]
    pausing: Callable[[], Pausing]
    feed: Callable[[], JpegFeed]
    owner: OwnerSettings
