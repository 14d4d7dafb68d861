"""Debian's Chromium without a window, driven by Selenium and Chromium's own DevTools protocol."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from browsing import DESKTOP, Size
from selenium import webdriver

CHROMIUM, CHROMEDRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Chromium(webdriver.Chrome):
    """A `Browser` of browsing.py, and all that Selenium's is."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(executable_path=str(CHROMEDRIVER))
        super().__init__(options=options, service=service)

    def get_after(self, script: str, address: str) -> None:
        """Open a page in which `script` has run before its own."""
        added = self.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        self.get(address)
        self.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)

    def perform(self, actions: list[dict[str, Any]]) -> None:
        self.execute("actions", {"actions": actions})

    def forget(self) -> None:
        self.allow_scripts(True)
        self.get("about:blank")
        self.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        self.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.get_log("browser")
        self.get_log("performance")

    def look_as(self, size: Size, features: Mapping[str, str]) -> None:
        width, height = size
        is_phone = width < DESKTOP[0]
        metrics = {"width": width, "height": height, "mobile": is_phone}
        metrics["deviceScaleFactor"] = 2 if is_phone else 1
        self.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": name, "value": value} for name, value in features.items()]},
        )

    def allow_scripts(self, allowed: bool) -> None:
        self.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not allowed})

    def complaints(self) -> list[str]:
        return [e["message"] for e in self.get_log("browser") if e["level"] != "INFO"]

    def network(self) -> list[dict[str, Any]]:
        """Return the network's events since last asked, as DevTools tell them."""
        messages = [json.loads(e["message"])["message"] for e in self.get_log("performance")]
        return [m for m in messages if m["method"].startswith("Network.")]

    def asked_hosts(self) -> set[str]:
        requests = [m["params"] for m in self.network() if m["method"].endswith("WillBeSent")]
        return {urlsplit(params["request"]["url"]).hostname or "" for params in requests}
