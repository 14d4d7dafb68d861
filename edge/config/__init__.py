"""Typed settings: their sections, their defaults, and loading a file over them."""

from edge.config.loading import default_settings, load_config, load_layers, to_toml
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
    ScheduleConfig,
    SmootherConfig,
    StateConfig,
    StreamConfig,
    ThermalConfig,
    TrackerConfig,
    WebConfig,
)
from edge.config.setting_types import PRIVACY_MODES, PrivacyMode

__all__ = [
    "PRIVACY_MODES",
    "ButtonConfig",
    "CameraConfig",
    "ClassifierConfig",
    "Config",
    "DetectorConfig",
    "HistoryConfig",
    "HooksConfig",
    "LedsConfig",
    "MqttConfig",
    "PrivacyMode",
    "RgbPins",
    "ScheduleConfig",
    "SmootherConfig",
    "StateConfig",
    "StreamConfig",
    "ThermalConfig",
    "TrackerConfig",
    "WebConfig",
    "default_settings",
    "load_config",
    "load_layers",
    "to_toml",
]
