"""Fine-tuning as a user starts it: a preset on a folder of other classes, a `.keras` file."""

import json
import os

import keras
import numpy as np
import pytest
from PIL import Image

from kerasgan import models
from kerasgan.models import cgan, gan
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


@pytest.mark.slow
def test_a_keras_file_keeps_its_optimizers(tmp_path, pictures):
    model = models.GAN(
        SHAPE,
        4,
        generator=gan.build_generator(4, SHAPE, (8,)),
        discriminator=gan.build_discriminator(SHAPE, (8,)),
        seed=0,
    )
    model.compile(generator_optimizer=keras.optimizers.Adam(7e-4, beta_1=0.5))
    model.fit(np.zeros((8, *SHAPE), "float32"), batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    flags = ["--model=model.keras", f"--data_dir={pictures}", "--optimizers=kept", "--smoke"]
    code, output = run("finetune_on_folder", tmp_path, *flags)
    assert code == 0, output
    folder = tmp_path / "runs" / "finetune_on_folder-smoke"
    tuned = keras.saving.load_model(folder / "final.keras")
    assert int(tuned.step_counter) == 2 + 2
    assert int(tuned.generator_optimizer.iterations) == 2 + 2
    assert float(tuned.generator_optimizer.learning_rate) == pytest.approx(7e-4)
    code, output = run(
        "finetune_on_folder", tmp_path, *flags, "--frozen_layers=1", "--workdir=other"
    )
    assert code == 1 and "frozen layers leave theirs" in output.splitlines()[-1]
    flags = [*flags[:2], "--smoke", "--workdir=fresh"]
    code, output = run("finetune_on_folder", tmp_path, *flags)
    assert code == 0, output
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
