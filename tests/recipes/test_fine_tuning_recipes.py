"""Fine-tuning as a user starts it: a preset on a folder of other classes, a `.keras` file."""

import json
import os

import keras
import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from kerasgan import models, runs
from kerasgan.models import autoencoder, cgan, gan, vae
from tests.recipes.loading import loaded
from tests.recipes.running import run

SHAPE = (8, 8, 1)


@pytest.fixture
def pictures(tmp_path):
    """A folder of 20 pictures in three classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 12, 10, 3), "uint8")
    for i, picture in enumerate(pixels):
        folder = tmp_path / "pictures" / "abc"[i % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{i}.png")
    return tmp_path / "pictures"


@pytest.mark.slow
def test_a_preset_learns_a_folder_of_other_classes(tmp_path, pictures):
    networks = cgan.build_generator(2, 4, SHAPE, 4), cgan.build_discriminator(2, SHAPE, 4)
    model = models.CGAN(2, SHAPE, 4, generator=networks[0], discriminator=networks[1], seed=0)
    model.save_to_preset(tmp_path / "letters", "Untrained.")
    flags = ["--preset=letters", f"--data_dir={pictures}", "--frozen_layers=1", "--smoke"]
    code, output = run("finetune_on_folder", tmp_path, *flags)
    assert code == 0, output
    assert "3 classes instead of 2; anew: " in output
    assert "kerasgan: frozen in the discriminator: conv2d" in output
    folder = tmp_path / "runs" / "finetune_on_folder-smoke"
    tuned = keras.saving.load_model(folder / "final.keras")
    assert (tuned.num_classes, int(tuned.step_counter)) == (3, 2)
    frozen = [layer for layer in tuned.discriminator.layers if not layer.trainable]
    assert len(frozen) == 1
    before = model.discriminator.get_layer(frozen[0].name).get_weights()
    for was, weight in zip(before, frozen[0].get_weights(), strict=True):
        np.testing.assert_array_equal(was, weight)
    for optimizer in tuned.optimizers.values():
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)


def tiny_gan():
    return models.GAN(
        SHAPE,
        4,
        generator=gan.build_generator(4, SHAPE, (8,)),
        discriminator=gan.build_discriminator(SHAPE, (8,)),
        seed=0,
    )


def refusal(saved, **values):
    """The sentence with which `load` or `freeze` refuses a model of a file and flags."""
    with (
        loaded("finetune_on_folder") as recipe,
        flagsaver.flagsaver(model=str(saved), **values),
        pytest.raises(runs.RunError) as caught,
    ):
        recipe.freeze(recipe.load())
    return str(caught.value)


def test_kept_optimizers_have_a_rate_of_their_own(tmp_path):
    tiny_gan().save(tmp_path / "model.keras")
    for rate in (1e-4, 1e-5):  # the default, too, if it was given
        sentence = refusal(tmp_path / "model.keras", optimizers="kept", learning_rate=rate)
        assert sentence.startswith("--optimizers=kept keeps the rates")
        assert sentence.endswith(f"Received: --learning_rate={rate}")


def test_a_model_that_judges_nothing_has_no_layers_to_freeze(tmp_path):
    model = models.VAE(
        SHAPE,
        2,
        encoder=vae.build_encoder(2, SHAPE, width=2),
        generator=autoencoder.build_decoder(2, SHAPE, width=2),
        seed=0,
    )
    model.save(tmp_path / "model.keras")
    sentence = refusal(tmp_path / "model.keras", frozen_layers=1)
    assert "a VAE has no discriminator or critic" in sentence
    assert sentence.endswith("Received: --frozen_layers=1")


@pytest.mark.slow
def test_a_keras_file_keeps_its_optimizers(tmp_path, pictures, monkeypatch):
    model = tiny_gan()
    model.compile(generator_optimizer=keras.optimizers.Adam(7e-4, beta_1=0.5))
    model.fit(np.zeros((8, *SHAPE), "float32"), batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    flags = ["--model=model.keras", f"--data_dir={pictures}", "--optimizers=kept", "--smoke"]
    monkeypatch.setenv("XLA_FLAGS", f"--xla_dump_to={tmp_path / 'xla'}")  # what XLA compiles
    code, output = run("finetune_on_folder", tmp_path, *flags, "--jit_compile=true")
    assert code == 0, output
    assert list((tmp_path / "xla").glob("*one_step_on_data*"))
    folder = tmp_path / "runs" / "finetune_on_folder-smoke"
    tuned = keras.saving.load_model(folder / "final.keras")
    assert int(tuned.step_counter) == 2 + 2
    assert int(tuned.generator_optimizer.iterations) == 2 + 2
    assert float(tuned.generator_optimizer.learning_rate) == pytest.approx(7e-4)
    code, output = run(
        "finetune_on_folder", tmp_path, *flags, "--frozen_layers=1", "--workdir=other"
    )
    assert code == 1 and "frozen layers leave theirs" in output.splitlines()[-1]
    monkeypatch.setenv("XLA_FLAGS", f"--xla_dump_to={tmp_path / 'none'}")
    flags = [*flags[:2], "--smoke", "--workdir=fresh"]
    code, output = run("finetune_on_folder", tmp_path, *flags)
    assert code == 0, output
    assert not (tmp_path / "none").exists()
    tuned = keras.saving.load_model(tmp_path / "fresh" / "final.keras")
    assert int(tuned.step_counter) == int(tuned.generator_optimizer.iterations) == 2  # from 0


@pytest.mark.slow
def test_the_curves_of_garments_go_on_where_they_stopped(tmp_path):
    if not os.environ.get("KERASGAN_DATA"):
        pytest.skip("KERASGAN_DATA is not set")
    flags = ["--smoke", "--source=files", "--starts=freeze_d", "--pictures=500"]
    code, output = run("finetune_cgan_fashion_mnist", tmp_path, *flags)
    assert code == 0, output
    folder = tmp_path / "runs" / "finetune_cgan-smoke"
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert [(row["start"], row["updates"]) for row in rows] == [("freeze_d", 2), ("freeze_d", 4)]
    assert all(row["frechet"] > 0 and row["protocol"]["n_fake"] == 100 for row in rows)
    assert Image.open(folder / "curves.png").width > 500

    (folder / "rows.jsonl").write_text(json.dumps(rows[0]) + "\n")  # as if killed in the second
    for file in folder.glob("freeze_d-500-0-*/checkpoints/step-00000004*"):
        file.unlink()
    assert run("finetune_cgan_fashion_mnist", tmp_path, *flags)[0] == 0
    again = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert again == rows
