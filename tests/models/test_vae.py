"""VAE: the family contract, its terms by hand and by scipy, and bounds of a known log p(x)."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, special, stats

from kerasgan import latent
from kerasgan.losses import reconstruction
from kerasgan.models import VAE, vae
from tests.models.harness import FamilyContract
from tests.models.test_autoencoder import SHAPE, images_of


def tiny(**kwargs):
    """The paper's perceptrons, with 8 units."""
    networks = {
        "encoder": vae.build_paper_encoder(3, SHAPE, units=8),
        "generator": vae.build_paper_decoder(3, SHAPE, units=8),
    }
    return VAE(image_shape=SHAPE, latent_dim=3, **networks, **kwargs)


class TestVAE(FamilyContract):
    log_names = ("autoencoder_reconstruction", "autoencoder_kl", "autoencoder_loss", "elbo")

    def make_model(self, **kwargs):
        return tiny(binarisation="dynamic", **kwargs)

    def make_arrays(self, n):
        return images_of(n)

    def sample(self, model, n, seed=0):
        return model.generate(n, seed=seed)


# Terms ------------------------------------------------------------------------------------


def test_kl_is_the_integral():
    means, log_variances = np.array([[0.3, -1.0]]), np.array([[-0.7, 0.4]])

    def part(mean, log_variance):
        q = stats.norm(mean, np.exp(log_variance / 2))
        return integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z)), -12, 12)[0]

    wanted = part(0.3, -0.7) + part(-1.0, 0.4)
    got = reconstruction.kl_to_standard_normal(tf.constant(means), tf.constant(log_variances))
    np.testing.assert_allclose(got, [wanted], rtol=1e-5)
    assert float(reconstruction.kl_to_standard_normal(tf.zeros((1, 4)), tf.zeros((1, 4)))[0]) == 0


def test_bernoulli_log_likelihood_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    on, logits = rng.integers(0, 2, (5, 2, 3, 1)), rng.normal(0, 4, (5, 2, 3, 1))
    wanted = stats.bernoulli.logpmf(on, special.expit(logits)).sum(axis=(1, 2, 3))
    got = reconstruction.bernoulli_log_likelihood(tf.constant(2.0 * on - 1), tf.constant(logits))
    np.testing.assert_allclose(got, wanted, rtol=1e-4)
    far = reconstruction.bernoulli_log_likelihood(tf.constant([[-1.0, 1.0]]), [[500.0, 500.0]])
    np.testing.assert_allclose(far, [-500.0])  # finite where log(1 - sigmoid) is not


def test_gaussian_log_likelihood_is_scipys():
    rng = np.random.default_rng(0)
    images, means = rng.normal(size=(2, 5, 2, 3, 1))
    wanted = stats.norm.logpdf(images, means, 0.3).sum(axis=(1, 2, 3))
    got = reconstruction.gaussian_log_likelihood(tf.constant(images), tf.constant(means), 0.3)
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
    assert (
        reconstruction.Gaussian(0.3) == reconstruction.Gaussian(0.3) != reconstruction.Bernoulli()
    )


def test_the_reparameterised_latent_has_both_gradients():
    """Of z = m + s e: dz/dm = 1, and dz/d(log variance) = s e / 2 = (z - m) / 2."""
    model = tiny(seed=0)
    model._open_stream(tf.constant(0, tf.int64))
    means, log_variances = tf.constant([[0.5, -1.0]]), tf.constant([[0.0, 2.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([means, log_variances])
        latents = model.reparameterise(means, log_variances)
    assert float(tf.reduce_min(tf.abs(latents - means))) > 0.0
    np.testing.assert_allclose(tape.gradient(latents, means), [[1.0, 1.0]])
    wanted = 0.5 * (latents - means)
    np.testing.assert_allclose(tape.gradient(latents, log_variances), wanted, rtol=1e-5)


# A model whose log p(x) is known: x = W z + b + noise (factor analysis) ---------------------

WEIGHTS = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])  # W^T, its rows at right angles
BIAS = np.array([0.5, -1.0, 0.0])
DEVIATION = 0.8


def fixed(matrix, bias, name):
    matrix, bias = np.asarray(matrix, "float32"), np.asarray(bias, "float32")
    layer = keras.layers.Dense(matrix.shape[1], name=name)
    layer.build((None, matrix.shape[0]))
    layer.set_weights([matrix, bias])
    return layer


def factor_analysis(mean_shift=0.0, log_variance_shift=0.0, **kwargs):
    """A VAE of points in 3 dimensions, whose encoder is the true posterior, but for the shifts.

    The posterior's precision is I + W^T W / s^2, diagonal as W's columns are at right angles; its
    mean is precision^-1 W^T (x - b) / s^2.
    """
    precision = 1.0 + np.sum(WEIGHTS**2, axis=1) / DEVIATION**2
    gain = (WEIGHTS / DEVIATION**2 / precision[:, np.newaxis]).T  # (3, 2)
    points = keras.Input((3,))
    means = fixed(gain, -BIAS @ gain + mean_shift, "means")(points)
    spread = np.zeros((3, 2)), -np.log(precision) + log_variance_shift
    encoder = keras.Model(points, [means, fixed(*spread, "log_variances")(points)])
    latents = keras.Input((2,))
    decoder = keras.Model(latents, fixed(WEIGHTS, BIAS, "outputs")(latents))
    likelihood = reconstruction.Gaussian(DEVIATION)
    return VAE((3,), 2, likelihood, encoder=encoder, generator=decoder, seed=0, **kwargs)


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(1)
    latents, noise = rng.normal(size=(4000, 2)), rng.normal(size=(4000, 3))
    return (latents @ WEIGHTS + BIAS + DEVIATION * noise).astype("float32")


def log_evidence(points):
    covariance = WEIGHTS.T @ WEIGHTS + DEVIATION**2 * np.eye(3)
    return stats.multivariate_normal(BIAS, covariance).logpdf(points)


def test_the_elbo_of_the_true_posterior_is_the_evidence(points):
    scores = factor_analysis().evaluate(points, batch_size=1000, verbose=0, return_dict=True)
    assert scores["elbo"] == pytest.approx(log_evidence(points).mean(), abs=0.05)
    assert scores["elbo"] == pytest.approx(-scores["reconstruction"] - scores["kl"], abs=1e-4)
    assert list(scores) == ["reconstruction", "kl", "elbo"]


def test_the_elbo_falls_short_by_the_divergence_from_the_true_posterior(points):
    """Shifts of the mean by 0.2 and of the log variance by 1, in both latents."""
    variances = 1.0 / (1.0 + np.sum(WEIGHTS**2, axis=1) / DEVIATION**2)
    gap = np.sum(0.5 * (np.e + 0.2**2 / variances - 1.0 - 1.0))
    model = factor_analysis(0.2, 1.0)
    scores = model.evaluate(points, batch_size=1000, verbose=0, return_dict=True)
    assert gap > 1.0  # nats
    assert scores["elbo"] == pytest.approx(log_evidence(points).mean() - gap, abs=0.08)


def test_more_importance_samples_come_closer_to_the_evidence(points):
    model, points = factor_analysis(0.2, 1.0), points[:400]
    evidence = log_evidence(points)
    means = [model.importance_weighted_bound(points, k, seed=2).mean() for k in (1, 5, 200)]
    elbo = model.evaluate(points, verbose=0, return_dict=True)["elbo"]
    assert means[0] == pytest.approx(elbo, abs=0.25)
    assert means[0] + 0.5 < means[1] < means[2] - 0.05
    assert means[2] == pytest.approx(evidence.mean(), abs=0.05)
    exact = factor_analysis().importance_weighted_bound(points, 3)
    np.testing.assert_allclose(exact, evidence, atol=1e-3)  # the true posterior has no spread
    again = model.importance_weighted_bound(points, 5, seed=2)
    assert again.mean() == pytest.approx(means[1], abs=1e-6)


def test_the_bounds_function_is_compiled_once_for_each_model(points, monkeypatch, tmp_path):
    traced, plain = [], VAE._log_weight

    def counted(self, *inputs):
        traced.append(1)
        return plain(self, *inputs)

    monkeypatch.setattr(VAE, "_log_weight", counted)
    model, points = factor_analysis(0.2, 1.0), points[:20]
    bounds = [model.importance_weighted_bound(points, 3, seed=seed) for seed in (4, 5, 4)]
    assert len(traced) == 1
    np.testing.assert_array_equal(bounds[0], bounds[2])
    assert not np.array_equal(bounds[0], bounds[1])
    # It sees the weights that training changes, and a stored and a cloned model have their own.
    model.compile(autoencoder_optimizer=keras.optimizers.SGD(0.05))
    model.ema_decay = 0.0
    model.fit(points, batch_size=10, verbose=0)
    after = model.importance_weighted_bound(points, 3, seed=4)
    assert len(traced) == 1 and np.abs(after - bounds[0]).max() > 1e-3
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = loaded.importance_weighted_bound(points, 3, seed=4)
    np.testing.assert_allclose(again, after, rtol=1e-6)
    clone = VAE.from_config(model.get_config())
    clone.ema_encoder.set_weights(model.ema_encoder.get_weights())
    clone.ema_generator.set_weights(model.ema_generator.get_weights())
    np.testing.assert_allclose(clone.importance_weighted_bound(points, 3, seed=4), after, rtol=1e-6)


def test_training_raises_the_elbo_to_the_evidence(points):
    model = factor_analysis(1.0, 2.0, ema_decay=0.9)
    model.compile(autoencoder_optimizer=keras.optimizers.Adam(0.02))
    before = model.evaluate(points, batch_size=1000, verbose=0, return_dict=True)["elbo"]
    model.fit(points, batch_size=200, epochs=15, verbose=0)
    after = model.evaluate(points, batch_size=1000, verbose=0, return_dict=True)["elbo"]
    evidence = log_evidence(points).mean()
    assert before < evidence - 3.0 and evidence - 0.1 < after < evidence + 0.1


def test_beta_weighs_the_divergence_and_leaves_the_elbo(points):
    frozen = {}
    for beta in (1.0, 4.0):
        model = factor_analysis(0.5, beta=beta)
        model.compile(autoencoder_optimizer=keras.optimizers.SGD(0.0))
        history = model.fit(points[:400], batch_size=400, verbose=0).history
        frozen[beta] = {name: values[0] for name, values in history.items()}
    assert frozen[4.0]["autoencoder_kl"] == pytest.approx(4 * frozen[1.0]["autoencoder_kl"])
    assert frozen[4.0]["elbo"] == pytest.approx(frozen[1.0]["elbo"], rel=1e-5)
    assert frozen[1.0]["elbo"] == pytest.approx(-frozen[1.0]["autoencoder_loss"], rel=1e-5)


# Binarisation -------------------------------------------------------------------------------


def draws(model, images, step=0):
    model._open_stream(tf.constant(step, tf.int64))
    return np.asarray(model.binarised(tf.constant(images)))


def test_dynamic_binarisation_draws_each_pixel_by_its_grey_value():
    model = tiny(seed=0, binarisation="dynamic")
    greys = np.array([-1.0, -0.5, 0.0, 0.8, 1.0], "float32")
    images = np.broadcast_to(greys, (20_000, 5))
    drawn = draws(model, images)
    assert set(np.unique(drawn)) == {-1.0, 1.0}
    np.testing.assert_allclose(drawn.mean(axis=0), greys, atol=0.03)  # 4 deviations
    assert (drawn[:, 0] == -1).all() and (drawn[:, 4] == 1).all()
    np.testing.assert_array_equal(drawn, draws(model, images))
    assert not np.array_equal(drawn, draws(model, images, step=1))


def test_the_other_binarisations():
    greys = np.array([[-1.0, -0.01, 0.01, 1.0]], "float32")
    assert draws(tiny(seed=0, binarisation="threshold"), greys).tolist() == [[-1, -1, 1, 1]]
    np.testing.assert_array_equal(draws(tiny(seed=0), greys), greys)


def test_evaluate_makes_the_same_draws_each_time_whatever_the_training_did():
    model, images = tiny(seed=0, binarisation="dynamic"), images_of(8)
    first = model.evaluate(images, batch_size=4, verbose=0)
    model.compile(autoencoder_optimizer=keras.optimizers.SGD(0.0))
    model.fit(images, batch_size=4, verbose=0)
    assert model.evaluate(images, batch_size=4, verbose=0) == pytest.approx(first, abs=1e-4)


# Use ----------------------------------------------------------------------------------------


def test_encode_gives_the_posteriors_means(points):
    model = factor_analysis()
    precision = np.eye(2) + WEIGHTS @ WEIGHTS.T / DEVIATION**2
    wanted = np.linalg.solve(precision, WEIGHTS @ (points[:5] - BIAS).T / DEVIATION**2).T
    np.testing.assert_allclose(model.encode(points[:5]), wanted, atol=1e-5)
    np.testing.assert_allclose(model.decode(wanted), wanted @ WEIGHTS + BIAS, atol=1e-5)


def test_the_latent_tools_take_its_decoder():
    model = tiny(seed=0)
    space = latent.Space(model)
    drawn = space.draw(4, seed=5)
    np.testing.assert_allclose(space.images(drawn), model.generate(4, seed=5), atol=1e-6)
    np.testing.assert_allclose(space.images(drawn), model.decode(drawn), atol=1e-6)
    assert latent.directions.sefa(space, n=2).shape == (2, 3)
    assert latent.directions.pca_of_activations(space, n=2, samples=50).shape == (2, 3)


def test_a_callback_can_monitor_val_elbo(tmp_path):
    images = images_of(8)
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="val_elbo", mode="max", save_best_only=True
    )
    gaussian = reconstruction.Gaussian(0.5)
    model = tiny(seed=0, likelihood=gaussian, beta=2.0, binarisation="threshold")
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(4)
    history = model.fit(dataset, validation_data=dataset, callbacks=[best], verbose=0).history
    assert {"val_elbo", "val_kl", "val_reconstruction"} <= set(history)
    loaded = keras.saving.load_model(tmp_path / "best.keras")
    assert loaded.likelihood == gaussian != reconstruction.Gaussian()
    assert (loaded.beta, loaded.binarisation) == (2.0, "threshold")
    again = loaded.evaluate(dataset, verbose=0, return_dict=True)
    assert again["elbo"] == pytest.approx(history["val_elbo"][0], rel=1e-5)


def test_paper_networks_have_the_paper_sizes():
    encoder, decoder = vae.build_paper_encoder(20), vae.build_paper_decoder(20)
    assert encoder.count_params() == 785 * 500 + 2 * 501 * 20
    assert decoder.count_params() == 21 * 500 + 501 * 784
    model = VAE(latent_dim=20, encoder=encoder, generator=decoder, seed=0)
    assert model.generate(2, seed=0).shape == (2, 28, 28, 1)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"beta": 0.0}, "beta must be"),
        ({"beta": float("nan")}, "beta must be"),
        ({"binarisation": "static"}, "binarisation must be"),
        ({"likelihood": "poisson"}, "likelihood must be"),
        ({"encoder": vae.build_encoder(4, (28, 28, 1), 1)}, "encoder must return"),
        ({"encoder": vae.autoencoder.build_encoder(32, (28, 28, 1), 1)}, "log variances"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        VAE(**arguments)
    assert "Received" in str(error.value)


def test_bad_requests_are_named():
    model = tiny(seed=0)
    with pytest.raises(ValueError, match="samples must be"):
        model.importance_weighted_bound(images_of(2), samples=0)
    with pytest.raises(ValueError, match="Expected images of shape"):
        model.importance_weighted_bound(images_of(2)[..., 0])
    for seed in (-1, 2**31, 1.5, True, None):
        with pytest.raises(ValueError, match=r"\[0, 2\*\*31\)\. Received: seed="):
            model.importance_weighted_bound(images_of(2), samples=1, seed=seed)
    greatest = model.importance_weighted_bound(images_of(2), samples=1, seed=np.int32(2**31 - 1))
    assert np.isfinite(greatest).all()
