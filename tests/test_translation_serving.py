"""An exported translator takes encoded pictures of any size and gives the PNGs that `translate`
would give, in a process without kerasgan; what is no picture gets INVALID_ARGUMENT.
"""

import io
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from kerasgan import models as zoo
from kerasgan import serving
from kerasgan.networks.patch import build_patch_discriminator
from kerasgan.networks.unet import build_unet
from tests.models.test_cyclegan import TestCycleGAN as CycleGANContract
from tests.models.test_dualgan import TestDualGAN as DualGANContract
from tests.models.test_pix2pix import TestPix2Pix as Pix2PixContract
from tests.models.test_stargan import TestStarGAN as StarGANContract
from tests.models.test_stargan import attribute_model
from tests.recipes.translating import transparent_negative

CLIENT = os.path.join(os.path.dirname(__file__), "translation_client.py")
SIZES = [(8, 8), (13, 21), (30, 5)]


def encoded_pictures():
    """PNGs of three sizes, a JPEG, and one that is to be turned."""
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 255, (*s, 3)).astype("uint8")) for s in SIZES]
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = [("PNG", {})] * 3 + [("JPEG", {}), ("JPEG", {"exif": exif})]
    files = []
    for picture, (kind, options) in zip([*pictures, pictures[1], pictures[1]], kinds):
        file = io.BytesIO()
        picture.save(file, kind, **options)
        files.append(file.getvalue())
    return files


def decoded(file, channels):
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    image = np.asarray(picture.convert("RGB")).astype("float32") / 255
    image = image if channels == 3 else image @ np.array([[0.299], [0.587], [0.114]], "float32")
    return (image * 2 - 1).clip(-1, 1)[None]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(models, files, what the client got, how its bad requests ended)."""
    root = tmp_path_factory.mktemp("served")
    keras.utils.set_random_seed(1)
    models = {
        "cyclegan": CycleGANContract().make_model(seed=0),
        "pix2pix": Pix2PixContract().make_model(seed=0),
        "dualgan": DualGANContract().make_model(seed=0),
        "stargan": StarGANContract().make_model(seed=0),
        "attributes": attribute_model(),
    }
    exports = {kind: serving.export(model, root / kind) for kind, model in models.items()}
    files = encoded_pictures()
    arrays = {f"{i:02d}": np.frombuffer(file, "uint8") for i, file in enumerate(files)}
    np.savez(root / "pictures.npz", **arrays)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    arguments = [json.dumps(exports), str(root / "pictures.npz"), str(root / "results.npz")]
    process = subprocess.run(
        [sys.executable, CLIENT, *arguments],
        capture_output=True,
        text=True,
        cwd=root,
        env=environment,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    outcomes = json.loads(process.stdout.split("RESULT")[1])
    return models, exports, files, dict(np.load(root / "results.npz")), outcomes


def close(pixels, image):
    """Whether a decoded PNG is an image's, up to the rounding of one level."""
    wanted = np.clip(np.round((image[0] + 1.0) * 127.5), 0, 255)
    assert pixels.shape == wanted.shape
    difference = np.abs(pixels.astype(int) - wanted)
    assert np.ptp(pixels) > 20  # a picture that says something
    assert difference.max() <= 1 and np.mean(difference != 0) < 0.02


def test_cyclegan_both_ways(served):
    models, _, files, results, _ = served
    model = models["cyclegan"]
    for i, file in enumerate(files):
        picture = decoded(file, 3)
        close(results[f"cyclegan/translate_a_to_b/{i}"], model.translate_a_to_b(picture))
        close(results[f"cyclegan/translate_b_to_a/{i}"], model.translate_b_to_a(picture))
        np.testing.assert_array_equal(
            results[f"cyclegan/serving_default/{i}"], results[f"cyclegan/translate_a_to_b/{i}"]
        )


def test_pix2pix_has_the_noise_of_seed_and_place(served):
    models, _, files, results, _ = served
    for i in (0, 3):
        batch = np.repeat(decoded(files[i], 1), i + 1, axis=0)
        wanted = models["pix2pix"].translate(batch, seed=5)[i:]
        close(results[f"pix2pix/translate/{i}"], wanted)


def test_dualgan_has_noise_both_ways(served):
    models, _, files, results, _ = served
    for i in (0, 3):
        batch = np.repeat(decoded(files[i], 3), i + 1, axis=0)
        for way in ("translate_a_to_b", "translate_b_to_a"):
            wanted = getattr(models["dualgan"], way)(batch, seed=5)[i:]
            close(results[f"dualgan/{way}/{i}"], wanted)


def test_stargan_takes_targets(served):
    models, _, files, results, _ = served
    for i, file in enumerate(files):
        picture = decoded(file, 3)
        close(results[f"stargan/translate/{i}"], models["stargan"].translate(picture, [i % 3]))
        row = np.eye(3)[[i % 3]]
        close(results[f"attributes/translate/{i}"], models["attributes"].translate(picture, row))


def test_no_pictures_give_no_pngs(served):
    empty = {name: tuple(value) for name, value in served[3].items() if name.endswith("empty")}
    assert len(empty) == 8 and set(empty.values()) == {(0,)}


def test_bad_requests_are_invalid_arguments(served):
    outcomes = dict(served[4])
    assert outcomes.pop("modules") == []
    assert len(outcomes) == 8 * 5 + 7
    assert {what: how for what, how in outcomes.items() if how != "InvalidArgumentError"} == {}


def test_signatures(served):
    _, exports, _, _, _ = served
    names = {kind: sorted(tf.saved_model.load(p).signatures) for kind, p in exports.items()}
    assert names["cyclegan"] == ["serving_default", "translate_a_to_b", "translate_b_to_a"]
    assert names["dualgan"] == names["cyclegan"]
    assert names["pix2pix"] == names["stargan"] == ["serving_default", "translate"]


def test_a_model_of_transparent_pictures(tmp_path):
    """Each channel becomes its negative, alpha too; what has no alpha is opaque."""
    path = serving.export(transparent_negative(), tmp_path)
    translate = tf.saved_model.load(path).signatures["translate_a_to_b"]
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (13, 21, 4)).astype("uint8")
    files = []
    for pixels, kind in ((rgba, "PNG"), (rgba[..., :3], "PNG"), (rgba[..., :3], "JPEG")):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind)
        files.append(file.getvalue())
    pngs = translate(images=tf.constant(files))["png_bytes"].numpy()
    made = [np.asarray(Image.open(io.BytesIO(png))) for png in pngs]
    assert [picture.shape for picture in made] == [(13, 21, 4)] * 3
    np.testing.assert_array_equal(made[0], 255 - rgba)
    np.testing.assert_array_equal(made[1][..., :3], 255 - rgba[..., :3])
    jpeg = np.asarray(Image.open(io.BytesIO(files[2])))
    np.testing.assert_array_equal(made[2][..., :3], 255 - jpeg)
    assert not made[1][..., 3].any() and not made[2][..., 3].any()


def test_channels_that_no_picture_has_are_refused_by_name(tmp_path):
    model = zoo.Pix2Pix(
        (16, 16, 3),
        input_channels=2,
        generator=build_unet((16, 16, 2), channels=3, width=2),
        discriminator=build_patch_discriminator((16, 16, 3), (16, 16, 2), 2, 1),
    )
    with pytest.raises(ValueError, match=r"1, 3 or 4 channels.*Received: .* with 2 channels"):
        serving.export(model, tmp_path)
    assert not list(tmp_path.iterdir())
