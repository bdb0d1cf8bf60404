"""A running service for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.service import Service, service


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as found:
        yield found
