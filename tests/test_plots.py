import sys

import numpy as np
from PIL import Image

from kerasgan import plots


def test_a_figure_needs_no_display_and_leaves_no_global_state(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "tkagg")
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    figure, axes = plots.subplots(1, 2, figsize=(4, 2), sharey=True, layout="constrained")
    axes[0].plot([0, 1], [0, 5])
    assert axes[1].get_ylim() == axes[0].get_ylim() == (-0.25, 5.25)
    plots.save(figure, tmp_path / "lines.png")
    assert "matplotlib.pyplot" not in sys.modules
    assert [path.name for path in tmp_path.iterdir()] == ["lines.png"]
    picture = np.asarray(Image.open(tmp_path / "lines.png").convert("L"))
    assert picture.shape == (200, 400)  # 100 pixels an inch
    assert picture.min() < 50 < 250 < picture.max()


def test_margins_are_cut(tmp_path):
    figure = plots.subplots(figsize=(4, 2))[0]
    figure.axes[0].set_position([0.25, 0.25, 0.5, 0.5])  # 200 x 100 pixels, and their ticks
    plots.save(figure, tmp_path / "square.png")
    width, height = Image.open(tmp_path / "square.png").size
    assert 200 < width < 300 and 100 < height < 160


def test_a_confusion_matrix_by_hand():
    axes = plots.subplots()[1]
    plots.draw_confusion(axes, np.array([[3, 1], [0, 0]]))
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0.75, 0.25], [0, 0]])
    placed = {text.get_position(): text.get_text() for text in axes.texts}  # (column, row)
    assert placed == {(0, 0): "3", (1, 0): "1", (0, 1): "0", (1, 1): "0"}


def test_squeeze():
    figure, axes = plots.subplots(squeeze=False)
    assert axes.shape == (1, 1)
    assert plots.subplots()[1].get_figure() is not figure
