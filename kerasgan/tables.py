"""Measured tables: rows kept in a file as they come, so that a stopped measurement loses none, and
the epochs that a row is trained for.
"""

import json
import pathlib

from kerasgan import checks, files


class Table:
    """Rows (dicts of JSON values) in a file, one line each.

    Args:
        path: the file; its folder is made if it isn't there.

    Attributes:
        rows: list of the rows, in the order in which they were added.

    Raises:
        ValueError: a folder that can't be written to, or a file that holds no table.

    Example:
        >>> import pathlib, tempfile
        >>> table = Table(pathlib.Path(tempfile.mkdtemp()) / "rows.jsonl")
        >>> table.add({"objective": "hinge", "seed": 0, "modes": 8})
        >>> Table(table.path).find(objective="hinge", seed=0)["modes"]
        8
        >>> print(table.markdown(["objective", "modes"]))
        | objective | modes |
        |---|---|
        | hinge | 8 |
    """

    def __init__(self, path):
        path = pathlib.Path(path)
        self.path = files.writable_directory("table", path.parent) / path.name
        self.rows = []
        for number, line in enumerate(self._lines(), 1):
            try:
                self.rows.append(dict(json.loads(line)))
            except (ValueError, TypeError) as error:
                raise ValueError(
                    "Each line of a table must be a JSON object; mend or delete the line. "
                    f"Received: {self.path}, line {number}: {line[:80]!r}"
                ) from error

    def _lines(self):
        return self.path.read_text().splitlines() if self.path.exists() else []

    def find(self, **values):
        """The last row that has all these values, or None."""
        for row in reversed(self.rows):
            if all(name in row and row[name] == value for name, value in values.items()):
                return row
        return None

    def add(self, row):
        """Adds a row and writes the file, whole or not at all."""
        self.rows = [*self.rows, json.loads(json.dumps(row))]
        with files.replacing(self.path) as temporary:
            temporary.write_text("".join(f"{json.dumps(row)}\n" for row in self.rows))

    def markdown(self, columns, digits=3):
        """The rows as a Markdown table.

        Args:
            columns: list of the rows' keys, or dict: key -> heading.
            digits: significant digits of floats.

        Returns:
            str; a cell that a row doesn't have is a dash.
        """
        headings = columns if isinstance(columns, dict) else {name: name for name in columns}
        lines = [list(headings.values())]
        lines += [[_cell(row.get(name), digits) for name in headings] for row in self.rows]
        rendered = [f"| {' | '.join(cells)} |" for cells in lines]
        return "\n".join([rendered[0], "|" + "---|" * len(headings), *rendered[1:]])


def whole_epochs(updates, length=500):
    """Equal epochs that make about as many updates, each of about `length`.

    Args:
        updates: number > 0, wanted in all.
        length: positive int, updates that an epoch should have.

    Returns:
        (epochs, updates of each), two positive ints; their product is `updates` but for the
        rounding, which takes away less than one update an epoch.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> whole_epochs(1600)
        (3, 533)
    """
    updates = checks.positive_number(updates=updates)
    epochs = max(1, round(updates / checks.positive(length=length)))
    return epochs, max(1, int(updates / epochs))


def _cell(value, digits):
    if value is None:
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
