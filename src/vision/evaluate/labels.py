"""Labelled pictures: a folder with an index.jsonl, one JSON object per picture."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vision.errors import ConfigError
from vision.plates.grammar import load_grammar
from vision.types import F32

NO_BOXES = np.zeros((0, 4), np.float32)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture and what it truly shows.

    ``text`` "" and ``color`` "" where not stated; ``corners`` (4, 2) of its plate or None; ``plates`` (n, 4) boxes of
    all plates, None where not known; ``vehicles`` (m, 4) boxes with ``types`` (m), None where not known. A type such
    as "truck|bus" allows either, "vehicle" any; "ignore" marks what counts neither way.
    """

    path: Path
    source: str
    is_crop: bool
    text: str
    color: str
    corners: F32 | None
    plates: F32 | None
    vehicles: F32 | None
    types: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Kind of the plate by the grammar, with its color where stated."""
        kinds = load_grammar().kinds_of(self.text)
        return " ".join(part for part in (self.color, kinds[0].name if kinds else "no plate text") if part)

    @property
    def plate_width_px(self) -> float | None:
        """Width of the plate in the picture, by its corners."""
        if self.corners is None:
            return None
        top, bottom = self.corners[1] - self.corners[0], self.corners[2] - self.corners[3]
        return float(np.linalg.norm(top) + np.linalg.norm(bottom)) / 2


def load_labelled(folder: Path, split: str, sources: Sequence[str] = (), limit: int | None = None) -> list[Labelled]:
    """The pictures of one split, of all sources or of those named; at most ``limit`` of each source and folder.

    Raises:
        ConfigError: no index, a damaged line, or nothing of that split and source.
    """
    index = folder / "index.jsonl"
    try:
        lines = index.read_text(encoding="utf-8").splitlines()
    except OSError as err:
        raise ConfigError(f"{index}: cannot read the index: {err.strerror}") from err
    found: list[Labelled] = []
    seen: set[str] = set()
    counts: Counter[tuple[str, str]] = Counter()
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            seen.add(row["source"])
            if row.get("split", split) != split or (sources and row["source"] not in sources):
                continue
            place = (row["source"], str(Path(row["file"]).parent))
            counts[place] += 1
            if limit is None or counts[place] <= limit:
                found.append(labelled(folder, row))
        except (KeyError, TypeError, ValueError) as err:
            what = f"missing {err}" if isinstance(err, KeyError) else str(err)
            raise ConfigError(f"{index}: line {number}: expected file, source and labels of a picture: {what}") from err
    if unknown := set(sources) - seen:
        raise ConfigError(f"--source: expected one of {', '.join(sorted(seen))}, got {', '.join(sorted(unknown))}")
    if not found:
        raise ConfigError(f"{index}: expected pictures of split {split}, found none")
    return found


def labelled(folder: Path, row: dict[str, Any]) -> Labelled:
    """One line of an index."""
    boxes: list[list[Any]] = row.get("boxes") or []
    corners = row.get("corners")
    is_vehicles = bool(boxes) and isinstance(boxes[0][0], str)
    wanted = [b for b in boxes if b[0] not in ("person", "bicycle")] if is_vehicles else []
    quad = np.array(corners, np.float32).reshape(4, 2) if corners else None
    plates = None
    if quad is not None:
        plates = np.concatenate((quad.min(0), quad.max(0)))[None]
    elif boxes and not is_vehicles:
        plates = np.array(boxes, np.float32).reshape(-1, 4)
    path = folder / row["file"]
    return Labelled(
        path=path,
        source=row["source"],
        is_crop=path.parent.name == "crops",
        text=row.get("text") or "",
        color=(row.get("color") or "").split(" ")[0],
        corners=quad,
        plates=plates,
        vehicles=np.array([b[1:] for b in wanted], np.float32).reshape(-1, 4) if is_vehicles else None,
        types=tuple(b[0] for b in wanted),
    )
