"""Saving a model as a preset, loading it again, and reading its card."""

import json
import pathlib

import keras
import numpy as np

from kerasgan import files
from kerasgan.presets import download, folder, places, safety
from kerasgan.version import versions


class HasPresets:
    """What makes a `keras.Model` of the zoo loadable by `Model.from_preset`."""

    training_state = ()  # layers that only training needs: no preset holds them

    @classmethod
    def from_preset(cls, preset, load_weights=True, sha256=None):
        """A trained model of the zoo, ready to generate and to be trained further.

        Args:
            preset: name in `kerasgan.presets.list()`, path of a preset's folder, or its URL.
            load_weights: False: the architecture only, with fresh weights.
            sha256: hexadecimal SHA-256 of the preset's `metadata.json`, needed with a URL.

        Returns:
            A model of the preset's class, compiled with the paper's optimizers, which start anew.

        Raises:
            ValueError: an unknown preset (the nearest names are offered), one that is damaged,
                incomplete, of a newer format, unsafe, or not of this class.

        Example:
            >>> import tempfile, kerasgan
            >>> folder = tempfile.mkdtemp() + "/gan_tiny"
            >>> model = kerasgan.models.GAN(image_shape=(4, 4, 1), latent_dim=2, seed=0)
            >>> model.save_to_preset(folder, "Untrained.")
            >>> copy = kerasgan.models.AdversarialModel.from_preset(folder)
            >>> type(copy).__name__, bool((copy.generate(3, 1) == model.generate(3, 1)).all())
            ('GAN', True)
        """
        return _load(preset, load_weights, sha256, cls)

    def save_to_preset(self, directory, description=None, **card):
        """Saves this model as a preset; see `kerasgan.presets.save`.

        Args:
            directory: the folder, made if it isn't there; its name is the preset's.
            description: a sentence or two; None: the class and the steps of training.
            **card: other fields of the card, as `kerasgan.presets.save` takes them.
        """
        if description is None:
            description = f"{type(self).__name__}, {_steps(self, None):,} steps of training."
        save(self, directory, description, **card)


def load(preset, load_weights=True, sha256=None):
    """The model of a preset, of whatever class it is.

    Args:
        preset: name in `kerasgan.presets.list()`, path of a preset's folder, or its URL.
        load_weights: False: the architecture only, with fresh weights.
        sha256: hexadecimal SHA-256 of the preset's `metadata.json`, needed with a URL.

    Returns:
        `keras.Model`. Those of `kerasgan.models` are compiled with the paper's optimizers, which
        start anew; Keras' own are not compiled.

    Raises:
        ValueError: see `AdversarialModel.from_preset`.
    """
    return _load(preset, load_weights, sha256, keras.Model)


def info(preset, sha256=None):
    """The card of a preset.

    Args:
        preset: name in `kerasgan.presets.list()`, path of a preset's folder, or its URL.
        sha256: hexadecimal SHA-256 of the preset's `metadata.json`, needed with a URL.

    Returns:
        dict of JSON values: what `metadata.json` holds (`description`, `class`, `parameters`,
        `recipe`, `command`, `data_set`, `source`, `seed`, `steps`, `wall_seconds`, `hardware`,
        `scores`, `licence`, `files`, `versions`, `format_version`; None where it wasn't given),
        and `name`, `path` and `sha256`, the checksum of the whole preset.

    Raises:
        ValueError: an unknown preset; a card that is damaged, of a newer format, or of another
            class than the config beside it.
    """
    path = _locate(preset, sha256)
    metadata = folder.read_metadata(path, sha256)
    safety.check_class(folder.read_config(path, metadata), metadata["class"], path)
    return {
        **dict.fromkeys(folder.FIELDS),
        **metadata,
        "name": path.absolute().name,
        "path": str(path),
        "sha256": folder.sha256(path / folder.METADATA),
    }


def save(
    model,
    directory,
    description,
    *,
    recipe=None,
    command=None,
    data_set=None,
    source=None,
    seed=None,
    steps=None,
    wall_seconds=None,
    hardware=None,
    scores=None,
    licence=None,
):
    """Saves a model as a preset: its config, its weights (no optimizers) and its card.

    The number of parameters, the checksums, the versions and, of the zoo's models, the training
    steps are found out and can't be given. Other files of the folder stay as they are.

    Args:
        model: a built `keras.Model` of kerasgan's classes and Keras' own.
        directory: the folder, made if it isn't there; its name is the preset's.
        description: a sentence or two.
        recipe: name of the recipe that trained it.
        command: the exact command.
        data_set: what it was trained on, such as "mnist[train]".
        source: where the data came from.
        seed: of the training.
        steps: of a model that doesn't count them itself.
        wall_seconds: how long the training took, on `hardware`.
        hardware: such as "2 CPU cores".
        scores: list of what `kerasgan.metrics.score` returns: dicts of `values` and `protocol`.
        licence: of the weights, such as "Apache-2.0".

    Raises:
        ValueError: a model that isn't built, has weights that are NaN or infinite, or uses classes
            of others (Lambda layers too); a card's field of another kind; a folder that can't be
            written to or holds a preset already. Nothing has been written then.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> path = tempfile.mkdtemp() + "/dense"
        >>> save(model, path, "Three sums of two numbers.", licence="Apache-2.0")
        >>> info(path)["parameters"], load(path).output_shape
        (9, (None, 3))
    """
    card = folder.checked_card(
        description=description, recipe=recipe, command=command, data_set=data_set, source=source,
        seed=seed, steps=_steps(model, steps), wall_seconds=wall_seconds, hardware=hardware,
        scores=scores, licence=licence,
    )  # fmt: skip
    config = _config_of(model)
    path = files.writable_directory("directory", directory)
    if (path / folder.METADATA).exists():
        raise ValueError(
            "The directory holds a preset already: choose another, or delete its metadata.json. "
            f"Received: directory={str(directory)!r}"
        )
    with files.replacing(path / folder.WEIGHTS) as temporary:
        keras.saving.save_weights(model, temporary, objects_to_skip=_left_out(model))
    files.write_json(path / folder.CONFIG, config)
    metadata = {
        "format_version": folder.FORMAT_VERSION,
        "class": safety.class_name(config),
        **card,
        "parameters": _count_parameters(model),
        "files": folder.described([path / folder.CONFIG, path / folder.WEIGHTS]),
        "versions": versions(),
    }
    files.write_json(path / folder.METADATA, metadata)  # last: it makes the folder a preset


def amend(directory, **card):
    """Changes fields of a preset's card, such as scores measured later; the model stays as it is.

    The preset's checksum, that of its card, changes too.

    Args:
        directory: path of the preset's folder.
        **card: fields of `save`, except `steps`.

    Raises:
        ValueError: no preset there; an unknown field or one of another kind.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> path = tempfile.mkdtemp() + "/dense"
        >>> save(model, path, "Three sums of two numbers.")
        >>> amend(path, licence="Apache-2.0")
        >>> info(path)["licence"]
        'Apache-2.0'
    """
    path = pathlib.Path(directory).expanduser().absolute()
    metadata = folder.read_metadata(path)
    files.writable_directory("directory", path)
    for name in card:
        if name not in folder.GIVEN:
            raise ValueError(
                f"A card's fields are {', '.join(folder.GIVEN)}. Received: {name}={card[name]!r}"
            )
    files.write_json(path / folder.METADATA, {**metadata, **folder.checked_card(**card)})


def _load(preset, load_weights, sha256, wanted):
    path = _locate(preset, sha256)
    metadata = folder.read_metadata(path, sha256)
    config = folder.read_config(path, metadata)
    safety.check_config(config)
    safety.check_class(config, metadata["class"], path)
    found = safety.model_class(config)
    if not issubclass(found, wanted):
        raise ValueError(
            f"Expected a preset of {wanted.__name__}; load this one by the class that it is of, or "
            f"by kerasgan.presets.load. Received: {path}, a preset of {safety.class_name(config)}"
        )
    weights = folder.verified(path, folder.WEIGHTS, metadata) if load_weights else None
    try:
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        if weights:
            keras.saving.load_weights(model, weights, objects_to_skip=_left_out(model))
    except Exception as error:  # configs and weights that don't fit raise whatever Keras met
        raise ValueError(
            "This kerasgan and Keras can't build the preset: its weights are damaged or another "
            "model's, it is unsafe, or it needs the versions that it was made with, or later ones. "
            f"Received: {path}, of {metadata.get('versions')}: {error}"
        ) from error
    return model


def _locate(preset, sha256):
    return download.fetch(preset, sha256) if download.is_url(preset) else places.find(preset)


def _config_of(model):
    """The model's config, without how it is compiled; ValueError if it can't be a preset."""
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError(
            "A preset is made of a keras.Model that is built (call it once, or give it a "
            f"keras.Input). Received: model={model!r}"
        )
    for variable in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise ValueError(
                "A preset's weights must be finite: go back to a checkpoint from before the "
                f"training diverged. Received: {variable.path} with NaN or infinity"
            )
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    safety.check_config(config)
    safety.model_class(config)
    try:
        return json.loads(json.dumps(config, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(
            "The model's config must be finite numbers, texts, lists and dicts. "
            f"Received: model={model.name}: {error}"
        ) from error


def _left_out(model):
    """What is no part of a preset: optimizers, the metrics that are logged, pools of images."""
    optimizers = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
    return [*optimizers, *model.metrics, *getattr(model, "training_state", ())]


def _steps(model, given):
    counter = getattr(model, "step_counter", None)
    if counter is None:
        return given
    if given is not None:
        raise ValueError(f"{type(model).__name__} counts its steps itself. Received: steps={given}")
    return int(counter.numpy())


def _count_parameters(model):
    """Numbers in the weights of the networks that are trained; averages don't count again."""
    players = model.players().values() if hasattr(model, "players") else [[model]]
    weights = {id(w): w for networks in players for n in networks for w in n.weights}
    return sum(int(np.prod(weight.shape)) for weight in weights.values())
