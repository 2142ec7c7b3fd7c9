"""BEGAN's networks as in the paper, and the residuals that vanish."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import serving
from kerasgan.models import began
from tests.models.test_began import SHAPE, black, tiny

# Section 3.5: networks --------------------------------------------------------------------


def convolutions(network):
    return [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]


def test_the_networks_of_figure_1():
    n = 3
    network = began.build_discriminator((32, 32, 3), 5, width=n)
    described = [(c.filters, c.strides[0], c.input.shape[1]) for c in convolutions(network)]
    # (filters, stride, width of the input): filters grow by n with each subsampling; 8x8 last.
    encoder = [(n, 1, 32), (n, 1, 32), (n, 1, 32), (2 * n, 2, 32)]
    encoder += [(2 * n, 1, 16), (2 * n, 1, 16), (3 * n, 2, 16), (3 * n, 1, 8), (3 * n, 1, 8)]
    decoder = [(n, 1, 8)] * 2 + [(n, 1, 16)] * 2 + [(n, 1, 32)] * 2 + [(3, 1, 32)]
    assert described == encoder + decoder
    assert all(c.kernel_size == (3, 3) for c in convolutions(network))
    assert all(c.activation is keras.activations.elu for c in convolutions(network)[:-1])
    dense = [layer for layer in network.layers if isinstance(layer, layers.Dense)]
    assert [(d.name == "h", d.units) for d in dense] == [(True, 5), (False, 8 * 8 * n)]
    assert all(d.activation is keras.activations.linear for d in dense)
    kinds = {type(layer).__name__ for layer in network.layers}
    assert kinds == {"InputLayer", "Conv2D", "VanishingResidual", "Flatten", "Dense", "Reshape",
                     "UpSampling2D", "Concatenate", "Activation"}  # fmt: skip
    assert network.layers[-1].activation is keras.activations.linear
    upsampling = [la for la in network.layers if isinstance(la, layers.UpSampling2D)]
    assert {la.interpolation for la in upsampling} == {"nearest"}


def test_the_generator_is_a_decoder_with_weights_of_its_own():
    model = began.BEGAN(image_shape=(32, 32, 3), latent_dim=5, seed=0)
    generator = model.generator.trainable_variables
    decoder = model.discriminator.trainable_variables[-len(generator) :]
    assert [v.shape for v in generator] == [v.shape for v in decoder]
    assert not {id(v) for v in generator} & {id(v) for v in decoder}
    kernels = [(a, b) for a, b in zip(generator, decoder) if a.name == "kernel"]
    assert kernels and not any(np.array_equal(a.numpy(), b.numpy()) for a, b in kernels)


def test_skip_connections_bring_h0_to_every_size():
    network = began.build_generator(4, (28, 28, 1), width=2)
    joined = [layer.output for layer in network.layers if isinstance(layer, layers.Concatenate)]
    assert [tensor.shape[1:] for tensor in joined] == [(14, 14, 4), (28, 28, 4)]
    view = keras.Model(network.input, [network.get_layer("h0").output, *joined])
    h0, *maps = view(np.random.default_rng(0).uniform(-1, 1, (3, 4)))
    assert h0.shape == (3, 7, 7, 2) and np.std(h0) > 0
    for factor, joined_map in zip((2, 4), maps):
        upsampled = np.repeat(np.repeat(h0, factor, axis=1), factor, axis=2)
        np.testing.assert_array_equal(joined_map[..., 2:], upsampled)
    plain = began.build_generator(4, (28, 28, 1), width=2, skip_connections=False)
    assert not [layer for layer in plain.layers if isinstance(layer, layers.Concatenate)]


@pytest.mark.parametrize("size, base, doublings", [(28, 7, 2), (32, 8, 2), (64, 8, 3)])
def test_sizes(size, base, doublings):
    generator = began.build_generator(4, (size, size, 3), width=2, repeats=1)
    discriminator = began.build_discriminator((size, size, 3), 4, width=2, repeats=1)
    assert generator.get_layer("h0").output.shape[1:] == (base, base, 2)
    assert generator.output_shape == discriminator.output_shape == (None, size, size, 3)
    assert [c.strides for c in convolutions(discriminator)].count((2, 2)) == doublings


def test_paper_networks_have_128_filters():
    generator = began.build_paper_generator(image_shape=(32, 32, 3))
    discriminator = began.build_paper_discriminator(image_shape=(32, 32, 3))
    assert {c.filters for c in convolutions(generator)} == {128, 3}
    assert {c.filters for c in convolutions(discriminator)} == {128, 256, 384, 3}


@pytest.mark.parametrize("shape", [(30, 30, 1), (8, 8, 1), (28, 32, 1), (2,)])
def test_sizes_that_do_not_fit_are_named(shape):
    with pytest.raises(ValueError, match="image_shape") as error:
        began.BEGAN(image_shape=shape)
    assert "Received" in str(error.value)


# Section 3.5.1: vanishing residuals -------------------------------------------------------


def carries(*networks):
    found = [v for n in networks for v in n.variables if v.name == "carry"]
    assert len(found) == len(networks)  # one in each
    return [float(v.numpy()) for v in found]


def test_the_layer_mixes_input_and_output():
    layer = began.VanishingResidual()
    x, y = tf.fill([2, 3], 4.0), tf.fill([2, 3], 8.0)
    np.testing.assert_array_equal(layer([x, y]), x)  # 1 at first
    for carry, mixed in ((1.0, 4.0), (0.75, 5.0), (0.0, 8.0)):
        layer.carry.assign(carry)
        np.testing.assert_array_equal(layer([x, y]), np.full((2, 3), mixed))


def test_the_carry_falls_from_1_to_0_and_reaches_the_averaged_generator():
    model = tiny(seed=0, residual_steps=4)
    model.compile(run_eagerly=True)
    networks = (model.generator, model.discriminator, model.ema_generator)
    assert carries(*networks) == [1.0] * 3
    seen = []
    for _ in range(6):
        model.fit(black(4), batch_size=4, verbose=0)
        seen.append(carries(*networks))
    assert seen == [[c] * 3 for c in (0.75, 0.5, 0.25, 0.0, 0.0, 0.0)]


def test_no_residual_steps_mean_no_residuals():
    model = tiny(seed=0, residual_steps=0)
    model.compile(run_eagerly=True)
    model.fit(black(4), batch_size=4, verbose=0)
    assert carries(model.generator, model.discriminator) == [0.0, 0.0]


def test_at_carry_1_the_same_sized_convolutions_are_passed_by():
    network = began.build_generator(4, SHAPE, width=2, skip_connections=False)
    latents = np.random.default_rng(0).uniform(-1, 1, (3, 4))
    before = network(latents).numpy()
    for convolution in convolutions(network)[:-1]:
        convolution.kernel.assign(convolution.kernel + 1.0)
    np.testing.assert_array_equal(network(latents), before)
    (carry,) = [v for v in network.variables if v.name == "carry"]
    carry.assign(0.0)
    assert np.abs(network(latents) - before).max() > 0.01


def test_k_and_the_carry_are_saved_with_the_model(tmp_path):
    model = tiny(seed=0, gamma=0.9, lambda_k=0.01, norm=2, residual_steps=8)
    model.compile(run_eagerly=True)
    model.fit(black(8), batch_size=4, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert 0.0 < float(model.k.numpy()) == float(loaded.k.numpy())
    networks = (loaded.generator, loaded.discriminator, loaded.ema_generator)
    assert carries(*networks) == [0.75] * 3
    found = (loaded.gamma, loaded.lambda_k, loaded.norm, loaded.residual_steps)
    assert found == (0.9, 0.01, 2, 8)


def test_an_export_in_the_middle_of_the_residuals_equals_generate(tmp_path):
    model = tiny(seed=0, residual_steps=8)
    model.compile(run_eagerly=True)
    model.fit(black(8), batch_size=4, verbose=0)
    serve = tf.saved_model.load(str(serving.export(model, tmp_path / "export"))).signatures
    latents = np.random.default_rng(0).uniform(-1, 1, (3, 4)).astype("float32")
    served = serve["serving_default"](latents=tf.constant(latents))["images"]
    np.testing.assert_allclose(served, model.images_from(latents), atol=1e-6)
    sampled = serve["sample"](seed=tf.constant(5), num=tf.constant(3), truncation=tf.constant(0.5))
    np.testing.assert_allclose(
        sampled["images"], model.generate(3, seed=5, truncation=0.5), atol=1e-6
    )
