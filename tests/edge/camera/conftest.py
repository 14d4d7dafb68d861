"""Network cameras that are opened, and closed at the end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge.camera.auto import counting_hardware, open_source
from edge.camera.source import FrameSource
from edge.config import load_config


@pytest.fixture
def opened() -> Iterator[Callable[..., FrameSource]]:
    sources: list[FrameSource] = []

    def open_it(source: str, corrupt: Callable[[], None] = int, **settings: Any) -> FrameSource:
        config = load_config(overrides={"camera": {"source": source, **settings}}).camera
        sources.append(open_source(config, counting_hardware(corrupt)))
        return sources[-1]

    yield open_it
    for source in sources:
        source.close()
