"""Models that users bring: told apart, quantized, and run by the device; others refused."""

import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the converter extra is not installed")

from ai_edge_litert.tools import flatbuffer_utils  # noqa: E402 (after the skip)

from converter import cli  # noqa: E402
from converter.data.labels import LABELS  # noqa: E402
from converter.errors import ConversionError, UsageError  # noqa: E402
from converter.quantization.export import float_tflite  # noqa: E402
from converter.quantization.tflite_import import Description, foreign_model, with_activation  # noqa: E402
from converter.quiet import quiet  # noqa: E402
from edge.vision.classifier import EmotionClassifier  # noqa: E402
from edge.vision.manifest import load_model  # noqa: E402

pytestmark = [pytest.mark.converter, pytest.mark.timeout(300)]

nn = torch.nn


def net(*last, channels=3, outputs=7):
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(channels, 8, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(32, outputs), *last),
    )


def write(path, module, shape=(1, 64, 64, 3)):
    import litert_torch

    wrapped = litert_torch.to_channel_last_io(module, args=[0]).eval()
    with quiet():
        path.write_bytes(litert_torch.convert(wrapped, (torch.zeros(shape),)).model_content())
    return path


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    """A network of someone else's: 64x64, colours, probabilities."""
    return write(tmp_path_factory.mktemp("foreign") / "theirs.tflite", net(nn.Softmax(1)))


def test_what_can_be_seen_is_seen(brought, random_faces):
    model = with_activation(foreign_model(brought, Description()), None, random_faces.images)
    assert (model.preparation.side_px, model.preparation.colour) == (64, "rgb")
    assert model.activation == "probabilities"
    assert not model.passes


def test_it_is_quantized_and_the_device_runs_it(
    brought, random_npz, random_faces, tmp_path, capsys
):
    out, report = tmp_path / "int8.tflite", tmp_path / "report.json"
    words = ["quantize", str(brought), "--data", str(random_npz), "--out", str(out)]
    words += ["--calibration", "14", "--mean", "0", "--std", "255", "--report", str(report)]
    assert cli.main(words) == 0
    assert "int8.tflite: " in capsys.readouterr().out
    network, manifest = load_model(out, threads=1)
    assert manifest.input.shape == (1, 64, 64, 3)
    assert (manifest.input.colour, manifest.input.mean, manifest.input.std) == ("rgb", 0, 255)
    assert (manifest.output.activation, manifest.output.temperature) == ("probabilities", 1.0)
    face = cv2.resize(random_faces.images[0], (64, 64))
    (probs,) = EmotionClassifier(network, manifest).probabilities([np.dstack([face] * 3)])
    assert probs.sum() == pytest.approx(1, abs=0.05)
    assert np.ptp(probs) > 0
    found = json.loads(report.read_text())
    assert found["after"]["size_bytes"] == out.stat().st_size
    assert len(found["worst"]) == min(10, len(found["fidelity"]))
    assert found["manifest"]["metrics"]["public_test"]["pictures"] == 14


@pytest.mark.parametrize("recipe", ["float32", "dynamic_wi8"])
def test_recipes_with_float_ends_run_on_the_device(recipe, brought, random_npz, tmp_path):
    out = tmp_path / "m.tflite"
    words = ["quantize", str(brought), "--data", str(random_npz), "--out", str(out)]
    assert cli.main([*words, "--calibration", "7", "--recipe", recipe, "--no-measure"]) == 0
    network, manifest = load_model(out, threads=1)
    assert manifest.input.dtype == manifest.output.dtype == "float32"
    assert manifest.metrics is None
    face = np.full((64, 64, 3), 90, np.uint8)
    (probs,) = EmotionClassifier(network, manifest).probabilities([face])
    assert probs.sum() == pytest.approx(1, abs=1e-4)


def test_labels_in_another_order_are_recorded(brought, random_npz, tmp_path):
    out = tmp_path / "m.tflite"
    words = ["quantize", str(brought), "--data", str(random_npz), "--out", str(out)]
    theirs = ",".join(sorted(LABELS, reverse=True))
    words += ["--calibration", "7", "--recipe", "float32", "--no-measure", "--labels", theirs]
    assert cli.main(words) == 0
    assert load_model(out, threads=1)[1].labels == theirs.split(",")


@pytest.mark.parametrize(
    ("described", "complaint"),
    [
        (Description(colour="gray"), "--colour gray: the model takes 3 channels"),
        (Description(labels=("a", "b")), "its output is (1, 7), expected (1, 2)"),
    ],
)
def test_descriptions_that_contradict_the_file_are_refused(described, complaint, brought):
    with pytest.raises((UsageError, ConversionError)) as caught:
        foreign_model(brought, described)
    assert str(caught.value).startswith(f"{brought}: ")
    assert complaint in str(caught.value)


def test_an_activation_that_is_not_seen_is_refused(brought, random_faces):
    with pytest.raises(UsageError, match="--activation logits: the outputs are probabilities"):
        with_activation(foreign_model(brought, Description()), "logits", random_faces.images)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--std", "0"), ("--std", "-1"), ("--std", "1e-40"), ("--std", "inf"), ("--mean", "nan")],
)
def test_impossible_arithmetic_is_a_usage_error(option, value, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["quantize", "m.tflite", "--data", "d", "--out", "o.tflite", f"{option}={value}"])
    assert f"argument {option}: {value} is not" in capsys.readouterr().err


def test_weights_that_are_no_numbers_are_refused(tmp_path, random_faces):
    broken = net()
    torch.nn.init.constant_(next(broken.parameters()), float("nan"))
    model = foreign_model(write(tmp_path / "nan.tflite", broken), Description())
    with pytest.raises(ConversionError, match="output is not a number"):
        with_activation(model, None, random_faces.images)


@pytest.mark.parametrize("ends", ["inputs", "outputs"])
def test_more_than_a_sample_and_an_answer_is_refused(ends, brought, tmp_path):
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(brought.read_bytes()))
    getattr(tree.subgraphs[0], ends).append(tree.subgraphs[0].operators[0].outputs[0])
    path = tmp_path / "two.tflite"
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
    with pytest.raises(ConversionError, match=f"{ends}: 2.*; expected one of each"):
        foreign_model(path, Description())


def test_other_networks_are_refused(tmp_path, shipped_model):
    garbage = tmp_path / "garbage.tflite"
    garbage.write_bytes(b"\x00" * 100)
    empty = tmp_path / "empty.tflite"
    empty.touch()
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(shipped_model.read_bytes()[:3000])
    oblong = write(tmp_path / "oblong.tflite", net(), (1, 64, 48, 3))
    more = write(tmp_path / "more.tflite", net(outputs=8))
    for path, complaint in (
        (garbage, "not a TFLite model"),
        (empty, "not a TFLite model"),
        (cut, "not a TFLite model"),
        (tmp_path / "gone.tflite", "cannot read the model"),
        (oblong, "the device makes square samples"),
        (more, "its output is (1, 8), expected (1, 7)"),
        (shipped_model, "it is quantized already"),
    ):
        with pytest.raises(ConversionError) as caught:
            foreign_model(path, Description())
        assert str(caught.value).startswith(f"{path}: ")
        assert complaint in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--recipe", "float32", "--ranges", "percentile"], "float32 measures none"),
        (["--mean", "0"], "--mean is for .tflite models"),
        (["--report", "OUT/m.json"], "m.json would be written over another of these files"),
        (["--report", "unread.npz", "--force"], "unread.npz would be written over"),
    ],
)
def test_wishes_that_contradict_each_other_are_usage_errors(
    words, complaint, random_checkpoint, tmp_path, capsys
):
    out = tmp_path / "m.tflite"
    words = [word.replace("OUT", str(tmp_path)) for word in words]
    command = ["quantize", str(random_checkpoint), "--data", "unread.npz", "--out", str(out)]
    assert cli.main([*command, *words]) == 2
    assert complaint in capsys.readouterr().err


def test_the_float_model_of_ours_can_be_brought_too(random_npz, tmp_path):
    # A network for grey samples of another size, with logits.
    path = tmp_path / "grey.tflite"
    path.write_bytes(float_tflite(net(channels=1)))
    model = foreign_model(path, Description())
    assert (model.preparation.side_px, model.preparation.colour) == (48, "gray")
    out = tmp_path / "int8.tflite"
    words = ["quantize", str(path), "--data", str(random_npz), "--out", str(out)]
    assert cli.main([*words, "--calibration", "7"]) == 0
    assert load_model(out, threads=1)[1].output.activation == "logits"
