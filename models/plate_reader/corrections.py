"""Development labels that a person found wrong in the pictures, `label_corrections.jsonl`; `seen` null: shows no plate.

`python models/plate_reader/corrections.py DATA/plates OUT` writes OUT/index.jsonl with the corrected labels, for
`vision eval OUT`. Only pictures that a network contradicted were looked at, so a corrected figure is a little kind.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def corrections() -> dict[str, str | None]:
    """What the pictures show, by file."""
    lines = (HERE / "label_corrections.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["file"]: row["seen"] for row in map(json.loads, lines)}


def corrected(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Index rows with the right texts, without pictures that show no plate."""
    seen = corrections()
    named = [{**row, "text": seen.get(row["file"], row["text"])} for row in rows]
    return [row for row in named if row["text"] is not None]


def main() -> None:
    source, target = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    rows = [json.loads(line) for line in (source / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    target.mkdir(parents=True)
    right = [{**row, "file": str(source / row["file"])} for row in corrected([r for r in rows if r.get("text")])]
    (target / "index.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in right), "utf-8")


if __name__ == "__main__":
    main()
