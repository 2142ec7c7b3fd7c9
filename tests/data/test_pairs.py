import numpy as np
import pytest

from kerasgan import data
from kerasgan.data import reading
from tests.data.passes import LOADED, PLAIN, check_resumes, one_pass, same


@pytest.fixture
def sides(tmp_path, coordinates, save_picture):
    """A folder of 5 pictures whose left halves are marked 10 to 14, the right ones 60 to 64."""
    for n in range(5):
        both = [coordinates(LOADED, LOADED, mark + n) for mark in (10, 60)]
        save_picture(tmp_path / "sides" / "train" / f"{n}.png", np.concatenate(both, axis=1))
    return tmp_path / "sides"


@pytest.fixture
def two_folders(tmp_path, coordinates, save_picture):
    """Two folders with the same halves."""
    for n in range(5):
        for name, mark in (("a", 10), ("b", 60)):
            picture = coordinates(LOADED, LOADED, mark + n)
            save_picture(tmp_path / name / "train" / f"{n}.png", picture)
    return tmp_path / "a", tmp_path / "b"


@pytest.mark.parametrize("inputs, marks", [("left", (10, 60)), ("right", (60, 10))])
def test_halves(sides, two_folders, to_bytes, coordinates, capsys, inputs, marks):
    for place in (sides, two_folders):
        ds = data.paired_images(place, image_size=LOADED, inputs=inputs, split="train", **PLAIN)
        for n, element in enumerate(one_pass(ds)):
            for mark, half in zip(marks, element):
                np.testing.assert_array_equal(to_bytes(half), coordinates(LOADED, LOADED, mark + n))
        facts = data.describe(ds)
        assert (facts["num_examples"], facts["inputs"], facts["split"]) == (5, inputs, "train")
        assert facts["image_shape"] == (LOADED, LOADED, 3)
        assert "5 pairs of (18, 18, 3) from " in capsys.readouterr().out


def test_both_halves_get_the_same_crop_and_side(sides, to_bytes):
    ds = data.paired_images(sides, batch_size=2, image_size=16, split="train")
    corners, sides_seen = set(), set()
    for _ in range(20):
        batches = one_pass(ds)
        assert len(batches) == 2
        for one, two in zip(*(to_bytes(np.concatenate(part)) for part in zip(*batches))):
            np.testing.assert_array_equal(one[..., :2], two[..., :2])
            assert one[0, 0, 2] + 50 == two[0, 0, 2]
            corners.add((one[0, 0, 0], one[..., 1].min()))
            sides_seen.add(one[0, 0, 1] < one[0, -1, 1])
    assert corners == {(row, column) for row in range(3) for column in range(3)}
    assert sides_seen == {True, False}


def test_without_jitter_nothing_is_cut(sides, to_bytes):
    ds = data.paired_images(sides, image_size=LOADED, split="train", jitter=False)
    firsts = {tuple(sorted(to_bytes(one)[0, [0, -1], 1])) for one, _ in ds.repeat(4)}
    assert firsts == {(0, LOADED - 1)}
    flipless = data.paired_images(sides, image_size=16, split="train", flip=False)
    assert all(to_bytes(one)[0, 0, 1] < to_bytes(one)[0, -1, 1] for one, _ in flipless.repeat(4))


def test_pairs_resume(sides):
    check_resumes(lambda: data.paired_images(sides, 2, 16, split="train"))


def test_pairs_too_many_for_memory_are_the_same(sides, monkeypatch):
    held = one_pass(data.paired_images(sides, 2, 16, split="train"))
    monkeypatch.setattr(reading, "_MEMORY_LIMIT", 0)
    same(held, one_pass(data.paired_images(sides, 2, 16, split="train")))


def test_seeds_differ(sides):
    one, two = (one_pass(data.paired_images(sides, 5, 16, "left", True, True, s, "train"))
                for s in (0, 1))  # fmt: skip
    assert (one[0][0] != two[0][0]).any()


def test_last_batch(sides):
    ds = data.paired_images(sides, 3, 16, split="train", drop_remainder=False)
    assert [len(one) for one, _ in ds] == [3, 2] and int(ds.cardinality()) == 2
    ds = data.paired_images(sides, 3, 16, split="train")
    assert ds.element_spec[0].shape == (3, 16, 16, 3) and int(ds.cardinality()) == 1
    with pytest.raises(ValueError, match=r"at most 5.*batch_size=6"):
        data.paired_images(sides, 6, 16, split="train")


def test_conversions(tmp_path, save_picture, to_bytes):
    save_picture(tmp_path / "a" / "grey.png", np.full((8, 8, 1), 100, "uint8"))
    save_picture(tmp_path / "b" / "grey.png", np.full((8, 8, 3), 100 * 257, "uint16"))
    rgba = np.zeros((8, 8, 4), "uint8")
    rgba[..., 0], rgba[..., 3] = 255, 51  # red, of which a fifth covers
    save_picture(tmp_path / "a" / "rgba.png", rgba)
    save_picture(tmp_path / "b" / "rgba.png", rgba)
    (one, two), (three, _) = one_pass(
        data.paired_images((tmp_path / "a", tmp_path / "b"), image_size=8, **PLAIN)
    )
    assert (to_bytes(one) == 100).all() and (to_bytes(two) == 100).all()
    assert to_bytes(three)[4, 4].tolist() == [255, 204, 204]


def test_unequal_halves_are_named(sides, save_picture):
    save_picture(sides / "train" / "odd.png", np.zeros((18, 37, 3), "uint8"))
    with pytest.raises(ValueError, match=r"(?s)odd.png: 37 pixels wide.*unequal.*1 such of 6"):
        data.paired_images(sides, split="train")


def test_two_sides_in_one_folder_are_no_halves(tmp_path, save_picture):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        save_picture(tmp_path / name, np.zeros((18, 36, 3), "uint8"))
    assert int(data.paired_images(tmp_path, image_size=16).cardinality()) == 3  # train and test
    save_picture(tmp_path / "b" / "2.png", np.zeros((18, 36, 3), "uint8"))
    with pytest.raises(ValueError, match=r"give both: directory=\('\S+/a', '\S+/b'\)"):
        data.paired_images(tmp_path, image_size=16)
    assert int(data.paired_images(tmp_path / "a", image_size=16).cardinality()) == 2
    save_picture(tmp_path / "3.png", np.zeros((18, 36, 3), "uint8"))
    assert int(data.paired_images(tmp_path, image_size=16).cardinality()) == 5


@pytest.mark.parametrize("height, width", [(18, 18), (16, 12), (20, 22)])
def test_ordinary_pictures_are_no_pairs(tmp_path, save_picture, height, width):
    for n in range(3):
        save_picture(tmp_path / f"{n}.png", np.zeros((height, width, 3), "uint8"))
    told = rf"none is much wider than high.*such as 0.png, {width} pixels wide and {height} high"
    for size in (16, (16, 12), (16, 10)):
        with pytest.raises(ValueError, match=told):
            data.paired_images(tmp_path, image_size=size)
    narrow = data.paired_images(tmp_path, image_size=(16, 8), **PLAIN)  # halves as narrow
    assert narrow.element_spec[0].shape == (16, 8, 3)
    both = data.paired_images((tmp_path, tmp_path), image_size=16, **PLAIN)  # two folders
    assert int(both.cardinality()) == 3
    save_picture(tmp_path / "3.png", np.zeros((height, 2 * height, 3), "uint8"))
    assert int(data.paired_images(tmp_path, image_size=16).cardinality()) == 4  # one is wide


@pytest.mark.parametrize("height, width", [(20, 24), (20, 30), (20, 40), (20, 100)])
def test_pairs_of_halves_that_are_higher_or_wider_than_square(
    tmp_path, save_picture, height, width
):
    save_picture(tmp_path / "0.png", np.zeros((height, width, 3), "uint8"))
    assert int(data.paired_images(tmp_path, image_size=16).cardinality()) == 1


def test_missing_and_unequal_partners_are_named(two_folders, save_picture):
    a, b = two_folders
    (a / "train" / "2.png").rename(a / "train" / "x.png")
    with pytest.raises(ValueError, match=r"only in \S*a/train: x; only in \S*b/train: 2$"):
        data.paired_images(two_folders, split="train")
    save_picture(a / "train" / "2.png", np.zeros((18, 20, 3), "uint8"))
    save_picture(b / "train" / "x.png", np.zeros((18, 18, 3), "uint8"))
    with pytest.raises(
        ValueError, match=r"(?s)\n  2: partners of unequal size, 18 x 20 and 18 x 18"
    ):
        data.paired_images(two_folders, split="train")
    save_picture(a / "train" / "x.jpg", np.zeros((18, 18, 3), "uint8"))
    with pytest.raises(ValueError, match=r"name may occur once.*x.jpg and x.png in"):
        data.paired_images(two_folders, split="train")


def test_pictures_smaller_than_the_crop_are_listed(sides, save_picture):
    for name in ("small", "tiny"):
        save_picture(sides / "train" / f"{name}.png", np.zeros((17, 36, 3), "uint8"))
    with pytest.raises(
        ValueError, match=r"(?s)small.png: 17 x 18 pixels, smaller than the crop 18 x 18.*tiny.*2 s"
    ):
        data.paired_images(sides, split="train", crop=18)


def test_damaged_pairs_are_left_out(two_folders):
    (two_folders[1] / "train" / "1.png").write_bytes(b"no picture")
    with pytest.warns(
        UserWarning, match=r"Damaged pictures left out of .*, 1:\n  1: not a picture"
    ) as caught:
        ds = data.paired_images(two_folders, image_size=16, split="train")
    assert caught[0].filename == __file__
    assert data.describe(ds)["skipped"] == ["1"] and len(list(ds)) == 4
    with pytest.raises(ValueError, match=r"1: not a picture"):
        data.paired_images(two_folders, split="train", on_corrupt="error")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"inputs": "top"}, "'left', 'right'. Received: inputs='top'"),
        ({"jitter": 286}, "True, False. Received: jitter=286"),
        ({"flip": None}, "True, False. Received: flip=None"),
        ({"channels": 2}, "Received: channels=2"),
        ({"on_corrupt": "stop"}, "Received: on_corrupt='stop'"),
        ({"crop": "left"}, "Received: crop='left'"),
        ({"crop": (3, 0)}, r"Received: crop=\(3, 0\)"),
        ({"image_size": None}, "Received: image_size=None"),
        ({"batch_size": 0}, "Received: batch_size=0"),
        ({"shuffle_seed": 1.5}, "Received: shuffle_seed=1.5"),
        ({"shuffle_seed": None}, "jitter=False, flip=False.*shuffle_seed=None, jitter=True"),
        ({"directory": "absent"}, "directory='absent/train'"),
        ({"directory": ("a", "b", "c")}, "tuple of two folders"),
        ({"split": "val"}, "directory='.*val'"),
    ],
)
def test_arguments_are_checked(sides, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.paired_images(**{"directory": sides, "split": "train", **arguments})


@pytest.mark.realdata
def test_facades(raw_data):
    ds = data.paired_images(
        raw_data / "facades_pix2pix", 4, 32, inputs="right", split="val", crop="none", **PLAIN
    )
    assert data.describe(ds)["num_examples"] == 100 and data.describe(ds)["skipped"] == []
    labels, photos = (part.numpy() for part in next(iter(ds)))
    # A label map has few colours, all saturated; blue is the wall.
    assert labels[..., 2].mean() > labels[..., 0].mean() + 0.5
    assert abs(photos[..., 2].mean() - photos[..., 0].mean()) < 0.3
