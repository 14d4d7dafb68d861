"""The model manifest, the one thing the two packages share, from both sides."""

import dataclasses
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("rich", reason="the converter extra is not installed")

import converter.manifest
import edge.vision.manifest
from edge.config import load_config
from edge.models import model_path


def record_of(hint: Any) -> Any:
    """The record that a field holds or may hold, None where it holds something plain."""
    for part in (hint, *typing.get_args(hint)):
        if isinstance(part, type) and (
            dataclasses.is_dataclass(part) or issubclass(part, msgspec.Struct)
        ):
            return part
    return None


def keys(record: Any) -> dict[str, Any]:
    """The keys that one side writes or reads, nested."""
    return {
        name: keys(record_of(hint)) if record_of(hint) else None
        for name, hint in typing.get_type_hints(record).items()
        if not name.startswith("_")
    }


def test_the_device_reads_just_the_keys_that_the_converter_writes() -> None:
    assert keys(converter.manifest.Manifest) == keys(edge.vision.manifest.Manifest)


def test_both_sides_mean_the_same_format() -> None:
    assert converter.manifest.FORMAT == edge.vision.manifest.FORMAT


def test_a_manifest_fresh_from_the_converter_is_read_by_the_device(tmp_path: Path) -> None:
    shipped = edge.vision.manifest.read_manifest(model_path(load_config()).with_suffix(".json"))
    assert shipped.metrics is not None
    side = converter.manifest
    written = side.Manifest(
        model=side.ModelFile(**msgspec.structs.asdict(shipped.model)),
        input=side.InputTensor(**msgspec.structs.asdict(shipped.input)),
        output=side.OutputTensor(**msgspec.structs.asdict(shipped.output)),
        quantization=side.Quantization(**msgspec.structs.asdict(shipped.quantization)),
        source=side.Source(**msgspec.structs.asdict(shipped.source)),
        metrics=side.Metrics(
            public_test=side.SplitMetrics(**msgspec.structs.asdict(shipped.metrics.public_test)),
            private_test=side.SplitMetrics(**msgspec.structs.asdict(shipped.metrics.private_test)),
        ),
        tools=shipped.tools,
    )
    path = tmp_path / "fresh.json"
    path.write_text(written.to_json(), "utf-8")
    assert edge.vision.manifest.read_manifest(path) == shipped
