"""Training canvases: a label lies where its object was drawn, whatever was done to the picture."""

import cv2
import numpy as np
import pytest
from detection.canvas import VehicleCanvas, batch_of
from detection.cover import Item, put_before, remains
from detection.decode import Found, box_quads, grid_of, iou_matrix, letterbox, nms, quad_boxes, read_rows
from detection.records import VEHICLE_NAMES, Record, kind_weights
from detection.scores import average_precision
from detection.teacher import doubtful_boxes


def record(box: tuple[int, int, int, int], *, ignore: bool = False) -> Record:
    """A white vehicle in a dark picture."""
    x1, y1, x2, y2 = box
    image = np.full((300, 400, 3), 20, np.uint8)
    image[y1:y2, x1:x2] = 250
    quads = box_quads(np.float32([box]) - 0.5)  # pixel centers have whole coordinates
    return Record(image, quads, kind_weights("car")[None], np.array([True]), np.array([ignore]), "test")


def test_labels_follow_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detection.canvas.photometric", lambda canvas, r: None)  # light and blur move no edge for sure
    monkeypatch.setattr("detection.canvas.COVERED", 0.0)
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


@pytest.mark.parametrize(
    ("cover", "left"),
    [
        ((80, 0, 140, 90), (20, 10, 80, 60)),  # its right side is hidden from top to bottom
        ((0, 5, 40, 70), (40, 10, 100, 60)),
        ((30, 40, 70, 90), (20, 10, 100, 60)),  # a part of its lower edge: the box stays
        ((0, 40, 120, 90), (20, 10, 100, 40)),
        ((200, 0, 240, 90), (20, 10, 100, 60)),
        ((30, 0, 140, 90), None),  # an eighth is left
    ],
)
def test_a_covered_box_ends_where_it_is_hidden(cover: tuple[int, ...], left: tuple[int, int, int, int] | None) -> None:
    item = (box_quads(np.float32([[20, 10, 100, 60]]))[0], kind_weights("bus"), False, False)
    quad, kinds, _, ignore = remains(item, np.float32(cover))
    assert ignore == (left is None)
    if left is not None:
        assert quad_boxes(quad[None])[0].tolist() == list(left)
        assert kinds.argmax() == VEHICLE_NAMES.index("bus")


def test_what_is_put_before_a_vehicle_is_labelled_where_it_is_seen() -> None:
    r, n = np.random.default_rng(2), 0
    for _ in range(60):
        canvas = np.full((300, 400, 3), 100, np.uint8)
        items: list[Item] = [(box_quads(np.float32([[120, 90, 260, 200]]))[0], kind_weights("bus"), False, False)]
        put_before(canvas, items, record((150, 100, 230, 190)), r)
        if len(items) == 1:
            assert (canvas == 100).all()
            continue
        n += 1
        x1, y1, x2, y2 = np.round(quad_boxes(items[1][0][None])[0]).astype(int)
        inside = np.zeros((300, 400), bool)
        inside[y1:y2, x1:x2] = True
        bright = canvas[..., 0] > 175
        assert bright[inside].mean() > 0.8  # round corners
        assert not bright[~inside].any()
        assert items[1][1].argmax() == VEHICLE_NAMES.index("car")
    assert n > 30


def test_what_both_views_show_is_a_vehicle_and_what_one_shows_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[:, :100] = 9  # so that the mirrored one is known
    views = {
        True: ([[10, 30, 60, 70], [150, 10, 180, 40]], [0.7, 0.6]),
        False: ([[140, 31, 190, 70]], [0.5]),  # mirrored
    }

    def seen(run: object, picture: np.ndarray, *rest: object) -> Found:
        boxes, scores = views[bool(picture[0, 0, 0])]
        n = len(boxes)
        return Found(np.zeros((n, 4, 2), np.float32), np.float32(boxes), np.float32(scores), np.zeros(n, int))

    monkeypatch.setattr("detection.teacher.detect", seen)
    added = doubtful_boxes(image, [["car", 100, 80, 120, 99]], lambda x: x, 6)  # type: ignore[arg-type, return-value]
    assert [(kind, box) for kind, *box in added] == [
        ("vehicle", [10.0, 30.0, 60.0, 70.0]),
        ("ignore", [150.0, 10.0, 180.0, 40.0]),
    ]
