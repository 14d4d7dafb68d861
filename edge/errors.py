"""The exception tree. Everything this package raises on purpose descends from EdgeError.

EdgeError                          exit 1
├── UsageError       (ValueError)  exit 2: a command line that cannot be obeyed
│   └── ConfigError                        a configuration file or value
├── CameraError      (OSError)
│   ├── CameraNotFound                     nothing to open: permanent until somebody plugs it in
│   └── CameraStalled                      it opened and stopped delivering: retryable
├── MediaError       (ValueError)          an image, video or folder that cannot be read
├── ModelError       (ValueError)          a network or manifest that is missing or does not fit
├── OutputError      (OSError)             an LED, broker or port that does not answer
└── StateError       (OSError)             the state folder cannot be read or written

Each also inherits the builtin named, so that callers who know only Python can catch it. The
message is one line: what, which value, where, and what to do.
"""


class EdgeError(Exception):
    """Root of the tree; `exit_code` is what the command line returns for it."""

    exit_code = 1


class UsageError(EdgeError, ValueError):
    """The command line asks for something impossible."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file that is missing, malformed or holds a value out of range.

    For what stays wrong until a person changes a setting: systemd does not start the device again
    after exit code 2. What may pass by itself (a camera unplugged, a port in use, a name that the
    network does not know yet) has exit code 1, and is tried again.
    """


class CameraError(EdgeError, OSError):
    """The camera cannot be used."""


class CameraNotFound(CameraError):
    """There is no such camera."""


class CameraStalled(CameraError):
    """An open camera delivered no frame in time."""


class MediaError(EdgeError, ValueError):
    """An image, a video or a folder of images that cannot be read."""


class ModelError(EdgeError, ValueError):
    """A network or its manifest is missing, damaged, or one does not fit the other."""


class OutputError(EdgeError, OSError):
    """An output (LED, port, broker) cannot be used."""


class StateError(EdgeError, OSError):
    """The state folder, or a file in it, cannot be used."""
