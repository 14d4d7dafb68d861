"""The exception tree. Everything this package raises on purpose descends from EdgeError.

EdgeError                          exit 1
├── UsageError       (ValueError)  exit 2: a command line that is not valid
│   └── ConfigError                        a configuration file or value
│       └── PackageMissing                 the settings need a package that is not installed
├── CameraError      (OSError)
│   ├── CameraNotFound                     no such camera: permanent until one is plugged in
│   └── CameraStalled                      an open camera stopped delivering: retryable
├── MediaError       (ValueError)          an image, video or folder that cannot be read
├── ModelError       (ValueError)          a network or manifest that is missing or does not fit
├── OutputError      (OSError)             an LED, broker or port that does not answer
│   ├── OutputRetrying                     one that tries again by itself, and needs every report
│   └── OutputGone                         a pipe or terminal whose other end was closed: permanent
├── ResourceError    (OSError)             the machine has no thread or memory left
└── StateError       (OSError)             the state folder cannot be read or written

Each also inherits the builtin named, so that a caller can catch that. The message is one line:
what failed, which value, where, and what to do.
"""

from __future__ import annotations

import re

# Control characters, line and paragraph separators, characters that change the text direction,
# and bytes of a name that are not UTF-8. They could forge or hide a line of the log.
_UNPRINTABLE = re.compile(r"[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # see PEP 383


def printable(text: str) -> str:
    r"""Return `text` on one line: unprintable characters become escapes, such as \n or \xff."""
    return _UNPRINTABLE.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    if code in _ESCAPED_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


class EdgeError(Exception):
    """Root of the tree; `exit_code` is the exit code of a command that raises it."""

    exit_code = 1

    def __str__(self) -> str:
        """Return the message on one line, whatever characters it holds."""
        return printable(super().__str__())


class UsageError(EdgeError, ValueError):
    """The command line is not valid."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file that is missing, malformed or holds a value out of range.

    For what stays wrong until a person changes a setting or installs a package: systemd does not
    start the device again after exit code 2. What may pass by itself (a camera unplugged, a port
    in use, a name that the network does not know yet) has exit code 1, and is tried again.
    """


class PackageMissing(ConfigError):
    """A package that the settings need is not installed, or too old."""


class CameraError(EdgeError, OSError):
    """The camera cannot be used."""


class CameraNotFound(CameraError):
    """There is no such camera."""


class CameraStalled(CameraError):
    """An open camera delivered no frame in time."""


class MediaError(EdgeError, ValueError):
    """An image, a video or a folder of images that cannot be read."""


class ModelError(EdgeError, ValueError):
    """A network or its manifest is missing or damaged, or the two do not match."""


class OutputError(EdgeError, OSError):
    """An output (LED, port, broker) cannot be used."""


class OutputRetrying(OutputError):
    """An output that is down, tries again by itself, and still wants every report."""


class OutputGone(OutputError):
    """The other end of an output was closed permanently."""


class ResourceError(EdgeError, OSError):
    """The machine has no thread or memory left."""


class StateError(EdgeError, OSError):
    """The state folder, or a file in it, cannot be used."""
