import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import data
from kerasgan.data import synthetic
from kerasgan.data.order import find_order
from kerasgan.data.sources import Examples
from kerasgan.models import GAN


def all_points(dataset):
    return np.concatenate([batch.numpy() for batch in dataset])


def nearest(points, centers):
    distances = np.linalg.norm(points[:, None] - centers[None], axis=-1)
    return distances.argmin(1), distances.min(1)


def test_ring_centers():
    centers = data.ring_centers(8, radius=2.0)
    root = np.sqrt(2.0)
    np.testing.assert_allclose(
        centers[:4], [[2, 0], [root, root], [0, 2], [-root, root]], atol=1e-6
    )
    np.testing.assert_allclose(centers[4:], -centers[:4], atol=1e-6)
    assert centers.dtype == np.float32


def test_grid_centers():
    centers = data.grid_centers()
    assert centers.tolist() == [[x, y] for y in (-4, -2, 0, 2, 4) for x in (-4, -2, 0, 2, 4)]
    assert data.grid_centers(side=2, spacing=1.0).tolist() == [
        [-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]  # fmt: skip


@pytest.mark.parametrize(
    "make, centers, std",
    [(data.ring, data.ring_centers(), 0.01), (data.grid, data.grid_centers(), 0.05)],
)
def test_points_are_the_mixture(make, centers, std):
    n = 50_000
    points = all_points(make(batch_size=500, seed=3, num_examples=n))
    assert points.shape == (n, 2) and points.dtype == np.float32
    modes, distances = nearest(points, centers)
    k = len(centers)
    counts = np.bincount(modes, minlength=k)
    # A mode's count is binomial(n, 1 / k); 5 of its standard deviations.
    assert abs(counts - n / k).max() < 5 * np.sqrt(n / k * (1 - 1 / k))
    offsets = (points - centers[modes]) / std
    assert abs(offsets.mean(0)).max() < 5 / np.sqrt(n)
    assert abs(offsets.std(0) - 1).max() < 5 / np.sqrt(2 * n)
    assert abs(np.corrcoef(offsets.T)[0, 1]) < 5 / np.sqrt(n)
    # The share of a 2-D normal within r standard deviations is 1 - exp(-r^2 / 2).
    for r in (1.0, 3.0):
        share = 1 - np.exp(-r * r / 2)
        assert abs((distances < r * std).mean() - share) < 5 * np.sqrt(share * (1 - share) / n)


def test_points_are_a_function_of_the_seed_and_their_order_of_the_epoch():
    first, again, other = (
        data.ring(batch_size=50, seed=s, num_examples=200) for s in (7, 7, 2**40)
    )
    passes = [all_points(first) for _ in range(2)]
    np.testing.assert_array_equal(passes, [all_points(again) for _ in range(2)])
    assert (passes[0] != passes[1]).any()
    np.testing.assert_array_equal(np.sort(passes[0], 0), np.sort(passes[1], 0))
    assert not np.isin(all_points(other), passes[0]).any()
    find_order(again).seek(1)
    np.testing.assert_array_equal(all_points(again), passes[1])


def test_points_are_pinned_across_versions():
    """A changed number here means that no run of an earlier version can be resumed exactly."""
    points = next(iter(data.grid(batch_size=2, seed=5))).numpy()
    expected = [[-0.0118563, 1.9405787], [3.937876, -3.9860673]]
    np.testing.assert_allclose(points, expected, atol=1e-5)


def test_drop_remainder_and_description():
    dataset = data.ring(n_modes=3, batch_size=30, num_examples=100)
    assert int(dataset.cardinality()) == 3 == len(list(dataset))
    assert dataset.element_spec.shape.as_list() == [30, 2]
    facts = data.describe(dataset.map(lambda x: x))
    assert facts == {"name": "ring", "source": "drawn", "num_modes": 3, "std": 0.01,
                     "num_examples": 100, "shuffle_seed": 0}  # fmt: skip


@pytest.fixture
def four_digits(monkeypatch):
    """MNIST of four images, each of one value: 10, 20, 30, 40 with labels 1, 2, 3, 4."""
    values = np.array([10, 20, 30, 40], "uint8")
    images = np.broadcast_to(values[:, None, None, None], (4, 28, 28, 1)).copy()
    found = Examples(images, (values // 10).astype("int32"), "files", "a test")
    monkeypatch.setattr(synthetic.sources, "fetch", lambda entry, split, source: found)


def test_stacked_mnist(four_digits):
    dataset = data.stacked_mnist(batch_size=100, num_examples=3000)
    images, labels = (np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator()))
    assert images.shape == (3000, 28, 28, 3) and images.dtype == np.float32
    assert labels.dtype == np.int32
    values = (images[:, 3, 5] + 1) * 127.5
    assert (images == images[:, :1, :1]).all()
    digits = np.rint(values / 10).astype(int)
    np.testing.assert_allclose(values, digits * 10, atol=1e-4)
    np.testing.assert_array_equal(labels, digits @ [100, 10, 1])
    # All 64 triples are equally likely: 5 standard deviations of a binomial(3000, 1 / 64).
    counts = np.bincount(labels, minlength=1000)[
        [100 * r + 10 * g + b for r, g, b in itertools.product(range(1, 5), repeat=3)]
    ]
    assert counts.sum() == 3000
    assert abs(counts - 3000 / 64).max() < 5 * np.sqrt(3000 / 64 * 63 / 64)


def test_stacked_mnist_is_one_set_in_many_orders(four_digits):
    def labels(**arguments):
        dataset = data.stacked_mnist(batch_size=50, num_examples=200, **arguments)
        return np.concatenate([batch.numpy() for _, batch in dataset])

    source_order = labels(shuffle_seed=None)
    zero, one = labels(shuffle_seed=0), labels(shuffle_seed=1)
    assert (zero != source_order).any() and (zero != one).any()
    assert sorted(zero) == sorted(one) == sorted(source_order)
    assert sorted(labels(split="test")) != sorted(zero)


def test_stacked_mnist_sizes_and_description(four_digits, capsys):
    train, test = (data.stacked_mnist(split, batch_size=128) for split in ("train", "test"))
    assert (int(train.cardinality()), int(test.cardinality())) == (1000, 204)
    assert "stacked_mnist[test], 26,000 images of digits from a test" in capsys.readouterr().out
    facts = data.describe(train)
    assert (facts["name"], facts["num_classes"], facts["num_examples"]) == (
        "stacked_mnist", 1000, 128_000)  # fmt: skip
    assert facts["image_shape"] == (28, 28, 3) and facts["origin"] == "a test"
    single = data.stacked_mnist("test", num_examples=3)
    assert [image.shape for image, _ in single] == [(28, 28, 3)] * 3


def _tiny_gan():
    keras.utils.set_random_seed(0)
    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    discriminator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    return GAN((2,), 3, generator=generator, discriminator=discriminator, seed=0)


@pytest.mark.parametrize("arguments", [{}, {"steps_per_epoch": 3}])
def test_a_resumed_training_sees_the_same_points(arguments, tmp_path):
    """Four epochs, and two with a save and a load and two more, end with the same weights."""

    def points():
        return data.ring(batch_size=20, num_examples=100)

    whole, half = _tiny_gan(), _tiny_gan()
    whole.fit(points(), epochs=4, verbose=0, **arguments)
    half.fit(points(), epochs=2, verbose=0, **arguments)
    half.save(tmp_path / "half.keras")
    again = keras.saving.load_model(tmp_path / "half.keras")
    again.fit(points(), epochs=4, initial_epoch=2, verbose=0, **arguments)
    assert int(again.step_counter) == int(whole.step_counter) > 10
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: data.ring(n_modes=0), r"n_modes=0"),
        (lambda: data.ring(radius=-1.0), r"positive number.*radius=-1.0"),
        (lambda: data.ring(std=0), r"positive number.*std=0"),
        (lambda: data.ring(std=float("nan")), r"positive number.*std=nan"),
        (lambda: data.grid(side=2.5), r"side=2.5"),
        (lambda: data.grid(spacing=True), r"spacing=True"),
        (lambda: data.grid(seed=None), r"64-bit integer.*seed=None"),
        (lambda: data.grid(seed=0.5), r"64-bit integer.*seed=0.5"),
        (lambda: data.grid(batch_size=None), r"batch_size=None"),
        (lambda: data.ring(batch_size=11, num_examples=10), r"no batch of 11.*batch_size=11"),
        (lambda: data.stacked_mnist("valid"), r"split='valid'"),
        (lambda: data.stacked_mnist(num_examples=0), r"num_examples=0"),
        (lambda: data.stacked_mnist(shuffle_seed="a"), r"shuffle_seed='a'"),
        (lambda: data.stacked_mnist(batch_size=0), r"batch_size=0"),
    ],
)
def test_errors(call, message, four_digits):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_real_digits(raw_data):
    """Each channel is a digit of MNIST, and the label tells which."""
    images, labels = next(iter(data.stacked_mnist("test", batch_size=4, source="files")))
    digits, names = next(
        iter(data.load("mnist", "test", 10_000, shuffle_seed=None, source="files"))
    )
    for image, label in zip(images, labels.numpy()):
        for channel, name in zip(range(3), (label // 100, label // 10 % 10, label % 10)):
            same = tf.reduce_all(digits[..., 0] == image[..., channel], [1, 2])
            assert names[same].numpy().tolist() == [name]
