"""Finds settings that are valid each, and contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from edge.config.sections import Config


def conflicts(config: Config) -> Iterator[tuple[str, str, str]]:
    """Yield (section, key, complaint) for each setting that contradicts another one."""
    camera = config.camera
    if camera.give_up_s <= camera.stall_s:
        yield "camera", "give_up_s", f"expected more than stall_s = {camera.stall_s:g}"
    mqtt, hooks, schedule = config.mqtt, config.hooks, config.schedule
    if mqtt.ca_file != "system" and not mqtt.tls:
        yield "mqtt", "ca_file", "expected tls = true in [mqtt] as well"
    if "none" not in (hooks.url, hooks.url_file):
        yield "hooks", "url_file", "expected url or url_file in [hooks], not both"
    begin, end = schedule.pause_from, schedule.pause_until
    if (begin == "none") != (end == "none"):
        yield "schedule", "pause_until", "expected a time for both pause_from and pause_until"
    if begin == end != "none":
        yield "schedule", "pause_until", "expected another time than pause_from"
