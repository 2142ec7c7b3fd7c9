"""`Space`: one handle for new, loaded and exported models, of all kinds of latents."""

import shutil
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from kerasgan import latent, serving
from kerasgan.models import BEGAN, CGAN, GAN, began, cgan, gan
from kerasgan.models import latents as latent_draws
from tests.latent.makers import of_pixels

SHAPE = (8, 8, 1)


def tiny_gan():
    return GAN(
        SHAPE,
        latent_dim=4,
        generator=gan.build_generator(4, SHAPE, (8,)),
        discriminator=gan.build_discriminator(SHAPE, (8,)),
        seed=0,
    )


def tiny_cgan():
    return CGAN(
        3,
        SHAPE,
        latent_dim=4,
        generator=cgan.build_generator(3, 4, SHAPE, width=2, embedding_dim=2),
        discriminator=cgan.build_discriminator(3, SHAPE, width=2),
        seed=0,
    )


def tiny_began():
    shape = (16, 16, 1)
    return BEGAN(
        shape,
        latent_dim=4,
        generator=began.build_generator(4, shape, width=2),
        discriminator=began.build_discriminator(shape, 4, width=2),
        seed=0,
    )


def test_images_are_those_of_generate():
    model = tiny_gan()
    space = latent.Space(model)
    assert (space.latent_dim, space.distribution, space.num_classes) == (4, "normal", None)
    images = space.images(space.draw(5, seed=3, truncation=1.0))
    np.testing.assert_allclose(images, model.generate(5, seed=3, truncation=1.0), atol=1e-6)


def test_a_conditional_model_takes_one_label_or_one_for_each():
    model = tiny_cgan()
    space = latent.Space(model)
    latents = space.draw(4, seed=1)
    assert space.num_classes == 3
    np.testing.assert_allclose(space.images(latents, 2), model.generate([2] * 4, seed=1), atol=1e-6)
    mixed = space.images(latents, [0, 1, 2, 0])
    np.testing.assert_allclose(mixed, model.generate([0, 1, 2, 0], seed=1), atol=1e-6)


def test_uniform_latents_are_drawn_as_in_training():
    space = latent.Space(tiny_began())
    latents = space.draw(4000, seed=0)
    assert space.distribution == "uniform" and np.abs(latents).max() <= 1.0
    assert (
        latents.std()
        == pytest.approx(3**-0.5, abs=0.01)
        == pytest.approx(space.deviation, abs=0.01)
    )
    assert np.abs(space.draw(100, seed=0, truncation=0.3)).max() <= 0.3


@pytest.mark.parametrize("threshold", [0.5, 1.0, 2.0])
def test_resampled_latents_have_the_moments_of_the_truncated_normal(threshold):
    drawn = of_pixels(lambda z: z, latent_dim=2).draw(50_000, seed=0, truncation=threshold)
    law = stats.truncnorm(-threshold, threshold)
    assert np.abs(drawn).max() <= threshold
    assert drawn.mean() == pytest.approx(0.0, abs=0.01)
    assert drawn.std() == pytest.approx(law.std(), rel=0.01)
    assert stats.kurtosis(drawn.ravel()) == pytest.approx(float(law.stats("k")), abs=0.05)


@pytest.mark.parametrize("layout", ["file", "folder", "preset"])
def test_a_model_is_loaded_from_its_file(layout, tmp_path, monkeypatch):
    model = tiny_gan()
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ("saved_models/mine" if layout == "preset" else "run")
    folder.mkdir(parents=True)
    model.save(folder / "final.keras")
    names = {"file": folder / "final.keras", "folder": folder, "preset": "mine"}
    space = latent.load(names[layout])
    latents = space.draw(2, seed=0)
    np.testing.assert_allclose(space.images(latents), latent.Space(model).images(latents))
    assert space.differentiable


@pytest.mark.parametrize("make", [tiny_gan, tiny_cgan, tiny_began])
def test_an_export_gives_the_same_images(make, tmp_path):
    model = make()
    serving.export(model, tmp_path / "export")
    own = latent.Space(model)
    space = latent.load(tmp_path / "export")
    assert space.num_classes == own.num_classes
    labels = None if own.num_classes is None else [2, 0, 1]
    latents = own.draw(3, seed=5)
    np.testing.assert_array_equal(space.draw(3, seed=5), latents)
    np.testing.assert_allclose(
        space.images(latents, labels), own.images(latents, labels), atol=1e-5
    )
    assert space.distribution == own.distribution and space.image_shape == own.image_shape
    for call in (
        lambda: latent.project(space, own.images(latents, labels)),
        lambda: latent.train_encoder(space),
        lambda: latent.directions.sefa(space, 1),
    ):
        with pytest.raises(ValueError, match=r"\.keras file"):
            call()
    with pytest.raises(ValueError, match=f"has {own.num_classes or 'no'} classes.*num_classes=10"):
        latent.load(tmp_path / "export", 10)
    if own.num_classes:
        assert latent.load(tmp_path / "export", own.num_classes).num_classes == 3


class Labelled(tf.Module):
    """Two numbers and a label make an image; labels from `classes` on are refused."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def save(self, path):
        latents, labels = tf.TensorSpec([None, 2], name="latents"), tf.TensorSpec([None], tf.int32)
        seed, truncation = tf.TensorSpec([], tf.int32), tf.TensorSpec([])
        given = latents, tf.TensorSpec([None], tf.int32, "labels")
        signatures = {
            "serving_default": tf.function(self.images).get_concrete_function(*given),
            "sample": tf.function(self.sample).get_concrete_function(
                labels=labels, seed=seed, truncation=truncation
            ),
        }
        tf.saved_model.save(self, path, signatures)

    def images(self, latents, labels):
        if self.classes:
            labels = latent_draws.assert_labels(labels, self.classes)
        pixels = tf.concat([latents, tf.cast(labels, tf.float32)[:, tf.newaxis]], axis=1)
        return {"images": tf.reshape(pixels, [-1, 1, 3, 1])}

    def sample(self, labels, seed, truncation):
        latents = tf.random.stateless_normal([tf.shape(labels)[0], 2], [seed, 0]) + truncation
        return self.images(latents, labels)


def test_a_preset_has_layers_and_gradients_an_export_beside_it_has_not(tmp_path, monkeypatch):
    model = tiny_gan()
    monkeypatch.setenv("KERASGAN_HOME", str(tmp_path))
    preset = tmp_path / "presets" / "tiny"
    model.save_to_preset(preset, "Untrained.")
    serving.export(model, preset)
    latents = latent.Space(model).draw(2, seed=0)
    for name in (preset, "tiny"):
        space = latent.load(name)
        assert space.differentiable
        np.testing.assert_array_equal(space.images(latents), latent.Space(model).images(latents))


@pytest.mark.parametrize("classes", [1, 2, 5, 8, 1000])
def test_classes_are_counted_by_what_an_export_refuses(classes, tmp_path, monkeypatch):
    Labelled(classes).save(tmp_path)
    monkeypatch.setattr(latent.SavedSpace, "_find_distribution", lambda *_: "normal")
    assert latent.load(tmp_path).num_classes == classes


def test_an_export_that_takes_any_label_is_named(tmp_path):
    Labelled(None).save(tmp_path)
    with pytest.raises(ValueError, match="takes 1048576"):
        latent.load(tmp_path)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda s, c: latent.Space(keras.Sequential()), "takes latents"),
        (lambda s, c: s.images(np.zeros((2, 5))), r"\(batch, 4\)"),
        (lambda s, c: s.images(np.zeros(4)), r"\(batch, 4\)"),
        (lambda s, c: s.images(np.zeros((0, 4))), "at least one row"),
        (lambda s, c: s.images(np.full((2, 4), np.nan)), "finite"),
        (lambda s, c: s.images(np.zeros((2, 4)), labels=1), "takes no labels"),
        (lambda s, c: c.images(np.zeros((2, 4))), "conditional"),
        (lambda s, c: c.images(np.zeros((2, 4)), labels=3), r"\[0, 3\)"),
        (lambda s, c: c.images(np.zeros((2, 4)), labels=[0, 1, 2]), "one for each"),
        (lambda s, c: s.draw(0), "n must be"),
        (lambda s, c: s.checked_images(np.zeros((2, 9, 8, 1), "float32")), "resize"),
        (lambda s, c: s.checked_images(np.zeros((8, 8, 1), "float32")), "batch"),
        (lambda s, c: s.checked_images(np.full((2, *SHAPE), 255.0)), "127.5"),
        (lambda s, c: s.checked_images(np.zeros((2, *SHAPE), "uint8")), "127.5"),
        (lambda s, c: s.checked_images(np.full((2, *SHAPE), np.nan)), "finite"),
        (lambda s, c: latent.load("no/such"), "no/such"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call(latent.Space(tiny_gan()), latent.Space(tiny_cgan()))
    assert "Received" in str(error.value)


def members(path, **contents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in contents.items():
            archive.writestr(f"{name}.json", text)


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        half,
        flipped,
        lambda path: members(path, other="{}"),
        lambda path: members(path, config="{}", metadata="{}"),
        lambda path: members(path, config='{"a', metadata="{}"),
    ],
    ids=["half", "flipped", "no config", "empty config", "broken config"],
)
def test_a_damaged_file_is_named(damage, tmp_path):
    tiny_gan().save(tmp_path / "tiny.keras")
    damage(tmp_path / "tiny.keras")
    with pytest.raises(ValueError, match=r"can't be loaded\. Received: .*tiny\.keras"):
        latent.load(tmp_path)


def test_a_damaged_export_is_named(tmp_path):
    serving.export(tiny_gan(), tmp_path / "export")
    shutil.rmtree(tmp_path / "export" / "1" / "variables")
    with pytest.raises(ValueError, match=r"can't be loaded\. Received: .*export"):
        latent.load(tmp_path / "export")
    (tmp_path / "export" / "1" / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(ValueError, match=r"can't be loaded\. Received: .*export"):
        latent.load(tmp_path / "export")


def test_a_damaged_file_and_several_files_are_named(tmp_path):
    (tmp_path / "a.keras").write_text("no model")
    with pytest.raises(ValueError, match="can't be loaded"):
        latent.load(tmp_path)
    (tmp_path / "b.keras").write_text("no model")
    with pytest.raises(ValueError, match="Name one"):
        latent.load(tmp_path)
