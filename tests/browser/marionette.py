"""Firefox's own remote protocol: numbered JSON commands over a socket, after their length.

geckodriver speaks it as well, but Debian 12 has no package of that. The commands are those of W3C
WebDriver. https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

import json
import socket
from typing import Any


class MarionetteError(Exception):
    """Firefox refused a command."""


class Marionette:
    """A session with a Firefox that listens on `port` of this machine."""

    def __init__(self, port: int, timeout_s: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._received()  # its greeting
        self.call("WebDriver:NewSession", capabilities={})

    def call(self, command: str, **parameters: Any) -> Any:
        """Return the command's result. Raises MarionetteError, OSError."""
        self._number += 1
        message = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._received()
        if error is not None:
            raise MarionetteError(f"{command}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _received(self) -> Any:
        length = b""
        while (digit := self._stream.read(1)) != b":":
            if not digit:
                raise ConnectionError("Firefox closed the connection")
            length += digit
        return json.loads(self._stream.read(int(length)))
