"""The recipes that train translating models: as programs, on few pictures; what they refuse."""

import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import flagsaver
from PIL import Image

from kerasgan import data, runs
from tests.recipes.loading import loaded
from tests.recipes.running import run, run_and_kill

# XLA would take longer to compile than these few steps to run.
SMALL = ["--smoke", "--width=2", "--jit_compile=false"]
CYCLEGAN = ["--image_size=32", "--blocks=1"]
RECIPES = {  # flags, steps of the two epochs, columns of the contact sheet, signatures
    "dualgan_facades": (["--image_size=32"], 4, 6, {"translate_a_to_b", "translate_b_to_a"}),
    "cyclegan_horse2zebra": (CYCLEGAN, 6, 6, {"translate_a_to_b", "translate_b_to_a"}),
    "discogan_folders": (["--image_size=16"], 2, 6, {"translate_a_to_b", "translate_b_to_a"}),
    "stargan_folders": (["--image_size=16", "--critic_steps=1"], 6, 4, {"translate"}),
}


@pytest.fixture(autouse=True)
def _no_data(monkeypatch):
    monkeypatch.delenv("KERASGAN_DATA", raising=False)


def check_run(folder, steps, columns, signatures):
    """Whether a smoke run has left all that it should."""
    record = json.loads((folder / "run.json").read_text())
    assert (record["finished"], record["steps"]) == (True, steps)
    made = {p.name for p in folder.iterdir()}
    assert made >= {"final.keras", "samples.png", "log.csv", "samples", "checkpoints", "export"}
    with Image.open(folder / "samples.png") as picture:
        assert (picture.width - 2) % columns == 0 and (picture.height - 2) % 4 == 0
        assert (picture.width - 2) // columns == (picture.height - 2) // 4 == 66
    assert (folder / "samples" / "epoch-0002.png").read_bytes() == (
        folder / "samples.png"
    ).read_bytes()
    exported = tf.saved_model.load(str(folder / "export" / "1"))
    assert set(exported.signatures) == {"serving_default", *signatures}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_smoke(recipe, tmp_path):
    flags, *expected = RECIPES[recipe]
    code, output = run(recipe, tmp_path, *SMALL, *flags)
    assert code == 0, output
    assert "pictures made for --smoke; nothing to learn from them" in output
    check_run(tmp_path / "runs" / f"{recipe}-smoke", *expected)


def save(path, number, height=40, width=40):
    path.mkdir(parents=True)
    for n in range(number):
        pixels = np.random.default_rng(n).integers(0, 256, (height, width, 3), "uint8")
        Image.fromarray(pixels).save(path / f"{n}.jpg")


@pytest.mark.slow
def test_pix2pix_from_two_folders_by_file_name(tmp_path):
    for split in ("train", "test"):
        save(tmp_path / "maps" / split, 3)
        save(tmp_path / "photos" / split, 3)
    flags = [*SMALL, "--image_size=32", "--data_dir=maps,photos"]
    code, output = run("pix2pix_facades", tmp_path, *flags)
    assert code == 0, output
    (tmp_path / "photos" / "test" / "1.jpg").unlink()
    code, output = run("pix2pix_facades", tmp_path, *flags, "--workdir=other")
    assert code == 1 and "Traceback" not in output
    assert "only in" in output and "maps/test: 1" in output


def test_pix2pix_takes_the_first_of_two_folders_as_the_input(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(data, "paired_images", lambda *a, **k: read.append((a[0], k["inputs"])))
    fake = types.SimpleNamespace(smoke=True, batch_size=1, seed=0)
    for given, folder, side in (("pairs", "pairs", "right"), ("a,b", ("a", "b"), "left")):
        read.clear()
        with loaded("pix2pix_facades") as module, flagsaver.flagsaver(data_dir=given):
            monkeypatch.setattr(runs, "start", lambda name: fake)
            with pytest.raises(AttributeError):  # no dataset comes back
                module.main()
        assert read == [(folder, side)] * 2


@pytest.mark.slow
def test_faces_from_a_set_of_build_data(tmp_path):
    for name in ("men", "women"):
        save(tmp_path / name, 5)
    (tmp_path / "men" / "bad.jpg").write_text("bad")
    code, output = run("build_data", tmp_path, "--inputs=men,women", "--output=set", "--size=32")
    assert code == 0, output
    domains = ["--domain_a=set/men", "--domain_b=set/women"]
    code, output = run("cyclegan_faces", tmp_path, *SMALL, *CYCLEGAN, *domains)
    assert code == 0, output
    assert "pictures made" not in output and "5 and 5 images of (32, 32, 3)" in output
    ways = {"translate_a_to_b", "translate_b_to_a"}
    check_run(tmp_path / "runs" / "cyclegan_faces-smoke", 6, 6, ways)


@pytest.mark.slow
def test_pix2pix_killed_and_started_again_equals_uninterrupted(tmp_path):
    """Two epochs of three steps, a checkpoint after each; kill -9 in the second epoch."""
    flags = [*SMALL, "--image_size=32"]
    code, output = run("pix2pix_facades", tmp_path, *flags)
    assert code == 0, output
    whole = tmp_path / "runs" / "pix2pix_facades-smoke"
    check_run(whole, 6, 3, {"translate"})

    killed, flags = tmp_path / "killed", [*flags, "--workdir=killed"]
    fourth = killed / "checkpoints" / "step-00000004.json"
    run_and_kill("pix2pix_facades", tmp_path, *flags, when=fourth.exists)
    code, output = run("pix2pix_facades", tmp_path, *flags)
    assert code == 0, output
    (resumption,) = json.loads((killed / "run.json").read_text())["resumptions"]
    assert resumption["step"] in (4, 5)
    models = [keras.saving.load_model(folder / "final.keras") for folder in (whole, killed)]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (whole / "samples.png").read_bytes() == (killed / "samples.png").read_bytes()


# Without a process: what is read, what is refused -------------------------------------------


def asked(smoke=False, batch_size=2):
    """What a recipe's functions want to know of a run."""
    return types.SimpleNamespace(smoke=smoke, batch_size=batch_size, seed=0)


@pytest.mark.parametrize(
    ("recipe", "function", "message"),
    [
        ("pix2pix_facades", "find_data", "Give --data_dir.*--smoke needs none"),
        ("dualgan_facades", "find_data", "Give --data_dir.*--smoke needs none"),
        ("cyclegan_faces", "read_data", "Give --domain_a and --domain_b.*--smoke needs none"),
        ("discogan_folders", "read_data", "Give --domain_a and --domain_b.*--smoke needs none"),
        ("stargan_folders", "check_flags", "Give --data_dir.*--smoke needs none"),
    ],
)
def test_without_data_the_recipe_says_what_to_give(recipe, function, message):
    with loaded(recipe) as module, pytest.raises(runs.RunError, match=message):
        getattr(module, function)(asked())


def test_horses_and_zebras_that_are_not_at_hand(monkeypatch):
    def absent(*args, **kwargs):
        raise FileNotFoundError("cycle_gan/horse2zebra is not at hand")

    with loaded("cyclegan_horse2zebra") as module:
        monkeypatch.setattr(data, "unpaired_images", absent)
        with pytest.raises(runs.RunError, match=r"Give --data_dir.*and cycle_gan/horse2zebra is"):
            module.read_data(asked())


@pytest.mark.parametrize("recipe", ["pix2pix_facades", "dualgan_facades"])
def test_the_folder_of_all_data_is_looked_into(recipe, tmp_path, monkeypatch):
    (tmp_path / "facades_pix2pix").mkdir()
    monkeypatch.setenv("KERASGAN_DATA", str(tmp_path))
    with loaded(recipe) as module:
        assert module.find_data(asked()) == tmp_path / "facades_pix2pix"
        with flagsaver.flagsaver(data_dir="mine"):
            assert module.find_data(asked()) == "mine"


@pytest.mark.parametrize("recipe", ["cyclegan_faces", "discogan_folders"])
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"domain_a": "a"}, "--domain_a=a, --domain_b=None"),
        ({"domain_b": "b"}, "--domain_a=None, --domain_b=b"),
        ({"domain_a": "a", "domain_b": "b", "test_b": "c"}, "--test_a=None, --test_b=c"),
    ],
)
def test_half_of_what_is_needed(recipe, flags, message):
    for smoke in (False, True):
        refused = pytest.raises(runs.RunError, match=message)
        with loaded(recipe) as module, flagsaver.flagsaver(**flags), refused:
            module.read_data(asked(smoke))


def test_test_pictures_come_as_they_are(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / name, 4, 20, 20)
        save(tmp_path / f"test_{name}", 2, 32, 32)
    flags = {n: str(tmp_path / n[-1]) for n in ("domain_a", "domain_b")}
    tests = {n: str(tmp_path / n) for n in ("test_a", "test_b")}
    with loaded("cyclegan_faces") as module:
        with flagsaver.flagsaver(image_size=32, **flags):
            images, shown = module.read_data(asked())
            assert shown is images
        with flagsaver.flagsaver(image_size=32, **flags, **tests):
            _, shown = module.read_data(asked())
    first, _ = next(iter(shown))
    with Image.open(tmp_path / "test_a" / "0.jpg") as picture:
        np.testing.assert_allclose(first[0], np.asarray(picture) / 127.5 - 1.0, atol=1e-6)


@pytest.mark.parametrize(
    "flags",
    [
        {"table": "t"},
        {"data_dir": "d", "table": "t"},
        {"data_dir": "d", "attributes": ["Young"]},
        {"data_dir": "d", "test_table": "t"},
        {"data_dir": "d", "test_dir": "e", "test_table": "t"},
        {"data_dir": "d", "table": "t", "attributes": ["Young"], "test_dir": "e"},
    ],
)
def test_stargan_refuses_flags_that_do_not_go_together(flags):
    refused = pytest.raises(runs.RunError, match=r"Give --.*table")
    with loaded("stargan_folders") as module, flagsaver.flagsaver(**flags), refused:
        module.check_flags(asked(smoke=True))


def test_stargan_reads_a_table(tmp_path):
    save(tmp_path / "pictures", 4, 30, 20)
    table = tmp_path / "table.csv"
    table.write_text("file,Male,Young\n" + "".join(f"{n}.jpg,{n % 2},{n // 2}\n" for n in range(4)))
    flags = {"attributes": ["Young", "Male"], "crop": 18, "image_size": 18, "table": str(table)}
    with loaded("stargan_folders") as module, flagsaver.flagsaver(data_dir="pictures", **flags):
        module.check_flags(asked())
        images = module.read(tmp_path / "pictures", str(table), asked(), 4, flip=False)
    found = {}
    for pixels, labels in zip(*next(iter(images))):
        found[tuple(labels.numpy())] = pixels.numpy()
    assert sorted(found) == [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    with Image.open(tmp_path / "pictures" / "1.jpg") as picture:
        middle = np.asarray(picture)[6:24, 1:19]
    np.testing.assert_allclose(found[0.0, 1.0], middle / 127.5 - 1.0, atol=1e-6)


class Trained(Exception):
    """Raised where a recipe would train, with what it would train."""


def up_to_training(recipe, tmp_path, monkeypatch, smoke=False, epochs=None, **flags):
    """(model, dataset, updates, sheet) that a recipe hands to `run.train`."""

    def train(model, dataset, updates, grid):
        raise Trained(model, dataset, updates, grid)

    def start(name):
        assert name == recipe
        run = {**vars(asked(smoke)), "epochs": epochs, "workdir": tmp_path / "work"}
        return types.SimpleNamespace(**run, jit_compile=False, train=train)

    monkeypatch.setattr(runs, "start", start)
    given = flagsaver.flagsaver(width=2, **flags)
    with loaded(recipe) as module, given, pytest.raises(Trained) as stopped:
        module.main()
    return stopped.value.args


@pytest.mark.parametrize(
    ("recipe", "epochs", "steps", "rate", "critic"),
    [
        ("cyclegan_horse2zebra", None, 4 // 2, 2e-4, ("discriminator", 1)),
        ("cyclegan_faces", 5, 4 // 2, 2e-4, ("discriminator", 1)),
        ("stargan_folders", None, 90 // 2 // 5, 1e-4, ("critic", 5)),
    ],
)
def test_the_rate_is_constant_then_falls(
    tmp_path, monkeypatch, recipe, epochs, steps, rate, critic
):
    model, _, updates, _ = up_to_training(
        recipe, tmp_path, monkeypatch, smoke=True, epochs=epochs, image_size=32
    )
    assert updates == 200 * steps
    constant, falling = (100, 100) if epochs is None else (2, 3)
    for player, each in (("generator", 1), critic):
        assert model.optimizers[player]._learning_rate.get_config() == {
            "rate": rate,
            "constant_steps": each * constant * steps,
            "falling_steps": each * falling * steps,
        }


def test_the_pairs_of_dualgan_are_broken_up(tmp_path, monkeypatch):
    """As the recipe reads them: the photo and the label map of a pair have the same grey."""
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        for n in range(8):
            Image.new("RGB", (64, 32), (30 * n,) * 3).save(tmp_path / name / f"{n}.png")
    _, dataset, updates, sheet = up_to_training(
        "dualgan_facades", tmp_path, monkeypatch, data_dir=str(tmp_path), image_size=32
    )
    assert updates == 200 * 2 // 2  # 200 epochs of 2 batches, of which a step takes 2
    seen = {0: set(), 1: set()}
    for _ in range(6):
        epoch = []
        for parts in dataset:
            assert [part.shape for part in parts] == [(2, 32, 32, 3)] * 2
            maps, photos = (np.rint((p[:, 0, 0, 0] + 1) * 127.5 / 30).tolist() for p in parts)
            seen[0].update(maps), seen[1].update(photos)
            epoch += maps + photos
        assert sorted(epoch) == list(range(8))  # each pair gives its map or its photo
    assert all(len(numbers) == 8 for numbers in seen.values())
    maps, photos = sheet.parts
    np.testing.assert_array_equal(maps, photos)  # test pairs stay whole


@pytest.mark.slow
def test_the_benchmark_keeps_its_rows(tmp_path):
    code, output = run("benchmark_translation", tmp_path, "--smoke")
    assert code == 0, output
    assert "kerasgan: DiscoGAN at 16 px" in output
    rows = (tmp_path / "runs" / "benchmark_translation-smoke" / "rows.jsonl").read_text()
    (row,) = map(json.loads, rows.splitlines())
    assert row["family"] == "DiscoGAN" and row["ms"] > 0 and 0.3 < row["gigabytes"] < 10
    code, output = run("benchmark_translation", tmp_path, "--smoke")  # nothing is missing
    assert code == 0 and "DiscoGAN at 16 px" not in output and "| DiscoGAN | 16 |" in output
