"""From a name on the command line to a `Space`."""

from kerasgan import stored
from kerasgan.latent.space import SavedSpace, Space


def load(name, num_classes=None):
    """The space of a stored model.

    Args:
        name: of a `.keras` file, a preset or a SavedModel: see `kerasgan.stored.find`.
        num_classes: of a conditional SavedModel, to be sure of it.

    Returns:
        `Space`; of a SavedModel a `SavedSpace`, with which all works that needs no gradient and no
        layer: draws, walks, arithmetic, truncation, directions from labels and scores.

    Raises:
        ValueError: nothing there that is a model with latents; a damaged one.
    """
    found = stored.find(name)
    try:
        if found.kind == "saved_model":
            return SavedSpace(found.path, num_classes=num_classes)
        return Space(found.load())
    except Exception as error:  # damaged files raise whatever their readers stumble over
        raise ValueError(f"A model can't be loaded. Received: {found.path}: {error}") from error
