"""DCGAN: the family contract, and the paper's architecture rules."""

import keras
import numpy as np
import pytest

from kerasgan.models import DCGAN
from kerasgan.models import dcgan as dcgan_file
from tests.models.harness import FamilyContract
from tests.models.test_gan import LOGS, SHAPE


class TestDCGAN(FamilyContract):
    log_names = LOGS

    def make_model(self, **kwargs):
        return DCGAN(
            image_shape=SHAPE,
            latent_dim=4,
            generator=dcgan_file.build_generator(4, SHAPE, width=4),
            discriminator=dcgan_file.build_discriminator(SHAPE, width=4),
            **kwargs,
        )

    def make_arrays(self, n):
        return np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")

    def sample(self, model, n, seed=0):
        return model.generate(n, seed=seed)


def kinds(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("size, doublings", [(28, 2), (32, 3), (64, 4), (128, 5)])
def test_sizes(size, doublings):
    shape = (size, size, 3)
    generator = dcgan_file.build_generator(10, shape, width=2)
    discriminator = dcgan_file.build_discriminator(shape, width=2)
    assert generator.output_shape == (None, *shape)
    assert discriminator.output_shape == (None, 1)
    assert len(kinds(generator, keras.layers.Conv2DTranspose)) == doublings
    assert len(kinds(discriminator, keras.layers.Conv2D)) == doublings


def test_the_rules_of_section_3():
    generator = dcgan_file.build_generator(100, (64, 64, 3), width=4)
    discriminator = dcgan_file.build_discriminator((64, 64, 3), width=4)
    pooling = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
    for network in (generator, discriminator):
        assert not kinds(network, pooling)
        assert len(kinds(network, keras.layers.Dense)) == 1  # projection; logit: none hidden
    assert len(kinds(generator, keras.layers.BatchNormalization)) == 4  # not at the output
    assert len(kinds(discriminator, keras.layers.BatchNormalization)) == 3  # not at the input
    assert kinds(generator, keras.layers.Activation)[-1].activation is keras.activations.tanh
    slopes = [layer.negative_slope for layer in kinds(discriminator, keras.layers.LeakyReLU)]
    assert slopes == [pytest.approx(0.2)] * 4
    kernels = [v.numpy().ravel() for v in generator.trainable_variables if v.name == "kernel"]
    spread = np.concatenate(kernels).std()
    assert 0.0195 < spread < 0.0205  # N(0, 0.02)
    adam = DCGAN(image_shape=SHAPE, seed=0).optimizers["generator"]
    assert float(adam.learning_rate) == pytest.approx(2e-4)
    assert adam.beta_1 == 0.5


def test_paper_generator_has_figure_1s_channels():
    generator = dcgan_file.build_paper_generator()
    maps = [layer.output.shape[1:] for layer in kinds(generator, keras.layers.Conv2DTranspose)]
    assert kinds(generator, keras.layers.Reshape)[0].output.shape[1:] == (4, 4, 1024)
    assert maps == [(8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)]


@pytest.mark.parametrize(
    "normalization, kind",
    [("batch", keras.layers.BatchNormalization), ("layer", keras.layers.LayerNormalization)],
)
def test_normalization_of_the_discriminator(normalization, kind):
    shape = (16, 16, 1)
    discriminator = dcgan_file.build_discriminator(shape, 4, normalization)
    assert len(kinds(discriminator, kind)) == 1  # not at the input
    plain = dcgan_file.build_discriminator(shape, 4, None)
    assert not kinds(plain, kind)
    assert [layer.use_bias for layer in kinds(plain, keras.layers.Conv2D)] == [True] * 2


def test_an_unknown_normalization_is_named():
    with pytest.raises(ValueError, match=r"'layer'.*Received: normalization='group'"):
        dcgan_file.build_discriminator((16, 16, 1), 4, "group")


@pytest.mark.parametrize("shape", [(30, 30, 1), (28, 32, 1), (4, 4, 1), (2048, 2048, 3)])
def test_sizes_that_do_not_fit_are_named(shape):
    with pytest.raises(ValueError, match="image_shape") as error:
        DCGAN(image_shape=shape)
    assert "Received" in str(error.value)
