"""Debian's Firefox without a window, driven through its own protocol; see marionette.py."""

import base64
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browsing import DESKTOP, Size
from marionette import Marionette

FIREFOX = Path("/usr/bin/firefox-esr")
_START_S = _CALL_S = 90.0  # a machine that runs other tests as well is slow
_PREFERENCES = {
    "marionette.port": 0,  # any; it writes the number to MarionetteActivePort
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
_THEMES = {"dark": 0, "light": 1}
# The hosts that pages ask, from now on. Firefox's own requests belong to no page.
_LISTEN = """
    window.askedHosts = new Set();
    Services.obs.addObserver((subject) => {
      const channel = subject.QueryInterface(Ci.nsIHttpChannel);
      if (channel.loadInfo.browsingContextID) window.askedHosts.add(channel.URI.host);
    }, "http-on-modify-request");
"""
_COMPLAINTS = """
    return Services.console.getMessageArray()
      .filter((m) => m instanceof Ci.nsIScriptError && m.sourceName.startsWith("http"))
      .filter((m) => !(m.flags & m.warningFlag) || m.category === "Script Loader")
      .map((m) => `${m.category}: ${m.errorMessage} (${m.sourceName}:${m.lineNumber})`)
      .map((text) => text.replace("Content-Security-Policy", "Content Security Policy"));
"""
_RESIZE = """
    const [width, height] = arguments, style = gBrowser.selectedBrowser.style;
    for (const bound of ["", "min-", "max-"]) {
      style.setProperty(`${bound}width`, `${width}px`);
      style.setProperty(`${bound}height`, `${height}px`);
    }
"""


class Element:
    """An element of the page, as Selenium's."""

    def __init__(self, marionette: Marionette, found: dict[str, str]) -> None:
        self._marionette = marionette
        (self._id,) = found.values()

    def click(self) -> None:
        self._marionette.call("WebDriver:ElementClick", id=self._id)

    def send_keys(self, keys: str) -> None:
        self._marionette.call("WebDriver:ElementSendKeys", id=self._id, text=keys)


class Firefox:
    """A `Browser` of browsing.py."""

    def __init__(self, marionette: Marionette) -> None:
        self._marionette = marionette
        self._chrome(_LISTEN)

    def get(self, address: str) -> None:
        self._marionette.call("WebDriver:Navigate", url=address)

    def get_after(self, script: str, address: str) -> None:
        """Open a page after `script` has run in another one of its origin."""
        if script:
            scheme, _, rest = address.partition("://")
            self.get(f"{scheme}://{rest.partition('/')[0]}/static/favicon.svg")
            self.execute_script(script)
        self.get(address)

    def execute_script(self, script: str, *arguments: Any) -> Any:
        return self._marionette.call("WebDriver:ExecuteScript", script=script, args=list(arguments))

    def execute_async_script(self, script: str, *arguments: Any) -> Any:
        return self._marionette.call(
            "WebDriver:ExecuteAsyncScript", script=script, args=list(arguments)
        )

    def find_element(self, by: str, value: str) -> Element:
        found = self._marionette.call("WebDriver:FindElement", using=by, value=value)
        return Element(self._marionette, found)

    def perform(self, actions: list[dict[str, Any]]) -> None:
        self._marionette.call("WebDriver:PerformActions", actions=actions)
        self._marionette.call("WebDriver:ReleaseActions")

    def save_screenshot(self, path: str) -> bool:
        image = self._marionette.call("WebDriver:TakeScreenshot", full=False, hash=False)
        return Path(path).write_bytes(base64.b64decode(image)) > 0

    def forget(self) -> None:
        self.allow_scripts(True)
        self.get("about:blank")
        self._chrome("Services.cookies.removeAll(); Services.console.reset()")
        self._chrome("window.askedHosts.clear()")
        self.look_as(DESKTOP, {})

    def look_as(self, size: Size, features: Mapping[str, str]) -> None:
        self._chrome(_RESIZE, *size)
        theme = _THEMES.get(features.get("prefers-color-scheme", "light"))
        reduced = int(features.get("prefers-reduced-motion") == "reduce")
        for name, value in (
            ("layout.css.prefers-color-scheme.content-override", theme),
            ("ui.prefersReducedMotion", reduced),
        ):
            self._chrome("Services.prefs.setIntPref(...arguments)", name, value)

    def allow_scripts(self, allowed: bool) -> None:
        context = "gBrowser.selectedBrowser.browsingContext"
        self._chrome(f"{context}.allowJavascript = arguments[0]", allowed)

    def complaints(self) -> list[str]:
        found = self._chrome(_COMPLAINTS)
        self._chrome("Services.console.reset()")
        return list(found)

    def asked_hosts(self) -> set[str]:
        return set(self._chrome("return [...window.askedHosts]"))

    def _chrome(self, script: str, *arguments: Any) -> Any:
        """Run a script in the browser's own window, which reaches its settings and its console."""
        self._marionette.call("Marionette:SetContext", value="chrome")
        try:
            return self.execute_script(script, *arguments)
        finally:
            self._marionette.call("Marionette:SetContext", value="content")


@contextmanager
def running_firefox(profile: Path) -> Iterator[Firefox]:
    """Start Firefox with a new profile in that folder, and end it."""
    lines = (f'user_pref("{name}", {_js(value)});\n' for name, value in _PREFERENCES.items())
    (profile / "user.js").write_text("".join(lines))
    options = ("--headless", "--no-remote", "--marionette", "--remote-allow-system-access")
    process = subprocess.Popen(
        [FIREFOX, *options, "--profile", profile],
        env={**os.environ, "HOME": str(profile)},  # and no cache or crash report of this user's
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        marionette = Marionette(_port(profile, process), _CALL_S)
        yield Firefox(marionette)
        marionette.close()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(profile: Path, process: subprocess.Popen[bytes]) -> int:
    ends_s = time.monotonic() + _START_S
    file = profile / "MarionetteActivePort"
    while not (file.exists() and (text := file.read_text())):
        assert process.poll() is None, f"Firefox ended with status {process.returncode}"
        assert time.monotonic() < ends_s, f"Firefox did not start within {_START_S} s"
        time.sleep(0.05)
    return int(text)


def _js(value: bool | int) -> str:
    return str(value).lower()
