"""Writes the READMEs' table of models from the section "In short" of each models/*/card.md and from its model.toml.

python docs/generate_models.py           # write the tables
python docs/generate_models.py --check   # exit code 1 if one is out of date
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ORDER = ("vehicle_detector", "plate_detector", "plate_refiner", "plate_reader", "vehicle_attributes")
HEADS = {
    "README.md": ("model", "what", "measured on", "figure", "beside it in the same run"),
    "README.zh.md": ("模型", "指标", "测试集", "数值", "同次运行的对照"),
}
PLACE = re.compile(r"(<!-- models[^>]*-->\n).*?(<!-- /models -->)", re.S)


def short(folder: Path) -> list[list[str]]:
    """Cells of a card's table "In short": what, in Chinese, measured on, figure, beside.

    Raises:
        ValueError: the card lacks the table or a row has another number of cells.
    """
    card = (folder / "card.md").read_text(encoding="utf-8")
    match = re.search(r"^## In short\n\n((?:\|.*\n)+)", card, re.M)
    rows = [[c.strip() for c in line.strip()[1:-1].split("|")] for line in (match[1].splitlines()[2:] if match else ())]
    if not rows or any(len(row) != 5 for row in rows):
        raise ValueError(f"{folder / 'card.md'}: expected a table of five columns under '## In short'")
    return rows


def title(folder: Path) -> str:
    """Name, version and size of a model's files."""
    values = tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))
    files = [values["file"], *(variant["file"] for variant in values.get("variants", {}).values())]
    sizes = " + ".join(f"{(folder / file).stat().st_size / 1e6:.1f}" for file in files)
    return f"[{values['name']}](models/{folder.name}/card.md) {values['version']}, {sizes} MB"


def table(readme: str) -> str:
    """The table for a README, as markdown."""
    lines = ["| " + " | ".join(HEADS[readme]) + " |", "|---|---|---|---|---|"]
    for name in ORDER:
        folder = ROOT / "models" / name
        for i, (what, chinese, *rest) in enumerate(short(folder)):
            cells = (title(folder) if i == 0 else "", chinese if readme.endswith("zh.md") else what, *rest)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def renewed(readme: str) -> str:
    """A README with its table of now.

    Raises:
        ValueError: the README has no place for it.
    """
    text = (ROOT / readme).read_text(encoding="utf-8")
    if not PLACE.search(text):
        raise ValueError(f"{readme}: expected <!-- models --> and <!-- /models -->, found none")
    return PLACE.sub(lambda m: f"{m[1]}\n{table(readme)}\n\n{m[2]}", text)


def main() -> int:
    """Writes, or with --check compares."""
    old = [name for name in HEADS if (ROOT / name).read_text(encoding="utf-8") != renewed(name)]
    if "--check" in sys.argv[1:]:
        print("\n".join(f"{name}: table of models is out of date: run docs/generate_models.py" for name in old))
        return 1 if old else 0
    for name in old:
        (ROOT / name).write_text(renewed(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
