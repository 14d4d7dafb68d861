"""The command line: exit codes, one line of complaint, and no torch where none is needed."""

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter import cli
from converter.errors import CheckpointError

pytestmark = pytest.mark.converter


def run(*words):
    """Return exit code and complaint of the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "converter", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", [["version"], ["--version"], ["--help"]])
def test_torch_is_not_imported_without_need(words):
    program = (
        "import sys; from converter.cli import main\n"
        f"try: main({words})\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert all(command in text for command in (*cli.COMMANDS, "version"))


def test_no_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main([])
    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_an_impossible_number_of_samples_is_a_usage_error(count, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["quantize", "c", "--data", "d", "--out", "o.tflite", "--calibration", count])
    assert "--calibration" in capsys.readouterr().err


def test_an_output_of_another_kind_is_a_usage_error(capsys):
    assert cli.main(["quantize", "c", "--data", "d", "--out", "model.onnx"]) == 2
    assert capsys.readouterr().err == (
        "emotion-converter: --out model.onnx: expected a name ending in .tflite\n"
    )


def test_an_existing_model_or_manifest_is_kept(tmp_path, capsys):
    for existing in (tmp_path / "m.json", tmp_path / "m.tflite"):
        existing.write_text("precious")
        out = str(tmp_path / "m.tflite")
        assert cli.main(["quantize", "c", "--data", "d", "--out", out]) == 2
        assert capsys.readouterr().err == (
            f"emotion-converter: {existing} exists; pass --force to replace it\n"
        )
        assert existing.read_text() == "precious"
        existing.unlink()


def test_an_output_in_no_folder_fails(tmp_path, capsys):
    out = str(tmp_path / "gone" / "m.tflite")
    assert cli.main(["quantize", "c", "--data", "d", "--out", out]) == 1
    assert capsys.readouterr().err == f"emotion-converter: {out}: cannot write: {NO_SUCH}\n"


NO_SUCH = "No such file or directory"


def test_a_missing_checkpoint_fails_without_leaving_a_file(tmp_path, capsys):
    out = str(tmp_path / "m.tflite")
    assert cli.main(["quantize", "gone.safetensors", "--data", "d", "--out", out]) == 1
    assert capsys.readouterr().err.startswith(
        "emotion-converter: gone.safetensors: cannot read the checkpoint: "
    )
    assert not list(tmp_path.iterdir())


def test_missing_data_fails(random_checkpoint, tmp_path, capsys):
    words = ["quantize", str(random_checkpoint), "--data", "gone.npz"]
    assert cli.main([*words, "--out", str(tmp_path / "m.tflite")]) == 1
    assert capsys.readouterr().err == (
        f"emotion-converter: gone.npz: cannot read the samples: {NO_SUCH}\n"
    )


def test_more_calibration_samples_than_there_are_fails(
    random_checkpoint, random_npz, tmp_path, capsys
):
    words = ["quantize", str(random_checkpoint), "--data", str(random_npz)]
    assert cli.main([*words, "--out", str(tmp_path / "m.tflite"), "--calibration", "43"]) == 1
    assert "43 samples are needed, but the dataset has 42" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gone.tflite", "gone.safetensors"])
def test_a_missing_model_cannot_be_evaluated(name, random_npz, capsys):
    assert cli.main(["evaluate", name, "--data", str(random_npz)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"emotion-converter: {name}: cannot read")
    assert complaint.count("\n") == 1


def test_garbage_cannot_be_evaluated(random_npz, tmp_path, capsys):
    garbage = tmp_path / "garbage.tflite"
    garbage.write_bytes(b"not a model")
    assert cli.main(["evaluate", str(garbage), "--data", str(random_npz)]) == 1
    assert "garbage.tflite: not a TFLite model" in capsys.readouterr().err


def test_debug_shows_the_traceback(monkeypatch, random_npz):
    monkeypatch.setenv("EMOTION_CONVERTER_DEBUG", "1")
    with pytest.raises(CheckpointError):
        cli.main(["evaluate", "gone.safetensors", "--data", str(random_npz)])


def test_the_installed_command_complains_in_one_line():
    code, complaint = run("evaluate", "gone.tflite", "--data", "gone.npz")
    assert code == 1
    assert complaint == f"emotion-converter: gone.npz: cannot read the samples: {NO_SUCH}\n"
