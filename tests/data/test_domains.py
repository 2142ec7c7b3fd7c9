import numpy as np
import pytest
import tensorflow as tf

from kerasgan import data
from kerasgan.data import records
from kerasgan.data.attributes import read_attributes

PLAIN = {"flip": False, "shuffle_seed": None}


@pytest.fixture
def seasons(tmp_path, coordinates, save_picture):
    """Folders summer and winter of 3 and 2 pictures, marked 50, 51, 52 and 100, 101."""
    for name, count, mark in (("winter", 2, 100), ("summer", 3, 50)):
        for n in range(count):
            save_picture(tmp_path / "seasons" / name / f"{n}.png", coordinates(16, 16, mark + n))
    return tmp_path / "seasons"


def pairs_of(dataset, to_bytes):
    return [
        (int(to_bytes(image)[0, 0, 2]), label.numpy().tolist())
        for images, labels in dataset
        for image, label in zip(images, labels)
    ]


def test_labels_are_the_sorted_names(seasons, to_bytes, capsys):
    ds = data.domain_images(seasons, batch_size=1, image_size=16, **PLAIN)
    assert pairs_of(ds, to_bytes) == [(50, 0), (51, 0), (52, 0), (100, 1), (101, 1)]
    assert [part.dtype for part in ds.element_spec] == [tf.float32, tf.int32]
    assert [part.shape.as_list() for part in ds.element_spec] == [[1, 16, 16, 3], [1]]
    facts = data.describe(ds)
    assert facts["class_names"] == ["summer", "winter"] and facts["num_classes"] == 2
    assert capsys.readouterr().out.endswith("5 images of (16, 16, 3) from "
                                            f"{seasons}, 2 domains\n")  # fmt: skip


def test_shuffled_pictures_keep_their_labels_and_are_mirrored(seasons, to_bytes):
    ds = data.domain_images(seasons, batch_size=2, image_size=16)
    mirrored = []
    for images, labels in ds.repeat(10):
        pixels = to_bytes(images)
        assert ((pixels[:, 0, 0, 2] >= 100) == labels.numpy()).all()
        mirrored += (pixels[:, 0, 0, 1] == 15).tolist()
        assert set(pixels[:, 0, 0, 1]) <= {0, 15}  # nothing is cut off
    assert 10 < sum(mirrored) < 30  # of 40; standard deviation 3.2
    whole = [pairs_of(ds, to_bytes) for _ in range(2)]
    assert whole[0] != whole[1]


def test_crop_of_the_paper(tmp_path, coordinates, save_picture, to_bytes):
    for name in "ab":
        save_picture(tmp_path / name / "0.png", coordinates(22, 18))
    ds = data.domain_images(tmp_path, 1, 10, crop=10, **PLAIN)
    image = to_bytes(next(iter(ds))[0])[0]
    np.testing.assert_array_equal(image[..., :2], coordinates(22, 18)[6:16, 4:14, :2])
    tall = data.domain_images(tmp_path, 1, (20, 10), crop=(20, 10), **PLAIN)
    assert to_bytes(next(iter(tall))[0])[0][0, 0, :2].tolist() == [1, 4]
    with pytest.raises(ValueError, match=r"(?s)a/0.png: 22 x 18 pixels, smaller.*20 x 20.*b/0.png"):
        data.domain_images(tmp_path, 1, 10, crop=20)


def test_record_sets_have_domains_too(seasons, tmp_path, to_bytes):
    summaries = {}
    for name in ("winter", "summer"):
        (tmp_path / "set" / name).mkdir(parents=True)
        encoded = [
            records.Picture(path.name, path.read_bytes(), 16, 16)
            for path in sorted((seasons / name).iterdir())
        ]
        shard = records.shard_path(tmp_path / "set" / name, 0, 1)
        summaries[name] = records.summary([records.write_shard(shard, encoded)])
    records.write_manifest(tmp_path / "set", summaries)
    one, two = (data.domain_images(root, 1, 16) for root in (seasons, tmp_path / "set"))
    assert pairs_of(one, to_bytes) == pairs_of(two, to_bytes)
    assert [data.describe(ds)["source"] for ds in (one, two)] == ["folder", "records"]
    assert data.describe(two)["class_names"] == ["summer", "winter"]
    table = tmp_path / "table.csv"
    table.write_text("file,A\n0.png,1\n")
    for root in (tmp_path / "set", tmp_path / "set" / "winter"):
        with pytest.raises(ValueError, match=r"These are records.*Received: directory="):
            data.attribute_images(root, table, ["A"])


def test_domains_without_pictures(seasons):
    (seasons / "autumn").mkdir()
    with pytest.raises(ValueError, match=r"holds no pictures.*autumn"):
        data.domain_images(seasons)
    (seasons / "autumn" / "0.png").write_bytes(b"")
    with (
        pytest.warns(UserWarning, match=r"Damaged .*, 1:\n  autumn/0.png"),
        pytest.raises(ValueError, match=r"All pictures of a domain are damaged.*autumn in"),
    ):
        data.domain_images(seasons)


def test_loose_pictures_and_single_domains(seasons, save_picture):
    with pytest.raises(ValueError, match=r"two at least. Received: directory='.*summer' with 0"):
        (seasons / "summer" / "inner").mkdir()
        for path in (seasons / "summer").glob("*.png"):
            path.rename(seasons / "winter" / f"s{path.name}")
        (seasons / "summer" / "inner").rmdir()
        data.domain_images(seasons / "summer")
    save_picture(seasons / "loose.png", np.zeros((4, 4, 3), "uint8"))
    with pytest.raises(ValueError, match=r"beside its sub-folders loose.png"):
        data.domain_images(seasons)


# Tables of attributes --------------------------------------------------------------------------

CSV = "file,Male,Young,Age\n2.png,1,0,30\n0.png,0,1,20\n1.png,1,1,40\n"


@pytest.fixture
def faces(tmp_path, coordinates, save_picture):
    for n in range(4):
        save_picture(tmp_path / "faces" / f"{n}.png", coordinates(16, 16, n))
    return tmp_path / "faces"


def write(folder, text, name="table.csv"):
    (folder / name).write_text(text)
    return folder / name


def test_attributes_of_a_csv(faces, to_bytes, capsys):
    table = write(faces, CSV)
    ds = data.attribute_images(faces, table, ["Young", "Male"], 1, 16, **PLAIN)
    expected = [(0, [1.0, 0.0]), (1, [1.0, 1.0]), (2, [0.0, 1.0])]  # 3.png is not in the table
    assert pairs_of(ds, to_bytes) == expected
    assert ds.element_spec[1] == tf.TensorSpec((1, 2), "float32")
    assert capsys.readouterr().out.endswith(f"3 images of (16, 16, 3) from {faces}, 2 attributes\n")
    facts = data.describe(ds)
    assert facts["attributes"] == ["Young", "Male"] and facts["class_names"] is None
    shuffled = data.attribute_images(faces, table, ["Young", "Male"], 3, 16)
    assert sorted(pairs_of(shuffled, to_bytes)) == expected


def test_the_form_of_celeba(faces, to_bytes):
    table = write(
        faces, "2\n5_o_Clock_Shadow Male Young \n0.png -1  1 -1\n3.png  1 -1  1\n", "l.txt"
    )
    ds = data.attribute_images(faces, table, ["Male"], 1, 16, **PLAIN)
    assert pairs_of(ds, to_bytes) == [(0, [1.0]), (3, [0.0])]


def test_damaged_pictures_take_their_rows_along(faces, to_bytes):
    (faces / "1.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"Damaged .*, 1:"):
        ds = data.attribute_images(faces, write(faces, CSV), ["Young"], 1, 16, **PLAIN)
    assert pairs_of(ds, to_bytes) == [(0, [1.0]), (2, [0.0])]
    assert data.describe(ds)["skipped"] == ["1.png"]


def test_missing_pictures_are_named(faces):
    table = write(faces, CSV + "".join(f"x{n}.png,1,1,0\n" for n in range(25)))
    with pytest.raises(ValueError, match=r"25 of 28 missing: x0.png, .*x19.png, and 5 more"):
        data.attribute_images(faces, table, ["Young"])


@pytest.mark.parametrize(
    "text, attributes, message",
    [
        (CSV, ["Young", "Bald"], r"Male, Young, Age. Received: table=.*attributes 'Bald'"),
        (CSV, ["Age"], r"0 or 1, or -1 or 1. Received: .*2.png: Age='30', 0.png: Age='20'"),
        (CSV, [], r"Received: attributes=\[\]"),
        (CSV, "Young", r"Received: attributes='Young'"),
        (CSV, ["Young", "Young"], r"each once"),
        ("f,A,A\n0.png,1,1\n", ["A"], r"once each: A, A"),
        ("f;A\n0.png;1\n", ["A"], "none beside the first .are there commas"),
        ("f,A\n0.png,1\n1.png,0\n2.png,-1\n", ["A"], r"A: both 0 and -1"),
        ("f,A\n0.png,1\n0.png,0\n", ["A"], r"line 3: 0.png again"),
        ("f,A\n0.png,1,1\n", ["A"], r"Expected 1 attributes.*line 2 with 2"),
        ("f,A\n", ["A"], r"no lines"),
        ("", ["A"], r"attributes 'A'"),
        ("3\nA B\n0.png 1 1\n", ["A"], r"promises 3 pictures. .* with 1"),
        ("1\nA B\n0.png 1\n", ["A"], r"Expected 2 attributes.*line 3 with 1"),
        ("f,A\n0.png," + "1" * 200_000, ["A"], r"Expected a CSV file.*field limit"),
        ("\u00b2\nA\n0.png 1\n", ["A"], r"attributes 'A'"),
        (CSV, None, r"Received: attributes=None"),
    ],
)
def test_damaged_tables(tmp_path, text, attributes, message):
    with pytest.raises(ValueError, match=message):
        read_attributes(write(tmp_path, text), attributes)


def test_no_table(tmp_path):
    with pytest.raises(ValueError, match=r"table='.*absent.csv'"):
        read_attributes(tmp_path / "absent.csv", ["A"])
    (tmp_path / "picture.csv").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(ValueError, match=r"Expected a table of attributes"):
        read_attributes(tmp_path / "picture.csv", ["A"])


def test_a_table_saved_by_a_spreadsheet(tmp_path):
    table = tmp_path / "t.csv"
    table.write_bytes(b'\xef\xbb\xbfA name, A \r\n"0,1.png", 1\r\n\r\n')
    assert read_attributes(table, ["A"]) == {"0,1.png": [1.0]}
