from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edge.camera.folders import list_images
from edge.camera.media import iter_video, open_media, read_image, video_frame_count, video_frames
from edge.errors import MediaError


def write_video(path: Path, frames: int, fps: float = 20.0) -> Path:
    """A video whose frame k is grey of level 10 k."""
    codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), codec, fps, (64, 48))
    assert writer.isOpened()
    for k in range(frames):
        writer.write(np.full((48, 64, 3), min(10 * k, 255), np.uint8))
    writer.release()
    return path


def red_above_blue(mode: str = "RGB") -> Image.Image:
    image = Image.new("RGB", (30, 20), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 30, 10))
    return image.convert(mode)


def test_pictures_are_listed_by_path_with_those_in_folders_below(tmp_path):
    for name in ("b.PNG", "a.jpg", "sub/c.webp", ".hidden.png", ".git/d.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    names = [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)]
    assert names == ["a.jpg", "b.PNG", "sub/c.webp"]


def test_an_empty_or_missing_folder_is_refused(tmp_path):
    with pytest.raises(MediaError, match=r"no images in this folder; searched for .*\.jpg"):
        list_images(tmp_path)
    with pytest.raises(MediaError, match="no such folder"):
        list_images(tmp_path / "nowhere")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".webp", ".jpg"])
def test_colours_come_as_bgr(tmp_path, suffix):
    path = tmp_path / f"Zoë 人{suffix}"
    red_above_blue().save(path)
    bgr = read_image(path)
    assert (bgr.shape, bgr.dtype) == ((20, 30, 3), np.uint8)
    np.testing.assert_allclose(bgr[3, 15], (0, 0, 255), atol=12)
    np.testing.assert_allclose(bgr[16, 15], (255, 0, 0), atol=12)


def test_grey_becomes_bgr_and_transparency_is_dropped(tmp_path):
    red_above_blue("L").save(tmp_path / "grey.png")
    grey = read_image(tmp_path / "grey.png")
    assert grey.shape == (20, 30, 3)
    assert (grey[..., 0] == grey[..., 2]).all()
    see_through = red_above_blue("RGBA")
    see_through.putalpha(0)
    see_through.save(tmp_path / "clear.png")
    np.testing.assert_array_equal(read_image(tmp_path / "clear.png")[3, 3], (0, 0, 255))


def test_sixteen_bits_become_eight(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((4, 4), 0x8000, np.uint16))
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png"), np.full((4, 4, 3), 128))


def test_a_picture_is_turned_upright_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: turn by 90 degrees clockwise
    red_above_blue().save(tmp_path / "turned.jpg", exif=exif)
    bgr = read_image(tmp_path / "turned.jpg")
    assert bgr.shape == (30, 20, 3)
    np.testing.assert_allclose(bgr[15, 16], (0, 0, 255), atol=12)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
def test_a_truncated_picture_is_refused_and_no_library_prints(tmp_path, capfd, suffix):
    path = tmp_path / f"cut{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match=r"cut\S+: not a whole image"):
        read_image(path)
    assert capfd.readouterr().err == ""


def test_garbage_nothing_and_missing_files_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("not an image\n" * 50)
    (tmp_path / "empty.png").touch()
    for name, reason in {
        "text.png": "not a whole image",
        "empty.png": "the file is empty",
        "gone.png": "cannot read the file: No such file",
    }.items():
        with pytest.raises(MediaError, match=f"{name}: {reason}"):
            read_image(tmp_path / name)


def test_a_picture_of_absurd_size_is_refused(tmp_path):
    red_above_blue().save(tmp_path / "wide.png")
    with pytest.raises(MediaError, match=r"30x20 pixels; at most 0\.0005 megapixels"):
        read_image(tmp_path / "wide.png", max_pixels=500)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "Zoë 人.mp4"])
def test_every_frame_of_a_video_comes_in_order_with_its_time(tmp_path, name):
    path = write_video(tmp_path / name, frames=12)
    frames = list(iter_video(path))
    assert [frame.seq for frame in frames] == list(range(12))
    np.testing.assert_allclose([f.bgr.mean() for f in frames], np.arange(12) * 10, atol=4)
    np.testing.assert_allclose([f.captured_at_s for f in frames], np.arange(12) / 20, atol=1e-3)
    assert video_frame_count(path) == 12


def test_a_damaged_video_gives_what_it_has(tmp_path, capfd):
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48))
    for noise in np.random.default_rng(0).integers(0, 256, (12, 48, 64, 3), np.uint8):
        writer.write(noise)
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 0 < len(list(iter_video(path))) < 12
    assert capfd.readouterr().err == ""


def test_what_is_no_video_is_refused_in_one_line(tmp_path, capfd):
    (tmp_path / "text.mp4").write_text("not a video\n" * 50)
    (tmp_path / "empty.mp4").touch()
    whole = write_video(tmp_path / "whole.mp4", frames=5).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    for name in ("text.mp4", "empty.mp4", "cut.mp4"):
        reason = "the file is empty" if name == "empty.mp4" else "not a video"
        with pytest.raises(MediaError, match=f"{name}: {reason}") as refused:
            list(iter_video(tmp_path / name))
        assert "\n" not in str(refused.value)
    for name, reason in {"gone.mp4": "No such file or directory", "": "Is a directory"}.items():
        with pytest.raises(MediaError, match=f"cannot read the file: {reason}"):
            video_frame_count(tmp_path / name)
    assert capfd.readouterr().err == ""


def test_a_video_without_a_frame_is_refused(tmp_path):
    path = write_video(tmp_path / "header.avi", frames=2)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"movi") + 4])
    with pytest.raises(MediaError, match=r"header\.avi"):
        list(iter_video(path))


def test_a_video_of_absurd_size_is_refused(tmp_path):
    path = write_video(tmp_path / "wide.avi", frames=2)
    with (
        open_media(path) as media,
        pytest.raises(MediaError, match=r"64x48 pixels; at most 0\.001"),
    ):
        next(video_frames(media, max_pixels=1000))
