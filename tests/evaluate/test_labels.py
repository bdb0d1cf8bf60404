"""What an index line means, and what is said of a bad one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision.errors import ConfigError
from vision.evaluate.labels import load_labelled

PLATE = {"file": "crops/1.png", "source": "s", "split": "dev", "text": "京A12345", "color": "blue",
         "corners": [[10, 10], [60, 12], [60, 28], [10, 26]]}  # fmt: skip
STREET = {"file": "images/2.png", "source": "t", "split": "dev", "boxes": [["car", 1, 2, 3, 4], ["person", 0, 0, 9, 9]]}


def index(folder: Path, *rows: dict[str, Any] | str) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "index.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_plates_and_vehicles(tmp_path: Path) -> None:
    plate, street = load_labelled(index(tmp_path, PLATE, STREET), "dev")
    assert plate.is_crop
    assert plate.kind == "blue normal"
    assert plate.plates is not None
    np.testing.assert_array_equal(plate.plates, [[10, 10, 60, 28]])
    assert plate.plate_width_px == pytest.approx(50.04, abs=0.01)
    assert street.vehicles is not None
    assert street.vehicles.shape == (1, 4)  # people are no objects here
    assert street.types == ("car",)
    assert street.plates is None


def test_split_source_and_limit(tmp_path: Path) -> None:
    folder = index(tmp_path, PLATE, PLATE, {**PLATE, "split": "train"}, STREET)
    assert len(load_labelled(folder, "dev")) == 3
    assert len(load_labelled(folder, "dev", ("t",))) == 1
    assert len(load_labelled(folder, "dev", limit=1)) == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("{",), "line 1"),
        ((PLATE, {"file": "x.png"}), "line 2: .*missing 'source'"),
        (({**PLATE, "corners": [[1, 2]]},), "line 1"),
        (({**PLATE, "split": "train"},), "split dev"),
    ],
)
def test_bad_indexes(tmp_path: Path, rows: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_labelled(index(tmp_path, *rows), "dev")


def test_unknown_source_and_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected one of s, got u"):
        load_labelled(index(tmp_path, PLATE), "dev", ("u",))
    with pytest.raises(ConfigError, match="cannot read the index"):
        load_labelled(tmp_path / "none", "dev")
