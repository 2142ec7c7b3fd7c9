"""What build_data makes of pictures: which bytes are kept, and what the others become."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import data
from tests.recipes.sets import noise, read_all, save


def test_bytes_are_kept_or_become_rgb_of_8_bits(build, tmp_path):
    folder = tmp_path / "a"
    flat = np.full((8, 10, 3), [200, 100, 50], "uint8")
    kept = {
        "rgb.png": save(folder / "rgb.png", noise(0)),
        "rgb.jpg": save(folder / "rgb.jpg", noise(1), quality=70, progressive=True),
        "upright.jpg": save(folder / "upright.jpg", noise(2), exif=orientation(1)),
    }
    save(folder / "grey.png", noise(3, channels=1)[..., 0])
    save(folder / "flat.bmp", flat)
    save(folder / "flat.webp", flat, lossless=True)
    save(folder / "palette.png", flat)
    Image.open(folder / "palette.png").quantize(4).save(folder / "palette.png")
    save(folder / "rgba.png", np.full((8, 10, 4), [255, 0, 0, 51], "uint8"))
    wide = noise(4).astype("uint16") * 257
    (folder / "wide.png").write_bytes(tf.io.encode_png(wide).numpy())
    Image.fromarray(flat).convert("CMYK").save(folder / "cmyk.jpg", quality=100)
    sides = np.repeat(np.repeat([[255, 0]], 8, 0), 8, 1).astype("uint8")  # white on the left
    save(folder / "turned.jpg", np.stack([sides] * 3, -1)[:6], quality=100, exif=orientation(6))

    build(inputs=["a"])
    found = read_all(tmp_path / "set" / "a")
    assert len(found) == 11
    for name, content in kept.items():
        assert found[name] == content
    images = {name: Image.open(io.BytesIO(content)) for name, content in found.items()}
    assert {image.mode for image in images.values()} == {"RGB"}
    jpegs = {name for name, image in images.items() if image.format == "JPEG"}
    assert jpegs == {"rgb.jpg", "upright.jpg", "cmyk.jpg", "turned.jpg"}
    exact = {
        "grey.png": np.repeat(noise(3, channels=1), 3, axis=-1),
        "flat.bmp": flat,
        "flat.webp": flat,
        "palette.png": flat,
        "rgba.png": np.full((8, 10, 3), [255, 204, 204]),  # a fifth of red over white
        "wide.png": noise(4),
    }
    for name, pixels in exact.items():
        np.testing.assert_array_equal(np.asarray(images[name]), pixels)
    np.testing.assert_allclose(np.asarray(images["cmyk.jpg"]), flat, rtol=0, atol=6)
    turned = np.asarray(images["turned.jpg"])
    assert turned.shape == (16, 6, 3)  # clockwise by 90 degrees: white is above
    assert turned[:7].min() > 245 and turned[9:].max() < 10
    assert images["turned.jpg"].getexif().get(0x0112, 1) == 1

    (path,) = (tmp_path / "set" / "a").glob("*.tfrecord")
    sizes = {}
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        (name,) = feature["name"].bytes_list.value
        sizes[name.decode()] = tuple(
            feature[side].int64_list.value[0] for side in ("width", "height")
        )
    assert sizes == {name: image.size for name, image in images.items()}


def orientation(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


def test_resized_pictures_are_those_of_image_folder(build, tmp_path):
    for n in range(3):
        save(tmp_path / "a" / f"{n}.png", noise(n, 20 + n, 30 - 7 * n))
    block = np.zeros((8, 24, 3), "uint8")
    block[:, 8:16] = 255
    save(tmp_path / "a" / "3.png", block)
    save(tmp_path / "a" / "4.jpg", np.full((40, 30, 3), [200, 100, 50], "uint8"))
    build(inputs=["a"], size=8)
    found = read_all(tmp_path / "set" / "a")
    images = [np.asarray(Image.open(io.BytesIO(content))) for content in found.values()]
    assert [image.shape for image in images] == [(8, 8, 3)] * 5
    wanted = data.image_folder("a", image_size=8, shuffle_seed=None)
    for image, expected in zip(images[:4], wanted):
        np.testing.assert_allclose(image, (expected.numpy() + 1) * 127.5, rtol=0, atol=1e-4)
    assert images[3].min() == 255  # the middle square
    assert found["4.jpg"].startswith(b"\xff\xd8")
    np.testing.assert_allclose(images[4], np.full((8, 8, 3), [200, 100, 50]), rtol=0, atol=2)


@pytest.mark.parametrize(
    "flags, kept",
    [
        ({"min_size": 10}, ["1.png", "2.png"]),
        ({"size": 11}, ["2.png"]),
        ({"size": 11, "min_size": 1}, ["0.png", "1.png", "2.png"]),
    ],
)
def test_small_pictures_are_left_out(build, tmp_path, flags, kept):
    for n, sides in enumerate([(9, 40), (40, 10), (11, 11)]):
        save(tmp_path / "a" / f"{n}.png", noise(n, *sides))
    manifest = build(inputs=["a"], **flags)
    assert list(read_all(tmp_path / "set" / "a")) == kept
    skipped = manifest["domains"]["a"]["skipped"]
    assert len(skipped) == 3 - len(kept)
    if skipped:
        least = flags.get("min_size") or flags["size"]
        assert skipped[0] == {
            "name": "0.png",
            "reason": f"40 x 9 pixels, smaller than {least}",
        }
