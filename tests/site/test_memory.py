"""Memory that malloc holds but nobody uses goes back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vision.site.memory import Trimmer


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_gaps_between_blocks_are_given_back() -> None:
    trimmer = Trimmer(every_s=0)
    if trimmer._trim is None:
        pytest.skip("not glibc")
    blocks = [bytearray(40_000) for _ in range(4_000)]  # below malloc's threshold for pages of their own
    full = resident_mb()
    last = blocks[-1]  # pins the end of the heap: freed blocks below it stay with the process
    del blocks
    held = resident_mb()
    assert trimmer.tick()
    assert resident_mb() < min(held, full - 100)
    assert len(last) == 40_000


def test_it_waits_its_time() -> None:
    assert not Trimmer(every_s=1e6).tick()
