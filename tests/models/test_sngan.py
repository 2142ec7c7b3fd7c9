"""SNGAN: the family contract, when spectral norms advance, and the paper's architectures."""

import keras
import numpy as np
import pytest

from kerasgan.layers import SpectralConv2D, SpectralDense, SpectralLayer
from kerasgan.models import sngan as sngan_file
from kerasgan.models.sngan import SNGAN
from kerasgan.networks import resnet
from tests.models.harness import FamilyContract
from tests.models.test_gan import LOGS, SHAPE


def tiny(critic_steps=2, **kwargs):
    networks = {
        "generator": sngan_file.build_generator(4, SHAPE, width=4),
        "discriminator": sngan_file.build_discriminator(SHAPE, width=4),
    }
    return SNGAN(SHAPE, latent_dim=4, critic_steps=critic_steps, **{**networks, **kwargs})


def arrays(n):
    return np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")


class TestSNGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return tiny(**kwargs)

    def make_arrays(self, n):
        return arrays(n)

    def sample(self, model, n, seed=0):
        return model.generate(n, seed=seed)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_residual_networks_train(jit_compile):
    networks = {
        "generator": resnet.build_generator(4, SHAPE, width=4),
        "discriminator": resnet.build_discriminator(SHAPE, width=4),
    }
    model = tiny(critic_steps=1, seed=0, **networks)
    model.compile(jit_compile=jit_compile)
    kernels = [v for v in model.trainable_variables if v.name == "kernel"]
    before = [v.numpy() for v in kernels]
    history = model.fit(arrays(8), batch_size=4, verbose=0).history
    assert np.isfinite([values[-1] for values in history.values()]).all()
    for variable, value in zip(kernels, before, strict=True):
        assert not np.array_equal(variable.numpy(), value)


def spectral(network):
    return [layer for layer in network.layers if isinstance(layer, SpectralLayer)]


def test_one_advance_an_update_and_one_kernel_within_it(monkeypatch):
    """Three updates of the discriminator, one of a generator that has a spectral norm as well."""
    latents = keras.Input((4,))
    images = keras.layers.Reshape(SHAPE)(
        keras.layers.Activation("tanh")(SpectralDense(64)(latents))
    )
    model = tiny(critic_steps=3, generator=keras.Model(latents, images), seed=0)
    events = []
    kernel_of, advance = SpectralLayer.normalized_kernel, SpectralLayer.advance

    def normalized_kernel(layer):
        kernel = kernel_of(layer)
        events.append((layer.name, np.array(kernel)))
        return kernel

    def counted_advance(layer):
        events.append((layer.name, "advance"))
        advance(layer)

    monkeypatch.setattr(SpectralLayer, "normalized_kernel", normalized_kernel)
    monkeypatch.setattr(SpectralLayer, "advance", counted_advance)
    model.compile(run_eagerly=True)
    model.fit(arrays(12), batch_size=4, verbose=0)
    for layer in spectral(model.discriminator):
        own = [event for name, event in events if name == layer.name]
        marks = [i for i, event in enumerate(own) if isinstance(event, str)]
        assert marks == [2, 5, 8]  # real and fake, advance; three times; then the generator's pass
        assert len(own) == 10
        for update in (own[0:2], own[3:5], own[6:8]):
            np.testing.assert_array_equal(update[0], update[1])
        assert not np.array_equal(own[1], own[3]) and not np.array_equal(own[4], own[6])
    (layer,) = spectral(model.generator)
    own = [event for name, event in events if name == layer.name]
    marks = [isinstance(event, str) for event in own]
    assert marks == [False] * 4 + [True]
    for kernel in own[1:4]:  # the discriminator's updates leave it as it is
        np.testing.assert_array_equal(kernel, own[0])


def test_each_update_of_the_discriminator_sees_a_fresh_batch():
    model = tiny(critic_steps=3, seed=0)
    seen = []
    loss = model.discriminator_loss
    model.discriminator_loss = lambda real, fake: seen.append(np.array(real)) or loss(real, fake)
    model.compile(run_eagerly=True)
    model.fit(arrays(24), batch_size=4, verbose=0)
    assert int(model.step_counter.numpy()) == 2
    rows = np.concatenate(seen).reshape(24, -1)
    assert len(np.unique(rows, axis=0)) == 24


def test_the_hinge_loss_of_a_step_by_hand():
    """A discriminator of one weight w = 2 on x00, so w / sigma = 1: logits are the pixel."""
    inputs = keras.Input(SHAPE)
    pixel = inputs[:, 0, 0, :]
    judge = keras.Model(inputs, SpectralDense(1, use_bias=False)(pixel))
    judge.set_weights([np.array([[2.0]]), np.array([1.0])])
    latents = keras.Input((4,))
    made = keras.layers.Dense(64, kernel_initializer="zeros", activation="tanh")(latents)
    maker = keras.Model(latents, keras.layers.Reshape(SHAPE)(made))
    model = tiny(critic_steps=1, generator=maker, discriminator=judge, seed=0)
    frozen = {f"{p}_optimizer": keras.optimizers.SGD(0.0) for p in model.players()}
    model.compile(**frozen)
    history = model.fit(np.full((4, *SHAPE), -0.25, "float32"), batch_size=4, verbose=0).history
    assert history["discriminator_real"][-1] == pytest.approx(1.25, abs=1e-6)  # max(0, 1 + 0.25)
    assert history["discriminator_fake"][-1] == pytest.approx(1.0, abs=1e-6)  # max(0, 1 + 0)
    assert history["generator_loss"][-1] == pytest.approx(0.0, abs=1e-6)


def test_defaults_are_the_papers():
    model = SNGAN(seed=0)
    assert (model.critic_steps, model.latent_dim, model.loss.name) == (5, 128, "hinge")
    for optimizer in model.optimizers.values():
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.9)
    kernels = [v for v in model.discriminator.trainable_variables if v.name == "kernel"]
    assert len(kernels) == len(spectral(model.discriminator)) == 6  # every layer is normalised


def test_tables_3_maps():
    generator = sngan_file.build_generator(128, (32, 32, 3), width=64)
    discriminator = sngan_file.build_discriminator((32, 32, 3), width=64)
    ups = [x for x in generator.layers if isinstance(x, keras.layers.Conv2DTranspose)]
    assert generator.layers[2].output.shape[1:] == (4, 4, 512)
    assert [x.output.shape[1:] for x in ups] == [(8, 8, 256), (16, 16, 128), (32, 32, 64)]
    assert {x.kernel_size for x in ups} == {(4, 4)}
    convolutions = [x for x in discriminator.layers if isinstance(x, SpectralConv2D)]
    assert [(x.filters, x.kernel_size[0], x.strides[0]) for x in convolutions] == [
        (64, 3, 1), (64, 4, 2), (128, 3, 1), (128, 4, 2), (256, 3, 1), (256, 4, 2), (512, 3, 1)
    ]  # fmt: skip
    slopes = [x.negative_slope for x in discriminator.layers if hasattr(x, "negative_slope")]
    assert slopes == [pytest.approx(0.1)] * 7


def test_table_4_has_the_papers_sizes():
    generator = sngan_file.build_paper_generator()
    discriminator = sngan_file.build_paper_discriminator()
    convolution = 256 * 256 * 9 + 256
    block = 2 * convolution + (256 * 256 + 256) + 2 * 4 * 256
    assert generator.count_params() == 129 * 4096 + 3 * block + 4 * 256 + 256 * 3 * 9 + 3
    convolution = 128 * 128 * 9 + 128
    first = (3 * 128 * 9 + 128) + convolution + (3 * 128 + 128)
    second = 2 * convolution + (128 * 128 + 128)
    assert sum(np.prod(v.shape) for v in discriminator.trainable_variables) == (
        first + second + 4 * convolution + 129
    )
    layers = spectral(discriminator)
    assert len(layers) == 11
    assert sum(np.prod(v.shape) for v in discriminator.non_trainable_variables) == 10 * 128 + 1
    pools = [x for x in discriminator.layers if isinstance(x, keras.layers.AveragePooling2D)]
    assert len(pools) == 4  # path and shortcut of two blocks


def test_the_residual_discriminator_sums_over_its_map():
    """With every 3x3 kernel at zero, what is left is the first shortcut's bias, 8 * 8 times."""
    discriminator = resnet.build_discriminator((32, 32, 1), width=2)
    *convolutions, logits = spectral(discriminator)
    first, second = [layer for layer in convolutions if layer.kernel_size == (1, 1)]
    for layer in convolutions:
        layer.kernel.assign(np.zeros(layer.kernel.shape))
    first.bias.assign([0.5, 2.0])
    second.kernel.assign(np.eye(2)[None, None])
    logits.kernel.assign([[3.0], [0.0]])
    logits.u.assign([1.0])  # sigma = 3
    result = float(discriminator(np.zeros((1, 32, 32, 1), "float32"))[0, 0])
    assert result == pytest.approx(8 * 8 * 0.5, rel=1e-5)


@pytest.mark.parametrize("size", [8, 16, 28, 64])
def test_sizes(size):
    shape = (size, size, 3)
    for file in (sngan_file, resnet):
        assert file.build_generator(5, shape, 2).output_shape == (None, *shape)
        assert file.build_discriminator(shape, 2).output_shape == (None, 1)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"critic_steps": 0}, "critic_steps"),
        ({"critic_steps": 2.0}, "critic_steps"),
        ({"loss": "hnige"}, "hinge"),
        ({"image_shape": (30, 30, 1)}, "image_shape"),
        ({"latent_dim": 0}, "latent_dim"),
        ({"discriminator": sngan_file.build_discriminator(SHAPE, 2)}, "must take inputs"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        SNGAN(**arguments)
    assert "Received" in str(error.value)


def test_fewer_batches_than_critic_steps_are_refused():
    with pytest.raises(ValueError, match="takes 5 batches"):
        tiny(critic_steps=5, seed=0).fit(arrays(16), batch_size=4, verbose=0)
