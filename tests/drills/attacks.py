"""What an attacker may do: with how many connections, and what each of them says."""

from dataclasses import dataclass

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
CODE = b"Authorization: Bearer %CODE%\r\n"
BODY = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n"
WHOLE = b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHECKS = (HEAD + b"\r\n") * 1000
FORGED = b"GET /x%0aWARNING%1b[2J HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \xff\r\n\r\n"
GUESS = b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\ncode=abc"
DATED = b"GET /static/style.css HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: %b\r\n\r\n" % (
    b"Mon, 01 Jan 1970 00:00:00 +9999999999999"
)
WATCH = b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n" + CODE + b"\r\n"


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What each of so many connections says first, and what it goes on to say."""

    number: int
    said: bytes = b""
    then: bytes = b""
    sources: tuple[str, ...] = ("127.0.0.1",)
    is_encrypted: bool = True  # over https; else these are bytes on the socket itself
    pause_s: float = 0.05
    resets: bool = False  # each time, instead of going on
    reads: int = 65536  # bytes at a time; 0: nothing


ATTACKS = {
    "20 silent": Attack(number=20, is_encrypted=False),
    "20 dribbling": Attack(number=20, said=HEAD + b"X: ", then=b"x"),
    "60 dribbling": Attack(number=60, said=HEAD + b"X: ", then=b"x"),
    "60 with half a body": Attack(number=60, said=BODY + b"\r\n", then=b"x"),
    "60 that wait for 100": Attack(number=60, said=BODY + b"Expect: 100-continue\r\n\r\n"),
    "60 half handshakes": Attack(
        number=60, said=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", is_encrypted=False
    ),
    "whole handshakes": Attack(number=8, resets=True, pause_s=0),
    "60 that read nothing": Attack(number=60, said=WHOLE * 50, reads=0),
    "300 connections": Attack(number=300, said=b"G", is_encrypted=False),
    "250 addresses dribbling": Attack(
        number=250,
        said=HEAD + b"X: ",
        then=b"x",
        sources=tuple(f"127.0.0.{n}" for n in range(3, 253)),
    ),
    "a storm of resets": Attack(number=50, said=HEAD, resets=True, is_encrypted=False),
    "a flood of forged requests": Attack(number=8, said=FORGED, then=FORGED, pause_s=0),
    "a flood of pipelined requests": Attack(number=8, said=WHOLE * 20, then=WHOLE * 5),
    "requests without end": Attack(number=2, said=HEAD + b"\r\n", then=CHECKS, pause_s=0),
    "a head byte by byte": Attack(
        number=8, said=HEAD + b"X: y\r\n" * 2000, then=b"x", pause_s=0.001
    ),
    "a flood of guesses": Attack(number=8, said=GUESS, then=GUESS, pause_s=0),
    "a flood of false dates": Attack(number=8, said=DATED, then=DATED),
    "200 half requests": Attack(number=200, said=HEAD + b"X: ", then=b"x"),
    "200 with whole requests": Attack(number=200, said=WHOLE, then=WHOLE, pause_s=0.02),
    "eight addresses with whole requests": Attack(
        number=200,
        said=WHOLE,
        then=WHOLE,
        pause_s=0.02,
        sources=tuple(f"127.0.0.{n}" for n in range(3, 11)),
    ),
    "200 that want to watch": Attack(number=200, said=WATCH),
    "3 viewers that read 2 KB/s": Attack(number=3, said=WATCH, reads=200, pause_s=0.1),
}
