"""The U-Net and the patch discriminator: sizes by hand, receptive fields, noise, bad input."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import translations
from kerasgan.networks.patch import build_patch_discriminator
from kerasgan.networks.unet import build_unet


@pytest.mark.parametrize(("halvings", "wanted"), [(1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_as_many_pixels_as_the_paper_says(halvings, wanted):
    size = 96
    network = build_patch_discriminator(
        (size, size, 1), width=2, halvings=halvings, normalization=None
    )
    for variable in network.trainable_variables:
        variable.assign(tf.fill(variable.shape, 0.1))  # nothing cancels
    image = tf.Variable(tf.ones((1, size, size, 1)))
    with tf.GradientTape() as tape:
        logits = network(image)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    rows, columns = np.nonzero(tape.gradient(middle, image)[0, :, :, 0])
    assert rows.max() - rows.min() + 1 == wanted == columns.max() - columns.min() + 1


def test_the_papers_patch_discriminator_has_its_size():
    # 4x4 kernels, instance norms with 2 numbers a channel, biases at the first and last.
    def maps(inputs, outputs):
        return 16 * inputs * outputs + 2 * outputs

    wanted = 16 * 6 * 64 + 64 + maps(64, 128) + maps(128, 256) + maps(256, 512) + 16 * 512 + 1
    network = build_patch_discriminator((256, 256, 3), (256, 256, 3))
    assert network.count_params() == wanted
    assert network.output_shape == (None, 30, 30, 1)


def test_conditions_come_first():
    network = build_patch_discriminator((16, 16, 3), (16, 16, 1), 4, 1)
    assert [tensor.shape[1:] for tensor in network.inputs] == [(16, 16, 1), (16, 16, 3)]


def test_small_images_are_refused():
    with pytest.raises(ValueError, match="3 halvings needs images of 32 px"):
        build_patch_discriminator((28, 28, 1))
    with pytest.raises(ValueError, match="normalization must be one of"):
        build_patch_discriminator((32, 32, 1), normalization="group")


def test_the_papers_unet_has_its_size():
    down = [64, 128, 256, 512, 512, 512, 512, 512]
    encoder = 16 * 3 * 64 + 64  # no norm, so a bias; innermost likewise
    encoder += sum(16 * a * b + 2 * b for a, b in itertools.pairwise(down[:7]))
    encoder += 16 * 512 * 512 + 512
    up = [512, 512, 512, 512, 256, 128, 64]
    inputs = [512, 1024, 1024, 1024, 1024, 512, 256]
    decoder = sum(16 * a * b + 2 * b for a, b in zip(inputs, up)) + 16 * 128 * 3 + 3
    network = build_unet((256, 256, 3))
    assert network.count_params() == encoder + decoder
    assert translations.size_multiple(network) == 256
    assert translations.size_multiple(build_unet((128, 128, 3), width=1)) == 128
    assert translations.size_multiple(build_unet((48, 32, 3), width=1)) == 16


def test_noise_stands_in_the_three_innermost_maps():
    network = build_unet((64, 64, 3), width=2)
    noise = [layer for layer in network.layers if type(layer).__name__ == "NoiseDropout"]
    assert [layer.rate for layer in noise] == [0.5] * 3
    assert len({layer.salt for layer in noise}) == 3
    assert [layer.output.shape[-1] for layer in noise] == [16, 16, 8]
    images = tf.zeros((1, 64, 64, 3)) + 0.5
    first, second = (network([images, tf.constant([[0, seed]], tf.int64)]) for seed in (1, 2))
    assert float(tf.reduce_max(tf.abs(first - second))) > 1e-6


def test_skips_carry_detail_around_the_bottleneck():
    network = build_unet((16, 16, 1), width=4, normalization=None, dropout=0.0)
    seeds = tf.zeros((1, 2), tf.int64)
    image = tf.Variable(tf.random.stateless_normal((1, 16, 16, 1), [0, 0]))
    with tf.GradientTape() as tape:
        corner = network([image, seeds])[0, 0, 0, 0]
    slopes = np.abs(tape.gradient(corner, image)[0, :, :, 0])
    assert slopes[:2, :2].max() > 3 * slopes[8:, 8:].max()


def test_bad_unets_are_refused():
    with pytest.raises(ValueError, match=r"multiples of 4.*Received: image_shape=\(30, 32, 3\)"):
        build_unet((30, 32, 3))
    with pytest.raises(ValueError, match="rate must lie"):
        build_unet((16, 16, 3), width=2, dropout=1.0)
    with pytest.raises(ValueError, match=r"one of \['batch', 'instance', None\].*'layer'"):
        build_unet((16, 16, 3), width=2, normalization="layer")
    assert isinstance(build_unet((16, 16, 3), 1, width=2, normalization=None), keras.Model)
