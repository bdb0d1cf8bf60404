"""`decode_heads` and `iou_matrix` at every instruction set against their NumPy meaning."""

from typing import Any

import numpy as np
import pytest

from tests import reference
from vision import kernels
from vision.types import F32

OPTIONS: dict[str, Any] = {
    "height": 96, "width": 160, "n_classes": 3, "geometry": 4, "min_score": 0.4, "max_iou": 0.5,
    "scale": (0.37, 0.41), "origin": (20.0, 300.0),
}  # fmt: skip


def rows_for(options: dict[str, Any], seed: int, bias: float = -1.0) -> F32:
    """Random output with enough survivors to overlap."""
    rng = np.random.default_rng(seed)
    n = len(reference.grid(options["height"], options["width"], options.get("strides", (8, 16, 32))))
    rows = rng.normal(0, 2, (n, 1 + options["n_classes"] + options["geometry"])).astype(np.float32)
    rows[:, 0] += bias
    if options["geometry"] == 4:
        rows[:, -4:] = rng.uniform(-0.1, 3, (n, 4))
    return rows


def check(rows: F32, options: dict[str, Any]) -> int:
    got, expected = kernels.decode_heads(rows, **options), reference.decode_heads(rows, **options)
    assert [g.dtype for g in got] == [np.float32] * 3
    assert [g.shape for g in got] == [e.shape for e in expected]
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-5)
    np.testing.assert_allclose(got[2], expected[2], rtol=1e-5)
    return len(got[1])


@pytest.mark.parametrize("geometry", [4, 8])
@pytest.mark.parametrize("n_classes", [0, 1, 7])
def test_equals_reference(simd: str, geometry: int, n_classes: int) -> None:
    options = OPTIONS | {"geometry": geometry, "n_classes": n_classes}
    assert min(check(rows_for(options, seed), options) for seed in range(20)) > 3


@pytest.mark.parametrize("min_score", [0.0, 0.01, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("max_iou", [0.0, 0.3, 1.0])
def test_every_threshold(simd: str, min_score: float, max_iou: float) -> None:
    options = OPTIONS | {"min_score": min_score, "max_iou": max_iou}
    check(rows_for(options, 1, -4), options)


def test_every_number_of_points(simd: str) -> None:
    for width in range(70):
        options = OPTIONS | {"height": 8, "width": max(8, 8 * width), "strides": (8,)}
        rows = rows_for(options, width, 0)
        check(rows, options)
    for at in range(8):  # one survivor, at each place of a register
        options = OPTIONS | {"height": 8, "width": 64 + 8 * at, "strides": (8,)}
        rows = rows_for(options, at, -100)
        rows[-1 - at, 0] = 3
        assert check(rows, options) == 1


def test_limit_keeps_the_best(simd: str) -> None:
    rows = rows_for(OPTIONS, 3)
    everything = kernels.decode_heads(rows, **OPTIONS)
    assert len(everything[1]) > 5
    for limit in (0, 1, 5):
        for got, all_of in zip(kernels.decode_heads(rows, **OPTIONS, limit=limit), everything, strict=True):
            assert np.array_equal(got, all_of[:limit])


def test_equal_scores_keep_the_order_of_rows(simd: str) -> None:
    options = OPTIONS | {"max_iou": 1.0, "n_classes": 0}
    rows = rows_for(options, 4)
    rows[:, 0] = 1
    boxes, scores, _ = kernels.decode_heads(rows, **options)
    assert len(np.unique(scores)) == 1
    np.testing.assert_allclose(boxes, reference.decode_heads(rows, **options)[0], rtol=1e-6, atol=1e-3)


def test_point_of_the_grid_maps_to_the_middle_of_its_cell() -> None:
    options = OPTIONS | {"height": 32, "width": 32, "strides": (32,), "n_classes": 0, "geometry": 8}
    rows = np.array([[5, 0, 0, 1, 0, 1, 1, 0, 1]], np.float32)
    corners, _, probs = kernels.decode_heads(rows, **options | {"scale": (2.0, 4.0), "origin": (100.0, 50.0)})
    np.testing.assert_allclose(corners[0, 0], (100 + 16.5 / 2, 50 + 16.5 / 4))
    np.testing.assert_allclose(corners[0, 2] - corners[0, 0], (16, 8))
    assert probs.shape == (1, 0)


def test_nothing_found_is_empty() -> None:
    found = kernels.decode_heads(rows_for(OPTIONS, 5, -100), **OPTIONS)
    assert [f.shape for f in found] == [(0, 4), (0,), (0, 3)]


@pytest.mark.parametrize("column", [0, 2, -1])
@pytest.mark.parametrize("row", [0, 6, -1])
def test_nan_is_refused(simd: str, row: int, column: int) -> None:
    rows = rows_for(OPTIONS, 6)
    rows[row, 0] = 8
    rows[row, column] = np.nan
    with pytest.raises(ValueError, match=r"rows: expected finite numbers, got \[.*nan"):
        kernels.decode_heads(rows, **OPTIONS)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"height": 104}, r"rows: expected shape \(335, 8\), got \(315, 8\)"),
        ({"n_classes": 4}, "rows: expected shape"),
        ({"geometry": 5}, "geometry: expected 4 or 8, got 5"),
        ({"strides": (8, 0)}, "strides: expected positive numbers"),
        ({"min_score": 1.5}, "min_score: expected 0..1, got 1.5"),
        ({"max_iou": float("nan")}, "max_iou: expected 0..1, got nan"),
        ({"scale": (0.0, 1.0)}, "scale: expected positive numbers"),
        ({"origin": (float("inf"), 1.0)}, "origin: expected a finite number"),
        ({"limit": -1}, "limit: expected 0 or more"),
    ],
)
def test_wrong_options_are_refused(changed: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        kernels.decode_heads(rows_for(OPTIONS, 7), **OPTIONS | changed)


def boxes_of(n: int, seed: int) -> F32:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 50, (n, 2))
    return np.concatenate((low, low + rng.uniform(-2, 30, (n, 2))), 1).astype(np.float32)


def test_iou_matrix_of_every_size(simd: str) -> None:
    for m in range(70):
        a, b = boxes_of(m % 7, m), boxes_of(m, 100 + m)
        for p, q in ((a, b), (b, a)):
            got = kernels.iou_matrix(p, q)
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, reference.iou_matrix(p, q), rtol=1e-5, atol=1e-6)


def test_iou_of_empty_boxes_is_0(simd: str) -> None:
    boxes = np.array([[1, 1, 1, 5], [5, 5, 1, 1], [0, 0, 9, 9]] * 4, np.float32)
    iou = kernels.iou_matrix(boxes, boxes)
    assert not iou[:, [0, 1, 3, 4]].any()
    assert iou[2, 2] == 1


def test_iou_matrix_refuses_wrong_arrays() -> None:
    boxes = boxes_of(3, 0)
    with pytest.raises(ValueError, match=r"b: expected shape \(m, 4\), got \(3, 3\)"):
        kernels.iou_matrix(boxes, boxes[:, :3])
    with pytest.raises(ValueError, match="a: expected a C-contiguous array"):
        kernels.iou_matrix(boxes_of(6, 0)[::2], boxes)
    with pytest.raises(TypeError, match="a: expected float32, got float64"):
        kernels.iou_matrix(boxes.astype(np.float64), boxes)
