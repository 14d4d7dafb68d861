"""The ways to quantize, by the names that a manifest records them under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ai_edge_quantizer import recipe

Rules = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """`rules` are ai_edge_quantizer's, empty where nothing is quantized.

    `static` ones compute in integers from end to end, on ranges that samples must set.
    """

    name: str
    summary: str
    rules: Rules
    static: bool


STATIC = Recipe(
    name="static_wi8_ai8",
    summary="int8 weights and activations: what the device is fastest with",
    rules=recipe.static_wi8_ai8(),
    static=True,
)
DYNAMIC = Recipe(
    name="dynamic_wi8",
    summary="int8 weights, activations rounded for each sample; float ends",
    rules=recipe.dynamic_wi8_afp32(),
    static=False,
)
FLOAT = Recipe(
    name="float32",
    summary="not quantized: what the others are compared with",
    rules=[],
    static=False,
)

RECIPES = {one.name: one for one in (STATIC, DYNAMIC, FLOAT)}
