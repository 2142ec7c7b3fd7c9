"""Figures of whole studies: what a classifier says of paths and of arithmetic, what truncation
costs, and which attributes follow which directions.

All samples of conditional models take the labels in turn.
"""

import numpy as np

from kerasgan.latent import arithmetic, attributes, directions, paths
from kerasgan.latent.effects import responses
from kerasgan.latent.neighbours import rows_of
from kerasgan.metrics import precision_recall
from kerasgan.models import latents as latent_draws

THRESHOLDS, PSIS = (2.0, 1.5, 1.0, 0.5), (0.8, 0.6, 0.4, 0.2)
_UNIFORM_THRESHOLDS = (0.8, 0.6, 0.4, 0.2)  # of latents in [-1, 1]
_STEPS = 9  # within a path, its ends not counted
_FEWEST = 12  # samples of a class from which concepts are taken
_CONCEPT = 3  # latents that make one


def thresholds(space):
    """Thresholds of truncation that cut something: of uniform latents only those below 1 do."""
    return _UNIFORM_THRESHOLDS if space.distribution == "uniform" else THRESHOLDS


def labels_in_turn(space, n):
    """Labels 0, 1, 2, ... of n samples, again from 0 after the last; None of models without."""
    return None if space.num_classes is None else np.arange(n) % space.num_classes


def probabilities(classifier, images):
    """Class probabilities (n, classes) by an extractor that has them, a chunk at a time."""
    return latent_draws.in_chunks(classifier.probabilities, np.asarray(images, "float32"))


def measure_with(classifier):
    """Function images -> all attributes of grey images and each class's probability.

    Example:
        >>> from kerasgan import metrics
        >>> measure = measure_with(metrics.classifier("mnist"))
        >>> list(measure(np.zeros((1, 28, 28, 1))))[3:7]
        ['width', 'ink', 'class 0', 'class 1']
    """

    def measure(images):
        classes = probabilities(classifier, images).T
        named = {f"class {label}": row for label, row in enumerate(classes)}
        return {**attributes.measure(images), **named}

    return measure


def supervised_directions(latents, images, classifier):
    """InterFaceGAN's directions of all attributes and classes that vary among samples.

    Args:
        latents: (n, latent_dim), n well above latent_dim.
        images: (n, H, W, 1), made of them.
        classifier: `kerasgan.metrics.Extractor` with classes.

    Returns:
        dict: name of an attribute (by `from_scores`) or "class <i>" (by `from_labels`) -> unit
        vector (latent_dim,).
    """
    found = {}
    for name, scores in attributes.measure(images).items():
        if np.ptp(scores) > 0:
            found[name] = directions.from_scores(latents, scores)
    classes = probabilities(classifier, images).argmax(axis=1)
    present = np.unique(classes)
    for label in present if len(present) > 1 else []:
        found[f"class {label}"] = directions.from_labels(latents, classes == label)
    return found


def path_confidence(space, classifier, n=100, seed=0):
    """How sure a classifier is on the way between two random latents, against random samples.

    Confidence is the largest class probability. A generator whose latents are well filled makes
    digits everywhere; but between two classes lie images of neither, so that paths are a little
    below samples even then.

    Args:
        space: `Space`.
        classifier: `kerasgan.metrics.Extractor` with classes.
        n: how many paths; as many samples as there are images on them.
        seed: int.

    Returns:
        dict: for "random", "lerp" and "slerp" the mean confidence, and `<way>_by_step`, lists of
        the means of the 9 steps within the paths.
    """
    ends = space.draw(2 * n, seed).reshape(2, n, -1)
    labels = labels_in_turn(space, n)
    labels = None if labels is None else labels.repeat(_STEPS)
    images = space.images(space.draw(n * _STEPS, seed + 1), labels)
    found = {"paths": n, "random": float(probabilities(classifier, images).max(axis=1).mean())}
    for name, way in (("lerp", paths.lerp), ("slerp", paths.slerp)):
        latents = way(*ends, np.linspace(0, 1, _STEPS + 2)[1:-1]).reshape(-1, space.latent_dim)
        sure = probabilities(classifier, space.images(latents, labels)).max(axis=1)
        found[name] = float(sure.mean())
        found[f"{name}_by_step"] = sure.reshape(n, _STEPS).mean(axis=0).tolist()
    return found


def stroke_arithmetic(space, classifier, trios=20, samples=5000, seed=0):
    """Does "wide a - thin a + thin b" make a wide b? By means of three latents, and by single ones.

    Of random samples a classifier tells the class and `stroke_width` the width. For each of `trios`
    pairs of classes the three widest and thinnest make the concepts. Nine latents around the result
    (`around`) are looked at, as in the paper.

    Args:
        space: `Space` of a model of grey images.
        classifier: `kerasgan.metrics.Extractor` with classes.
        trios: how many pairs of classes a, b.
        samples: from which concepts are taken.
        seed: int.

    Returns:
        (figures, images): dict of "class_kept" (share of results of class b), "width_before" (of
        the thin b), "width_after", the same with `_single` for single latents; and images (12 *
        trios, H, W, C): three wide a, three thin a, three thin b, three results. ({"trios": 0},
        None) where fewer than two classes have 12 samples.
    """
    latents, labels = space.draw(samples, seed), labels_in_turn(space, samples)
    images = space.images(latents, labels)
    classes = probabilities(classifier, images).argmax(axis=1)
    widths = attributes.stroke_width(images)
    order = np.argsort(widths)
    full = [c for c in np.unique(classes) if np.sum(classes == c) >= _FEWEST]
    if len(full) < 2:
        return {"trios": 0}, None
    found, rows, drawn = {}, [], np.random.default_rng(seed)
    for _ in range(trios):
        a, b = drawn.choice(full, 2, replace=False)
        of_a, of_b = (order[classes[order] == c] for c in (a, b))  # from thin to wide
        wide_a, thin_a, thin_b = of_a[-_CONCEPT:], of_a[:_CONCEPT], of_b[:_CONCEPT]
        asked = None if labels is None else int(labels[thin_b[0]])
        for number, suffix in ((_CONCEPT, ""), (1, "_single")):
            result = arithmetic.analogy(
                latents[wide_a[-number:]], latents[thin_a[:number]], latents[thin_b[:number]]
            )
            made = space.images(arithmetic.around(result, 9, seed=seed), asked)
            kept = probabilities(classifier, made).argmax(axis=1) == b
            found.setdefault(f"class_kept{suffix}", []).append(kept.mean())
            before = widths[thin_b[:number]].mean()
            found.setdefault(f"width_before{suffix}", []).append(before)
            found.setdefault(f"width_after{suffix}", []).append(
                attributes.stroke_width(made).mean()
            )
            if number == _CONCEPT:
                rows += [images[wide_a], images[thin_a], images[thin_b], made[:_CONCEPT]]
    figures = {name: float(np.mean(values)) for name, values in found.items()}
    return {"trios": trios, **figures}, np.concatenate(rows)


def truncation_scores(space, extractor, real_images, n=5000, seed=0):
    """Precision and recall of truncated samples: the trade that truncation makes.

    Args:
        space: `Space`.
        extractor: `kerasgan.metrics.Extractor` of the features.
        real_images: (m, H, W, C).
        n: samples of each kind.
        seed: int, the same for all kinds.

    Returns:
        dict: "none", "threshold 2.0" and the other `thresholds`, "psi 0.8", ... -> {"precision",
        "recall"} (k = 3).
    """
    real, labels = rows_of(real_images, extractor), labels_in_turn(space, n)
    plain = space.draw(n, seed)
    kinds = {"none": plain}
    kinds |= {f"threshold {t}": space.draw(n, seed, truncation=t) for t in thresholds(space)}
    kinds |= {f"psi {psi}": arithmetic.towards_mean(plain, psi) for psi in PSIS}
    return {
        name: precision_recall.precision_recall(
            real, rows_of(space.images(latents, labels), extractor)
        )
        for name, latents in kinds.items()
    }


def direction_table(space, named, measure, samples=100, steps=9, reach=3.0, seed=0):
    """Which attribute follows which direction, how steadily and how far.

    A correlation alone says little: along nearly any direction most attributes change a little and
    steadily. So there is the effect beside it, and random directions should stand in the table too.

    Args:
        space: `Space`.
        named: dict: name -> direction (latent_dim,).
        measure: function, images -> dict: name -> (n,) numbers; see `measure_with`.
        samples: random latents moved along each.
        steps: positions along a direction.
        reach: farthest position, in deviations of a coordinate.
        seed: int, of the samples; the same for all directions.

    Returns:
        list of dicts: "direction", "attribute", "spearman" of steps and means, "effect": (last mean
        - first mean) / deviation of the attribute among random samples.
    """
    many = max(500, samples)
    images = space.images(space.draw(many, seed + 1), labels_in_turn(space, many))
    deviations = {name: float(np.std(values)) for name, values in measure(images).items()}
    table = []
    for name, direction in named.items():
        found = responses(space, direction, measure, steps, samples, reach, seed=seed)
        for attribute, row in found.items():
            moved = row["means"][-1] - row["means"][0]
            effect = moved / deviations[attribute] if deviations[attribute] else 0.0
            table.append(
                {
                    "direction": name,
                    "attribute": attribute,
                    "spearman": row["spearman"],
                    "effect": float(effect),
                }
            )
    return table


def steady(table, prefix, least=0.9, effect=1.0):
    """How many directions move at least one attribute monotonically, and markedly.

    Args:
        table: of `direction_table`.
        prefix: of the directions' names that are to be counted.
        least: of the absolute correlation.
        effect: of the absolute effect, in deviations.

    Returns:
        dict: "directions", "monotone" (correlation alone), "marked" (effect too).

    Example:
        >>> row = {"direction": "sefa 0", "attribute": "ink", "spearman": -1.0, "effect": -0.5}
        >>> steady([row], "sefa")
        {'directions': 1, 'monotone': 1, 'marked': 0}
    """
    rows = [row for row in table if row["direction"].startswith(prefix)]
    monotone = [row for row in rows if abs(row["spearman"]) >= least]
    marked = [row for row in monotone if abs(row["effect"]) >= effect]
    count = [len({row["direction"] for row in each}) for each in (rows, monotone, marked)]
    return dict(zip(("directions", "monotone", "marked"), count))
