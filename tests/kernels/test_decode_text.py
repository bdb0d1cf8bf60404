"""`decode_text` against all texts there are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import reference
from vision import kernels
from vision.types import F32, U8


def question(rng: np.random.Generator, slots: int, n: int, patterns: int) -> tuple[F32, U8, F32]:
    logits = rng.normal(0, 2, (slots, n))
    log_probs = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
    masks = (rng.random((patterns, slots, n)) < rng.uniform(0.2, 1)).astype(np.uint8) * 3
    return log_probs, masks, rng.normal(0, 1, patterns).astype(np.float32)


def check(log_probs: F32, masks: U8, bias: F32, limit: int) -> int:
    patterns, symbols, scores = kernels.decode_text(log_probs, masks, bias=bias, limit=limit)
    expected = reference.decode_text(log_probs, masks, bias, limit)
    assert [str(a.dtype) for a in (patterns, symbols, scores)] == ["int32", "uint8", "float32"]
    assert symbols.shape == (len(expected), len(log_probs))
    assert [tuple(s) for s in symbols.tolist()] == [e[0] for e in expected]
    assert patterns.tolist() == [e[1] for e in expected]
    np.testing.assert_allclose(scores, [e[2] for e in expected], rtol=1e-5, atol=1e-5)
    return len(expected)


@pytest.mark.parametrize("limit", [0, 1, 2, 5, 17])
def test_exact_against_brute_force(limit: int) -> None:
    rng = np.random.default_rng(limit)
    sizes = [
        check(*question(rng, int(rng.integers(1, 5)), int(rng.integers(1, 7)), int(rng.integers(0, 5))), limit)
        for _ in range(150)
    ]
    assert max(sizes) == limit


@pytest.mark.parametrize("spread", [0.0, 1.0, 8.0])
def test_many_patterns_of_which_few_matter(spread: float) -> None:
    rng = np.random.default_rng(3)
    for limit in (1, 2, 5, 40):
        log_probs, masks, bias = question(rng, 3, 6, 40)
        log_probs[rng.random(log_probs.shape) < 0.1] = -np.inf
        log_probs = (np.round(log_probs * 4) / 4).astype(np.float32)  # many equal scores
        check(log_probs, masks, np.round(bias * np.float32(spread)), limit)


def test_longer_than_a_short_string() -> None:
    rng = np.random.default_rng(1)
    log_probs, masks, bias = question(rng, 18, 2, 2)
    masks[:, 3:] = [1, 0]
    masks[:, :3] = 1
    assert check(log_probs, masks, bias, 20) == 8


def test_same_text_counts_once_under_its_best_pattern() -> None:
    log_probs = np.log(np.array([[0.7, 0.2, 0.1]], np.float32))
    masks = np.array([[[1, 1, 0]], [[1, 0, 1]]], np.uint8)
    patterns, symbols, _ = kernels.decode_text(log_probs, masks)
    assert symbols.ravel().tolist() == [0, 1, 2]
    assert patterns.tolist() == [0, 0, 1]
    patterns, symbols, scores = kernels.decode_text(log_probs, masks, bias=np.array([-1, 0], np.float32))
    assert symbols.ravel().tolist() == [0, 2, 1]
    assert patterns.tolist() == [1, 1, 0]
    np.testing.assert_allclose(scores, np.log([0.7, 0.1, 0.2]) - [0, 0, 1], rtol=1e-6)


def test_equal_scores_are_in_order() -> None:
    log_probs = np.full((2, 3), -1, np.float32)
    patterns, symbols, _ = kernels.decode_text(log_probs, np.ones((2, 2, 3), np.uint8), limit=4)
    assert symbols.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0]]
    assert patterns.tolist() == [0] * 4


def test_impossible_patterns_give_nothing() -> None:
    log_probs = np.full((3, 4), -1, np.float32)
    masks = np.ones((2, 3, 4), np.uint8)
    masks[:, 1] = 0
    found = kernels.decode_text(log_probs, masks)
    assert [f.shape for f in found] == [(0,), (0, 3), (0,)]
    assert [f.shape for f in kernels.decode_text(log_probs, masks[:0])] == [(0,), (0, 3), (0,)]


def test_minus_infinity_is_allowed() -> None:
    log_probs = np.array([[0, -np.inf], [-np.inf, 0]], np.float32)
    _, symbols, scores = kernels.decode_text(log_probs, np.ones((1, 2, 2), np.uint8))
    assert symbols[0].tolist() == [0, 1]
    assert scores.tolist() == [0, -np.inf, -np.inf, -np.inf]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(value: float) -> None:
    log_probs, masks, bias = np.zeros((2, 3), np.float32), np.ones((1, 2, 3), np.uint8), np.full(1, value, np.float32)
    with pytest.raises(ValueError, match="bias: expected numbers below infinity"):
        kernels.decode_text(log_probs, masks, bias=bias)
    log_probs[1, 2] = value
    with pytest.raises(ValueError, match="log_probs: expected numbers below infinity"):
        kernels.decode_text(log_probs, masks)


def test_wrong_arrays_are_refused() -> None:
    log_probs, masks = np.zeros((2, 3), np.float32), np.ones((1, 2, 3), np.uint8)
    wrong: list[tuple[F32, U8, F32 | None, int, str]] = [
        (log_probs[0], masks, None, 5, "log_probs: expected shape"),
        (np.zeros((2, 300), np.float32), masks, None, 5, "log_probs: expected shape"),
        (log_probs, masks[0], None, 5, r"masks: expected shape \(patterns, 2, 3\), got \(2, 3\)"),
        (log_probs, masks, np.zeros(2, np.float32), 5, r"bias: expected shape \(1,\), got \(2,\)"),
        (log_probs, masks, None, -1, "limit: expected"),
        (np.zeros((2, 6), np.float32)[:, ::2], masks, None, 5, "log_probs: expected a C-contiguous"),
    ]
    for probs, allowed, bias, limit, text in wrong:
        with pytest.raises(ValueError, match=text):
            kernels.decode_text(probs, allowed, bias=bias, limit=limit)
    boolean: NDArray[np.bool_] = masks.astype(bool)
    with pytest.raises(TypeError, match="masks: expected uint8, got bool"):
        kernels.decode_text(log_probs, boolean)  # type: ignore[arg-type]
