"""The tracker on real and synthetic traffic does not get worse. Needs the shared data beside the checkout."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from benchmarks.tracking_sets import F32, Sequence, evaluate
from numpy.typing import NDArray

from vision.track import Tracker

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "mot"


def follow(sequence: Sequence) -> Iterator[tuple[NDArray[np.int64], F32]]:
    tracker = Tracker()
    for time_ns, boxes, scores in sequence:
        ids = tracker.update(boxes, scores, time_ns=time_ns)
        tracks = tracker.tracks
        yield ids[ids >= 0], tracks.box[np.searchsorted(tracks.track_id, ids[ids >= 0])]


@pytest.mark.shared
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data at {DATA}")
@pytest.mark.filterwarnings("ignore")  # TrackEval's own
@pytest.mark.parametrize(
    ("name", "least_hota", "most_switches"),
    # Measured: 82.33 and 46, 80.84 and 76, 83.28 and 51.
    [("kitti rrc", 82.0, 55), ("kitti drop rrc", 80.5, 85), ("syn drop", 83.0, 60)],
)
def test_accuracy_holds(name: str, least_hota: float, most_switches: int) -> None:
    pytest.importorskip("trackeval")
    got = evaluate(DATA, name, follow)
    assert got.hota >= least_hota
    assert got.idsw <= most_switches
