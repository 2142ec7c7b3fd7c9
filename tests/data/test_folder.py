import warnings

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import data
from kerasgan.data import folder as folder_module


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels.dtype == np.uint16:  # Pillow writes no 16-bit colours
        path.write_bytes(tf.io.encode_png(pixels).numpy())
    else:
        Image.fromarray(pixels.squeeze()).save(path, **options)


def only_image(root, **options):
    (image,) = data.image_folder(root, image_size=4, **options)
    return image.numpy()


@pytest.mark.parametrize("dtype, top", [("uint8", 255), ("uint16", 65535)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_values_are_exact(tmp_path, rng, dtype, top, channels):
    pixels = rng.integers(0, top + 1, (4, 4, channels), dtype)
    save(tmp_path / "a.png", pixels)
    expected = pixels.astype("float64") / (top / 2) - 1
    np.testing.assert_allclose(only_image(tmp_path, channels=channels), expected, atol=2e-7)


def test_8_and_16_bit_side_by_side(tmp_path, rng):
    small = rng.integers(0, 256, (4, 4, 3), "uint8")
    save(tmp_path / "a.png", small)
    save(tmp_path / "b.png", small.astype("uint16") * 257 + 1 - (small == 255))
    a, b = (image.numpy() for image in data.image_folder(tmp_path, image_size=4, shuffle_seed=None))
    np.testing.assert_allclose(a, small / 127.5 - 1, atol=2e-7)
    difference = (b - a) * 32767.5
    np.testing.assert_allclose(difference, 1.0 - (small == 255), atol=0.01)


def test_conversions(tmp_path):
    rgba = np.zeros((4, 4, 4), "uint8")
    rgba[..., 0], rgba[..., 3] = 255, 51  # red, of which a fifth covers
    save(tmp_path / "a.png", rgba)
    over_white = np.array([255, 204, 204])
    rgb = only_image(tmp_path, channels=3)
    np.testing.assert_allclose(rgb[0, 0], over_white / 127.5 - 1, atol=1e-6)
    grey = only_image(tmp_path, channels=1)
    luma = 0.299 * 255 + 0.587 * 204 + 0.114 * 204
    np.testing.assert_allclose(grey, luma / 127.5 - 1, atol=0.5 / 127.5)
    save(tmp_path / "a.png", np.full((4, 4), 100, "uint8"))
    np.testing.assert_allclose(only_image(tmp_path, channels=3), 100 / 127.5 - 1, atol=1e-6)
    rgba = only_image(tmp_path, channels=4)
    np.testing.assert_allclose(rgba[1, 1], [100 / 127.5 - 1] * 3 + [1.0], atol=1e-6)


@pytest.mark.parametrize("extension", ["jpg", "JPEG", "bmp", "gif", "webp"])
def test_formats(tmp_path, extension):
    pixels = np.zeros((16, 16, 3), "uint8")
    pixels[:, 8:] = [250, 120, 20]
    save(tmp_path / f"a.{extension}", pixels)
    (image,) = data.image_folder(tmp_path, image_size=16)
    sides = np.s_[:, [2, 13]]  # the lossy formats blur the colours at the border
    np.testing.assert_allclose(((image.numpy() + 1) * 127.5)[sides], pixels[sides], atol=5)


def test_palettes_cmyk_and_rotation(tmp_path):
    flat = Image.new("RGB", (4, 4), (200, 100, 50))
    flat.quantize(4).save(tmp_path / "a.png")
    expected = np.array([200, 100, 50]) / 127.5 - 1
    np.testing.assert_allclose(only_image(tmp_path)[2, 2], expected, atol=1e-6)
    (tmp_path / "a.png").unlink()
    flat.convert("CMYK").save(tmp_path / "b.jpg", quality=100)
    np.testing.assert_allclose(only_image(tmp_path)[2, 2], expected, atol=0.05)
    left_white = Image.fromarray(np.array([[255] * 4 + [0] * 4] * 8, "uint8"))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: left becomes top
    left_white.save(tmp_path / "b.jpg", quality=100, exif=exif)
    image = only_image(tmp_path, channels=1)
    assert image[0].min() > 0.8 and image[-1].max() < -0.8


def test_crop(tmp_path):
    pixels = np.zeros((8, 24, 1), "uint8")
    pixels[:, 8:16] = 255
    save(tmp_path / "a.png", pixels)
    (cropped,) = data.image_folder(tmp_path, image_size=8, channels=1)
    assert cropped.numpy().min() == 1.0
    (whole,) = data.image_folder(tmp_path, image_size=8, channels=1, crop="none")
    assert whole.numpy().min() == -1.0
    (wide,) = data.image_folder(tmp_path, image_size=(4, 12), channels=1)
    assert wide.shape == (4, 12, 1) and wide.numpy().min() == -1.0


def make_classes(root, rng, per_class=3):
    for label, name in enumerate(["ant", "bee"]):
        for n in range(per_class):
            pixels = np.full((6, 6, 3), 100 * label + 10 * n, "uint8")
            save(root / name / f"{n}.png", pixels)


def test_labels_of_sub_folders(tmp_path, rng, capsys):
    make_classes(tmp_path, rng)
    ds = data.image_folder(tmp_path, batch_size=2, image_size=4)
    assert capsys.readouterr().out.endswith(f"6 images of (4, 4, 3) from {tmp_path}, 2 classes\n")
    for images, labels in ds:
        level = (images.numpy()[:, 0, 0, 0] + 1) * 127.5
        assert ((level >= 99).astype(int) == labels.numpy()).all()
    assert [part.shape.as_list() for part in ds.element_spec] == [[2, 4, 4, 3], [2]]
    facts = data.describe(ds)
    assert facts["class_names"] == ["ant", "bee"] and facts["num_classes"] == 2
    assert (facts["num_examples"], facts["skipped"]) == (6, [])
    alone = data.image_folder(tmp_path, image_size=4, labels=None)
    assert alone.element_spec == tf.TensorSpec((4, 4, 3), "float32")
    assert data.describe(alone)["class_names"] is None
    save(tmp_path / "loose.png", np.zeros((4, 4, 3), "uint8"))
    with pytest.raises(ValueError, match=r"labels=None.*1 pictures beside.*loose.png"):
        data.image_folder(tmp_path, image_size=4)


def test_last_batch(tmp_path, rng):
    make_classes(tmp_path, rng)
    assert len(list(data.image_folder(tmp_path, 4, 4))) == 1
    assert len(list(data.image_folder(tmp_path, 4, 4, drop_remainder=False))) == 2
    with pytest.raises(ValueError, match=r"at most 6.*batch_size=7"):
        data.image_folder(tmp_path, 7, 4)


def damage(root):
    save(root / "ant" / "0.png", np.random.default_rng(0).integers(0, 256, (9, 9, 3), "uint8"))
    (root / "ant" / "0.png").write_bytes((root / "ant" / "0.png").read_bytes()[:-40])
    (root / "bee" / "1.png").write_bytes(b"no picture")
    (root / "bee" / "2.png").write_bytes(b"")
    wide = tf.io.encode_png(np.zeros((9, 9, 3), "uint16")).numpy()
    (root / "bee" / "3.png").write_bytes(wide[:50])


def test_damaged_files_are_named_and_left_out(tmp_path, rng):
    make_classes(tmp_path, rng)
    damage(tmp_path)
    with pytest.warns(
        UserWarning, match=r"(?s)Damaged .*, 4:.*ant/0.png.*bee/1.png: not a picture.*bee/3.png"
    ):
        ds = data.image_folder(tmp_path, image_size=4, shuffle_seed=None)
    assert [int(label) for _, label in ds] == [0, 0, 1]
    assert data.describe(ds)["skipped"][0] == str(tmp_path / "ant" / "0.png")
    with pytest.raises(ValueError, match=r"(?s)ant/0.png.*4 damaged of 7"):
        data.image_folder(tmp_path, image_size=4, on_corrupt="error")


def test_only_damaged_files_are_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ValueError, match=r"(?s)a.jpg.*1 damaged of 1"):
        data.image_folder(tmp_path)


def test_pictures_too_many_for_memory_are_the_same(tmp_path, rng, monkeypatch):
    make_classes(tmp_path, rng)
    (tmp_path / "ant" / "1.png").write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held = data.image_folder(tmp_path, 2, 4, drop_remainder=False)
        monkeypatch.setattr(folder_module, "_MEMORY_LIMIT", 0)
        read = data.image_folder(tmp_path, 2, 4, drop_remainder=False)
    assert held.element_spec == read.element_spec
    held_batches, read_batches = list(held), list(read)
    assert len(held_batches) == 3
    for one, two in zip(held_batches, read_batches, strict=True):
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])


def test_hidden_and_other_files_are_left_aside(tmp_path):
    save(tmp_path / "a.png", np.zeros((4, 4, 3), "uint8"))
    (tmp_path / "._a.png").write_bytes(b"")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no picture")
    assert data.describe(data.image_folder(tmp_path))["num_examples"] == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"channels": 2}, "1, 3, 4. Received: channels=2"),
        ({"labels": "yes"}, "'auto', None. Received: labels='yes'"),
        ({"on_corrupt": "stop"}, "'skip', 'error'. Received: on_corrupt='stop'"),
        ({"crop": "left"}, "'center', 'none'. Received: crop='left'"),
        ({"image_size": None}, "Received: image_size=None"),
        ({"batch_size": -1}, "Received: batch_size=-1"),
        ({}, "holds no pictures .*png"),
        ({"directory": "absent"}, "folder of pictures.*directory='absent'"),
    ],
)
def test_arguments_are_checked(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.image_folder(**{"directory": tmp_path, **arguments})
