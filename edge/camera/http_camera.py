"""A network camera over http: an endless series of JPEGs (MJPEG), or one JPEG for each request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException
from typing import Any
from urllib import request
from urllib.error import HTTPError, URLError

from edge.camera.jpeg import decoded
from edge.camera.mjpeg import MOST_JPEG_BYTES, JpegParts
from edge.camera.network_login import NetworkAddress, network_address
from edge.camera.newest import IsOver, NewestFrames, numbered
from edge.config import CameraConfig
from edge.datatypes import BgrImage, Frame
from edge.errors import CameraError, CameraNotFound

_TIMEOUT_S = 4.0  # to connect, and for each piece that arrives
_CHUNK_BYTES = 65536
_STREAMS = ("multipart/x-mixed-replace", "multipart/mixed")


def open_http(config: CameraConfig, corrupt: Callable[[], None] = lambda: None) -> NewestFrames:
    """Open the camera; `corrupt` is called for each frame that cannot be decoded.

    Raises CameraNotFound when it does not answer with images, ConfigError for a wrong login file.
    """
    address = network_address(config)
    opener = _opener(address)
    try:
        response = _request(opener, address)
    except CameraError as exc:
        raise CameraNotFound(f"{address.name}: {exc}") from exc
    kind = response.headers.get_content_type()
    if kind in _STREAMS:
        boundary = str(response.headers.get_param("boundary", ""))
        parts = JpegParts(boundary)

        def frames(is_over: IsOver) -> Iterator[Frame]:
            with closing(response):
                yield from numbered(_whole(_streamed(response, parts, is_over), corrupt))

        return NewestFrames(address.name, frames)
    if kind == "image/jpeg":

        def snapshots(is_over: IsOver) -> Iterator[Frame]:
            jpegs = _polled(response, lambda: _request(opener, address), 1 / config.fps, is_over)
            yield from numbered(_whole(jpegs, corrupt))

        return NewestFrames(address.name, snapshots)
    response.close()
    raise CameraNotFound(
        f"{address.name}: it sends {kind}, and neither MJPEG nor a JPEG; is the path right?"
    )


class _Basic(request.HTTPBasicAuthHandler):
    """Basic authentication that closes the refused response, which urllib leaves open."""

    def http_error_401(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any) -> Any:
        with _closed_if_handled(fp) as answers:
            answers.append(super().http_error_401(req, fp, code, msg, headers))
        return answers[0]


class _Digest(request.HTTPDigestAuthHandler):
    """The same for Digest authentication."""

    def http_error_401(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any) -> Any:
        with _closed_if_handled(fp) as answers:
            answers.append(super().http_error_401(req, fp, code, msg, headers))
        return answers[0]


@contextmanager
def _closed_if_handled(refused: Any) -> Iterator[list[Any]]:
    """Close a refused response, unless the answer to it is None: the next handler needs it then."""
    answers: list[Any] = []
    try:
        yield answers
    finally:
        if answers != [None]:
            refused.close()


def _opener(address: NetworkAddress) -> request.OpenerDirector:
    """Return what sends requests: http and https only, and past no proxy."""
    passwords = request.HTTPPasswordMgrWithDefaultRealm()
    opener = request.OpenerDirector()
    if address.user:
        passwords.add_password(None, address.url, address.user, address.password)
        opener.add_handler(_Basic(passwords))
        opener.add_handler(_Digest(passwords))
    for handler in (
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _request(opener: request.OpenerDirector, address: NetworkAddress) -> Any:
    """Send a request and return the response. Raises CameraError, without the address's path."""
    try:
        return opener.open(address.url, timeout=_TIMEOUT_S)
    except HTTPError as exc:
        exc.close()
        advice = "; set [camera] login_file" if exc.code == 401 and not address.user else ""
        advice = advice or ("; is the login right?" if exc.code in (401, 403) else "")
        raise CameraError(f"it answers with {exc.code} {exc.reason}{advice}") from exc
    except URLError as exc:
        raise CameraError(f"it cannot be reached: {_reason(exc.reason)}") from exc
    except (OSError, HTTPException, ValueError) as exc:
        raise CameraError(f"it cannot be reached: {_reason(exc)}") from exc


def _reason(reason: object) -> str:
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return str(text)[:200]


def _streamed(response: Any, parts: JpegParts, is_over: IsOver) -> Iterator[bytes]:
    while not is_over():
        try:
            data = response.read1(_CHUNK_BYTES)
        except (OSError, HTTPException, ValueError) as exc:
            raise CameraError(f"the stream broke off: {_reason(exc)}") from exc
        if not data:
            return
        yield from parts.feed(data)


def _polled(
    response: Any, ask: Callable[[], Any], every_s: float, is_over: IsOver
) -> Iterator[bytes]:
    """Yield the JPEG of the first response, and of a new one each `every_s`."""
    while True:
        due_s = time.monotonic() + every_s
        with closing(response):
            jpeg = _body(response, is_over)
        if is_over():
            return
        yield jpeg
        time.sleep(max(due_s - time.monotonic(), 0.0))
        if is_over():
            return
        response = ask()


def _body(response: Any, is_over: IsOver) -> bytes:
    body = bytearray()
    try:
        while not is_over() and (data := response.read1(_CHUNK_BYTES)):
            body += data
            if len(body) > MOST_JPEG_BYTES:
                raise CameraError(f"a frame of more than {MOST_JPEG_BYTES // 1_000_000} MB")
    except (HTTPException, ValueError) as exc:
        raise CameraError(f"the image broke off: {_reason(exc)}") from exc
    return bytes(body)


def _whole(jpegs: Iterator[bytes], corrupt: Callable[[], None]) -> Iterator[BgrImage]:
    for jpeg in jpegs:
        bgr = decoded(jpeg)
        if bgr is None:
            corrupt()
        else:
            yield bgr
