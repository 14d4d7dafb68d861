"""The report of `quantize`: a summary for the terminal, the whole for a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from converter.manifest import Manifest, SplitMetrics
from converter.quantization.graph import GraphFacts
from converter.quantization.snr import TensorFidelity, worst

SHORT = 3
"""Of the worst tensors, those that the terminal shows."""

LONGEST = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationReport:
    """`before` and `after` are the float model and the quantized one, `fidelity` between them."""

    facts: Manifest
    before: GraphFacts
    after: GraphFacts
    fidelity: list[TensorFidelity]

    def to_json(self) -> str:
        """Return everything as an indented JSON text."""
        found = asdict(self)
        found["manifest"] = found.pop("facts")
        found["worst"] = [asdict(tensor) for tensor in worst(self.fidelity)]
        return json.dumps(found, indent=2) + "\n"

    def to_text(self) -> str:
        """Return the whole report as text."""
        operators = [f"{count:5} {kind}" for kind, count in self.after.operators.items()]
        return _lines(
            *self._summary(),
            "",
            "Operators",
            *operators,
            "",
            "The ten worst tensors, dB",
            *map(_line, worst(self.fidelity)),
            "",
            "All tensors in their order, dB",
            *map(_line, self.fidelity),
        )

    def to_short_text(self) -> str:
        """Return the summary for the terminal."""
        return _lines(
            *self._summary(), "Worst tensors, dB", *map(_line, worst(self.fidelity, SHORT))
        )

    def _summary(self) -> list[str]:
        facts, how = self.facts, self.facts.quantization
        return [
            f"{facts.model.file}: {self.after.size_bytes} bytes (float {self.before.size_bytes}), "
            f"{sum(self.after.operators.values())} operators, "
            f"XNNPACK partitions: {self.after.xnnpack_partitions}, "
            f"{self.after.multiplications / 1e6:.1f} million multiplications",
            f"recipe {how.recipe}, ranges {how.ranges}, "
            f"{how.calibration_pictures} calibration samples, "
            f"temperature {facts.output.temperature}",
            *self._accuracies(),
        ]

    def _accuracies(self) -> list[str]:
        if self.facts.metrics is None:
            return ["accuracy not measured"]
        recipe = self.facts.quantization.recipe
        return [
            _split("PublicTest", recipe, self.facts.metrics.public_test),
            _split("PrivateTest", recipe, self.facts.metrics.private_test),
        ]


def _split(name: str, recipe: str, split: SplitMetrics) -> str:
    return (
        f"{name}: float {split.float32_accuracy:.2%}, {recipe} {split.accuracy:.2%} "
        f"of {split.pictures} samples; macro-F1 {split.macro_f1:.3f}, ECE {split.ece:.3f}"
    )


def _line(tensor: TensorFidelity) -> str:
    name = tensor.tensor
    if len(name) > LONGEST:  # compilers write a tensor's whole ancestry into its name
        name = f"...{name[-LONGEST:]}"
    return f"{tensor.snr_db:6.1f} {name} ({tensor.operator})"


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)
