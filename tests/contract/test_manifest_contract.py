"""The model manifest, the one thing the two packages share, from both sides."""

import dataclasses
import typing
from pathlib import Path
from typing import Any

import msgspec

import converter.manifest
import edge.vision.manifest
from edge.app import model_path
from edge.config import load_config


def written_keys(record: Any) -> dict[str, Any]:
    """The keys the converter writes, nested."""
    hints = typing.get_type_hints(record)
    return {
        field.name: written_keys(hints[field.name])
        if dataclasses.is_dataclass(hints[field.name])
        else None
        for field in dataclasses.fields(record)
    }


def read_keys(struct: Any) -> dict[str, Any]:
    """The keys the device reads, nested."""
    hints = typing.get_type_hints(struct)
    return {
        field.name: read_keys(hints[field.name])
        if isinstance(hints[field.name], type) and issubclass(hints[field.name], msgspec.Struct)
        else None
        for field in msgspec.structs.fields(struct)
    }


def test_the_device_reads_just_the_keys_that_the_converter_writes() -> None:
    assert written_keys(converter.manifest.Manifest) == read_keys(edge.vision.manifest.Manifest)


def test_both_sides_mean_the_same_format() -> None:
    assert converter.manifest.FORMAT == edge.vision.manifest.FORMAT


def test_a_manifest_fresh_from_the_converter_is_read_by_the_device(tmp_path: Path) -> None:
    shipped = edge.vision.manifest.read_manifest(model_path(load_config()).with_suffix(".json"))
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
