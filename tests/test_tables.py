"""Tables: rows survive, the last one counts, a damaged file is named; whole epochs."""

import json

import pytest

from kerasgan.tables import Table, whole_epochs


def test_rows_are_found_by_all_their_values_the_last_one_first(tmp_path):
    table = Table(tmp_path / "deep" / "rows.jsonl")
    table.add({"family": "GAN", "seed": 0, "score": 1.0})
    table.add({"family": "GAN", "seed": 1, "score": 2.0})
    table.add({"family": "GAN", "seed": 0, "score": 3.0})
    assert table.find(family="GAN", seed=0)["score"] == 3.0
    assert table.find(family="GAN")["score"] == 3.0
    assert table.find(family="GAN", seed=2) is None
    assert table.find(unknown=None) is None
    assert Table(table.path).rows == table.rows


def test_a_row_is_a_line_of_json(tmp_path):
    table = Table(tmp_path / "rows.jsonl")
    table.add({"pair": (1, 2)})
    table.add({"none": None})
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"pair": [1, 2]}, {"none": None}]
    assert [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]  # nothing left over


def test_a_row_that_is_not_json_changes_nothing(tmp_path):
    table = Table(tmp_path / "rows.jsonl")
    table.add({"a": 1})
    with pytest.raises(TypeError):
        table.add({"a": object()})
    assert table.rows == Table(table.path).rows == [{"a": 1}]


def test_markdown(tmp_path):
    table = Table(tmp_path / "rows.jsonl")
    table.add({"name": "x", "score": 0.123456, "count": 12345})
    table.add({"name": "y"})
    assert table.markdown({"name": "Name", "score": "Score", "count": "N"}) == (
        "| Name | Score | N |\n|---|---|---|\n| x | 0.123 | 12345 |\n| y | - | - |"
    )


@pytest.mark.parametrize("line", ["{broken", "3", '["a", "b"]'])
def test_a_damaged_line_is_named(tmp_path, line):
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n' + line + "\n")
    with pytest.raises(ValueError, match=r"JSON object.*Received: .*rows.jsonl, line 2"):
        Table(tmp_path / "rows.jsonl")


@pytest.mark.parametrize(
    "updates, length, expected",
    [
        (4, 500, (1, 4)),
        (2.6, 500, (1, 2)),
        (0.3, 500, (1, 1)),
        (749, 500, (1, 749)),
        (751, 500, (2, 375)),
        (1750.9, 500, (4, 437)),  # 3.5 epochs; of 1748 updates it would be 3
        (32500, 500, (65, 500)),
        (10, 3, (3, 3)),
    ],
)
def test_whole_epochs(updates, length, expected):
    assert whole_epochs(updates, length) == expected


@pytest.mark.parametrize("arguments", [(0,), (float("inf"),), (10, 0), (10, 2.5)])
def test_whole_epochs_of_nothing(arguments):
    with pytest.raises(ValueError, match=r"Received: (updates|length)="):
        whole_epochs(*arguments)
