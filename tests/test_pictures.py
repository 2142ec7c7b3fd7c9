import numpy as np
import pytest
from PIL import Image

from kerasgan import files, pictures


def test_grid_puts_each_pixel_where_it_belongs():
    images = np.array([-1.0, 0.0, 1.0]).reshape(3, 1, 1, 1) * np.ones((3, 2, 1, 1))
    grid = pictures.image_grid(images, columns=2, padding=1, scale=1)
    w = 255  # the ground
    assert grid[..., 0].tolist() == [
        [w, w, w, w, w],
        [w, 0, w, 128, w],
        [w, 0, w, 128, w],
        [w, w, w, w, w],
        [w, 255, w, w, w],
        [w, 255, w, w, w],
        [w, w, w, w, w],
    ]
    assert grid.dtype == np.uint8


def test_grid_enlarges_pixel_by_pixel():
    image = np.array([[-1.0, 1.0]]).reshape(1, 1, 2, 1)
    grid = pictures.image_grid(image, columns=1, padding=0, scale=2)
    assert grid[..., 0].tolist() == [[0, 0, 255, 255], [0, 0, 255, 255]]


@pytest.mark.parametrize(("size", "expected"), [(28, 56), (32, 64), (64, 64), (128, 128)])
def test_small_images_are_enlarged(size, expected):
    grid = pictures.image_grid(np.zeros((1, size, size, 3)), columns=1, padding=0)
    assert grid.shape == (expected, expected, 3)


def test_every_8_bit_value_survives_the_way_to_floats_and_back():
    values = np.arange(256)
    images = (values / 127.5 - 1.0).astype("float32").reshape(1, 16, 16, 1)
    grid = pictures.image_grid(images, columns=1, padding=0, scale=1)
    assert grid.ravel().tolist() == values.tolist()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_png_holds_the_array(tmp_path, channels, mode):
    array = np.random.default_rng(0).integers(0, 256, (5, 7, channels), "uint8")
    pictures.save_png(array, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == mode
        assert np.array_equal(np.asarray(picture).reshape(array.shape), array)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_bad_pictures_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"channels. Received: images.shape=\(2, 8, 8\)"):
        pictures.image_grid(np.zeros((2, 8, 8)), columns=2)
    with pytest.raises(ValueError, match="1 values NaN"):
        pictures.image_grid(np.array([0.0, np.nan]).reshape(2, 1, 1, 1), columns=2)
    with pytest.raises(ValueError, match="dtype float64"):
        pictures.save_png(np.zeros((8, 8, 1)), tmp_path / "a.png")
    with pytest.raises(ValueError, match="at least one"):
        pictures.save_gif([], tmp_path / "a.gif")


def _pngs(folder, n, channels=1):
    for i in range(n):
        pictures.save_png(np.full((8, 8, channels), 2 * i, "uint8"), folder / f"{i:03d}.png")
    return sorted(folder.glob("*.png"))


@pytest.mark.parametrize(("files_made", "frames"), [(1, 1), (7, 7), (60, 60), (100, 60)])
def test_gif_has_so_many_frames(tmp_path, files_made, frames):
    made = pictures.save_gif(_pngs(tmp_path, files_made), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as gif:
        assert made == getattr(gif, "n_frames", 1) == frames
        assert np.asarray(gif.convert("L")).max() == 0  # the first picture is there
        gif.seek(frames - 1)
        assert np.asarray(gif.convert("L")).min() == 2 * (files_made - 1)  # so is the last
        assert frames == 1 or gif.info["duration"] > 1000  # and stays


def test_gif_leaves_out_other_sizes_and_lays_transparency_over_white(tmp_path):
    pictures.save_png(np.zeros((9, 9, 4), "uint8"), tmp_path / "0.png")
    pictures.save_png(np.zeros((8, 8, 4), "uint8"), tmp_path / "1.png")
    black = np.zeros((8, 8, 4), "uint8")
    black[..., 3] = 255
    pictures.save_png(black, tmp_path / "2.png")
    assert pictures.save_gif(sorted(tmp_path.glob("*.png")), tmp_path / "a.gif") == 2
    with Image.open(tmp_path / "a.gif") as gif:
        assert np.asarray(gif.convert("RGB")).min() == 255
        gif.seek(1)
        assert np.asarray(gif.convert("RGB")).max() == 0


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_unwritable_directory_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ValueError, match=r"workdir must be a folder .* Received: workdir='.*file/x"
    ):
        files.writable_directory("workdir", tmp_path / "file" / "x")
