"""Typed settings: their sections, their defaults, and loading a file over them."""

from edge.config.loading import default_settings, load_config, to_toml
from edge.config.sections import (
    ButtonConfig,
    CameraConfig,
    ClassifierConfig,
    Config,
    DetectorConfig,
    HistoryConfig,
    HooksConfig,
    LedsConfig,
    MqttConfig,
    RgbPins,
    SmootherConfig,
    StateConfig,
    StreamConfig,
    ThermalConfig,
    TrackerConfig,
    WebConfig,
)

__all__ = [
    "ButtonConfig",
    "CameraConfig",
    "ClassifierConfig",
    "Config",
    "DetectorConfig",
    "HistoryConfig",
    "HooksConfig",
    "LedsConfig",
    "MqttConfig",
    "RgbPins",
    "SmootherConfig",
    "StateConfig",
    "StreamConfig",
    "ThermalConfig",
    "TrackerConfig",
    "WebConfig",
    "default_settings",
    "load_config",
    "to_toml",
]
