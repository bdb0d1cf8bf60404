"""The assignment is the cheapest there is: compared with every possible one."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from vision import _kernels


def total(costs: NDArray[np.float32], chosen: NDArray[np.int64], alone_cost: float) -> float:
    return sum(alone_cost if col < 0 else float(costs[row, col]) for row, col in enumerate(chosen.tolist()))


def cheapest(costs: NDArray[np.float32], alone_cost: float) -> float:
    """Over all assignments; each row has a column of its own in which it stays alone."""
    n, m = costs.shape
    wide = np.full((n, m + n), np.inf)
    wide[:, :m] = costs
    wide[np.arange(n), m + np.arange(n)] = alone_cost
    return min(float(sum(wide[row, col] for row, col in enumerate(cols))) for cols in permutations(range(m + n), n))


@pytest.mark.parametrize("alone_cost", [0.3, 1.0, 8.0])
@pytest.mark.parametrize("density", [0.3, 0.7, 1.0])
def test_no_assignment_is_cheaper(density: float, alone_cost: float) -> None:
    rng = np.random.default_rng(int(100 * density + alone_cost))
    for _ in range(60):
        n, m = rng.integers(1, 5, 2)
        costs = (rng.integers(0, 12, (n, m)) / 12).astype(np.float32)  # ties on purpose
        costs[rng.random((n, m)) > density] = np.inf
        chosen = _kernels.assign(costs, alone_cost)
        taken = chosen[chosen >= 0].tolist()
        assert len(taken) == len(set(taken))
        assert total(costs, chosen, alone_cost) == pytest.approx(cheapest(costs, alone_cost))


def test_independent_groups_are_solved_as_if_alone() -> None:
    rng = np.random.default_rng(5)
    whole = np.full((40, 40), np.inf, np.float32)
    expected = np.full(40, -1)
    for k in range(10):
        block = rng.random((4, 4), np.float32)
        whole[4 * k : 4 * k + 4, 4 * k : 4 * k + 4] = block
        expected[4 * k : 4 * k + 4] = 4 * k + _kernels.assign(block, 8)
    rows, cols = rng.permutation(40), rng.permutation(40)
    np.testing.assert_array_equal(cols[_kernels.assign(whole[np.ix_(rows, cols)], 8)], expected[rows])


def test_as_many_pairs_as_possible_when_alone_is_dear() -> None:
    costs = np.array([[0.0, 0.7], [0.1, np.inf]], np.float32)
    assert _kernels.assign(costs, 8).tolist() == [1, 0]
    assert _kernels.assign(costs, 0.5).tolist() == [0, -1]


def test_one_large_group() -> None:
    rng = np.random.default_rng(1)
    costs = rng.random((300, 250), np.float32)
    chosen = _kernels.assign(costs, 8)
    assert sorted(chosen[chosen >= 0].tolist()) == list(range(250))
    optimize = pytest.importorskip("scipy.optimize")
    rows, cols = optimize.linear_sum_assignment(costs)
    pairs = chosen >= 0
    assert costs[pairs, chosen[pairs]].sum() == pytest.approx(costs[rows, cols].sum(), rel=1e-5)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_assign(shape: tuple[int, int]) -> None:
    assert _kernels.assign(np.zeros(shape, np.float32), 1).tolist() == [-1] * shape[0]
