"""`ContactSheet`: which pictures it shows, how they are laid out, resumed runs, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import callbacks
from kerasgan.models import Pix2Pix
from kerasgan.networks.patch import build_patch_discriminator


class Translator:
    """A model whose sheet is the two parts of the data, and their mean in one channel."""

    def __init__(self):
        self.seeds = []

    def sheet(self, parts, seed=0):
        self.seeds.append(seed)
        first, second = parts
        return {"A": first, "B": second, "mean": (first + second)[..., :1] / 2}


def pairs(n, batch=2):
    """Images of 2 x 2 pixels: number i is i / 10 everywhere, its partner -i / 10."""
    levels = np.arange(n, dtype="float32")[:, None, None, None] / 10 * np.ones((1, 2, 2, 3), "f")
    return tf.data.Dataset.from_tensor_slices((levels, -levels)).batch(batch)


def centres(sheet, side=64, padding=2):
    """The pixels in the middle of each picture: (rows, columns, channels)."""
    first, step = padding + side // 2, side + padding
    return sheet[first::step, first::step]


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_rows_are_pictures_and_columns_what_the_sheet_gives(tmp_path, batch):
    model = Translator()
    sheet = callbacks.ContactSheet(tmp_path, pairs(5, batch), rows=3, seed=9).picture(model)
    assert model.seeds == [9]
    assert sheet.shape == (3 * 66 + 2, 3 * 66 + 2, 3)  # 2 pixels enlarged to 64
    levels = [128, 140, 153]  # 0, 0.1, 0.2: 127.5, 140.25, 153
    partners = [128, 115, 102]  # 0, -0.1, -0.2: 127.5, 114.75, 102
    wanted = np.stack([levels, partners, [128] * 3], axis=1)[..., None].repeat(3, axis=-1)
    np.testing.assert_array_equal(centres(sheet), wanted)


def test_grey_and_rgb_lie_opaque_beside_transparent_pictures(tmp_path):
    class Transparent:
        def sheet(self, parts, seed=0):
            clear = np.full((1, 2, 2, 4), -1.0, "float32")
            return {"grey": parts[0][..., :1], "RGB": parts[1] * [1, 0, -1], "RGBA": clear}

    levels = np.full((1, 2, 2, 3), 0.2, "float32")
    dataset = tf.data.Dataset.from_tensors((levels, levels))
    sheet = callbacks.ContactSheet(tmp_path, dataset).picture(Transparent())
    wanted = [[153, 153, 153, 255], [153, 128, 102, 255], [0, 0, 0, 0]]
    np.testing.assert_array_equal(centres(sheet)[0], wanted)


def test_a_small_dataset_gives_fewer_rows(tmp_path):
    sheet = callbacks.ContactSheet(tmp_path, pairs(2), rows=4)
    assert [len(part) for part in sheet.parts] == [2, 2]
    assert sheet.picture(Translator()).shape[0] == 2 * 66 + 2


def test_the_dataset_is_read_once(tmp_path):
    passes = []

    def images():
        passes.append(1)
        yield from np.zeros((3, 2, 2, 3), "float32")

    single = tf.data.Dataset.from_generator(
        images, output_signature=tf.TensorSpec((2, 2, 3), tf.float32)
    )
    sheet = callbacks.ContactSheet(tmp_path, tf.data.Dataset.zip((single, single)).batch(3))
    for _ in range(3):
        sheet.picture(Translator())
    assert len(passes) == 2  # one for each of the zipped


def translating_model():
    keras.utils.set_random_seed(1)
    images = keras.Input((None, None, 3))
    outputs = keras.layers.Conv2D(3, 1, activation="tanh")(images)
    model = Pix2Pix(
        (8, 8, 3),
        generator=keras.Model(images, outputs),
        discriminator=build_patch_discriminator((8, 8, 3), (8, 8, 3), 2, 1, None),
        seed=5,
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(0.05),
        discriminator_optimizer=keras.optimizers.Adam(0.01),
    )
    return model


@pytest.fixture(scope="module")
def dataset():
    """Four batches of two pairs, each pass in the same order."""
    images = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 8, 3)).astype("float32")
    return tf.data.Dataset.from_tensor_slices(tuple(images)).batch(2, drop_remainder=True)


def test_pictures_and_gif_of_a_resumed_run_are_whole(tmp_path, dataset):
    def fit(epochs):
        model = translating_model()
        made = [
            callbacks.ContactSheet(tmp_path / "s", dataset, rows=3),
            callbacks.Checkpoint(tmp_path / "c"),
        ]
        model.fit(dataset, epochs=epochs, verbose=0, callbacks=made)
        return model, made[0]

    fit(1)
    model, sheet = fit(3)
    names = sorted(p.name for p in (tmp_path / "s").iterdir())
    assert names == [*(f"epoch-{i:04d}.png" for i in range(1, 4)), "training.gif"]
    with Image.open(tmp_path / "s" / "training.gif") as gif:
        assert gif.n_frames == 3
    shown = {}
    for epoch in (1, 3):
        with Image.open(sheet.file(epoch)) as picture:
            shown[epoch] = np.asarray(picture).astype(int)
    np.testing.assert_array_equal(shown[3], sheet.picture(model))
    inputs, translations, targets = (
        (shown[1] - shown[3])[:, 2:].reshape(200, 3, 66, 3).swapaxes(0, 1)
    )
    assert not inputs.any() and not targets.any() and np.abs(translations).max() > 5


def test_sheets_do_not_change_training(tmp_path, dataset):
    plain, watched = translating_model(), translating_model()
    plain.fit(dataset, epochs=2, verbose=0)
    sheet = callbacks.ContactSheet(tmp_path, dataset)
    watched.fit(dataset, epochs=2, verbose=0, callbacks=[sheet])
    for one, other in zip(plain.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_and_no_gif(tmp_path, dataset):
    sheet = callbacks.ContactSheet(tmp_path, dataset, every=2, gif=False)
    translating_model().fit(dataset.take(1), epochs=3, verbose=0, callbacks=[sheet])
    assert [p.name for p in tmp_path.iterdir()] == ["epoch-0002.png"]


def test_bad_arguments(tmp_path, dataset, make_model):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="directory must be a folder"):
        callbacks.ContactSheet(tmp_path / "file" / "samples", dataset)
    with pytest.raises(ValueError, match="Received: rows=0"):
        callbacks.ContactSheet(tmp_path, dataset, rows=0)
    with pytest.raises(ValueError, match="Received: every=0"):
        callbacks.ContactSheet(tmp_path, dataset, every=0)
    with pytest.raises(ValueError, match="Received: an empty dataset"):
        callbacks.ContactSheet(tmp_path, dataset.take(0))
    with pytest.raises(ValueError, match=r"needs a model that translates.*Received: model=GAN"):
        callbacks.ContactSheet(tmp_path, dataset).set_model(make_model())
