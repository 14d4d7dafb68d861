"""A page in a browser, and what a person would see on it."""

import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Protocol

import pytest

Size = tuple[int, int]
PHONE, DESKTOP = (390, 844), (1280, 800)
THEMES = ("light", "dark")
_READ = "localStorage.setItem('about-read', 'yes')"


class Browser(Protocol):
    """What `Page` needs of a browser. chromium.py and firefox.py have one each.

    The methods that Selenium has as well do the same as there.
    """

    def get(self, address: str) -> None: ...

    def get_after(self, script: str, address: str) -> None:
        """Open a page whose scripts find what `script` left in the storage."""

    def execute_script(self, script: str, *arguments: Any) -> Any: ...

    def execute_async_script(self, script: str, *arguments: Any) -> Any: ...

    def find_element(self, by: str, value: str) -> Any: ...

    def perform(self, actions: list[dict[str, Any]]) -> None:
        """Perform the actions of W3C WebDriver: a pointer's, or keys."""

    def save_screenshot(self, path: str) -> bool: ...

    def forget(self) -> None:
        """Leave the page; forget cookies, complaints, hosts, the window's size and the wishes."""

    def look_as(self, size: Size, features: Mapping[str, str]) -> None:
        """Show the page in that size, with these media features of a user's wish."""

    def allow_scripts(self, allowed: bool) -> None:
        """Run the scripts of the pages opened from now on, or do not."""

    def complaints(self) -> list[str]:
        """Return what the browser complained of since last asked."""

    def asked_hosts(self) -> set[str]:
        """Return the hosts that pages asked for anything."""


class Page:
    """What a person would see on the page of a device, read from the live document.

    The notice of first use has been read before, unless it is `first_use`. `before` is a script
    that runs before those of the page; in Firefox it can change the storage only.
    """

    def __init__(
        self,
        browser: Any,
        device: Any,
        *,
        path: str = "/",
        first_use: bool = False,
        before: str = "",
    ) -> None:
        self.browser = browser
        self.before = before
        self.address = f"http://127.0.0.1:{device.port}"
        browser.forget()  # the page before this one may miss its device, and say so
        self.open(path, first_use=first_use)

    def open(self, path: str = "/", *, first_use: bool = False) -> None:
        script = self.before if first_use else f"{self.before};{_READ}"
        self.browser.get_after(script, f"{self.address}{path}")

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

    def brightness(self, selector: str = "#video") -> float:
        """Mean of the image as it is on the page, 0..255: notices are dark, no image is 0."""
        return float(
            self.browser.execute_script(
                """
                const canvas = document.createElement("canvas"), c = canvas.getContext("2d");
                const image = document.querySelector(arguments[0]);
                if (!image.naturalWidth) return 0;
                c.drawImage(image, 0, 0, 64, 48);
                const data = c.getImageData(0, 0, 64, 48).data;
                return data.reduce((sum, v, i) => sum + (i % 4 < 3 ? v : 0), 0) / (64 * 48 * 3);
                """,
                selector,
            )
        )

    def look_as(self, size: Size, theme: str = "light", **features: str) -> None:
        """See the page in that size and theme; `features` are media features of a user's wish."""
        wishes = {"prefers-color-scheme": theme}
        wishes |= {name.replace("_", "-"): value for name, value in features.items()}
        self.browser.look_as(size, wishes)

    def hold_answers(self) -> None:
        """Keep each response to the page's requests back until `release_answers`."""
        self.run("""(window.release = [], (fetched => {
            window.fetch = async (...given) => {
                const response = await fetched(...given);
                await new Promise((go) => window.release.push(go));
                return response;
            };
        })(window.fetch), 0)""")

    def release_answers(self, count: int) -> None:
        """Wait until so many responses are held; let these and all later ones go."""
        until(lambda: self.run("window.release.length") >= count)
        self.run(
            "window.release.splice(0).forEach((go) => go()), window.release.push = (go) => go()"
        )

    def drag(self, selector: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag with the mouse over an element, from and to a place in shares of it."""
        box = self.box(selector)
        assert box["top"] >= 0, box
        (x1, y1), (x2, y2) = (
            (round(box["left"] + x * box["width"]), round(box["top"] + y * box["height"]))
            for x, y in (start, end)
        )
        steps = [
            {"type": "pointerMove", "duration": 0, "x": x1, "y": y1},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "duration": 50, "x": x2, "y": y2},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self.browser.perform([{**mouse, "actions": steps}])

    def console(self) -> list[str]:
        """Return what the browser complained of since last asked."""
        return list(self.browser.complaints())

    def violations(self) -> list[str]:
        """Return what axe-core finds serious or critical. Injected past the page's own policy.

        Nothing moves meanwhile: a face that fades in has little contrast for a moment.
        """
        axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
        source = files(axe).joinpath("axe.min.js").read_text("utf-8")
        found = self.browser.execute_async_script(
            f"""
            const done = arguments[0];
            if (!window.axe) {{ {source} }}
            const still = new CSSStyleSheet();
            still.replaceSync("* {{ animation: none !important; transition: none !important; }}");
            document.adoptedStyleSheets = [still];
            axe.run(document, {{ resultTypes: ["violations"] }})
              .then(({{ violations }}) => violations, (error) => `${{error}}`)
              .then((found) => {{ document.adoptedStyleSheets = []; done(found); }});
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
    """Wait for what becomes true. What is asserted next must have come in the same moment.

    The page changes at once what one status says: faces, banner, button, counters. What comes by
    another way (a response, the video, the device itself) is waited for in its turn.
    """
    ends_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < ends_s, f"not within {limit_s} s"
        time.sleep(0.1)
