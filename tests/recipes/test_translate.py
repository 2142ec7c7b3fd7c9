"""The recipe that translates pictures: any size and kind of picture, folders, refusals.

Most models here turn a picture into its negative, so that each pixel of the result is known.
"""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import models, runs, serving
from kerasgan.networks.patch import build_patch_discriminator
from tests.recipes.running import run as run_program
from tests.recipes.translating import linear, noise, read, save, transparent_negative, two_ways


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def negative(folder):
    """Paths of a model, saved and exported: A to B the negative, B to A 51 levels brighter."""
    model = two_ways(generator_a_to_b=linear(-1.0), generator_b_to_a=linear(1.0, 0.4))
    model.save(folder / "negative.keras")
    serving.export(model, folder / "negative")
    return str(folder / "negative.keras"), str(folder / "negative")


# Pictures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("size", [(8, 8), (13, 21), (1, 30)])
def test_both_directions_at_any_size(translate, negative, tmp_path, kind, size):
    pixels = noise(*size)
    save(tmp_path / "in.png", pixels)
    translate(model=negative[kind], input="in.png", output="out.png")
    np.testing.assert_array_equal(read(tmp_path / "out.png"), 255 - pixels)
    translate(model=negative[kind], input="in.png", output="out.png", direction="b_to_a")
    brighter = np.minimum(pixels.astype(int) + 51, 255)  # 0.4 of 127.5 levels
    np.testing.assert_array_equal(read(tmp_path / "out.png"), brighter)


def test_sizes_that_the_network_can_not_take_are_padded(translate, tmp_path):
    model = two_ways(generator_a_to_b=linear(-1.0, stride=4), generator_b_to_a=linear(1.0))
    model.save(tmp_path / "model.keras")
    pixels = noise(6, 11)
    save(tmp_path / "in.png", pixels)
    translate(model="model.keras", input="in.png", output="out.png")
    corners = (255 - pixels)[::4, ::4]  # each picked pixel fills a square of four by four
    wanted = corners.repeat(4, axis=0).repeat(4, axis=1)[:6, :11]
    np.testing.assert_array_equal(read(tmp_path / "out.png"), wanted)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize(("orientation", "turned"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_exif_orientation(translate, negative, tmp_path, kind, orientation, turned):
    pixels = np.zeros((16, 32, 3), "uint8")
    pixels[:8, :16] = 255  # white in one corner
    exif = Image.Exif()
    exif[274] = orientation
    save(tmp_path / "in.jpg", pixels, quality=95, exif=exif)
    translate(model=negative[kind], input="in.jpg", output="out.png")
    wanted = 255 - np.rot90(pixels, turned).astype(int)
    made = read(tmp_path / "out.png")
    assert made.shape == wanted.shape and np.abs(made - wanted).max() < 10  # JPEG's loss


@pytest.mark.parametrize("kind", [0, 1])
def test_grey_transparent_and_16_bit_pictures(translate, negative, tmp_path, kind):
    grey, half = noise(8, 8, 1), noise(8, 8, 4)
    half[..., 3] = [0, 255] * 4
    deep = noise(8, 8, 3, dtype="uint16")
    save(tmp_path / "in" / "grey.png", grey)
    save(tmp_path / "in" / "half.png", half)
    (tmp_path / "in" / "deep.png").write_bytes(tf.io.encode_png(deep).numpy())
    save(tmp_path / "in" / "palette.gif", grey)
    translate(model=negative[kind], input="in", output="out")
    over_white = np.where(half[..., 3:] == 0, 255, half[..., :3])
    wanted = {
        "grey": 255 - grey.repeat(3, axis=-1),
        "palette": 255 - grey.repeat(3, axis=-1),
        "half": 255 - over_white,
        "deep": 255 - np.rint(deep / 257.0),
    }
    for name, pixels in wanted.items():
        np.testing.assert_array_equal(read(tmp_path / "out" / f"{name}.png"), pixels)


def test_a_model_of_grey_pictures(translate, tmp_path):
    names = ("generator_a_to_b", "generator_b_to_a")
    networks = {name: linear(-1.0, channels=1) for name in names}
    networks |= {
        f"discriminator_{d}": build_patch_discriminator((8, 8, 1), None, 2, 1) for d in "ab"
    }
    models.CycleGAN(image_shape=(8, 8, 1), pool_size=0, **networks).save(tmp_path / "m.keras")
    pixels = noise(8, 8)
    save(tmp_path / "in.png", pixels)
    translate(model="m.keras", input="in.png", output="out.png")
    luma = np.rint(pixels @ [0.299, 0.587, 0.114])
    assert np.abs(read(tmp_path / "out.png") - (255 - luma)).max() <= 1


@pytest.mark.parametrize("kind", ["model.keras", "model"])
def test_a_model_of_transparent_pictures(translate, tmp_path, kind):
    """Negatives in all four channels: what was transparent becomes opaque."""
    model = transparent_negative()
    model.save(tmp_path / kind) if kind.endswith("keras") else serving.export(model, kind)
    pixels = noise(8, 9, 4)
    pixels[..., 3] = [0, 255, 255] * 3
    save(tmp_path / "in" / "clear.png", pixels)
    save(tmp_path / "in" / "rgb.png", pixels[..., :3])
    translate(model=kind, input="in", output="out", sheet="sheet.png")
    np.testing.assert_array_equal(read(tmp_path / "out" / "clear.png"), 255 - pixels)
    rgb = read(tmp_path / "out" / "rgb.png")
    np.testing.assert_array_equal(rgb[..., :3], 255 - pixels[..., :3])
    assert not rgb[..., 3].any()
    translate(model=kind, input="in/rgb.png", output="out.jpg")
    assert read(tmp_path / "out.jpg").min() > 250  # JPEGs have no alpha: it lies over white


# Folders ----------------------------------------------------------------------------------


def test_a_folder_keeps_its_names_and_leaves_other_files_alone(
    translate, negative, tmp_path, capsys
):
    first, second = noise(8, 8, seed=1), noise(9, 5, seed=2)
    save(tmp_path / "in" / "a.png", first)
    save(tmp_path / "in" / "deep" / "b.bmp", second)
    (tmp_path / "in" / "note.txt").write_text("no picture")
    save(tmp_path / "out" / "a.png", second)
    (tmp_path / "out" / "mine.png").write_bytes(b"mine")
    translate(model=negative[0], input="in", output="out", sheet="sheet.png")
    names = sorted(p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.glob("out/**/*.*"))
    assert names == ["a.png", "deep/b.png", "mine.png"]
    np.testing.assert_array_equal(read(tmp_path / "out" / "a.png"), 255 - first)
    np.testing.assert_array_equal(read(tmp_path / "out" / "deep" / "b.png"), 255 - second)
    assert (tmp_path / "out" / "mine.png").read_bytes() == b"mine"
    assert "kerasgan: 2 translated to out" in capsys.readouterr().out
    sheet = read(tmp_path / "sheet.png").astype(int)
    assert sheet.shape == (2 * 130 + 2, 2 * 130 + 2, 3)
    left, right = sheet[:, 2:130], sheet[:, 132:260]
    for top in (2, 132):
        square = slice(top, top + 128)
        assert np.abs(left[square] + right[square] - 255).max() <= 1
        assert left[square].std() > 20


def test_jpegs_are_written_if_asked_for(translate, negative, tmp_path):
    save(tmp_path / "in" / "a.png", np.full((16, 16, 3), 40, "uint8"))
    translate(model=negative[0], input="in", output="out", format="jpg")
    translate(model=negative[0], input="in/a.png", output="one.JPEG")
    translate(model=negative[0], input="in/a.png", output="out", format="png")
    for name, form in (("out/a.jpg", "JPEG"), ("one.JPEG", "JPEG"), ("out/a.png", "PNG")):
        with Image.open(tmp_path / name) as picture:
            assert picture.format == form
            assert np.abs(np.asarray(picture).astype(int) - 215).max() <= 2


@pytest.mark.parametrize("kind", [0, 1])
def test_damaged_pictures_are_named_and_the_others_translated(
    translate, negative, tmp_path, capsys, kind
):
    for name in ("a", "c", "e"):
        save(tmp_path / "in" / f"{name}.png", noise(8, 8))
    (tmp_path / "in" / "b.png").write_text("no picture")
    whole = (tmp_path / "in" / "c.png").read_bytes()
    (tmp_path / "in" / "d.png").write_bytes(whole[:-40])
    with pytest.raises(runs.RunError, match=r"left out.*: 2\. Received: b\.png: not a picture.*d"):
        translate(model=negative[kind], input="in", output="out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "c.png", "e.png"]
    printed = capsys.readouterr().out
    assert "left out b.png: not a picture of a known format" in printed
    assert "left out d.png: " in printed and "3 translated" in printed


def test_a_picture_too_large_for_an_export_is_left_out(translate, negative, tmp_path):
    save(tmp_path / "in.png", np.zeros((2049, 2048, 3), "uint8"))
    with pytest.raises(runs.RunError, match=r"in.png: .*4194304 pixels at most"):
        translate(model=negative[1], input="in.png", output="out.png")
    assert not (tmp_path / "out.png").exists()


# Refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"input": "absent.png"}, "There is no such file or folder.*absent.png"),
        ({"input": "void", "output": "out"}, "holds no pictures"),
        ({"input": "bad.png"}, r"bad\.png: not a picture of a known format"),
        ({"output": "out"}, "ends in .png, .jpg or .jpeg"),
        ({"output": "out.webp"}, "ends in .png, .jpg or .jpeg"),
        ({"output": "in.png"}, "would replace the picture"),
        ({"output": "in.png/out.png"}, "--output must be a folder that can be written to"),
        ({"output": ".", "format": "png"}, "would replace the picture"),
        ({"output": "out.png", "format": "jpg"}, "extension decides"),
        ({"input": "set", "output": "out.png"}, "--output must be a folder"),
        ({"input": "set", "output": "in.png"}, "--output must be a folder"),
        ({"input": "set", "output": "set/out"}, "outside --input"),
        ({"input": "set", "output": "set"}, "outside --input"),
        ({"input": "twins", "output": "out"}, r"saved as a\.png.*a\.jpg, a\.png"),
        ({"sheet": "out.png"}, "--sheet must be"),
        ({"sheet": "sheet.jpg"}, "--sheet must be"),
        ({"sheet": "absent/sheet.png"}, "--sheet must be"),
        ({"sheet": "in.png"}, "--sheet must be"),
        ({"input": "set", "output": "out", "sheet": "set/a.png"}, "--sheet must be"),
        ({"domain": ["1"]}, "Only StarGAN has domains"),
        ({"model": "absent.keras"}, r"Expected a \.keras file"),
        ({"model": "set"}, r"Expected a \.keras file"),
        ({"model": "bad.keras"}, "can't be loaded.*bad.keras"),
        ({"model": "damaged"}, "can't be loaded.*damaged"),
    ],
)
def test_bad_input(translate, negative, tmp_path, flags, message):
    for name in ("in.png", "set/a.png", "twins/a.png", "twins/a.jpg"):
        save(tmp_path / name, noise(8, 8))
    (tmp_path / "void").mkdir()
    (tmp_path / "bad.png").write_text("bad")
    (tmp_path / "bad.keras").write_text("bad")
    (tmp_path / "damaged" / "1").mkdir(parents=True)
    (tmp_path / "damaged" / "1" / "saved_model.pb").write_text("bad")
    before = (tmp_path / "in.png").read_bytes()
    with pytest.raises(runs.RunError, match=message):
        translate(**{"model": negative[0], "input": "in.png", "output": "out.png", **flags})
    assert (tmp_path / "in.png").read_bytes() == before
    assert not (tmp_path / "out.png").exists()


@pytest.mark.slow
def test_as_a_program(negative, tmp_path):
    save(tmp_path / "in" / "a.png", noise(8, 8))
    flags = [f"--model={negative[1]}", "--input=in", "--output=out"]
    code, output = run_program("translate", tmp_path, *flags)
    assert code == 0, output
    assert (tmp_path / "out" / "a.png").exists()
    (tmp_path / "in" / "b.png").write_text("no picture")
    code, output = run_program("translate", tmp_path, *flags)
    assert code == 1 and "Traceback" not in output
    assert "b.png: not a picture of a known format" in output.splitlines()[-1]
