"""How the recipe that makes record sets shows its progress: a bar in a terminal, lines in a log."""

import io
import sys
import types

import pytest


class Terminal(io.StringIO):
    """A terminal; `lines` is what a person sees in it."""

    def isatty(self):
        return True

    @property
    def lines(self):
        seen = []
        for line in self.getvalue().split("\n"):
            cells = ""
            for part in line.split("\r"):  # goes back, and writes over what is there
                cells = part + cells[len(part) :]
            seen.append(cells.rstrip())
        return seen


@pytest.fixture
def show(build_data_recipe, monkeypatch):
    """Function (stream, seconds that each picture takes, their number if it is another): the bar
    of these pictures, shown in the stream.
    """

    def run(stream, seconds, total=None):
        now = [1000.0]

        def pictures():
            for n, took in enumerate(seconds):
                now[0] += took
                yield n

        clock = types.SimpleNamespace(perf_counter=lambda: now[0])
        with monkeypatch.context() as patch:
            patch.setattr(build_data_recipe, "time", clock)
            patch.setattr(sys, "stdout", stream)
            passed = list(build_data_recipe.with_progress(pictures(), total or len(seconds)))
        assert passed == list(range(len(seconds)))
        return stream

    return run


def test_a_bar_in_a_terminal(show):
    """Eight pictures a second; shown when 0.2 s have gone by, so at each second picture."""
    stream = show(Terminal(), [0.125] * 40)
    shown = [line.rstrip() for line in stream.getvalue().split("\r")[1:]]
    assert len(shown) == 20
    assert shown[0] == "[#                   ] 2 of 40 pictures, 8/s, 5 s left"
    assert shown[9] == "[##########          ] 20 of 40 pictures, 8/s, 2 s left"
    assert shown[19] == "[####################] 40 of 40 pictures, 8/s, 0 s left"
    assert stream.lines == [shown[19], ""]


def test_the_last_picture_ends_the_line_however_fast_it_came(show):
    stream = show(Terminal(), [0.25, 0.01, 0.01])
    assert [line[:30].rstrip() for line in stream.getvalue().split("\r")[1:]] == [
        "[######              ] 1 of 3",
        "[####################] 3 of 3",
    ]
    assert stream.getvalue().count("\n") == 1 and stream.getvalue().endswith("\n")


def test_at_once(show):
    """Where the clock has not moved, nothing is divided by zero."""
    assert show(Terminal(), [0.0]).lines[0].startswith("[####################] 1 of 1 pictures, ")
    assert show(Terminal(), [], total=5).getvalue() == ""


def test_a_shorter_line_leaves_nothing_of_a_longer_one(show):
    stream = show(Terminal(), [2000.0, 0.5, 0.5], total=3)
    assert "1 of 3 pictures, 0/s, 4000 s left" in stream.getvalue()
    assert stream.lines == ["[####################] 3 of 3 pictures, 0/s, 0 s left", ""]


def test_thousands_of_pictures(show):
    """1,500 of 2,500 in 750 s: 2 a second, so 500 s are left."""
    stream = show(Terminal(), [0.5] * 1500, total=2500)
    wanted = "[############        ] 1,500 of 2,500 pictures, 2/s, 500 s left"
    assert stream.lines == [wanted]


def test_lines_in_a_log(show):
    """One when 5 s have gone by: at 5.5 s, 11 s; no codes of a terminal."""
    stream = show(io.StringIO(), [0.5] * 25)
    assert stream.getvalue().split("\n") == [
        "[########            ] 11 of 25 pictures, 2/s, 7 s left",
        "[#################   ] 22 of 25 pictures, 2/s, 2 s left",
        "",
    ]
    assert show(io.StringIO(), [0.1] * 20).getvalue() == ""
