"""Choosing the instruction set."""

import os
import subprocess
import sys

import pytest

from vision import kernels


def start(level: str) -> subprocess.CompletedProcess[str]:
    code = "from vision import kernels; print(kernels.simd_level())"
    env = os.environ | {"VISION_SIMD": level}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def test_best_level_is_used() -> None:
    assert kernels.simd_levels()[0] == "scalar"
    assert kernels.simd_level() in kernels.simd_levels()


def test_environment_forces_a_level() -> None:
    assert start("scalar").stdout.strip() == "scalar"


def test_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="SIMD level: expected scalar, neon, avx2 or avx512, got mmx"):
        kernels.set_simd_level("mmx")
    wrong = start("mmx")
    assert wrong.returncode != 0
    assert "got mmx" in wrong.stderr
