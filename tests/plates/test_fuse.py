import numpy as np
import pytest

from tests.plates.test_grammar import COLORS, ONE_ROW, color, decoder, looks_like
from vision.plates._fuse import LogProbSum
from vision.plates.fuse import PlateFusion, distance
from vision.types import F32, PlateRead


def read_of(log_probs: F32, *, width: float = 100, sharpness: float = 0.2) -> PlateRead:
    colors = color("blue")
    assert len(colors) == len(COLORS)
    corners = np.array([[0, 0], [width, 0], [width, width / 3.2], [0, width / 3.2]], np.float32)
    plate = decoder().decode(log_probs, colors, ONE_ROW)
    return PlateRead(corners, 0.9, log_probs, colors, ONE_ROW, width, sharpness, plate)


def test_sum_equals_numpy() -> None:
    rng = np.random.default_rng(1)
    looks = np.log(rng.dirichlet(np.ones(20), (5, 8))).astype(np.float32)
    weights = rng.uniform(0.1, 1, 5)
    total = LogProbSum(8, 20, -6.0)
    for look, weight in zip(looks, weights, strict=True):
        total.add(look, float(weight))
    n_eff = weights.sum() ** 2 / (weights**2).sum()
    mean = np.tensordot(weights, np.maximum(looks.astype(np.float64), -6), 1) / weights.sum()
    scaled = mean * (0.83 + 0.045 * np.log2(n_eff))
    expected = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
    np.testing.assert_allclose(total.posterior(), expected, atol=1e-5)


def test_absorbing_equals_adding() -> None:
    rng = np.random.default_rng(2)
    looks = np.log(rng.dirichlet(np.ones(9), (4, 8))).astype(np.float32)
    whole, left, right = (LogProbSum(8, 9, -6.0) for _ in range(3))
    for i, look in enumerate(looks):
        whole.add(look, 0.5)
        (left if i < 2 else right).add(look, 0.5)
    left.absorb(right)
    np.testing.assert_allclose(left.posterior(), whole.posterior(), atol=1e-6)


def test_wrong_shape_and_weight_are_refused() -> None:
    total = LogProbSum(8, 20, -6.0)
    with pytest.raises(ValueError, match="shape"):
        total.add(np.zeros((8, 19), np.float32), 1.0)
    with pytest.raises(ValueError, match="weight"):
        total.add(np.zeros((8, 20), np.float32), 0.0)
    with pytest.raises(ValueError, match="at least one look"):
        total.posterior()


def test_fusion_beats_its_looks() -> None:
    # Three looks, each wrong in another character: together they are right.
    fusion = PlateFusion(decoder())
    for i, wrong in enumerate(("京A12845", "京A72345", "京A12346")):
        log_probs = looks_like(wrong, 0.5)
        for slot, char in enumerate("京A12345"):
            at = slot, decoder().charset.index(char)
            log_probs[at] = max(log_probs[at], np.log(0.4))
        fusion.add(read_of(log_probs), i * 200_000_000)
    assert fusion.plate is not None
    assert fusion.plate.text == "京A12345"
    assert fusion.n_looks == 3


def test_one_bad_look_does_not_spoil_many_good_ones() -> None:
    fusion = PlateFusion(decoder())
    for i in range(6):
        fusion.add(read_of(looks_like("京A12345", 0.9)), i * 200_000_000)
    before = fusion.plate
    fusion.add(read_of(looks_like("沪B99999", 0.6), width=30, sharpness=0.01), 1_400_000_000)
    after = fusion.plate
    assert before is not None
    assert after is not None
    assert after.text == "京A12345"
    assert after.score > 0.8 * before.score


def test_static_looks_do_not_become_certain() -> None:
    # A sign read the same unsure way in a hundred frames is still not a plate that can be believed.
    fusion = PlateFusion(decoder())
    for i in range(100):
        fusion.add(read_of(looks_like("京A12345", 0.15)), i * 100_000_000)
    assert fusion.best_look < 0.2


@pytest.mark.parametrize(
    ("a", "b", "gap"),
    [
        ("京A12345", "京A12345", 0),
        ("京A12345", "京A1234", 1),
        ("京?2345", "京B2345", 0),
        ("", "京A", 2),
        ("沪B1", "京A12", 3),
    ],
)
def test_distance(a: str, b: str, gap: int) -> None:
    assert distance(a, b) == gap == distance(b, a)
