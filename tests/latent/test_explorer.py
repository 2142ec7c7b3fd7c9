"""Explorer: directions, places and ways by hand; the shelf opens models and names the rest."""

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import latent, models, presets, serving
from kerasgan.latent import explorer
from tests.latent.makers import of_function

SHAPE = (8, 8, 1)


def linear_gan():
    """A GAN whose images are z times rows at right angles, of the lengths 0.3, 0.9 and 0.6."""
    rows = np.zeros((3, 64), "float32")
    rows[0, :16], rows[1, 16:32], rows[2, 32:48] = 0.3 / 4, 0.9 / 4, 0.6 / 4
    latents = keras.Input((3,))
    layer = keras.layers.Dense(64, use_bias=False)
    generator = keras.Model(latents, keras.layers.Reshape(SHAPE)(layer(latents)))
    layer.set_weights([rows])
    images = keras.Input(SHAPE)
    logits = keras.layers.Dense(1)(keras.layers.Flatten()(images))
    networks = {"generator": generator, "discriminator": keras.Model(images, logits)}
    return models.GAN(SHAPE, 3, **networks, seed=0)


@pytest.fixture(scope="module")
def linear():
    return explorer.Explorer(latent.Space(linear_gan()))


class Stub:
    """Uniform latents, of which the second alone rules: how bright the picture is."""

    latent_dim, latent_distribution = 3, "uniform"

    def __init__(self, channels=1):
        self.image_shape = (8, 8, channels)

    def images_from(self, latents):
        shape = (len(latents), *self.image_shape)
        return np.broadcast_to(np.asarray(latents)[:, 1, None, None, None], shape)


def test_sefas_directions_come_in_the_order_of_their_effect(linear):
    found = linear.directions("SeFa")
    assert list(found) == ["SeFa 1", "SeFa 2", "SeFa 3"]
    rows = np.abs(list(found.values()))
    np.testing.assert_allclose(rows, [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-6)
    assert linear.directions("SeFa") is found  # found once


def test_an_attributes_direction_is_what_rules_it_as_long_as_a_deviation():
    stub = explorer.Explorer(latent.Space(Stub()))
    assert stub.space.differentiable
    found = stub.directions("attributes")
    assert "ink" in found and "slant" not in found  # a flat picture has none, whatever its grey
    np.testing.assert_allclose(found["ink"], [0, 3**-0.5, 0], atol=0.05)  # uniform in [-1, 1]


def test_places_are_deviations_along_the_directions(linear):
    latents = np.array([[0.1, 0.2, 0.3], [-1.0, 0.0, 1.0]], "float32")
    first, second, _ = linear.directions("SeFa").values()
    moved = linear.moved(latents, "SeFa", [2.0, -0.5, 0.0, 9.0, 9.0, 9.0])  # six sliders
    np.testing.assert_allclose(moved, latents + 2.0 * first - 0.5 * second, atol=1e-6)
    np.testing.assert_array_equal(linear.moved(latents, "SeFa", []), latents)


def test_uniform_latents_stay_within_their_range_and_none_of_another_size_is_moved():
    stub = explorer.Explorer(latent.Space(Stub()))
    far = [9.0 * (name == "ink") for name in stub.directions("attributes")]
    moved = stub.moved(np.zeros((1, 3)), "attributes", far)
    assert moved[0, 1] == 1.0 and np.abs(moved).max() == 1.0 and moved.dtype == "float32"
    with pytest.raises(ValueError, match=r"latents must have shape \(batch, 3\)"):
        stub.moved(np.zeros((1, 4)), "attributes", [])


def test_a_model_of_points_is_refused():
    with pytest.raises(ValueError, match=r"images \(H, W, C\).*points, image_shape=\(2,\)"):
        explorer.Explorer(of_function(lambda z: z, 2, (2,)))


def test_the_way_goes_from_one_seeds_latents_to_the_others(linear):
    way = linear.between((3, 4), [0.0, 0.25, 1.0])
    ends = [linear.space.draw(1, seed)[0] for seed in (3, 4)]
    np.testing.assert_allclose(way[[0, 2]], ends, atol=1e-6)
    np.testing.assert_allclose(way[1], latent.slerp(*ends, [0.25])[0], atol=1e-6)
    short = linear.between((3, 4), [0.0, 1.0], truncation=0.1)
    assert 0 < np.abs(short).max() <= 0.1


def test_a_picture_of_the_model_is_projected_to_its_latents(linear):
    """Grey, but not 28 x 28: the features of digits have nothing to say of it."""
    latents = np.array([[0.5, -1.0, 0.8]], "float32")
    found = linear.project(linear.images(latents))
    assert found.errors[0] < 1e-3  # a black-out of the picture would cost 0.017
    np.testing.assert_allclose(found.latents, latents, atol=0.3)  # the prior pulls a little


def test_methods_are_those_that_the_model_allows():
    def methods(channels=1, **attributes):
        space = latent.Space(Stub(channels))
        vars(space).update(attributes)
        return explorer.Explorer(space).methods

    assert methods() == ["SeFa", "GANSpace", "attributes"]
    assert methods(channels=3) == ["SeFa", "GANSpace"]
    assert methods(differentiable=False) == ["attributes"]
    assert methods(channels=3, differentiable=False) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A GAN, a conditional export of one version, a file that is no model, one that is hidden, and
    models without latents.
    """
    folder = tmp_path_factory.mktemp("stored")
    (folder / "gan").mkdir()
    linear_gan().save(folder / "gan" / "final.keras")
    (folder / "broken.keras").write_text("no model")
    (folder / ".partial.keras").write_text("not yet one")
    latents, labels = keras.Input((2,)), keras.Input((), dtype="int32")
    code = latents + keras.layers.Embedding(3, 2)(labels)
    made = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16, activation="tanh")(code))
    images = keras.Input((4, 4, 1))
    known = keras.layers.Flatten()(images), keras.layers.Embedding(3, 2)(labels)
    logits = keras.layers.Dense(1)(keras.layers.Concatenate()(known))
    model = models.CGAN(
        3, (4, 4, 1), 2, generator=keras.Model([latents, labels], made),
        discriminator=keras.Model([images, labels], logits), seed=0,
    )  # fmt: skip
    serving.export(model, folder / "cgan")
    linear_gan().save_to_preset(folder / "zoo" / "preset", "Untrained.")
    classifier = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    presets.save(classifier, folder / "zoo" / "classifier", "Untrained.")
    classifier.save(folder / "a_classifier.keras")
    archive = keras.export.ExportArchive()
    archive.track(classifier)
    spec = [tf.TensorSpec([None, 8, 8, 1], tf.float32, name="images")]
    archive.add_endpoint("serving_default", lambda x: {"y": classifier(x)}, input_signature=spec)
    archive.write_out(folder / "translator" / "1", verbose=False)
    (folder / "damaged" / "1").mkdir(parents=True)
    (folder / "damaged" / "1" / "saved_model.pb").write_bytes(b"no graph")
    return folder


def test_models_are_found_in_folders_and_their_folders(folder):
    found = explorer.stored_models([folder, folder / "missing"])
    names = [name.removeprefix(f"{folder.as_posix()}/") for name in found]
    assert names == ["cgan", "gan/final.keras", "zoo/preset"]
    assert found[f"{folder.as_posix()}/cgan"] == folder / "cgan"


def test_the_shelf_opens_a_model_once_and_names_what_is_none(folder):
    stored = {"gan": folder / "gan" / "final.keras", "bad": folder / "broken.keras"}
    shelf = explorer.Shelf(stored)
    opened = shelf.open("gan")
    assert shelf.open("gan") is opened and opened.name == "gan"
    assert opened.about() == "8 x 8 pixels, 1 channel; 3 normal latents"
    with pytest.raises(ValueError, match=r"can't be loaded.*broken\.keras"):
        shelf.open("bad")
    with pytest.raises(ValueError, match=r"name must be one of \['gan', 'bad'\]"):
        shelf.open("../elsewhere")


def test_a_damaged_export_is_named(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(ValueError, match=rf"can't be loaded\. Received: {tmp_path}"):
        explorer.Shelf({"x": tmp_path}).open("x")


class Loads:
    """Stands for `explorer.load`: counts, and waits where it is told to."""

    def __init__(self, monkeypatch):
        self.paths, self.begun, self.go_on = [], threading.Event(), threading.Event()
        monkeypatch.setattr(explorer, "load", self)

    def __call__(self, path):
        self.paths.append(path)
        if path == "slow":
            self.begun.set()
            assert self.go_on.wait(30)
        return latent.Space(Stub())


def test_a_model_that_loads_keeps_nobody_from_another(monkeypatch):
    loads = Loads(monkeypatch)
    shelf = explorer.Shelf({"slow": "slow", "quick": "quick"})
    opened, quick = [], threading.Event()
    waiting = [threading.Thread(target=lambda: opened.append(shelf.open("slow"))) for _ in "ab"]
    for thread in waiting:
        thread.start()
    assert loads.begun.wait(30)
    other = threading.Thread(target=lambda: shelf.open("quick") and quick.set(), daemon=True)
    other.start()
    free = quick.wait(5)
    loads.go_on.set()
    for thread in (*waiting, other):
        thread.join(30)
    assert free and opened[0] is opened[1] and sorted(loads.paths) == ["quick", "slow"]


def test_the_four_models_used_last_stay_open(monkeypatch):
    loads = Loads(monkeypatch)
    shelf = explorer.Shelf({name: name for name in "abcde"})
    for name in "abcdaebcdea":  # e puts b out, b then c, c then d, d then a; e is open; then a
        shelf.open(name)
    assert "".join(loads.paths) == "abcdebcda"


def test_a_conditional_export_tells_its_classes(folder):
    model = explorer.Shelf({"cgan": folder / "cgan"}).open("cgan")
    assert model.about() == "4 x 4 pixels, 1 channel; 2 normal latents; 3 classes"
    assert model.methods == ["attributes"]
    latents = model.space.draw(2, seed=0)
    made = model.images(latents, 4)
    np.testing.assert_allclose(made, model.space.images(latents, 1), atol=1e-6)  # 4 modulo 3
    assert np.abs(made - model.images(latents, 2)).max() > 1e-3
    with pytest.raises(ValueError, match=r"method must be one of \['attributes'\].*'SeFa'"):
        model.directions("SeFa")
    with pytest.raises(ValueError, match="gradients"):
        model.project(made[:1])


def test_labels_say_nothing_to_a_model_without_them(linear):
    latents = linear.space.draw(2, seed=0)
    np.testing.assert_array_equal(linear.images(latents, 7), linear.space.images(latents))
