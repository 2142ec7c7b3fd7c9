"""Figures of matplotlib that go to PNG files, without a display and without global state."""

import numpy as np

from kerasgan import files


def subplots(rows=1, columns=1, **options):
    """A figure and its axes, as `matplotlib.pyplot.subplots` gives them.

    pyplot keeps every figure until it is closed, and may look for a display; this does neither.

    Args:
        rows: of axes.
        columns: of axes.
        **options: `sharex`, `sharey` and `squeeze` go to `Figure.subplots`, others (`figsize`,
            `layout`) to `matplotlib.figure.Figure`.

    Returns:
        (figure, axes): one `Axes`, or an array of them.

    Example:
        >>> figure, axes = subplots(2, 3, figsize=(6, 4), sharex=True)
        >>> axes.shape
        (2, 3)
    """
    from matplotlib.figure import Figure  # slow to import, and only pictures need it

    grid = {name: options.pop(name) for name in ("sharex", "sharey", "squeeze") if name in options}
    figure = Figure(**options)
    return figure, figure.subplots(rows, columns, **grid)


def draw_confusion(axes, matrix):
    """Draws a confusion matrix: a row for each class, shaded by its shares, with the counts.

    Args:
        axes: where.
        matrix: int array `[classes, classes]`, as `kerasgan.metrics.correspondence` makes it.

    Example:
        >>> figure, axes = subplots()
        >>> draw_confusion(axes, np.array([[3, 1], [0, 4]]))
        >>> [text.get_text() for text in axes.texts]
        ['3', '1', '0', '4']
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for (row, column), number in np.ndenumerate(matrix):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, number, ha="center", va="center", fontsize=7, color=color)
    axes.set(xticks=range(len(matrix)), yticks=range(len(matrix)))


def save(figure, path):
    """Writes a figure as a PNG file, whole or not at all, at 100 pixels an inch.

    Margins are cut, unless the figure is laid out by "constrained", which leaves none.

    Args:
        figure: of `subplots`.
        path: the file to make or to replace; its folder must exist.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "line.png"
        >>> figure, axes = subplots()
        >>> line = axes.plot([0, 1], [0, 1])
        >>> save(figure, path)
        >>> path.read_bytes()[1:4]
        b'PNG'
    """
    box = None if figure.get_constrained_layout() else "tight"
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100, bbox_inches=box)
