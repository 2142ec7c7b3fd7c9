"""Requests to exports, and what the models themselves make of them: for tests by the C++ loader."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from kerasgan.models import CGAN, Pix2Pix, StarGAN

SEED, TRUNCATION = 7, 0.5
LUMA = np.array([[0.299], [0.587], [0.114]], "float32")


def numbers(**values):
    """Inputs of the dtypes that the signatures have."""
    whole = {"seed", "num", "labels", "domains"}
    return {k: np.asarray(v, "int32" if k in whole else "float32") for k, v in values.items()}


def picture(size=16, seed=0):
    """A PNG file of soft shapes in colour."""
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def files(*items):
    return {"images": tf.constant(list(items), tf.string)}


def sampling(model, rows, **changes):
    """Inputs of `sample`."""
    what = {"labels": np.arange(rows) % 3} if isinstance(model, CGAN) else {"num": rows}
    return numbers(**{"seed": SEED, "truncation": TRUNCATION, **what, **changes})


def decoding(model, latents):
    """Inputs of `serving_default` of a model with latents."""
    labels = {"labels": np.zeros(len(latents))} if isinstance(model, CGAN) else {}
    return numbers(latents=latents, **labels)


# Good ones: (signature, inputs, outputs that the model itself has; PNGs as images) --------------


def good_requests(model):
    """Of any model: at least one for each of its signatures."""
    if hasattr(model, "latent_dim"):
        return samplings(model)
    if hasattr(model, "translate") or hasattr(model, "translate_a_to_b"):
        return translations(model)
    return classifications(model)


def samplings(model):
    for rows in (1, 5, 64):
        what = {"labels": np.arange(rows) % 3} if isinstance(model, CGAN) else {"n": rows}
        images = model.generate(**what, seed=SEED, truncation=TRUNCATION)
        yield "sample", sampling(model, rows), {"images": images}
        if images.ndim == 4 and rows == 5:
            yield "sample_png", sampling(model, rows), {"png_bytes": images}
    latents = np.random.default_rng(1).normal(size=(3, model.latent_dim)).astype("float32")
    inputs = decoding(model, latents)
    images = model.images_from(*(tf.constant(value) for value in inputs.values()))
    yield "serving_default", inputs, {"images": images}
    if hasattr(model, "encode"):
        images = np.random.default_rng(2).uniform(-1, 1, (3, *model.image_shape)).astype("float32")
        yield "encode", {"images": images}, {"latents": model.encode(images)}
        yield "reconstruct", {"images": images}, {"images": model.reconstruct(images)}


def translations(model):
    encoded = [picture(model.image_shape[0], seed) for seed in (0, 1)]
    images = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in encoded])
    images = images.astype("float32") / 255
    for signature, (_, specs) in model.signatures().items():
        more = {"seed": SEED, "domains": [2, 0]}
        more = {spec.name: more[spec.name] for spec in specs[1:]}
        given = images
        if isinstance(model, Pix2Pix):
            given = images if model.input_channels == 3 else images @ LUMA
            translate = model.translate
        elif isinstance(model, StarGAN):
            translate = model.translate
        else:  # serving_default is from a to b
            translate = getattr(model, signature.replace("serving_default", "translate_a_to_b"))
        made = translate((given * 2 - 1).clip(-1, 1), **more)
        yield signature, files(*encoded) | numbers(**more), {"png_bytes": made}


def classifications(model):
    shape = (5, *model.input_shape[1:])
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    logits = model(images, training=False)
    wanted = {"logits": logits, "probabilities": tf.nn.softmax(logits)}
    yield "serving_default", {"images": images}, wanted


def assert_equal(outputs, wanted, where):
    """Floats within 1e-5 (of those above 1: relatively); pixels of PNGs within a grey level of 255,
    and few that are one away at all: a rounding error may tip one between two levels.
    """
    assert outputs.keys() == wanted.keys(), where
    for key, value in wanted.items():
        got, value = outputs[key], np.asarray(value)
        assert len(got) == len(value) and np.ptp(value) > 0.01, where
        if got.dtype != object:
            np.testing.assert_allclose(got, value, atol=1e-5, rtol=1e-5, err_msg=where)
            continue
        levels = np.clip(np.round((value + 1.0) * 127.5), 0, 255)
        pixels = np.stack([tf.io.decode_png(png) for png in got]).astype(int)
        assert pixels.shape == levels.shape and np.ptp(pixels) > 5, where
        difference = np.abs(pixels - levels)
        assert difference.max() <= 1 and np.mean(difference != 0) < 0.02, where


# Bad ones: (signature, inputs, words of the sentence) -------------------------------------------


def bad_requests(model):
    return bad_samplings(model) if hasattr(model, "latent_dim") else bad_translations(model)


def bad_samplings(model):
    size = model.latent_dim
    latents = f"latents must have the shape (n, {size}), not"
    yield "serving_default", decoding(model, np.full((1, size), np.nan)), "finite numbers"
    yield "serving_default", decoding(model, np.zeros((2, size))[..., None]), latents
    yield "serving_default", decoding(model, np.zeros((2, size + 1))), latents
    yield "serving_default", decoding(model, np.zeros((10_001, size))), "10000 rows at most"
    yield "sample", sampling(model, 2, truncation=np.nan), "not NaN"
    yield "sample", sampling(model, 2, truncation=[1]), "truncation must have the shape (), not"
    yield "sample", sampling(model, 2, seed=[1, 2]), "seed must have the shape (), not"
    if isinstance(model, CGAN):
        for labels in ([0, 3], [-1]):
            yield "sample", sampling(model, 2, labels=labels), "labels must lie in [0, 3)"
        yield "sample", sampling(model, 10_001), "labels may have 10000 rows at most"
        words = "labels must have the shape (n), not"
        yield "sample", sampling(model, 2, labels=[[1, 1]]), words
    else:
        for num in (-1, 10_001, 2**31 - 1):
            yield "sample", sampling(model, num), "num must lie between 0 and 10000"
        yield "sample", sampling(model, [2]), "num must have the shape (), not"
    if hasattr(model, "encode"):
        images = np.full((1, *model.image_shape), np.inf, "float32")
        yield "encode", {"images": images}, "finite numbers"
        shape = ", ".join(str(size) for size in model.image_shape)
        yield "encode", {"images": images[0]}, f"images must have the shape (n, {shape}), not"


def bad_translations(model):
    for signature, (_, specs) in model.signatures().items():
        more = {"seed": 1, "domains": [0]}
        more = numbers(**{spec.name: more[spec.name] for spec in specs[1:]})
        yield signature, files(b"no picture") | more, "JPEG or a PNG"
        yield signature, files(picture()[:-30]) | more, "PNG"
        twice = {"images": tf.constant([[picture()]])}
        yield signature, twice | more, "images must have the shape (n), not"
        many = more | (numbers(domains=[0] * 257) if "domains" in more else {})
        yield signature, files(*[b""] * 257) | many, "256 pictures at most"
        if "domains" in more:
            yield signature, files(picture()) | numbers(domains=[9]), "domains must lie in"
