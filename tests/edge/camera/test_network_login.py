"""The login of a network camera: its file, and a password that is told nowhere."""

from pathlib import Path

import pytest

from edge.camera.auto import open_source
from edge.config import load_config
from edge.errors import ConfigError


@pytest.mark.parametrize("content", ["", "user", ":password", "a:b\nc:d\n", b"\xff:a"])
def test_a_login_file_that_is_none_is_refused(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "login"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    settings = {"source": "http://a.b/", "login_file": str(path)}
    with pytest.raises(ConfigError, match=r"\[camera\] login_file = .*: (expected one line|not)"):
        open_source(load_config(overrides={"camera": settings}).camera)
    path.unlink()
    with pytest.raises(ConfigError, match="cannot read it: No such file"):
        open_source(load_config(overrides={"camera": settings}).camera)


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://user:secret@192.168.1.2/x",
        "http://user:sec/ret@a.b/",
        f"http://user:secret@{'a' * 100}.b/",
        "http://secret@a.b/",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_shown(tmp_path: Path, address: str) -> None:
    path = tmp_path / "my.toml"
    for text in (f'source = "{address}"', f"source = {address}", f'source = "{address}'):
        path.write_text(f"[camera]\n{text}\n")
        with pytest.raises(ConfigError) as refusal:
            load_config(path)
        assert "sec" not in str(refusal.value), str(refusal.value)
    path.write_text(f'[camera]\nsource = "{address}"\n')
    with pytest.raises(ConfigError, match=r"login_file|expected an address"):
        load_config(path)


@pytest.mark.parametrize(
    "address",
    ["rtsp://", "http:///x", "http://a b/", "rtsp://a:99999999/", "http://[::1/", "http://*/"],
)
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    path = tmp_path / "my.toml"
    path.write_text(f'[camera]\nsource = "{address}"\n')
    with pytest.raises(ConfigError, match=r"\[camera\] source = .*: expected"):
        load_config(path)
