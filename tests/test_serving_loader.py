"""Every family's export by the C++ loader that TF Serving uses: what `generate` and `translate`
give, INVALID_ARGUMENT with a sentence for bad requests, and all of it from 16 threads at once.
"""

import io
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import presets, serving
from kerasgan.models import CGAN
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
SEED, TRUNCATION = 7, 0.5
STORED = pathlib.Path(__file__).parents[1] / "saved_models"


def numbers(**values):
    """Inputs of the dtypes that the signatures have."""
    whole = {"seed", "num", "labels", "domains"}
    return {k: np.asarray(v, "int32" if k in whole else "float32") for k, v in values.items()}


def picture(size=(16, 16)):
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def files(*items):
    return {"images": tf.constant(list(items), tf.string)}


def sampling(model, rows, **changes):
    """Inputs of `sample`."""
    what = {"labels": np.arange(rows) % 3} if isinstance(model, CGAN) else {"num": rows}
    return numbers(**{"seed": SEED, "truncation": TRUNCATION, **what, **changes})


def decoding(model, latents):
    labels = {"labels": np.zeros(len(latents))} if isinstance(model, CGAN) else {}
    return numbers(latents=latents, **labels)


def good_requests(model):
    """(signature, inputs, what the model itself says of them) of a model with latents."""
    for rows in (1, 5, 64):
        what = {"labels": np.arange(rows) % 3} if isinstance(model, CGAN) else {"n": rows}
        wanted = model.generate(**what, seed=SEED, truncation=TRUNCATION)
        yield "sample", sampling(model, rows), wanted
    latents = np.random.default_rng(1).normal(size=(3, model.latent_dim)).astype("float32")
    inputs = decoding(model, latents)
    yield "serving_default", inputs, model.images_from(*(tf.constant(v) for v in inputs.values()))
    if hasattr(model, "encode"):
        images = np.random.default_rng(2).uniform(-1, 1, (3, *model.image_shape)).astype("float32")
        yield "encode", {"images": images}, model.encode(images)
        yield "reconstruct", {"images": images}, model.reconstruct(images)


def good_translations(name, model):
    """As `good_requests`, of a model that translates."""
    image = np.asarray(Image.open(io.BytesIO(picture()))).astype("float32")[np.newaxis] / 255
    if name == "pix2pix":
        grey = (image @ np.array([[0.299], [0.587], [0.114]], "float32")) * 2 - 1
        inputs = files(picture()) | numbers(seed=SEED)
        yield "translate", inputs, model.translate(grey.clip(-1, 1), seed=SEED)
    elif name == "stargan":
        inputs = files(picture()) | numbers(domains=[2])
        yield "translate", inputs, model.translate(image * 2 - 1, [2])
    else:
        for way in ("translate_a_to_b", "translate_b_to_a"):
            seed = numbers(seed=SEED) if name == "dualgan" and takes_seed(model, way) else {}
            arguments = {"seed": SEED} if seed else {}
            yield way, files(picture()) | seed, getattr(model, way)(image * 2 - 1, **arguments)


def takes_seed(model, signature):
    return "seed" in [spec.name for spec in model.signatures()[signature][1]]


def bad_requests(model):
    """(signature, inputs, words of the sentence) of a model with latents."""
    size = model.latent_dim
    yield "serving_default", decoding(model, np.full((1, size), np.nan)), "finite numbers"
    yield "serving_default", decoding(model, np.zeros((2, size))[..., None]), ""
    yield "serving_default", decoding(model, np.zeros((2, size + 1))), ""
    yield "serving_default", decoding(model, np.zeros((10_001, size))), "10000 rows at most"
    yield "sample", sampling(model, 2, truncation=np.nan), "not NaN"
    yield "sample", sampling(model, 2, seed=[1, 2]), ""
    if isinstance(model, CGAN):
        for labels in ([0, 3], [-1]):
            yield "sample", sampling(model, 2, labels=labels), "labels must lie in [0, 3)"
        yield "sample", sampling(model, 10_001), "10000"
        yield "sample", sampling(model, 2, labels=[[1, 1]]), ""
    else:
        for num in (-1, 10_001, 2**31 - 1):
            yield "sample", sampling(model, num), "num must lie between 0 and 10000"
    if hasattr(model, "encode"):
        images = np.full((1, *model.image_shape), np.inf, "float32")
        yield "encode", {"images": images}, "finite numbers"


def bad_translations(model):
    """As `bad_requests`, of a model that translates."""
    for signature, (_, specs) in model.signatures().items():
        more = {"seed": 1, "domains": [0]}
        more = numbers(**{spec.name: more[spec.name] for spec in specs[1:]})
        yield signature, files(b"no picture") | more, "JPEG or a PNG"
        yield signature, files(picture()[:-30]) | more, ""
        twice = {"images": tf.constant([[picture()]])}
        yield signature, twice | more, ""
        many = more | (numbers(domains=[0] * 257) if "domains" in more else {})
        yield signature, files(*[b""] * 257) | many, "256 pictures at most"
        if "domains" in more:
            yield signature, files(picture()) | numbers(domains=[9]), "domains must lie in"


def make_models():
    """The contracts' tiny models, with weights that say something."""
    models = {name: contract().make_model(seed=0) for name, contract in CONTRACTS.items()}
    models["large"] = CGAN(num_classes=10, seed=0)  # for times that mean something
    for model in models.values():
        for network in serving.exporting._served_networks(model):
            for variable in network.variables:
                if len(variable.shape) > 1:  # kernels and embeddings
                    deviation = 2.0 / np.prod(variable.shape[:-1]) ** 0.5
                    variable.assign(tf.random.normal(variable.shape, stddev=deviation))
    return models


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(program, its folder, models, exports)."""
    folder = tmp_path_factory.mktemp("loader")
    program = serving_loader.compiled(folder)
    keras.utils.set_random_seed(1)
    models = make_models()
    exports = {name: serving.export(model, folder / name) for name, model in models.items()}
    return program, folder, models, exports


@pytest.fixture(scope="module")
def asked(served):
    """(good, bad): lists of (model's name, request, what is wanted), and their responses."""
    program, folder, models, exports = served
    good, bad = [], []
    for name, model in models.items():
        has_latents = hasattr(model, "latent_dim")
        for signature, inputs, wanted in (
            good_requests(model) if has_latents else good_translations(name, model)
        ):
            good.append((name, Request(exports[name], signature, inputs), np.asarray(wanted)))
        if name == "large":
            continue
        for signature, inputs, words in (
            bad_requests(model) if has_latents else bad_translations(model)
        ):
            bad.append((name, Request(exports[name], signature, inputs), words))
    order = [*good, *bad, *good]  # the good ones again after all the bad ones
    responses, _ = serving_loader.run(program, folder, [request for _, request, _ in order])
    pairs = list(zip(order, responses))
    return good, bad, pairs


def test_answers_are_the_models_own(asked):
    good, bad, pairs = asked
    assert {name for name, _, _ in good} == {*CONTRACTS, "large"}
    for (name, request, wanted), response in pairs[: len(good)] + pairs[len(good) + len(bad) :]:
        where = f"{name} {request.signature}"
        assert response.code == OK, (where, response.message)
        ((key, got),) = response.outputs.items()
        if got.dtype != object:
            assert np.ptp(wanted) > 0.01, where
            np.testing.assert_allclose(got, wanted, atol=1e-5, rtol=0, err_msg=where)
            continue
        assert key == "png_bytes"
        assert len(got) == len(wanted)
        levels = np.clip(np.round((wanted + 1.0) * 127.5), 0, 255)
        pixels = np.stack([tf.io.decode_png(png) for png in got]).astype(int)
        assert np.ptp(pixels) > 5, where
        difference = np.abs(pixels - levels)  # a rounding error may tip a pixel between two levels
        assert difference.max() <= 1 and np.mean(difference != 0) < 0.02, where


def test_bad_requests_are_refused_with_a_sentence(asked):
    good, bad, pairs = asked
    assert len(bad) > 80
    for (name, request, words), response in pairs[len(good) : len(good) + len(bad)]:
        where = (name, request.signature, {k: np.shape(v) for k, v in request.inputs.items()})
        assert response.code == INVALID_ARGUMENT, (where, response)
        assert words in response.message and len(response.message) > 20, (where, response.message)


def test_none_and_ten_thousand(served):
    program, folder, models, exports = served
    names = [name for name, model in models.items() if hasattr(model, "latent_dim")]
    names.remove("large")
    requests = [
        Request(exports[name], "sample", sampling(models[name], rows))
        for name in names
        for rows in (0, 10_000)
    ]
    requests += [
        Request(exports[n], "sample_png", sampling(models[n], 0)) for n in names if n != "gan"
    ]
    requests += [
        Request(exports["cyclegan"], "translate_a_to_b", {"images": np.zeros([0], object)})
    ]
    responses, _ = serving_loader.run(program, folder, requests)
    for request, response in zip(requests, responses):
        assert response.code == OK, response.message
        (got,) = response.outputs.values()
        rows = request.inputs.get("num", np.asarray(0)) if "num" in request.inputs else None
        wanted = len(request.inputs["labels"]) if "labels" in request.inputs else int(rows or 0)
        assert len(got) == wanted
        assert got.dtype == object or np.isfinite(got).all()


def test_a_thousand_requests_from_sixteen_threads(served, asked):
    program, folder, _, _ = served
    good, bad, _ = asked
    light = [r for name, r, _ in good + bad if name != "large"]
    _, figures = serving_loader.run(program, folder, light, threads=16, total=1000)
    assert figures["answered"] == 1000 and figures["wrong"] == 0
    assert sum(len(times) for times in figures["crowded"]) == 1000


def test_a_wrong_answer_would_be_seen(served, tmp_path):
    """The comparison of the threads' answers can fail: here each answer is another one."""
    program, folder, _, _ = served

    class Unsteady(keras.Model):
        averaged = ()

        def signatures(self):
            spec = tf.TensorSpec([None], tf.float32, name="x")
            return {"serving_default": (lambda x: {"y": x + tf.random.uniform([])}, [spec])}

    path = serving.export(Unsteady(), tmp_path / "unsteady")
    request = Request(path, "serving_default", numbers(x=[1.0]))
    _, figures = serving_loader.run(program, folder, [request], threads=4, total=50)
    assert figures["answered"] == 50 and figures["wrong"] > 40


def test_latencies(served, record_property):
    """p50 and p99 of one sample and of 64, of a CGAN for MNIST: by one thread, then by 16."""
    program, folder, models, exports = served
    requests = [
        Request(exports["large"], "sample", sampling(models["large"], rows)) for rows in (1, 64)
    ]
    _, figures = serving_loader.run(
        program, folder, requests, threads=16, total=200, repetitions=60
    )
    assert figures["answered"] == 200 and figures["wrong"] == 0
    medians = []
    for how in ("alone", "crowded"):
        for rows, times in zip((1, 64), figures[how]):
            p50, p99 = np.percentile(times, [50, 99])
            record_property(f"{how}_{rows}", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")
            print(f"{how}, {rows} samples: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
            medians.append(p50)
    assert 0 < medians[0] < medians[1]  # 64 samples take longer than one


@pytest.mark.parametrize(
    "path", sorted(STORED.glob("*/*/saved_model.pb")), ids=lambda path: path.parent.parent.name
)
def test_stored_versions(served, path):
    """What lies in saved_models/ gives what Python's loader gives, and samples as its preset."""
    program, folder, _, _ = served
    version = path.parent
    loaded = tf.saved_model.load(str(version))
    requests, wanted = [], []
    for name, signature in loaded.signatures.items():
        specs = signature.structured_input_signature[1]
        inputs = {key: serving.warmup.example(spec) for key, spec in specs.items()}
        requests.append(Request(str(version), name, inputs))
        wanted.append(signature(**inputs))
    model = presets.load(version.parent)
    if "sample" in loaded.signatures:  # what the preset's weights give
        requests.append(Request(str(version), "sample", sampling(model, 3)))
        what = {"labels": np.arange(3)} if isinstance(model, CGAN) else {"n": 3}
        images = model.generate(**what, seed=SEED, truncation=TRUNCATION)
        wanted.append({"images": tf.constant(images)})
    responses, _ = serving_loader.run(program, folder, requests)
    for response, outputs in zip(responses, wanted):
        assert response.code == OK, response.message
        for key, value in outputs.items():
            if value.dtype != tf.string:
                np.testing.assert_allclose(response.outputs[key], value, atol=1e-5)
