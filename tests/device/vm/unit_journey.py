"""The service under systemd as its unit describes it: watchdog, limits, permissions, releases."""

from __future__ import annotations

import time

from pi import Pi

_QUIET_S = 120
_POWER_OFF = (
    "[Service]\nType=oneshot\nExecStart=\nRestart=no\nWatchdogSec=0\n"
    # The service's own command, with an emulator's patience.
    "ExecStart=/opt/emotion-edge/current/bin/python -c "
    "'import subprocess as s; from edge.system.power import POWER_OFF; exit(s.call(POWER_OFF))'\n"
)
_QUICK = "/run/systemd/system/emotion-edge.service.d"  # the unit's own time, not an emulator's
_LIMIT = f"{_QUICK}/limit.conf"
_AS_UNIT = "/etc/systemd/system/as-the-unit.service"


def demo_is_watched(pi: Pi) -> None:
    pi.kept["code"] = pi.code
    pi.configure()
    pi.restart()
    pi.wait_for_face()


def journal_is_quiet_in_normal_running(pi: Pi) -> list[str]:
    time.sleep(30)
    before = pi.journal().splitlines()
    time.sleep(_QUIET_S)
    new = pi.journal().splitlines()[len(before) :]
    # Emulated, frames are slow, and the service says once when it works less often.
    assert len([line for line in new if "inference:" not in line]) == 0, new
    return [f"{len(new)} lines in {_QUIET_S} s; {len(before)} since the start:", *before]


def stopped_process_is_ended_by_the_watchdog(pi: Pi) -> list[str]:
    pi.shell(f"mkdir -p {_QUICK} && printf '[Service]\\nWatchdogSec=90\\n' > {_QUICK}/quick.conf")
    pi.shell("systemctl daemon-reload && systemctl restart emotion-edge")
    pi.wait_for_face()
    began_s = time.monotonic()
    pi.shell("systemctl kill --signal=STOP emotion-edge")
    pi.wait_for(NRestarts="1", ActiveState="active")
    took_s = time.monotonic() - began_s
    pi.shell(f"rm -r {_QUICK} && systemctl daemon-reload")
    assert "Watchdog timeout" in pi.shell("journalctl -u emotion-edge -b -o cat --no-pager")
    pi.wait_for_face()
    return [f"runs again {took_s:.0f} s after SIGSTOP"]


def killed_process_is_started_again(pi: Pi) -> list[str]:
    began_s = time.monotonic()
    pi.shell("systemctl kill --signal=KILL emotion-edge")
    pi.wait_for(NRestarts="2", ActiveState="active")
    return [f"runs again {time.monotonic() - began_s:.0f} s after SIGKILL"]


def starts_that_follow_fast_are_limited(pi: Pi) -> None:
    """Kill each start at once: the eleventh is refused, as the unit says of a minute."""
    # Emulated, that many starts take longer than a minute.
    pi.shell(f"mkdir -p {_QUICK} && printf '[Unit]\\nStartLimitIntervalSec=900\\n' > {_LIMIT}")
    pi.shell("systemctl daemon-reload")
    pi.shell(
        "systemctl stop emotion-edge; for _ in $(seq 12); do "
        "systemctl start --no-block emotion-edge; sleep 0.3; "
        "systemctl kill --signal=KILL emotion-edge; sleep 0.3; done; true"
    )
    pi.wait_for(ActiveState="failed")
    # systemd keeps the result of the last start, which was killed.
    assert "Start request repeated too quickly" in pi.journal("-n", "30"), pi.journal("-n", "30")
    pi.shell(f"rm {_LIMIT} && systemctl daemon-reload && systemctl reset-failed emotion-edge")


def wrong_settings_are_not_tried_again(pi: Pi) -> list[str]:
    pi.configure(camera={"source": "dome"})
    pi.restart()
    pi.wait_for(ActiveState="failed", ExecMainStatus="2", NRestarts="0")
    pi.configure()
    pi.restart()
    pi.wait_for(ActiveState="active")
    return [line for line in pi.journal().splitlines() if "dome" in line][-1:]


def service_may_not_switch_off_without_the_setting(pi: Pi) -> list[str]:
    unit = pi.read("/etc/systemd/system/emotion-edge.service")
    pi.write(_AS_UNIT, unit.partition("[Install]")[0])
    pi.write(f"{_AS_UNIT}.d/power.conf", _POWER_OFF)
    pi.shell("systemctl daemon-reload")
    result = pi.system.run("systemctl", "start", "as-the-unit")
    assert result.returncode != 0
    # Of the whole system: systemctl may have ended before the journal knows of which unit it was.
    told = pi.shell("journalctl -b -o cat --no-pager -n 200")
    assert "Call to PowerOff failed: Interactive authentication required" in told, told
    return [line for line in told.splitlines() if "authentication" in line][-1:]


def with_the_setting_no_other_user_may(pi: Pi) -> None:
    pi.configure(button={"mode": "pause_and_shutdown"})
    pi.share()
    said = pi.installed("--offline", "/share/wheels")
    assert "writing /etc/polkit-1/rules.d/50-emotion-edge.rules" in said, said
    for user, verb in (("maker", "poweroff"), ("daemon", "poweroff"), ("emotion-edge", "reboot")):
        ask = ("systemctl", "--no-ask-password", verb)
        denied = pi.system.run("setpriv", f"--reuid={user}", "--clear-groups", *ask)
        assert denied.returncode != 0, (user, verb, denied.stdout)


def with_the_setting_the_service_switches_off(pi: Pi) -> list[str]:
    pi.machine.begin("systemctl", "start", "as-the-unit")
    began_s = time.monotonic()
    pi.machine.wait_for_end()
    took_s = time.monotonic() - began_s
    pi.machine.start()
    pi.wait_for_face()
    return [f"off after {took_s:.0f} s"]


UNIT_STEPS = (
    demo_is_watched,
    journal_is_quiet_in_normal_running,
    stopped_process_is_ended_by_the_watchdog,
    killed_process_is_started_again,
    starts_that_follow_fast_are_limited,
    wrong_settings_are_not_tried_again,
    service_may_not_switch_off_without_the_setting,
    with_the_setting_no_other_user_may,
    with_the_setting_the_service_switches_off,
)
