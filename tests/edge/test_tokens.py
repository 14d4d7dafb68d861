"""`emotion-edge tokens`: makes, lists and revokes links, and shows each token once."""

import re
from pathlib import Path

import pytest

import edge.cli
import edge.config.options
from edge.cli import main


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for module in (edge.config.options, edge.cli):
        monkeypatch.setattr(module, "INSTALLED_SETTINGS", tmp_path / "none.toml")
    return tmp_path / "state" / "emotion-edge"


def told(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> list[str]:
    assert main(["tokens", *args]) == code
    out, err = capsys.readouterr()
    assert not (out and err)
    return (out or err).splitlines()


def test_a_link_is_made_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    address, *_ = told(capsys, "--add", "kitchen", "--port", "9000")
    assert re.fullmatch(r"http://127\.0\.0\.1:9000/view/[\w-]{22}/", address)
    (token,) = told(capsys, "--add", "prometheus", "--for", "metrics")
    assert re.fullmatch(r"[\w-]{22}", token)
    assert told(capsys) == ["kitchen (view)", "prometheus (metrics)"]
    told(capsys, "--remove", "kitchen")
    assert told(capsys) == ["prometheus (metrics)"]


def test_without_an_address_a_place_for_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = told(capsys, "--add", "kitchen")
    assert line.startswith("http://DEVICE:8080/view/")


def test_what_is_wrong_is_one_line(
    capsys: pytest.CaptureFixture[str], state: Path, tmp_path: Path
) -> None:
    (line,) = told(capsys, "--add", "a b", code=2)
    assert "expected 1 to 32 letters" in line
    (line,) = told(capsys, "--remove", "kitchen", code=2)
    assert line.endswith("there is no token 'kitchen'; there are: none")
    (state / "access-tokens").write_text("{")
    (line,) = told(capsys, code=1)
    assert "not what `emotion-edge tokens` writes" in line
    settings = tmp_path / "open.toml"
    settings.write_text('[web]\nauth = "none"\n')
    (line,) = told(capsys, "--config", str(settings), code=2)
    assert 'auth = "none"' in line
