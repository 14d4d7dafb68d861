"""Systems that lack something: a network, the time, room on the disk, writing, a name."""

from __future__ import annotations

import time

from kept import DATABASE, Kept, minutes, wait_for_minute
from pi import Pi

_OVERLAY = "/sbin/overlay-init"
# What kiosks do: the card is only read, and what is written lies in memory until the power goes.
_OVERLAY_SCRIPT = f"""#!/bin/sh
set -e
modprobe overlay
mount -t tmpfs tmpfs /mnt
mkdir /mnt/up /mnt/work /mnt/root
mount -o remount,ro /
mount -t overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work overlay /mnt/root
rm -f /mnt/root{_OVERLAY} && echo > /mnt/root/etc/fstab
mkdir -p /mnt/root/card
cd /mnt/root && pivot_root . card
exec chroot . /sbin/init
"""
# A second avahi in a network of its own, at the other end of a cable to this machine's.
_NAMESAKE = """
printf '[Match]\\nName=cable\\n[Link]\\nUnmanaged=yes\\n' > /run/systemd/network/00-cable.network
networkctl reload
ip netns add other
ip link add cable type veth peer name end netns other
ip addr add 10.9.0.1/24 dev cable
ip link set cable up
ip -n other addr add 10.9.0.2/24 dev end
ip -n other link set lo up
ip -n other link set end up
sleep 5  # the one that is there first keeps the name
printf '[server]\\nhost-name=%s\\nenable-dbus=no\\nuse-ipv6=no\\n' "$(hostname)" > /run/other.conf
ip netns exec other unshare --mount sh -c 'mount -t tmpfs tmpfs /run/avahi-daemon &&
    exec avahi-daemon --no-rlimits --file /run/other.conf --daemonize'
"""


def device_starts_without_a_network(pi: Pi) -> list[str]:
    pi.configure()
    pi.restart()
    pi.wait_for_face()
    pi.promised = Kept(pi)
    pi.machine.shut_down()
    pi.machine.start(is_connected=False)
    pi.wait_until_ready()
    assert pi.ask("/healthz")[0] == 0
    pi.machine.connect(is_on=True)
    seen_s = pi.wait_for_face()
    pi.promised.assert_is_there()
    return [f"page with a face {seen_s:.0f} s after the cable was plugged in"]


def clock_of_1970_jumps_when_time_arrives(pi: Pi) -> list[str]:
    before = minutes(pi)
    pi.shell("systemctl stop systemd-timesyncd 2>/dev/null; systemctl stop emotion-edge")
    pi.shell("date -s @1000000 && systemctl start emotion-edge")
    pi.wait_for_face()
    time.sleep(70)
    pi.wait_for_face()
    began = len(pi.shell(_LOG).splitlines())
    pi.shell(f"date -s @{int(time.time())}")
    time.sleep(30)
    pi.wait_for_face()
    pi.promised.minutes = before  # what was kept in 1970 may go, what was kept before may not
    pi.promised.assert_is_there()
    assert pi.service("NRestarts", "ActiveState") == ["0", "active"]
    return pi.shell(_LOG).splitlines()[began:]


_LOG = "journalctl -u emotion-edge -o cat --no-pager"


def full_disk_stops_the_history_alone(pi: Pi) -> list[str]:
    began = len(pi.shell(_LOG).splitlines())
    pi.shell("fallocate -l $(($(df --output=avail -B1 / | tail -1) + 0)) /filling; df / | tail -1")
    pi.system.run("setpriv", "--reuid=daemon", "dd", "if=/dev/zero", "of=/var/tmp/rest", "bs=4k")
    for _ in range(2):
        wait_for_minute(pi)
        time.sleep(8)
    pi.wait_for_face()
    failing = pi.status()["health"]["failing_outputs"]
    pi.shell("rm -f /filling /var/tmp/rest")
    pi.wait_until(lambda: not pi.status()["health"]["failing_outputs"], "the history is back", 300)
    pi.promised.assert_is_there()
    return [f"failing meanwhile: {failing}", *pi.shell(_LOG).splitlines()[began:]]


def device_starts_with_a_full_disk(pi: Pi) -> None:
    pi.shell("fallocate -l $(df --output=avail -B1 / | tail -1) /filling")
    pi.machine.reboot()
    pi.wait_for_face()
    pi.shell("rm -f /filling")
    pi.promised.assert_is_there()


def second_device_of_the_same_name_is_no_harm(pi: Pi) -> list[str]:
    pi.shell(_NAMESAKE)
    time.sleep(20)
    met = pi.shell("journalctl -t avahi-daemon -b -o cat --no-pager | grep -i conflict || true")
    found = pi.shell("avahi-browse --parsable --resolve --terminate _http._tcp || true")
    fields = [line.split(";") for line in found.splitlines() if line.startswith("=")]
    named = {field[7]: field[6] for field in fields}
    pi.wait_for_face()
    pi.shell("ip netns del other")
    assert met, "the two never met"
    assert named["10.9.0.1"] == "emotion-pi.local"
    assert named["10.9.0.2"] == "emotion-pi-2.local"
    return [*met.splitlines()[-2:], *map(" is ".join, sorted(named.items()))]


def root_that_is_only_read_loses_what_was_written(pi: Pi) -> list[str]:
    pi.write(_OVERLAY, _OVERLAY_SCRIPT)
    pi.shell(f"chmod +x {_OVERLAY}")
    written = minutes(pi)
    pi.machine.kernel_options = f"init={_OVERLAY}"
    for _ in range(2):
        pi.machine.reboot()
        assert "overlay on / type overlay" in pi.shell("mount | grep ' / '")
        pi.wait_for_face()
        pi.promised.assert_is_there()
        assert pi.service("NRestarts") == ["0"]
    pi.machine.cut()
    pi.machine.kernel_options = ""
    pi.machine.start()
    pi.wait_for_face()
    pi.promised.minutes = written
    pi.promised.assert_is_there()
    return [f"{len(written)} minutes in {DATABASE} as before"]


ODD_STEPS = (
    device_starts_without_a_network,
    clock_of_1970_jumps_when_time_arrives,
    full_disk_stops_the_history_alone,
    device_starts_with_a_full_disk,
    second_device_of_the_same_name_is_no_harm,
    root_that_is_only_read_loses_what_was_written,
)
