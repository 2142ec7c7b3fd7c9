import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import callbacks


class Painter:
    """An image model whose pictures tell what they were made of."""

    def __init__(self, channels, num_classes=None):
        self.image_shape = (2, 2, channels)
        self.calls = []
        if num_classes:
            self.num_classes = num_classes
            self.generate = lambda labels, seed=None, truncation=None: self._paint(
                labels, seed, truncation
            )
        else:
            self.generate = lambda n=16, seed=None, truncation=None: self._paint(
                [0] * n, seed, truncation
            )

    def _paint(self, labels, seed, truncation):
        self.calls.append((list(labels), seed, truncation))
        grey = np.asarray(labels, "float32") / 4 - 1
        return np.ones((len(labels), *self.image_shape)) * grey[:, None, None, None]


def test_one_row_a_class(tmp_path):
    model = Painter(channels=1, num_classes=3)
    grid = callbacks.SampleGrid(tmp_path, columns=2, seed=7, truncation=0.5).picture(model)
    assert model.calls == [([0, 0, 1, 1, 2, 2], 7, 0.5)]
    scale, padding = 32, 2  # 2 pixels enlarged to 64
    side = 2 * scale + padding
    assert grid.shape == (3 * side + padding, 2 * side + padding, 1)
    centres = grid[padding + scale :: side, padding + scale :: side, 0]
    assert centres.tolist() == [[0, 0], [32, 32], [64, 64]]  # 0, 1/8 and 2/8 of 255


@pytest.mark.parametrize(
    ("arguments", "model", "drawn"),
    [
        ({"columns": 3}, Painter(3), 9),
        ({"rows": 2, "columns": 3}, Painter(4), 6),
        ({"columns": 1}, Painter(1, num_classes=50), 10),
        ({"rows": 12, "columns": 1}, Painter(1, num_classes=10), 12),
    ],
)
def test_how_many_samples(tmp_path, arguments, model, drawn):
    callbacks.SampleGrid(tmp_path, **arguments).picture(model)
    assert len(model.calls[0][0]) == drawn
    assert max(model.calls[0][0]) < getattr(model, "num_classes", 1)


def test_pictures_and_gif_of_a_resumed_run_are_whole(tmp_path, make_model, dataset):
    def fit(epochs):
        model = make_model(learning_rate=0.05)
        made = [
            callbacks.SampleGrid(tmp_path / "s", rows=2, columns=3),
            callbacks.Checkpoint(tmp_path / "c"),
        ]
        model.fit(dataset, epochs=epochs, verbose=0, callbacks=made)
        return model, made[0]

    fit(2)
    model, grid = fit(5)
    names = sorted(p.name for p in (tmp_path / "s").iterdir())
    assert names == [*(f"epoch-{i:04d}.png" for i in range(1, 6)), "training.gif"]
    with Image.open(tmp_path / "s" / "training.gif") as gif:
        assert gif.n_frames == 5
    with Image.open(grid.file(5)) as last:
        assert np.array_equal(np.asarray(last), grid.picture(model)[..., 0])
        with Image.open(grid.file(1)) as first:
            assert not np.array_equal(np.asarray(first), np.asarray(last))


def test_every_and_no_gif(tmp_path, make_model, dataset):
    grid = callbacks.SampleGrid(tmp_path, rows=1, columns=1, every=2, gif=False)
    make_model().fit(dataset, epochs=5, verbose=0, callbacks=[grid])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch-0002.png", "epoch-0004.png"]


def test_pictures_do_not_change_training(tmp_path, make_model, dataset, assert_same):
    plain, watched = make_model(), make_model()
    plain.fit(dataset, epochs=2, verbose=0)
    watched.fit(dataset, epochs=2, verbose=0, callbacks=[callbacks.SampleGrid(tmp_path)])
    assert_same(plain, watched)


def test_bad_arguments(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="directory must be a folder"):
        callbacks.SampleGrid(tmp_path / "file" / "samples")
    with pytest.raises(ValueError, match="Received: columns=0"):
        callbacks.SampleGrid(tmp_path, columns=0)
    with pytest.raises(ValueError, match="image model of the zoo"):
        callbacks.SampleGrid(tmp_path).set_model(tf.Module())
