"""Pictures of attacks, as PNG files: examples with labels, and heat maps of errors."""

import numpy as np

from kerasgan import plots


def draw_examples(path, images, results, titles, title=None):
    """Three rows: original, perturbation, result.

    The perturbation is stretched so that its largest value becomes black or white; its title says
    by how much.

    Args:
        path: the PNG file; its folder must exist.
        images: array (n, H, W, 1 or 3) in [-1, 1].
        results: the same, perturbed.
        titles: ([n titles of the images], [n titles of the results]).
        title: of the whole picture, or None.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "examples.png"
        >>> images = np.zeros((2, 8, 8, 1))
        >>> draw_examples(path, images, images + 0.1, (["3: 99 %"] * 2, ["8: 70 %"] * 2))
        >>> path.read_bytes()[1:4]
        b'PNG'
    """
    changes = results - images
    sizes = np.abs(changes).max(axis=(1, 2, 3), keepdims=True)
    stretched = np.divide(changes, sizes, where=sizes > 0, out=np.zeros_like(changes))
    enlarged = [f"x {1 / size:.3g}" if size else "none" for size in sizes.ravel()]
    scale = 1.4 if images.shape[1] <= 64 else 4.0
    figure, lines = plots.subplots(
        3, len(images), figsize=(scale * len(images), 3.8 * scale), squeeze=False
    )
    rows = (images, titles[0]), (stretched, enlarged), (results, titles[1])
    for axes, (pictures, names) in zip(lines, rows):
        for each, picture, name in zip(axes, pictures, names):
            grey = picture.shape[-1] == 1
            shown = np.clip(picture[..., 0] if grey else (picture + 1) / 2, -1, 1)
            each.imshow(shown, cmap="gray", vmin=-1, vmax=1)
            each.set_title(name, fontsize=9)
            each.axis("off")
    if title:
        figure.suptitle(title)
    figure.tight_layout()
    plots.save(figure, path)


def draw_heat_maps(path, maps, rows, columns, labels=("", "")):
    """Heat maps side by side of values from 0 to 1, written as percentages.

    Args:
        path: the PNG file; its folder must exist.
        maps: dict: title -> array (rows, columns); NaN is left empty.
        rows: their names.
        columns: their names.
        labels: names of the two axes: of the columns, of the rows.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "maps.png"
        >>> draw_heat_maps(path, {"errors": np.eye(2)}, ["a", "b"], ["a", "b"])
        >>> path.read_bytes()[1:4]
        b'PNG'
    """
    width = len(maps) * (2 + 0.5 * len(columns))
    figure, axes = plots.subplots(
        1, len(maps), figsize=(width, 2 + 0.5 * len(rows)), squeeze=False, sharey=True
    )
    for each, (title, values) in zip(axes[0], maps.items()):
        each.imshow(values, vmin=0, vmax=1, cmap="Reds")
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                color = "white" if value > 0.6 else "black"
                each.text(j, i, f"{100 * value:.0f}", ha="center", va="center", color=color)
        each.set(title=title, xlabel=labels[0], ylabel=labels[1])
        each.set_xticks(range(len(columns)), columns, rotation=60, ha="right")
        each.set_yticks(range(len(rows)), rows)
    plots.save(figure, path)


def draw_bars(path, heights, groups, title, label):
    """Bars in groups, from 0 to 1, as percentages.

    Args:
        path: the PNG file; its folder must exist.
        heights: dict: name of a bar -> its height in each group; None is left empty.
        groups: their names.
        title: of the picture.
        label: of the heights.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "bars.png"
        >>> draw_bars(path, {"clean": [0.9, 0.8], "fgsm": [0.1, None]}, ["a", "b"], "", "right")
        >>> path.read_bytes()[1:4]
        b'PNG'
    """
    figure, axes = plots.subplots(figsize=(3 + len(groups), 4))
    wide = 0.8 / len(heights)
    for i, (name, values) in enumerate(heights.items()):
        places = np.arange(len(groups)) + wide * (i - (len(heights) - 1) / 2)
        axes.bar(places, [100 * (value or 0) for value in values], wide, label=name)
    axes.set(title=title, ylabel=f"{label} in %", ylim=(0, 100))
    axes.set_xticks(range(len(groups)), groups, rotation=30, ha="right")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    plots.save(figure, path)
