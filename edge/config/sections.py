"""The sections of the settings: the type and range of each. default.toml holds the defaults."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge.config.setting_types import (
    CertificateFile,
    DayTime,
    DeviceId,
    Folder,
    Host,
    ModelFile,
    Network,
    OptionalFile,
    Origin,
    PasswordFile,
    Pin,
    Port,
    PrivacyMode,
    ShortText,
    ShortTime,
    Source,
    Topic,
    Unit,
    Url,
)


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file: unknown keys are refused."""


class CameraConfig(Section, frozen=True):
    """[camera]."""

    source: Source
    width: Annotated[int, msgspec.Meta(ge=160, le=3840)]
    height: Annotated[int, msgspec.Meta(ge=120, le=2160)]
    fps: Annotated[int, msgspec.Meta(ge=1, le=120)]
    login_file: OptionalFile
    rotate_deg: Literal[0, 90, 180, 270]
    mirror: bool
    focus_m: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
    exposure_ms: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
    stall_s: Annotated[float, msgspec.Meta(ge=0.5, le=60.0)]
    give_up_s: Annotated[float, msgspec.Meta(ge=1.0, le=75.0)]


class DetectorConfig(Section, frozen=True):
    """[detector]."""

    kind: Literal["blazeface", "haar"]
    runs_per_frame: Annotated[int, msgspec.Meta(ge=1, le=16)]
    min_score: Annotated[float, msgspec.Meta(ge=0.05, le=0.99)]
    search_again_s: Annotated[float, msgspec.Meta(ge=0.0, le=5.0)]


class ClassifierConfig(Section, frozen=True):
    """[classifier]."""

    model: ModelFile
    rate_hz: Annotated[float, msgspec.Meta(ge=1.0, le=60.0)]
    max_per_frame: Annotated[int, msgspec.Meta(ge=1, le=16)]
    threads: Annotated[int, msgspec.Meta(ge=0, le=8)]


class TrackerConfig(Section, frozen=True):
    """[tracker]."""

    min_hits: Annotated[int, msgspec.Meta(ge=1, le=10)]
    max_lost_s: Annotated[float, msgspec.Meta(ge=0.1, le=10.0)]


class SmootherConfig(Section, frozen=True):
    """[smoother]."""

    time_constant_s: ShortTime
    min_confidence: Unit
    switch_margin: Unit
    min_dwell_s: ShortTime


class RgbPins(Section, frozen=True):
    """[leds.rgb_pins]."""

    red: Pin
    green: Pin
    blue: Pin


class LedsConfig(Section, frozen=True):
    """[leds]; `pins` has a pin for each expression of any model."""

    mode: Literal["off", "per_emotion", "rgb"]
    factory: Literal["auto", "mock"]
    brightness: Annotated[float, msgspec.Meta(ge=0.05, le=1.0)]
    common_anode: bool
    status_pin: Pin
    privacy_pin: Pin
    pins: dict[str, Pin]
    rgb_pins: RgbPins


class ButtonConfig(Section, frozen=True):
    """[button]."""

    mode: Literal["off", "pause", "pause_and_shutdown"]
    pin: Pin
    hold_s: Annotated[float, msgspec.Meta(ge=1.0, le=10.0)]


class ScheduleConfig(Section, frozen=True):
    """[schedule]."""

    pause_from: DayTime
    pause_until: DayTime
    keep_pause: bool


class ThermalConfig(Section, frozen=True):
    """[thermal]."""

    hot_c: Annotated[float, msgspec.Meta(ge=50.0, le=100.0)]


class WebConfig(Section, frozen=True):
    """[web]."""

    host: Host
    port: Port
    auth: Literal["code", "none"]
    allowed_hosts: list[Host]
    frame_ancestors: list[Origin]
    trusted_proxies: list[Network]
    tls: bool


class StreamConfig(Section, frozen=True):
    """[stream]."""

    fps: Annotated[int, msgspec.Meta(ge=1, le=60)]
    quality: Annotated[int, msgspec.Meta(ge=30, le=95)]
    max_viewers: Annotated[int, msgspec.Meta(ge=1, le=64)]
    privacy: PrivacyMode


class HistoryConfig(Section, frozen=True):
    """[history]."""

    keep: Literal["memory", "disk"]
    days: Annotated[int, msgspec.Meta(ge=1, le=90)]


class MqttConfig(Section, frozen=True):
    """[mqtt]."""

    enabled: bool
    host: Host
    port: Port
    tls: bool
    ca_file: CertificateFile
    username: ShortText
    password_file: PasswordFile
    device_id: DeviceId
    name: ShortText
    topic_prefix: Topic
    interval_s: Annotated[float, msgspec.Meta(ge=1.0, le=30.0)]
    commands: bool
    image_s: Annotated[int, msgspec.Meta(ge=0, le=3600)]
    discovery: bool
    discovery_prefix: Topic


class HooksConfig(Section, frozen=True):
    """[hooks]."""

    on: Literal["mood", "face", "both"]
    command: list[ShortText]
    url: Url
    url_file: OptionalFile
    debounce_s: ShortTime
    timeout_s: Annotated[float, msgspec.Meta(ge=0.5, le=60.0)]

    @property
    def is_used(self) -> bool:
        """Whether something happens for an event."""
        return bool(self.command) or self.url != "none" or self.url_file != "none"


class StateConfig(Section, frozen=True):
    """[state]."""

    folder: Folder


class Config(Section, frozen=True):
    """All the settings in effect."""

    camera: CameraConfig
    detector: DetectorConfig
    classifier: ClassifierConfig
    tracker: TrackerConfig
    smoother: SmootherConfig
    leds: LedsConfig
    button: ButtonConfig
    schedule: ScheduleConfig
    thermal: ThermalConfig
    web: WebConfig
    stream: StreamConfig
    history: HistoryConfig
    mqtt: MqttConfig
    hooks: HooksConfig
    state: StateConfig
