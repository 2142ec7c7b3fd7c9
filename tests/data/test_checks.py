import numpy as np
import pytest

from kerasgan import data, specs
from kerasgan.data.order import EpochOrder, find_order
from kerasgan.data.pipeline import array_reader, image_dataset

IMAGES = specs.ArraySpec("images", (4, 4, 1), "float32", low=-1.0, high=1.0)
LABELS = specs.ArraySpec("labels", (), "int", num_classes=3)


class Model:
    def __init__(self, *parts):
        self.parts = parts

    def data_spec(self):
        return self.parts


def dataset(labels, seed=0):
    pixels = np.arange(6 * 16, dtype="uint8").reshape(6, 4, 4, 1)
    return image_dataset(EpochOrder(6, seed), array_reader(pixels), labels, 2, True)


def test_good_data_passes_and_the_pass_is_not_counted():
    ds = dataset([0, 1, 2, 0, 1, 2])
    assert data.check(ds, Model(IMAGES, LABELS)) is None
    assert data.check(ds.map(lambda x, y: x), Model(IMAGES)) is None
    assert find_order(ds).begin_pass() == 0


def test_the_whole_dataset_is_checked_unless_told_otherwise():
    ds = dataset([0, 1, 2, 0, 1, 3], seed=None)
    model = Model(IMAGES, LABELS)
    with pytest.raises(ValueError, match=r"from 0 to 2.*num_classes=4 or more"):
        data.check(ds, model)
    data.check(ds, model, batches=2)


def test_a_model_without_a_spec_is_refused():
    with pytest.raises(ValueError, match=r"has data_spec.*Received: model=int"):
        data.check(dataset(None), 3)
