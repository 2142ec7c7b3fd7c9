"""AutoEncoder: the family contract, its errors by hand, standardised codes, use and export."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import serving
from kerasgan.losses import reconstruction
from kerasgan.models import AutoEncoder, autoencoder, vae
from tests.models.harness import FamilyContract

SHAPE = (8, 8, 1)


def tiny(**kwargs):
    """One layer each way, and the default encoder's standardised codes."""
    images = keras.Input(SHAPE)
    codes = keras.layers.Dense(3)(keras.layers.Flatten()(images))
    codes = keras.layers.BatchNormalization(center=False, scale=False, dtype="float32")(codes)
    encoder = keras.Model(images, codes)
    return AutoEncoder(
        SHAPE, 3, encoder=encoder, generator=vae.build_paper_decoder(3, SHAPE, 8), **kwargs
    )


def images_of(n, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *SHAPE)).astype("float32")


class TestAutoEncoder(FamilyContract):
    log_names = ("autoencoder_reconstruction", "autoencoder_loss")

    def make_model(self, **kwargs):
        return tiny(**kwargs)

    def make_arrays(self, n):
        return images_of(n)

    def sample(self, model, n, seed=0):
        return model.generate(n, seed=seed)

    @pytest.mark.parametrize("jit_compile", [False])  # under XLA: tested of the VAE
    def test_ten_steps_equal_five_saved_loaded_and_five_more(self, tmp_path, jit_compile):
        super().test_ten_steps_equal_five_saved_loaded_and_five_more(tmp_path, jit_compile)


def linear(weights):
    """A network without bias: rows -> rows times weights (inputs, outputs)."""
    weights = np.asarray(weights, "float32")
    rows = keras.Input((weights.shape[0],))
    layer = keras.layers.Dense(weights.shape[1], use_bias=False)
    network = keras.Model(rows, layer(rows))
    layer.set_weights([weights])
    return network


@pytest.mark.parametrize(
    "likelihood, wanted",
    [
        # Points (1, -1) and (0.5, 0) have the codes 1 and 0.5; the outputs are (1, 2), (0.5, 1).
        ("gaussian", [(0.0 + 9.0) / 2, (0.0 + 1.0) / 2]),
        # -log sigmoid(1) = 0.3132617, -log(1 - sigmoid(2)) = 2.1269280; softplus(0.5) = 0.9740770
        # and softplus(1) = 1.3132617, less the shares 0.75 and 0.5 of the logits 0.5 and 1.
        ("bernoulli", [(0.3132617 + 2.1269280) / 2, (0.9740770 - 0.375 + 1.3132617 - 0.5) / 2]),
    ],
)
def test_errors_by_hand(likelihood, wanted):
    encoder, decoder = linear([[1.0], [0.0]]), linear([[1.0, 2.0]])
    model = AutoEncoder((2,), 1, likelihood, encoder, decoder, seed=0)
    model.compile(autoencoder_optimizer=keras.optimizers.SGD(0.0))
    points = np.array([[1.0, -1.0], [0.5, 0.0]], "float32")
    history = model.fit(points, batch_size=2, verbose=0).history
    assert history["autoencoder_loss"][0] == pytest.approx(np.mean(wanted), abs=1e-6)
    three = np.concatenate([points, points[:1]])  # batches of 2 and 1: each point counts once
    scores = model.evaluate(three, batch_size=2, verbose=0, return_dict=True)
    assert scores == {"reconstruction": pytest.approx((2 * wanted[0] + wanted[1]) / 3, abs=1e-6)}


def test_training_lowers_the_error_on_validation_data():
    images = np.tile(np.sign(images_of(4)), (8, 1, 1, 1))  # four pictures, eight times
    model = tiny(seed=0, ema_decay=0.5)
    model.compile(autoencoder_optimizer=keras.optimizers.Adam(0.02))
    history = model.fit(images, batch_size=8, epochs=10, validation_data=images, verbose=0).history
    errors = history["val_reconstruction"]
    assert len(errors) == 10 and errors[-1] < 0.3 < errors[0]


def test_codes_are_standardised():
    """After training, the codes' means and variances are those that `generate` draws from."""
    images = images_of(256) * np.linspace(0.1, 1, 256, dtype="float32")[:, None, None, None]
    model = tiny(seed=0, ema_decay=0.0)
    codes = model.encoder(images, training=True).numpy()
    np.testing.assert_allclose(codes.mean(axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(codes.std(axis=0), 1.0, atol=0.2)  # BatchNorm's epsilon of 1e-3
    model.fit(images, batch_size=64, epochs=100, verbose=0)
    codes = model.encode(images)
    assert np.abs(codes.mean(axis=0)).max() < 0.3 and np.abs(codes.std(axis=0) - 1).max() < 0.3


def test_reconstruct_is_decode_of_encode_in_range():
    model, images = tiny(seed=0), images_of(260)  # more than a chunk
    made = model.reconstruct(images)
    np.testing.assert_allclose(made, model.decode(model.encode(images)), atol=1e-6)
    assert made.shape == images.shape and np.abs(made).max() <= 1.0
    np.testing.assert_allclose(made[:2], model.reconstruct(images[:2]), atol=1e-5)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_images_are_the_means_of_the_pixels_within_the_range(likelihood):
    decoder = linear([[3.0] * 4])
    images = keras.layers.Reshape((2, 2, 1))(decoder.outputs[0])
    inputs = keras.Input((2, 2, 1))
    code = keras.layers.Dense(1)(keras.layers.Flatten()(inputs))
    model = AutoEncoder(
        (2, 2, 1), 1, likelihood, keras.Model(inputs, code), keras.Model(decoder.inputs, images)
    )
    made = model.decode([[-1.0], [0.1], [1.0]])[:, 0, 0, 0]
    wanted = {"gaussian": [-1.0, 0.3, 1.0], "bernoulli": np.tanh([-1.5, 0.15, 1.5])}[likelihood]
    np.testing.assert_allclose(made, wanted, atol=1e-6)


def test_an_export_encodes_and_reconstructs(tmp_path):
    model, images = tiny(seed=0), images_of(3)
    loaded = tf.saved_model.load(serving.export(model, tmp_path)).signatures
    assert set(loaded) == {"serving_default", "sample", "sample_png", "encode", "reconstruct"}
    codes = loaded["encode"](images=tf.constant(images))["latents"]
    np.testing.assert_allclose(codes, model.encode(images), atol=1e-5)
    made = loaded["serving_default"](latents=codes)["images"]
    np.testing.assert_allclose(made, model.reconstruct(images), atol=1e-5)
    again = loaded["reconstruct"](images=tf.constant(images))["images"]
    np.testing.assert_allclose(again, made, atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="finite"):
        loaded["encode"](images=tf.constant(images * np.nan))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"likelihood": "mse"}, "likelihood must be"),
        ({"image_shape": (12, 12, 1)}, "power of two"),
        ({"latent_dim": 5, "encoder": autoencoder.build_encoder(4, (28, 28, 1), 1)}, "encoder"),
        ({"generator": autoencoder.build_decoder(32, SHAPE, 1)}, "generator must return shape"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        AutoEncoder(**arguments)
    assert "Received" in str(error.value)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m: m.encode(np.zeros((2, 8, 8))), r"Expected images of shape \(None, 8, 8, 1\)"),
        (lambda m: m.encode(np.zeros((2, *SHAPE), "uint8")), "dtype float32"),
        (lambda m: m.reconstruct(np.full((2, *SHAPE), 255.0, "float32")), "8-bit"),
        (lambda m: m.decode(np.zeros((2, 5))), r"\(batch, 3\)"),
        (lambda m: m.decode(np.zeros((0, 3))), "at least one row"),
        (lambda m: m.decode([[0.0, np.nan, 1.0]]), r"\(1, 3\), 1 NaN"),
        (lambda m: m.encode(np.zeros((0, *SHAPE), "float32")), "empty"),
        (lambda m: reconstruction.Gaussian(0.0), "deviation"),
    ],
)
def test_bad_requests_are_named(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call(tiny(seed=0))
    assert "Received" in str(error.value)
