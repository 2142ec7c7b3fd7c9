"""CycleGAN: the family contract, the article's two losses each way, pools that are saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import CycleGAN, cyclegan
from kerasgan.networks.patch import build_patch_discriminator
from tests.models.harness import FamilyContract

SHAPE = (8, 8, 3)
WAYS = ("a_to_b", "b_to_a")
LOGS = {f"generator_adversarial_{way}" for way in WAYS}
LOGS |= {f"generator_{term}_{domain}" for term in ("cycle", "identity") for domain in "ab"}
LOGS |= {f"discriminator_{part}_{domain}" for part in ("real", "fake") for domain in "ab"}
LOGS |= {"generator_loss", "discriminator_loss"}


def tiny_generator(name="generator"):
    """Two convolutions: the contract is about the steps; the paper's networks have their tests."""
    images = keras.Input((None, None, 3))
    x = keras.layers.LeakyReLU()(keras.layers.Conv2D(4, 3, padding="same")(images))
    x = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(images, x, name=name)


def tiny_networks():
    networks = {f"generator_{way}": tiny_generator(f"generator_{way}") for way in WAYS}
    for domain in "ab":
        name = f"discriminator_{domain}"
        networks[name] = build_patch_discriminator(SHAPE, None, 4, 1, None, name=name)
    return networks


def papers_networks():
    networks = {
        f"generator_{way}": cyclegan.build_generator(SHAPE, 4, blocks=1, name=f"generator_{way}")
        for way in WAYS
    }
    for domain in "ab":
        name = f"discriminator_{domain}"
        networks[name] = build_patch_discriminator(SHAPE, None, 4, halvings=1, name=name)
    return networks


def test_the_papers_networks_train_in_small():
    model = CycleGAN(image_shape=SHAPE, **papers_networks(), seed=0)
    before = [v.numpy() for v in model.trainable_variables]
    contract = TestCycleGAN()
    history = model.fit(contract.dataset(batch=2, steps=2), verbose=0).history
    assert np.isfinite([values[-1] for values in history.values()]).all()
    kernels = [
        np.abs(a - v.numpy()).max()
        for a, v in zip(before, model.trainable_variables)
        if v.name == "kernel"
    ]
    assert min(kernels) > 0.0


class TestCycleGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return CycleGAN(image_shape=SHAPE, pool_size=6, **tiny_networks(), **kwargs)

    def make_arrays(self, n):
        draws = np.random.default_rng(0).uniform(-1, 1, (2, n, *SHAPE)).astype("float32")
        return tuple(draws)

    def sample(self, model, n, seed=0):
        images = np.random.default_rng(seed).uniform(-1, 1, (n, *SHAPE)).astype("float32")
        return model.translate_a_to_b(images)


def constant_generator(value):
    """Every pixel becomes `value`."""
    images = keras.Input((None, None, 3))
    outputs = keras.layers.Conv2D(
        3, 1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(value)
    )(images)
    return keras.Model(images, outputs)


def constant_discriminator(value):
    """Every logit is `value`."""
    images = keras.Input(SHAPE)
    outputs = keras.layers.Conv2D(
        1, 1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(value)
    )(images)
    return keras.Model(images, outputs)


def test_losses_by_hand():
    # G(a) = 0.5 and F(b) = -0.25 everywhere; a = 0.1, b = -0.3; D_a = 0.2, D_b = 0.6 everywhere.
    model = CycleGAN(
        image_shape=SHAPE,
        generator_a_to_b=constant_generator(0.5),
        generator_b_to_a=constant_generator(-0.25),
        discriminator_a=constant_discriminator(0.2),
        discriminator_b=constant_discriminator(0.6),
        cycle_weight=7.0,
        identity_weight=3.0,
        seed=0,
    )
    images_a, images_b = tf.fill((2, *SHAPE), 0.1), tf.fill((2, *SHAPE), -0.3)
    model.unpack((images_a, images_b))
    fakes = model.b_to_a(images_b), model.a_to_b(images_a)
    terms = model.generator_loss(images_a, images_b, *fakes)
    wanted = {
        "adversarial_a_to_b": (0.6 - 1) ** 2,  # no factor 1/2, as in the paper
        "adversarial_b_to_a": (0.2 - 1) ** 2,
        "cycle_a": 7 * 0.35,  # |F(G(a)) - a| = |-0.25 - 0.1|
        "cycle_b": 7 * 0.8,  # |G(F(b)) - b| = |0.5 + 0.3|
        "identity_a": 3 * 0.35,
        "identity_b": 3 * 0.8,
    }
    assert set(terms) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-5, err_msg=name)
    terms = model.discriminator_loss(images_a, images_b, *fakes)
    wanted = {
        "real_a": (0.2 - 1) ** 2 / 2,
        "fake_a": 0.2**2 / 2,
        "real_b": (0.6 - 1) ** 2 / 2,
        "fake_b": 0.6**2 / 2,
    }
    assert set(terms) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-5, err_msg=name)


def test_without_identity_weight_there_is_no_identity_term():
    model = CycleGAN(image_shape=SHAPE, identity_weight=0.0, **tiny_networks(), seed=0)
    images = tf.zeros((1, *SHAPE))
    model.unpack((images, images))
    assert not any("identity" in term for term in model.generator_loss(*[images] * 4))


def test_the_pools_fill_are_saved_and_feed_the_discriminators(tmp_path):
    contract = TestCycleGAN()
    model = contract.make_model(seed=0)
    model.fit(contract.dataset(batch=2, steps=2), verbose=0)
    assert int(model.pool_a.filled.numpy()) == 4 == int(model.pool_b.filled.numpy())
    model.fit(contract.dataset(batch=2, steps=2), verbose=0)
    assert int(model.pool_a.filled.numpy()) == 6  # full
    pool = model.pool_b.images.numpy()
    assert (np.abs(pool[:6]).max(axis=(1, 2, 3)) > 0).all() and not pool[6].any()
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy.pool_b.images.numpy(), pool)
    assert int(copy.pool_b.filled.numpy()) == 6


def test_translation_takes_any_size_and_does_not_depend_on_its_neighbours():
    model = TestCycleGAN().make_model(seed=0)
    images = np.random.default_rng(1).uniform(-1, 1, (3, 21, 13, 3)).astype("float32")
    together = model.translate_b_to_a(images)
    assert together.shape == images.shape
    np.testing.assert_allclose(together[2:], model.translate_b_to_a(images[2:]), atol=1e-6)
    for shape in ((1, 1, 1, 3), (1, 3, 5, 3)):  # reflection needs more pixels than that
        assert model.translate_a_to_b(np.zeros(shape, "float32")).shape == shape


def test_the_sheet_shows_both_ways_and_back():
    model = TestCycleGAN().make_model(seed=0)
    parts = TestCycleGAN().make_arrays(2)
    sheet = model.sheet(parts)
    assert list(sheet) == ["A", "A to B", "and back", "B", "B to A", "and back to B"]
    np.testing.assert_array_equal(sheet["A to B"], model.translate_a_to_b(parts[0]))
    np.testing.assert_array_equal(sheet["and back"], model.translate_b_to_a(sheet["A to B"]))


def test_the_papers_generator_has_its_size():
    # Counted by hand, biases only where no normalisation follows, instance norms with 2 per map.
    def conv(size, inputs, outputs, norm=True):
        return size * size * inputs * outputs + (2 * outputs if norm else outputs)

    blocks = 9 * 2 * conv(3, 256, 256)
    ends = conv(7, 3, 64) + conv(7, 64, 3, norm=False)
    between = 2 * (conv(3, 64, 128) - 256) + 2 * (conv(3, 128, 256) - 512)
    norms = (256 + 512) + (256 + 128)
    generator = cyclegan.build_generator((256, 256, 3))
    assert generator.count_params() == blocks + ends + between + norms
    assert cyclegan.build_generator((128, 128, 3)).count_params() == (
        generator.count_params() - 3 * 2 * conv(3, 256, 256)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cycle_weight": -1.0}, "cycle_weight must be"),
        ({"identity_weight": -1.0}, "identity_weight must be"),
        ({"pool_size": -1}, "pool_size must be"),
        ({"loss": "relativistic"}, "judge fakes by themselves.*relativistic"),
        ({"image_shape": (8, 8)}, "image_shape must be"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CycleGAN(**{"image_shape": SHAPE, **tiny_networks(), **arguments})


def test_a_generator_of_the_wrong_shape_is_refused():
    networks = {**tiny_networks(), "generator_b_to_a": cyclegan.build_generator((8, 8, 1), 4, 1)}
    with pytest.raises(ValueError, match=r"generator_b_to_a must turn images \(8, 8, 3\)"):
        CycleGAN(image_shape=SHAPE, **networks)


def test_images_to_translate_are_checked():
    model = TestCycleGAN().make_model(seed=0)
    with pytest.raises(ValueError, match=r"height, width, 3\)\. Received: images of shape"):
        model.translate_a_to_b(np.zeros((1, 8, 8, 1), "float32"))
    with pytest.raises(ValueError, match=r"floats in \[-1, 1\].*Received: uint8 from 0 to 0"):
        model.translate_a_to_b(np.zeros((1, 8, 8, 3), "uint8"))
    with pytest.raises(ValueError, match=r"Received: float32 from nan to nan"):
        model.translate_a_to_b(np.full((1, 8, 8, 3), np.nan, "float32"))


def test_a_generator_halves_twice():
    with pytest.raises(ValueError, match=r"multiples of 4.*\(30, 32, 3\)"):
        cyclegan.build_generator((30, 32, 3), 4, 1)


@pytest.mark.parametrize("normalization", ["instance", "batch", None])
def test_a_generator_takes_any_size(normalization):
    network = cyclegan.build_generator((8, 8, 3), 2, 1, normalization)
    assert network(tf.zeros((1, 12, 20, 3))).shape == (1, 12, 20, 3)


def test_a_generator_cannot_learn_a_scale_for_each_pixel():
    with pytest.raises(ValueError, match=r"one of \['batch', 'instance', None\].*'layer'"):
        cyclegan.build_generator((8, 8, 3), 2, 1, "layer")
