"""A model of the zoo goes on with your own pictures: any folder, any model of that size.

Pictures are cut and resized to the model's size. Sub-folders are classes, for a conditional model:
where their number is another than the model's, the embeddings of the labels are made anew, and the
rest is kept. --frozen_layers freezes the first layers of the discriminator or critic (FreezeD:
Mo, Cho, Shin 2020, https://arxiv.org/abs/2002.10964), which helps where pictures are few.

Commands:
    python recipes/finetune_on_folder.py --preset=dcgan_mnist --data_dir=pictures/ --epochs=20
    python recipes/finetune_on_folder.py --model=runs/mine/final.keras --data_dir=pictures/
        --optimizers=kept
    (the same command again resumes; --smoke takes seconds; --help shows all flags)
Optimizers: "fresh" are Adams of --learning_rate; "kept" are those of a .keras file, moments and
    rates (a preset has none); --jit_compile counts for both, "auto" is what the file says.
Time: that of the model's own recipe, an update.
Score: none; recipes/evaluate.py --real=pictures/ --model=<workdir>/final.keras has one for RGB.
"""

import keras
from absl import flags

from kerasgan import data, fine_tuning, models, presets, runs

UPDATES = 2_000  # --epochs overrides

runs.define_flags("finetune_on_folder", batch_size=64, source=None)
PRESET = flags.DEFINE_string("preset", None, "Name, folder or URL of the preset to start from")
SHA256 = flags.DEFINE_string("sha256", None, "Of a preset's metadata.json, with a URL")
MODEL = flags.DEFINE_string("model", None, "The .keras file to start from, instead")
DATA_DIR = flags.DEFINE_string("data_dir", None, "The folder, searched with its sub-folders")
FROZEN = flags.DEFINE_integer("frozen_layers", 0, "First layers of D that stay as they are", 0)
OPTIMIZERS = flags.DEFINE_enum("optimizers", "fresh", ["fresh", "kept"], "See above")
RATE = flags.DEFINE_float("learning_rate", 1e-4, "Of fresh optimizers", 0.0)
flags.mark_flag_as_required("data_dir")


def main():
    """Loads, fits the model to the folder, trains, exports."""
    run = runs.start("finetune_on_folder")
    if run.mixed_precision != "none":
        raise runs.RunError(
            "A trained model keeps the precision that it has. "
            f"Received: --mixed_precision={run.mixed_precision}"
        )
    model = load()
    if not getattr(model, "image_shape", None) or not callable(getattr(model, "generate", None)):
        raise runs.RunError(
            f"The model must be one that generates images. Received: a {type(model).__name__}"
        )
    height, width, channels = model.image_shape
    conditional = hasattr(model, "num_classes")
    dataset = data.image_folder(
        DATA_DIR.value,
        batch_size=run.batch_size,
        image_size=(height, width),
        channels=channels,
        shuffle_seed=run.seed,
        labels="auto" if conditional else None,
    )
    if conditional:
        model = fit_classes(model, data.describe(dataset)["num_classes"])
    if OPTIMIZERS.value == "kept":
        if run.jit_compile != "auto":
            model.jit_compile = run.jit_compile  # to compile anew would lose a loss's scale
    else:
        model.step_counter.assign(0)  # so that the averages follow at once, as at a start
        if FROZEN.value:
            freeze(model)
        model.compile(**fresh_optimizers(model), jit_compile=run.jit_compile)
    run.train(model, dataset, updates=UPDATES)
    run.export(model)


def load():
    """The model to start from."""
    if bool(PRESET.value) == bool(MODEL.value):
        raise runs.RunError(
            f"Give --preset or --model. Received: --preset={PRESET.value} --model={MODEL.value}"
        )
    if OPTIMIZERS.value == "kept" and (PRESET.value or FROZEN.value):
        raise runs.RunError(
            "--optimizers=kept needs a --model whose layers all go on: presets have no optimizers, "
            f"frozen layers leave theirs. Received: --preset={PRESET.value} "
            f"--frozen_layers={FROZEN.value}"
        )
    if OPTIMIZERS.value == "kept" and not flags.FLAGS["learning_rate"].using_default_value:
        raise runs.RunError(
            "--optimizers=kept keeps the rates, too: leave --learning_rate out. "
            f"Received: --learning_rate={RATE.value}"
        )
    if PRESET.value:
        return presets.load(PRESET.value, sha256=SHA256.value)
    try:
        model = keras.saving.load_model(MODEL.value)
    except (OSError, ValueError, TypeError) as error:
        raise runs.RunError(f"--model={MODEL.value} can't be loaded: {error}") from error
    if not isinstance(model, models.AdversarialModel):
        raise runs.RunError(f"--model must be one of kerasgan. Received: a {type(model).__name__}")
    return model


def fit_classes(model, num_classes):
    """The model for as many classes as the folder has."""
    if num_classes is None:
        raise runs.RunError(
            "A conditional model needs a folder with one sub-folder for each class. "
            f"Received: --data_dir={DATA_DIR.value}"
        )
    if num_classes == model.num_classes:
        return model
    if OPTIMIZERS.value == "kept":
        raise runs.RunError(
            f"--optimizers=kept needs as many classes as before, {model.num_classes}. "
            f"Received: {num_classes} sub-folders"
        )
    made, fresh = fine_tuning.with_classes(model, num_classes)
    print(f"kerasgan: {num_classes} classes instead of {model.num_classes}; anew: {fresh}")
    return made


def freeze(model):
    """Freezes the first layers of the discriminator or critic."""
    judges = [name for name in ("discriminator", "critic") if name in model.players()]
    if not judges:
        raise runs.RunError(
            f"--frozen_layers is for models that judge: a {type(model).__name__} has no "
            "discriminator or critic whose layers could be frozen. "
            f"Received: --frozen_layers={FROZEN.value}"
        )
    names = fine_tuning.freeze_first_layers(model, judges[0], FROZEN.value)
    print(f"kerasgan: frozen in the {judges[0]}: {', '.join(names)}")


def fresh_optimizers(model):
    """The family's own optimizers at the lower rate."""
    optimizers = model.default_optimizers()
    for optimizer in optimizers.values():
        optimizer.learning_rate = RATE.value
    return {f"{player}_optimizer": optimizer for player, optimizer in optimizers.items()}


if __name__ == "__main__":
    runs.launch(main)
