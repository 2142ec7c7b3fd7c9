"""README's table of trained checkpoints, made of the cards in saved_models/.

Command: python recipes/zoo_table.py
    (--check changes nothing and fails where README and cards disagree)
"""

import pathlib

from absl import flags

from kerasgan import files, presets, runs

ROOT = pathlib.Path(__file__).parent.parent
BEGIN, END = "<!-- zoo: python recipes/zoo_table.py -->", "<!-- end of the zoo -->"
SCORES = ("Frechet", "precision", "recall", "label as asked", "accuracy")
COLUMNS = ("preset", "class", "MB", *SCORES, "trained")

CHECK = flags.DEFINE_bool("check", False, "Only say whether the table is that of the cards")


def main():
    """Puts the table between its marks."""
    readme = ROOT / "README.md"
    before = readme.read_text()
    if before.count(BEGIN) != 1 or before.count(END) != 1:
        raise runs.RunError(f"README.md must have the lines {BEGIN} and {END} once")
    head, rest = before.split(BEGIN)
    after = f"{head}{BEGIN}\n\n{table(ROOT / 'saved_models')}\n{END}{rest.split(END)[1]}"
    if CHECK.value and after != before:
        raise runs.RunError("README's zoo is not that of the cards: python recipes/zoo_table.py")
    if not CHECK.value:
        with files.replacing(readme) as temporary:
            temporary.write_text(after)
    print(f"kerasgan: the zoo in {readme} is that of the cards")


def table(directory):
    """The table of the presets in a folder, in Markdown."""
    cards = [presets.info(path.parent) for path in sorted(directory.glob("*/metadata.json"))]
    lines = [COLUMNS, ["---"] * len(COLUMNS), *map(cells, cards)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cells(card):
    """A preset's line."""
    values = {}
    for score in reversed(card["scores"] or []):  # the first counts
        extractor = score["protocol"].get("extractor", "")
        values |= {name.removesuffix(f"_{extractor}"): v for name, v in score["values"].items()}

    def value(name, form):
        return format(values[name], form) if name in values else "-"

    minutes = card["wall_seconds"] and f"{card['wall_seconds'] / 60:.0f} min, {card['hardware']}"
    return (
        f"`{card['name']}`",
        f"`{card['class'].removeprefix('kerasgan>')}`",
        f"{card['files']['model.weights.h5']['bytes'] / 1e6:.1f}",
        value("frechet", ".2f"),
        value("precision", ".2f"),
        value("recall", ".2f"),
        value("label_agreement", ".1%").replace("%", " %"),
        value("accuracy", ".2%").replace("%", " %"),
        minutes or card["hardware"] or "-",
    )


if __name__ == "__main__":
    runs.launch(main)
