"""The tracker on real and synthetic traffic does not get worse. Needs the shared data beside the checkout."""

from pathlib import Path

import pytest

from vision.evaluate.sequences import read_truth
from vision.evaluate.tracking import follow_set, score

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "mot"


@pytest.mark.shared
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data at {DATA}")
@pytest.mark.filterwarnings("ignore")  # TrackEval's own
@pytest.mark.parametrize(
    ("folder", "detections", "least_hota", "most_switches"),
    # Measured: 83.69 and 48, 71.24 and 52, 83.60 and 42, 84.64 and 27.
    [
        ("kitti_car", "det_rrc", 83.3, 56),
        ("kitti_car", "det_pointrcnn", 70.9, 62),
        ("kitti_car_drop", "det_rrc", 83.2, 50),
        ("syn_fixed_drop", "det", 84.3, 33),
    ],
)
def test_accuracy_holds(folder: str, detections: str, least_hota: float, most_switches: int) -> None:
    pytest.importorskip("trackeval")
    truth = read_truth(DATA / folder)
    got = score(truth, follow_set(truth, detections))["all"]
    assert got.hota >= least_hota
    assert got.idsw <= most_switches
