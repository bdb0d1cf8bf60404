"""What tests of brokers share."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def nothing_is_left_to_other_tests() -> Iterator[None]:
    """What a library leaves to the garbage collector, which may run in any test, is collected in this module."""
    yield
    gc.collect()
