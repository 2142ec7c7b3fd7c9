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
    assert picture.shape[0] < picture.shape[1] <= 420  # pixels: 100 an inch, margins cut
    assert picture.min() < 50 < 250 < picture.max()


def test_squeeze():
    figure, axes = plots.subplots(squeeze=False)
    assert axes.shape == (1, 1)
    assert plots.subplots()[1].get_figure() is not figure
