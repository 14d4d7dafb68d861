"""The recipe file: its defaults, what may differ, and how nonsense in it is refused."""

import tomllib

import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.errors import UsageError
from converter.training.recipe import default_recipe, load_recipe

pytestmark = pytest.mark.converter


def recipe(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text)
    return load_recipe(path)


def test_an_empty_file_is_the_default(tmp_path):
    assert recipe(tmp_path, "") == default_recipe()


def test_only_what_is_named_differs(tmp_path):
    own = recipe(tmp_path, "batch = 32\n[augmentation]\nerase = 0.5\n")
    default = default_recipe()
    assert (own.batch, default.batch) == (32, 64)
    assert own.augmentation.erase == 0.5
    assert own.augmentation.shear == default.augmentation.shear
    assert own.stages == default.stages


def test_what_is_saved_reads_back_as_the_same(tmp_path):
    saved = default_recipe().to_toml().decode()
    assert tomllib.loads(saved)
    assert recipe(tmp_path, saved) == default_recipe()


def test_every_epoch_belongs_to_a_stage():
    default = default_recipe()
    seen = [default.stage_of(epoch) for epoch in range(default.epochs)]
    assert [before for _, before in seen] == [
        before for stage in default.stages for before in range(stage.epochs)
    ]
    with pytest.raises(IndexError):
        default.stage_of(default.epochs)


def test_shares_of_the_time_go_through_the_stages():
    default = default_recipe()  # of 5, 5 and 12 epochs
    first, second, last = default.stages
    assert default.at(0.0) == (first, 0.0)
    assert default.at(2.5 / 22) == (first, pytest.approx(0.5))
    assert default.at(5 / 22 + 1e-9) == (second, pytest.approx(0.0, abs=1e-6))
    assert default.at(16 / 22) == (last, pytest.approx(0.5))
    assert default.at(1.0) == (last, 1.0)


def test_what_is_new_is_off_by_default():
    default = default_recipe()
    amounts = default.augmentation
    assert (default.mixup, default.cutmix, default.stem) == (0, 0, "plain")
    assert not default.fit_biases
    assert amounts.gamma == amounts.backlight == amounts.low_resolution == 0
    assert amounts.blur == amounts.noise == 0


def test_only_the_last_stage_can_be_asked_for():
    short = default_recipe().only(1)
    assert short.epochs == 1
    assert short.stages[0].learning_rate == default_recipe().stages[-1].learning_rate


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("batch = 1", "`$.batch`"),
        ("bathc = 64", "unknown field `bathc`"),
        ("batch = 'many'", "`$.batch`"),
        ("stages = []", "`$.stages`"),
        ("[[stages]]\nepochs = 1", "missing required field"),
        (
            "[[stages]]\nepochs=1\nside_px=8\nlearning_rate=1.0\nfinal_learning_rate=0.0",
            "`$.stages[0].side_px`",
        ),
        (
            "[[stages]]\nepochs=1\nside_px=48\nlearning_rate=0.0\nfinal_learning_rate=0.0",
            "`$.stages[0].learning_rate`",
        ),
        ("precision = 'float16'", "`$.precision`"),
        ("augmentation = 3", "`$.augmentation`"),
        ("learning_rate = nan", "unknown field"),
        ("batch = ", "Invalid value"),
        ("\udcff", "not a training recipe"),
    ],
)
def test_nonsense_is_refused_in_one_line(text, complaint, tmp_path):
    path = tmp_path / "own.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"{path}: not a training recipe: ")
    assert complaint in str(caught.value)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("key", ["weight_decay", "balance", "votes_weight"])
def test_numbers_without_end_are_refused(key, value, tmp_path):
    with pytest.raises(UsageError, match=key):
        recipe(tmp_path, f"{key} = {value}")
