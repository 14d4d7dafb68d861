"""Real reverse proxies on loopback, with the configurations of docs/reverse-proxy.md."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from edge.web.certificate import keep_certificate

NAME = "faces.example.org"
PATH = f"{os.environ['PATH']}:/usr/sbin"  # nginx is there
DOCUMENT = Path(__file__).parents[2] / "docs/reverse-proxy.md"

Kind = Literal["nginx", "nginx below a path", "caddy", "caddy below a path", "stock nginx"]
KINDS: tuple[Kind, ...] = ("nginx", "nginx below a path", "caddy", "caddy below a path")

_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {site}
}}
"""
_CADDY = "{{\n admin off\n auto_https off\n storage file_system {folder}/store\n}}\n{site}\n"


@dataclass(frozen=True)
class Proxy:
    """A running proxy: its port, and the path of the device's page."""

    port: int
    path: str
    secure: bool
    opened: list[Any] = field(default_factory=list)
    """What a test has opened and the end closes."""

    @property
    def host(self) -> str:
        return f"{NAME}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}"


@contextmanager
def proxy(kind: Kind, device_port: int, folder: Path, *, tls: bool = True) -> Iterator[Proxy]:
    """Run the proxy in front of a device on loopback until the context ends."""
    program = kind.partition(" below")[0].removeprefix("stock ")
    if shutil.which(program, path=PATH) is None:
        pytest.skip(f"{program} is not installed: apt-get install {program}")
    port, below = free_port(), "below a path" in kind
    files = _certificate(folder) if tls else None
    if kind == "stock nginx":
        site = "server { listen 443 ssl; location / { proxy_pass http://127.0.0.1:8080; } }"
    else:
        site = _documented(program, below=below)
    site = site.replace("127.0.0.1:8080", f"127.0.0.1:{device_port}")
    make = _nginx if program == "nginx" else _caddy
    command = make(site, port, folder, files, below=below)
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_for(port, process, folder)
        front = Proxy(port, "/faces/" if below else "/", tls)
        yield front
        for thing in front.opened:
            thing.close()
    finally:
        process.terminate()
        process.wait(10)


def _documented(program: str, *, below: bool) -> str:
    language = {"nginx": "nginx", "caddy": "caddyfile"}[program]
    blocks = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    whole, path = blocks
    return str(path if below else whole)


def _nginx(
    site: str, port: int, folder: Path, files: tuple[Path, Path] | None, *, below: bool
) -> list[str]:
    if below:
        site = f"server {{ listen 443 ssl; {site} }}"
    site = re.sub(r"ssl_certificate\w*\s[^;]*;", "", site)
    listen = f"listen 127.0.0.1:{port}"
    if files:
        chain, key = files
        listen += f" ssl; ssl_certificate {chain}; ssl_certificate_key {key}"
    site = site.replace("listen 443 ssl", listen)
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, site=site))
    return [
        shutil.which("nginx", path=PATH) or "",
        "-c",
        str(config),
        "-e",
        str(folder / "error.log"),
    ]


def _caddy(
    site: str, port: int, folder: Path, files: tuple[Path, Path] | None, *, below: bool
) -> list[str]:
    if below:
        site = f"{NAME} {{\n{site}\n}}"
    scheme, inside = "http", "bind 127.0.0.1"
    if files:
        scheme, inside = "https", f"bind 127.0.0.1\n tls {files[0]} {files[1]}"
    site = site.replace(f"{NAME} {{", f"{scheme}://{NAME}:{port} {{\n {inside}", 1)
    config = folder / "Caddyfile"
    config.write_text(_CADDY.format(folder=folder, site=site))
    return ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]


def _certificate(folder: Path) -> tuple[Path, Path]:
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    certificate = keep_certificate(folder, [NAME])
    return certificate.path, certificate.key_path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    ends_s = time.monotonic() + 30
    while time.monotonic() < ends_s and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    logs = [path.read_text("utf-8", "replace") for path in folder.glob("*.log")]
    raise AssertionError(f"the proxy does not listen: {' '.join(logs)}")
