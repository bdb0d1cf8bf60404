"""What a site leaves on disk goes on after a restart; cameras have scenes of their own."""

import csv
import json
from pathlib import Path

from tests.sightings.test_ledger import sighting
from vision.sightings.ledger import REASONS
from vision.site.output import SiteOutput
from vision.site.settings import parse_site


def test_the_ledger_counts_what_is_in_events_over_a_restart(tmp_path: Path) -> None:
    passes = [sighting(1), sighting(2, "dark"), sighting(3, "blurred"), sighting(4000)]
    for part in (passes[:2], passes[2:]):
        with SiteOutput(tmp_path) as output:
            for one in part:
                output.add(one, {})
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text("utf-8").splitlines()]
    with (tmp_path / "ledger.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["vehicles"]) for row in rows) == len(events) == 4
    for reason in REASONS:
        assert sum(int(row[reason]) for row in rows) == sum(e["reason"] == reason for e in events)


def test_each_camera_has_its_own_scene() -> None:
    line = {"name": "gate", "points": [[0, 0.5], [1, 0.5]]}
    site = parse_site({"camera": [{"id": "a", "url": "x", "scene": {"lines": [line]}}, {"id": "b", "url": "y"}]})
    assert [len(camera.scene.lines) for camera in site.cameras] == [1, 0]
