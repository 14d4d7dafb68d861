"""Any manifest: read, or refused in one line. Any network on trial: it ends nothing but itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import damaged
from refused import refusal_of

from edge.config import load_config
from edge.errors import ModelError
from edge.models import model_path
from edge.vision.blazeface import find_network
from edge.vision.manifest import read_manifest
from edge.vision.model_trial import require_runs

MANIFEST = model_path(load_config()).with_suffix(".json").read_bytes()
NETWORK = find_network("face_detection_short_range.tflite").read_bytes()

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
)


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to each value of the manifest."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [before, *(way for key, inner in pairs for way in places(inner, (*before, key)))]
    return [before]


PLACES = [way for way in places(json.loads(MANIFEST)) if way]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manifests") / "m.json"


@given(damaged(MANIFEST))
def test_a_damaged_manifest(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refusal_of(ModelError, lambda: read_manifest(path))


@given(st.sampled_from(PLACES), json_values)
def test_any_value_in_a_manifest(path: Path, way: tuple[Any, ...], value: Any) -> None:
    manifest = json.loads(MANIFEST)
    parent = manifest
    for key in way[:-1]:
        parent = parent[key]
    parent[way[-1]] = value
    path.write_text(json.dumps(manifest), "utf-8")
    refusal_of(ModelError, lambda: read_manifest(path))


@settings(max_examples=max(settings().max_examples // 10, 4))
@given(damaged(NETWORK, head=4000) | damaged(NETWORK[::-1], head=20_000).map(lambda c: c[::-1]))
def test_a_damaged_network(content: bytes) -> None:
    """The numbers of a network are at its ends, and the weights between them."""
    line = refusal_of(ModelError, lambda: require_runs("mine.tflite", content))
    assert line is None or line.startswith("mine.tflite: ")
