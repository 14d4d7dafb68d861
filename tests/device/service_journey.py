"""What the service lives through in a system that runs, step by step; see journey.py.

On this machine's own processor only: emulated ones cannot boot.
"""

from __future__ import annotations

import urllib.request

from device import Device


def service_that_is_not_to_be_started_is_not_said_to_be_tried(device: Device) -> None:
    said = device.installed("--no-start")
    device.first = device.current
    assert f"emotion-edge {device.first} is installed and not started." in said
    assert "tries again" not in said
    assert device.service("ActiveState") == ["inactive"]


def service_without_a_camera_is_installed_and_says_so(device: Device) -> None:
    said = device.installed()
    assert f"{device.first} is installed and does not run yet: emotion-edge: no camera" in said
    assert "It retries every 10 seconds" in said
    assert device.shell("systemctl is-enabled emotion-edge") == "enabled\n"


def service_runs_behind_its_hardening(device: Device) -> list[str]:
    device.set('# source = "auto" ', 'source = "demo" ')
    device.set("# port = 8080", f"port = {device.port}")
    assert f"emotion-edge {device.first} is installed.\n" in device.installed()
    device.wait_for(ActiveState="active", StatusText="watching: demo scene", User="emotion-edge")
    with urllib.request.urlopen(f"http://127.0.0.1:{device.port}/healthz", timeout=10) as answer:
        assert answer.status == 200
    assert "nothing to change" in device.installed()
    return device.shell("systemd-analyze security emotion-edge").splitlines()[-1:]


def hung_service_is_started_again(device: Device) -> None:
    folder = "/run/systemd/system/emotion-edge.service.d"
    quick = r"[Service]\nWatchdogSec=5\nRestartSec=1\n"
    device.shell(f"mkdir -p {folder} && printf '{quick}' > {folder}/quick.conf")
    device.shell("systemctl daemon-reload && systemctl restart emotion-edge")
    device.wait_for(NRestarts="0", ActiveState="active")
    device.shell("systemctl kill --signal=STOP emotion-edge")
    device.wait_for(NRestarts="1", ActiveState="active")
    device.shell(f"rm -r {folder} && systemctl daemon-reload")


def wrong_settings_stop_the_service_for_good(device: Device) -> None:
    device.set('source = "demo"', 'source = "dome"')
    assert device.system.run("systemctl", "restart", "emotion-edge").returncode != 0
    assert device.service("ActiveState", "ExecMainStatus") == ["failed", "2"]
    device.set('source = "dome"', 'source = "demo"')
    device.shell("systemctl restart emotion-edge")
    device.wait_for(ActiveState="active")


def upgrade_that_does_not_start_is_undone(device: Device) -> None:
    opening = "    web_setup = set_up_web(config)\n"
    device.edit("edge/app.py", opening, f"    raise SystemExit(1)\n{opening}")
    result = device.install()
    last = result.stdout.splitlines()[-1]
    assert result.returncode == 1
    assert "install.sh: restarting the service failed: " in last
    assert f"; {device.first} is untouched; the log is" in last
    assert device.releases() == {device.first}
    device.wait_for(ActiveState="active", StatusText="watching: demo scene")
    device.edit("edge/app.py", "    raise SystemExit(1)\n", "")


def upgrade_runs_at_once_and_rolls_back(device: Device) -> None:
    device.edit("README.md", "# emotion-edge", "# emotion-edge, upgraded")
    device.installed()
    device.second = device.current
    for release in (device.second, device.first):
        device.wait_for(ActiveState="active", StatusText="watching: demo scene")
        (process,) = device.service("MainPID")
        opened = device.shell(f"grep -m 1 /releases/ /proc/{process}/maps")
        assert f"/opt/emotion-edge/releases/{release}/" in opened
        assert device.current == release
        device.installed("--rollback")


def upgrade_fetches_first_as_the_owner_of_the_clone(device: Device) -> None:
    git = "git -c user.name=maker -c user.email=maker@localhost"
    device.shell("apt-get -q install -y --no-install-recommends git && useradd -m maker")
    device.shell("cp -r /root/emotion-edge /home/maker && chown -R maker: /home/maker")
    device.shell(
        f"""runuser -u maker -- sh -c 'set -e
        cd /home/maker && {git} init --quiet --bare origin
        cd emotion-edge && {git} init --quiet --initial-branch main
        {git} add . && {git} commit --quiet --message all
        {git} remote add origin ../origin && {git} push --quiet --set-upstream origin main
        touch news && {git} add news && {git} commit --quiet --message news
        {git} push --quiet && {git} reset --quiet --hard HEAD~'"""
    )
    said = device.installed("--upgrade", script="/home/maker/emotion-edge/install.sh")
    assert "fetching the newest version" in said
    assert "nothing to change" in said
    assert device.shell("stat -c %U /home/maker/emotion-edge/news") == "maker\n"


def uninstalling_ends_the_service(device: Device) -> None:
    (process,) = device.service("MainPID")
    device.installed("--uninstall", "--purge")
    assert device.service("LoadState", "ActiveState") == ["not-found", "inactive"]
    assert device.system.run("test", "-e", f"/proc/{process}").returncode == 1


SERVICE_STEPS = (
    service_that_is_not_to_be_started_is_not_said_to_be_tried,
    service_without_a_camera_is_installed_and_says_so,
    service_runs_behind_its_hardening,
    hung_service_is_started_again,
    wrong_settings_stop_the_service_for_good,
    upgrade_that_does_not_start_is_undone,
    upgrade_runs_at_once_and_rolls_back,
    upgrade_fetches_first_as_the_owner_of_the_clone,
    uninstalling_ends_the_service,
)
