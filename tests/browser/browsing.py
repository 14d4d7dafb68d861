"""A page in Chromium, and what a person would see on it."""

import json
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

PHONE, DESKTOP = (390, 844), (1280, 800)
THEMES = ("light", "dark")
_READ = "localStorage.setItem('about-read', 'yes')"


class Page:
    """What a person would see on the page of a device, read from the live document.

    The notice of first use has been read before, unless it is `first_use`.
    """

    def __init__(
        self, browser: Any, device: Any, *, path: str = "/", first_use: bool = False
    ) -> None:
        self.browser = browser
        self.address = f"http://127.0.0.1:{device.port}"
        browser.get("about:blank")  # the page before this one may miss its device, and say so
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        browser.get_log("browser")
        browser.get_log("performance")
        self.open(path, first_use=first_use)

    def open(self, path: str = "/", *, first_use: bool = False) -> None:
        script = {"source": "" if first_use else _READ}
        added = self.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
        self.browser.get(f"{self.address}{path}")
        self.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)

    @property
    def path(self) -> str:
        return str(self.run("location.pathname"))

    def run(self, expression: str) -> Any:
        return self.browser.execute_script(f"return {expression}")

    def text(self, selector: str) -> str:
        return str(self.run(f"document.querySelector({selector!r}).textContent")).strip()

    def texts(self, selector: str) -> list[str]:
        return list(
            self.run(f"[...document.querySelectorAll({selector!r})].map(e => e.textContent)")
        )

    def attribute(self, selector: str, name: str) -> str:
        return str(self.run(f"document.querySelector({selector!r}).getAttribute({name!r})"))

    def shown(self, selector: str) -> bool:
        return bool(self.run(f"!!document.querySelector({selector!r})?.checkVisibility()"))

    def box(self, selector: str) -> dict[str, float]:
        """Return where an element is: left, top, right, bottom, width and height in CSS pixels."""
        found = self.run(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
        return dict(found)

    def click(self, selector: str) -> None:
        self.browser.find_element("css selector", selector).click()

    def press(self, key: str, selector: str = "body") -> None:
        self.browser.find_element("css selector", selector).send_keys(key)

    def brightness(self) -> float:
        """Mean of the image as it is on the page, 0..255: notices are dark, no image is 0."""
        return float(
            self.browser.execute_script("""
                const canvas = new OffscreenCanvas(64, 48), c = canvas.getContext("2d");
                const image = document.getElementById("video");
                if (!image.naturalWidth) return 0;
                c.drawImage(image, 0, 0, 64, 48);
                const data = c.getImageData(0, 0, 64, 48).data;
                return data.reduce((sum, v, i) => sum + (i % 4 < 3 ? v : 0), 0) / (64 * 48 * 3);
            """)
        )

    def look_as(self, size: tuple[int, int], theme: str = "light", **features: str) -> None:
        """See the page in that size and theme; `features` are media features of a user's wish."""
        width, height = size
        metrics = {"width": width, "height": height, "mobile": width < DESKTOP[0]}
        metrics["deviceScaleFactor"] = 2 if width < DESKTOP[0] else 1
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        wishes = {"prefers-color-scheme": theme}
        wishes |= {name.replace("_", "-"): value for name, value in features.items()}
        self.browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": name, "value": value} for name, value in wishes.items()]},
        )

    def console(self) -> list[str]:
        """Return what the browser complained of since last asked."""
        return [e["message"] for e in self.browser.get_log("browser") if e["level"] != "INFO"]

    def network(self) -> list[dict[str, Any]]:
        """Return the network's events since last asked, as Chromium's DevTools tell them."""
        log = self.browser.get_log("performance")
        messages = [json.loads(entry["message"])["message"] for entry in log]
        return [m for m in messages if m["method"].startswith("Network.")]

    def violations(self) -> list[str]:
        """Return what axe-core finds serious or critical. Injected past the page's own policy."""
        axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
        source = files(axe).joinpath("axe.min.js").read_text("utf-8")
        found = self.browser.execute_async_script(
            f"""
            const done = arguments[0];
            if (!window.axe) {{ {source} }}
            axe.run(document, {{ resultTypes: ["violations"] }})
              .then(({{ violations }}) => done(violations), (error) => done(`${{error}}`));
            """
        )
        assert isinstance(found, list), found
        return [
            f"{violation['id']}: {node['target']}: {node['failureSummary']}"
            for violation in found
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]


def until(true: Callable[[], object], limit_s: float = 12.0) -> None:
    ends_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < ends_s, f"not within {limit_s} s"
        time.sleep(0.1)
