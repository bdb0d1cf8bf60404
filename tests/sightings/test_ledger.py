"""The read-rate ledger: what it says adds up, and every unread vehicle has a reason."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.clip import demo_clip
from vision.cli.advice import REASONS as WORDS
from vision.errors import OutputError
from vision.pipeline.record import Part, record
from vision.pipeline.runner import Pipeline
from vision.plates.view import PlateView, view_of
from vision.sightings.ledger import COLUMNS, REASONS, ledger_of
from vision.sightings.reasons import reason_of_view
from vision.sinks.ledger import load_ledger, save_ledger
from vision.types import Char, Crossing, Direction, Passage, Planes, PlateText, Reason, Sighting, Vehicle

BOX = (0.0, 0.0, 10.0, 10.0)
PLATE = PlateText("京A12345", 1.0, (Char("京", 1.0),), "normal", "blue", 1)


def sighting(first_s: float, reason: Reason = "", *, camera: str = "a", utc_s: int | None = None) -> Sighting:
    return Sighting(
        id=f"{camera}-{first_s}",
        stream_id=camera,
        first_time_ns=(utc_s or 0) * 10**9 + round(first_s * 1e9),
        last_time_ns=0,
        first_s=first_s,
        last_s=first_s + 1,
        is_utc=utc_s is not None,
        plate=None if reason else PLATE,
        reason=reason,
        vehicle=Vehicle(BOX, "car", 1, "white", 1, 1),
        direction=Direction("down", 90, 100, "nearer"),
        first_box=BOX,
        last_box=BOX,
        n_frames=9,
        n_reads=1,
        track_ids=(1,),
    )


def test_rows_by_camera_and_hour_add_up() -> None:
    ledger = ledger_of(
        [
            *(sighting(t) for t in (0, 10, 3599, 3600)),
            sighting(20, "too_small"),
            sighting(4000, "blurred"),
            sighting(5, "dark", camera="b", utc_s=1_700_000_000),
        ]
    )
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in ledger.rows()]
    assert [(r["stream_id"], r["hour"], r["vehicles"], r["read"]) for r in rows] == [
        ("a", "+0h", 4, 3),
        ("a", "+1h", 2, 1),
        ("b", "2023-11-14T22:00Z", 1, 0),
    ]
    for row in rows:
        assert row["vehicles"] == sum(int(str(row[key])) for key in ("read", *REASONS))
    assert ledger.unread() == {"too_small": 1, "blurred": 1, "dark": 1}


def test_crossings_by_line_direction_and_type() -> None:
    passage = Passage(crossings=(Crossing("gate", "in", 0, 0.0),))
    ledger = ledger_of([replace(sighting(t), passage=passage) for t in (1, 2, 4000)])
    assert ledger.crossing_rows() == [["a", "+0h", "gate", "in", "car", 2], ["a", "+1h", "gate", "in", "car", 1]]
    assert ledger.crossings() == {("gate", "in", "car"): 3}


def test_a_ledger_goes_on_where_it_was_left(tmp_path: Path) -> None:
    passage = Passage(crossings=(Crossing("gate", "in", 0, 0.0),))
    passes = [sighting(1), sighting(2, "dark"), replace(sighting(3), passage=passage), sighting(4000, camera="b")]
    ledger = ledger_of(passes[:3])
    save_ledger(tmp_path, ledger)
    again = load_ledger(tmp_path)
    assert again.rows() == ledger.rows()
    again.add(passes[3])
    save_ledger(tmp_path, again)
    whole = ledger_of(passes)
    assert load_ledger(tmp_path).rows() == whole.rows()
    assert load_ledger(tmp_path).crossing_rows() == whole.crossing_rows()
    assert load_ledger(tmp_path / "none").rows() == []
    (tmp_path / "ledger.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(OutputError, match=r"ledger.csv: expected the columns stream_id"):
        load_ledger(tmp_path)


def test_a_runs_ledger_sums_to_its_events(tmp_path: Path) -> None:
    summary = record(Pipeline(), [str(demo_clip())], tmp_path / "out", Part(annotate=False))
    events = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text("utf-8").splitlines()]
    with (tmp_path / "out" / "ledger.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["vehicles"]) for row in rows) == len(events) == summary.vehicles > 0
    assert sum(int(row["read"]) for row in rows) == sum(e["plate"] is not None for e in events) == summary.read
    for reason in REASONS:
        assert sum(int(row[reason]) for row in rows) == sum(e["reason"] == reason for e in events)
    run = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert run["summary"]["unread"] == dict(summary.unread)
    assert not (tmp_path / "out" / "crossings.csv").exists()


def test_every_reason_has_words_in_both_languages() -> None:
    assert set(WORDS) == set(REASONS)
    assert all(english != chinese for english, chinese in WORDS.values())


def plate_picture(luma: float = 90, contrast: float = 100, *, smear: tuple[int, int] = (1, 1)) -> Planes:
    """Stripes both ways like the strokes of a plate, 160 x 50 pixels in the middle of a picture."""
    rows, cols = np.mgrid[0:50, 0:160]
    strokes = ((cols // 6 + rows // 8) % 2).astype(np.float32)
    kernel = np.ones(smear, np.float32) / (smear[0] * smear[1])
    padded = np.pad(strokes, ((smear[0], smear[0]), (smear[1], smear[1])), mode="edge")
    view = np.lib.stride_tricks.sliding_window_view(padded, smear)
    smeared = (view * kernel).sum((2, 3))[:50, :160]
    image = np.full((150, 300, 3), luma, np.float32)
    image[50:100, 70:230] += (contrast * (smeared - 0.5))[..., None]
    return Planes("bgr", (np.clip(image, 0, 255).astype(np.uint8),))


CORNERS = np.array([[70, 50], [230, 50], [230, 100], [70, 100]], np.float32)


@pytest.mark.parametrize(
    ("planes", "reason"),
    [
        (plate_picture(), "low_score"),
        (plate_picture(luma=5, contrast=8), "dark"),
        (plate_picture(luma=180, contrast=6), "glare"),
        (plate_picture(luma=300, contrast=120), "glare"),
        (plate_picture(smear=(1, 24)), "blurred"),
        (plate_picture(smear=(32, 1)), "blurred"),
    ],
)
def test_a_look_says_what_is_in_the_way(planes: Planes, reason: Reason) -> None:
    assert reason_of_view(view_of(planes, CORNERS)) == reason


def test_angles_of_a_plate() -> None:
    def turned(degrees: float, squeeze: float = 1.0) -> PlateView:
        a = np.radians(degrees)
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        center = CORNERS.mean(0)
        corners = ((CORNERS - center) * np.array([squeeze, 1])) @ turn.T + center
        return view_of(plate_picture(), corners.astype(np.float32))

    assert turned(0).roll_deg == pytest.approx(0, abs=0.01)
    assert turned(-38).roll_deg == pytest.approx(38, abs=0.01)
    assert turned(38).slant_deg == pytest.approx(0, abs=0.01)
    assert turned(0, 0.5).aspect == pytest.approx(1.6, abs=0.01)
    assert reason_of_view(turned(38)) == "tilted"
    assert reason_of_view(turned(0, 0.25)) == "tilted"
