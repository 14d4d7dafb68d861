"""Presets of the smoothing, for people who do not want to know its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONFIGURED = "configured"
"""The name of the values of [smoother]."""

# min_confidence is no matter of taste: below it a label is often wrong. It stays as configured.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    CONFIGURED: {},
    "calm": {"time_constant_s": 1.2, "switch_margin": 0.15, "min_dwell_s": 1.5},
    "lively": {"time_constant_s": 0.2, "switch_margin": 0.05, "min_dwell_s": 0.25},
}
"""For each name the values that it sets in [smoother]."""
