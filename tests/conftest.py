"""Fixtures for all tests."""

from collections.abc import Iterator

import pytest

from vision import _kernels


@pytest.fixture(params=_kernels.simd_levels())
def simd(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once per instruction set that this machine has."""
    before = _kernels.simd_level()
    _kernels.set_simd_level(request.param)
    yield request.param
    _kernels.set_simd_level(before)
