"""A Debian becomes a device, as a Pi does: the disk is what the other journeys begin with."""

from __future__ import annotations

from pi import Pi


def system_starts_without_a_failed_unit(pi: Pi) -> list[str]:
    assert (state := pi.machine.is_settled()) == "running", state
    return [pi.shell("uname -r -m").strip(), pi.shell("systemd-analyze | head -1").strip()]


def installation_without_a_camera_says_so(pi: Pi) -> None:
    pi.share()
    pi.shell("cp -r /share/clone /root/emotion-edge")
    said = pi.installed("--offline", "/share/wheels")
    assert "is installed and does not run yet: emotion-edge: no camera" in said, said
    assert "http://emotion-pi.local:8080" in said, said
    assert f"Access code: {pi.code}" in said
    assert pi.shell("systemctl is-enabled emotion-edge") == "enabled\n"
    assert pi.shell("id -nG emotion-edge").split() == ["emotion-edge", "video", "gpio"]


def service_shows_the_demo(pi: Pi) -> list[str]:
    pi.configure()
    pi.restart()
    pi.wait_until_ready()
    return [f"first labelled face {pi.wait_for_face():.0f} s after the service was ready"]


def page_is_announced(pi: Pi) -> None:
    found = pi.shell("avahi-browse --parsable --resolve --terminate _http._tcp")
    assert "emotion-edge\\032on\\032emotion-pi" in found, found
    assert ";8080;" in found


def next_boot_shows_a_face(pi: Pi) -> list[str]:
    pi.kept["code"] = pi.code
    agent_s = pi.machine.reboot()
    seen_s = agent_s + pi.wait_for_face()
    assert pi.code == pi.kept["code"]
    assert pi.service("NRestarts") == ["0"]
    startup = pi.shell("systemd-analyze | head -1").strip()
    return [f"power on to first labelled face {seen_s:.0f} s", startup]


INSTALL_STEPS = (
    system_starts_without_a_failed_unit,
    installation_without_a_camera_says_so,
    service_shows_the_demo,
    page_is_announced,
    next_boot_shows_a_face,
)
