"""Training canvases: a label lies where its object was drawn, whatever was done to the picture."""

import cv2
import numpy as np
import pytest
from detection.canvas import VehicleCanvas, batch_of
from detection.decode import box_quads, grid_of, iou_matrix, letterbox, nms, quad_boxes, read_rows
from detection.records import VEHICLE_NAMES, Record, kind_weights
from detection.scores import average_precision


def record(box: tuple[int, int, int, int], *, ignore: bool = False) -> Record:
    """A white vehicle in a dark picture."""
    x1, y1, x2, y2 = box
    image = np.full((300, 400, 3), 20, np.uint8)
    image[y1:y2, x1:x2] = 250
    quads = box_quads(np.float32([box]) - 0.5)  # pixel centers have whole coordinates
    return Record(image, quads, kind_weights("car")[None], np.array([True]), np.array([ignore]), "test")


def test_labels_follow_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detection.canvas.photometric", lambda canvas, r: None)  # light and blur move no edge for sure
    maker = VehicleCanvas([record((120, 90, 260, 200))], np.ones(1), seed=5)
    monkeypatch.setattr(maker, "blank", lambda h, w: np.full((h, w, 3), 20, np.uint8))
    seen = 0
    for _ in range(150):
        made = maker.make(256, 416)
        for quad, kinds, exact, ignore in made.items:
            if ignore:
                continue
            x1, y1, x2, y2 = np.round(quad_boxes(quad[None])[0]).astype(int)
            inside = made.image[max(0, y1) : y2, max(0, x1) : x2, 0]
            edge = 3
            around = made.image[max(0, y1 - edge) : y2 + edge, max(0, x1 - edge) : x2 + edge, 0]
            bright = np.float64(around > 135).sum()
            assert (inside > 135).mean() > 0.85
            assert abs(bright - inside.size) < 0.15 * inside.size + 8 * (x2 - x1 + y2 - y1) * 0.5
            assert not exact
            assert kinds.argmax() == VEHICLE_NAMES.index("car")
            seen += 1
    assert seen > 150


def test_what_is_to_be_ignored_stays_ignored() -> None:
    maker = VehicleCanvas([record((120, 90, 260, 200), ignore=True)], np.ones(1), seed=5)
    batch = batch_of(maker, 256, 416, 20, len(VEHICLE_NAMES))
    assert batch["ignore"].any()
    assert not batch["valid"].any()


def test_suppression_is_opencvs() -> None:
    rng = np.random.default_rng(4)
    corner = rng.uniform(0, 300, (200, 2))
    boxes = np.concatenate((corner, corner + rng.uniform(20, 120, (200, 2))), 1).astype(np.float32)
    scores = rng.permutation(np.linspace(0.1, 0.9, 200)).astype(np.float32)
    sides = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), 1)
    assert nms(boxes, scores, 0.5) == list(cv2.dnn.NMSBoxes(sides.tolist(), scores.tolist(), 0.0, 0.5))


def test_rows_come_back_as_boxes_of_the_picture() -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    canvas, k = letterbox(image, 384, 640)
    h, w = canvas.shape[:2]
    grid = grid_of(h, w)
    box = np.float32([300, 200, 460, 330])  # pixels of the picture, from edge to edge
    at = box * np.tile(k, 2)
    center = np.float32([(at[0] + at[2]) / 2, (at[1] + at[3]) / 2])
    best = int(np.argmin(np.abs(grid[:, :2] - center).sum(1) + np.abs(grid[:, 2] - 16)))
    rows = np.full((len(grid), 1 + 6 + 4), -20, np.float32)
    x, y, stride = grid[best]
    rows[best, 0] = 5
    rows[best, 7:] = np.float32([x - at[0], y - at[1], at[2] - x, at[3] - y]) / stride
    found = read_rows(rows, h, w, k, 4, 6, 0.3, 0.5)
    assert len(found.boxes) == 1
    assert np.allclose(found.boxes[0], box, atol=1.0)


def test_average_precision_of_a_case_worked_by_hand() -> None:
    truth = [np.float32([[0, 0, 10, 10], [20, 0, 30, 10]])]
    none = [np.zeros((0, 4), np.float32)]
    boxes = np.float32([[0, 0, 10, 10], [50, 50, 60, 60], [20, 0, 30, 10]])
    scores = np.float32([0.9, 0.8, 0.7])
    # precision 1 at recall .5, then 2/3 at recall 1: the trapezoids between the points (.5, 1), (.5, 1/2) and (1, 2/3)
    # with precision made monotonous, 2/3 from the false one on; the curve begins at the first hit.
    assert average_precision([(boxes, scores)], truth, none) == pytest.approx(0.5 * 2 / 3, abs=1e-6)
    over = [np.float32([[40, 40, 70, 70]])]  # the false one lies in a part nobody labelled
    assert average_precision([(boxes, scores)], truth, over) == pytest.approx(0.5, abs=1e-6)
    assert iou_matrix(truth[0], truth[0]).round(6).tolist() == [[1, 0], [0, 1]]
