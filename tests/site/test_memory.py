"""Large blocks that are free go back to the system at once, whatever lies behind them."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from pathlib import Path
from vision.site.memory import steady_malloc

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

if sys.argv[1] == "steady":
    assert steady_malloc()
del [bytearray(20_000_000)][0]  # from now on malloc, unasked, takes blocks of this size from its heap
frames, pins = [], []
for _ in range(200):
    frames.append(bytearray(500_000))
    pins.append(bytearray(40_000))  # small things in between that stay
full = resident_mb()
del frames
print(full - resident_mb())
"""


def freed_mb(how: str) -> float:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone takes this advice")
def test_large_blocks_go_back_at_once() -> None:
    assert freed_mb("steady") > 90
    assert freed_mb("unasked") < 10  # if this fails, glibc has changed and the advice is no longer needed
