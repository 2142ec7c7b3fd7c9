"""Tables of pictures' attributes: CSV, and CelebA's own form."""

import csv
import pathlib

from kerasgan.data import collection

_VALUES = {"-1": 0.0, "0": 0.0, "1": 1.0}


def read_attributes(table, attributes):
    """Reads some columns of a table of attributes.

    Args:
        table: path of a CSV file with a header, its first column the pictures' names; or of a list
            in the form of CelebA's `list_attr_celeba.txt`: the number of pictures, then the names
            of the attributes, then the lines, all separated by spaces.
        attributes: list of the columns wanted.

    Returns:
        dict from a picture's name to its list of 0.0 and 1.0, in the order of `attributes`.

    Raises:
        ValueError: a file that can't be read or is damaged, unknown columns, values other than 0
            and 1, or -1 and 1.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("1\\nBald Young\\na.jpg -1  1\\n")
        ...     file.flush()
        ...     read_attributes(file.name, ["Young"])
        {'a.jpg': [1.0]}
    """
    columns, lines = _read_lines(table)
    wanted = _check_columns(table, attributes, columns)
    rows, kinds, wrong = {}, {name: set() for name in wanted}, []
    for number, (file, *values) in lines:
        if len(values) != len(columns):
            raise ValueError(
                f"Expected {len(columns)} attributes in each line. Received: table={str(table)!r}, "
                f"line {number} with {len(values)}"
            )
        if file in rows:
            raise ValueError(
                f"Each picture may occur once. Received: table={str(table)!r}, line {number}: "
                f"{file} again"
            )
        chosen = {name: values[column].strip() for name, column in wanted.items()}
        wrong += [f"{file}: {k}={v!r}" for k, v in chosen.items() if v not in _VALUES]
        for name, value in chosen.items():
            kinds[name].add(value)
        rows[file] = [_VALUES.get(value) for value in chosen.values()]
    wrong += [f"{name}: both 0 and -1" for name, kind in kinds.items() if {"0", "-1"} <= kind]
    if wrong:
        raise ValueError(
            "Expected attributes that are 0 or 1, or -1 or 1. "
            f"Received: table={str(table)!r}, {collection.listed(wrong)}"
        )
    if not rows:
        raise ValueError(f"The table has no lines. Received: table={str(table)!r}")
    return rows


def _read_lines(table):
    """(names of the attributes, list of (line's number, its cells))."""
    try:
        text = pathlib.Path(table).expanduser().read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            "Expected a table of attributes, a CSV file or CelebA's list_attr_celeba.txt. "
            f"Received: table={str(table)!r}: {error}"
        ) from error
    if text and text[0].strip().isdecimal():
        lines = [(n, line.split()) for n, line in enumerate(text, 1) if n > 2 and line.strip()]
        if len(lines) != int(text[0]):
            raise ValueError(
                f"The first line promises {int(text[0])} pictures. "
                f"Received: table={str(table)!r} with {len(lines)}"
            )
        return text[1].split() if len(text) > 1 else [], lines
    try:
        cells = [(n, cells) for n, cells in enumerate(csv.reader(text), 1) if cells]
    except csv.Error as error:
        raise ValueError(f"Expected a CSV file. Received: table={str(table)!r}: {error}") from error
    return [name.strip() for name in cells[0][1][1:]] if cells else [], cells[1:]


def _check_columns(table, attributes, columns):
    """The number of each wanted column, by name."""
    names = list(attributes) if isinstance(attributes, (list, tuple)) else []
    if not names or len(set(names)) != len(names):
        raise ValueError(
            "Expected attributes to be a list of columns of the table, each once. "
            f"Received: attributes={attributes!r}"
        )
    unknown = [name for name in names if columns.count(name) != 1]
    if unknown:
        found = ", ".join(columns) or "none beside the first (are there commas between them?)"
        raise ValueError(
            f"Expected attributes that are columns of the table, once each: {found}. "
            f"Received: table={str(table)!r}, attributes {', '.join(map(repr, unknown))}"
        )
    return {name: columns.index(name) for name in names}
