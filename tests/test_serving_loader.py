"""Every family's export by the C++ loader that TF Serving uses: what `generate` and `translate`
give, INVALID_ARGUMENT with a sentence for bad requests, and all of it from 16 threads at once.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import serving
from tests import serving_loader
from tests.models import (
    test_autoencoder,
    test_began,
    test_cgan,
    test_cyclegan,
    test_dcgan,
    test_discogan,
    test_dualgan,
    test_gan,
    test_lsgan,
    test_pix2pix,
    test_sngan,
    test_stargan,
    test_vae,
    test_wgan,
)
from tests.serving_loader import INVALID_ARGUMENT, OK, Request
from tests.serving_requests import (
    assert_equal,
    bad_requests,
    good_requests,
    numbers,
    sampling,
)

pytestmark = pytest.mark.slow

CONTRACTS = {
    "gan": test_gan.TestGAN,
    "cgan": test_cgan.TestCGAN,
    "dcgan": test_dcgan.TestDCGAN,
    "lsgan": test_lsgan.TestLSGAN,
    "wgan": test_wgan.TestWGAN,
    "wgangp": test_wgan.TestWGANGP,
    "began": test_began.TestBEGAN,
    "sngan": test_sngan.TestSNGAN,
    "autoencoder": test_autoencoder.TestAutoEncoder,
    "vae": test_vae.TestVAE,
    "pix2pix": test_pix2pix.TestPix2Pix,
    "cyclegan": test_cyclegan.TestCycleGAN,
    "dualgan": test_dualgan.TestDualGAN,
    "discogan": test_discogan.TestDiscoGAN,
    "stargan": test_stargan.TestStarGAN,
}


def make_models():
    """The contracts' tiny models, with weights that say something."""
    models = {name: contract().make_model(seed=0) for name, contract in CONTRACTS.items()}
    for model in models.values():
        for network in serving.exporting._served_networks(model):
            for variable in network.variables:
                if len(variable.shape) > 1:  # kernels and embeddings
                    deviation = 2.0 / np.prod(variable.shape[:-1]) ** 0.5
                    variable.assign(tf.random.normal(variable.shape, stddev=deviation))
    return models


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(models, exports)."""
    folder = tmp_path_factory.mktemp("loader")
    serving_loader.compiled()  # or skip
    keras.utils.set_random_seed(1)
    models = make_models()
    exports = {name: serving.export(model, folder / name) for name, model in models.items()}
    return models, exports


@pytest.fixture(scope="module")
def asked(served):
    """(good, bad): lists of (model's name, request, what is wanted), and their responses."""
    models, exports = served
    good, bad = [], []
    for name, model in models.items():
        for requests, found in ((good_requests(model), good), (bad_requests(model), bad)):
            found += [(name, Request(exports[name], s, i), wanted) for s, i, wanted in requests]
    order = [*good, *bad, *good]  # the good ones again after all the bad ones
    responses, _ = serving_loader.run([request for _, request, _ in order])
    pairs = list(zip(order, responses))
    return good, bad, pairs


def test_answers_are_the_models_own(served, asked):
    good, bad, pairs = asked
    for name, path in served[1].items():
        asked_of_it = {request.signature for model, request, _ in good if model == name}
        assert asked_of_it == serving_loader.signatures(path), name
    for (name, request, wanted), response in pairs[: len(good)] + pairs[len(good) + len(bad) :]:
        where = f"{name} {request.signature}"
        assert response.code == OK, (where, response.message)
        assert_equal(response.outputs, wanted, where)


def test_bad_requests_are_refused_with_a_sentence(asked):
    good, bad, pairs = asked
    assert len(bad) > 100
    for (name, request, words), response in pairs[len(good) : len(good) + len(bad)]:
        where = (name, request.signature, {k: np.shape(v) for k, v in request.inputs.items()})
        assert response.code == INVALID_ARGUMENT, (where, response)
        assert words and words in response.message, (where, response.message)


def test_none_and_ten_thousand(served):
    models, exports = served
    names = [name for name, model in models.items() if hasattr(model, "latent_dim")]
    requests = [
        Request(exports[name], "sample", sampling(models[name], rows))
        for name in names
        for rows in (0, 10_000)
    ]
    requests += [Request(exports[name], "sample_png", sampling(models[name], 0)) for name in names]
    requests += [
        Request(exports["cyclegan"], "translate_a_to_b", {"images": np.zeros([0], object)})
    ]
    responses, _ = serving_loader.run(requests)
    for request, response in zip(requests, responses):
        assert response.code == OK, response.message
        (got,) = response.outputs.values()
        rows = request.inputs.get("num", np.asarray(0)) if "num" in request.inputs else None
        wanted = len(request.inputs["labels"]) if "labels" in request.inputs else int(rows or 0)
        assert len(got) == wanted
        assert got.dtype == object or np.isfinite(got).all()


def test_a_thousand_requests_from_sixteen_threads(asked):
    good, bad, _ = asked
    requests = [request for _, request, _ in good + bad]
    _, figures = serving_loader.run(requests, threads=16, total=1000)
    assert figures["answered"] == 1000 and figures["wrong"] == 0
    assert sum(len(times) for times in figures["crowded"]) == 1000


def test_a_wrong_answer_would_be_seen(tmp_path):
    """The comparison of the threads' answers can fail: here each answer is another one."""
    serving_loader.compiled()  # or skip

    class Unsteady(keras.Model):
        averaged = ()

        def signatures(self):
            spec = tf.TensorSpec([None], tf.float32, name="x")
            return {"serving_default": (lambda x: {"y": x + tf.random.uniform([])}, [spec])}

    path = serving.export(Unsteady(), tmp_path / "unsteady")
    request = Request(path, "serving_default", numbers(x=[1.0]))
    _, figures = serving_loader.run([request], threads=4, total=50)
    assert figures["answered"] == 50 and figures["wrong"] > 40
