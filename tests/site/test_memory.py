"""What is free goes back to the system, whatever lies behind it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from vision.site.memory import SteadyMalloc

PROGRAM = """
import sys
from pathlib import Path
from vision.site.memory import SteadyMalloc

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

how, size = sys.argv[1], int(sys.argv[2])
steady = SteadyMalloc(every_s=0) if how != "unasked" else None
del [bytearray(20_000_000)][0]  # from now on malloc, unasked, takes blocks of this size from its heap
blocks, pins = [], []
for _ in range(100_000_000 // size):
    blocks.append(bytearray(size))
    pins.append(bytearray(2_000))  # small things in between that stay
full = resident_mb()
del blocks
if how == "trimmed":
    assert steady.tick()
print(full - resident_mb())
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone takes this advice")


def freed_mb(how: str, size: int) -> float:
    """How much of 100 MB in blocks of a size goes back when they are freed."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how, str(size)], capture_output=True, text=True, check=True)
    return float(done.stdout)


@glibc
def test_large_blocks_go_back_at_once() -> None:
    assert freed_mb("asked", 500_000) > 90
    assert freed_mb("unasked", 500_000) < 10  # if this fails, glibc has changed and the advice is no longer needed


@glibc
def test_gaps_between_small_things_go_back_in_a_while() -> None:
    assert freed_mb("trimmed", 40_000) > 70
    assert freed_mb("asked", 40_000) < 10


def test_it_waits_its_time() -> None:
    assert not SteadyMalloc(every_s=1e6).tick()
