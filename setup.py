"""Build the native code: pybind11 kernels and tracker (csrc/) and Cython glue (src/**/*.pyx).

Everything else lives in pyproject.toml. No instruction set above the baseline appears here: each kernel
carries its own target attributes and csrc/cpu.cpp picks one at run time. VISION_SANITIZE=1 builds with the
address and undefined-behaviour sanitizers.
"""

import os
import platform
import sys
from glob import glob

from Cython.Build import cythonize
from pybind11.setup_helpers import ParallelCompile, Pybind11Extension
from setuptools import Extension, setup

MSVC = sys.platform == "win32"
X86 = platform.machine().lower() in {"x86_64", "amd64"}
SANITIZE = os.environ.get("VISION_SANITIZE") == "1"

CXX_FLAGS = ["/O2", "/W4"] if MSVC else ["-O3", "-Wall", "-Wextra", "-ffp-contract=off", "-g0"]
LINK_FLAGS: list[str] = []
if X86 and not MSVC:
    CXX_FLAGS.append("-march=x86-64-v2")
if SANITIZE:
    checks = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    CXX_FLAGS += [*checks, "-fno-omit-frame-pointer", "-g1", "-O1"]
    LINK_FLAGS += checks[:1]

kernels = Pybind11Extension(
    "vision._kernels",
    sources=sorted(glob("csrc/**/*.cpp", recursive=True)),
    include_dirs=["csrc"],
    depends=sorted(glob("csrc/**/*.hpp", recursive=True)),
    cxx_std=17,
    extra_compile_args=[*CXX_FLAGS],  # a copy: Pybind11Extension appends to the list it is given
    extra_link_args=[*LINK_FLAGS],
)

glue = cythonize(
    [
        Extension(
            "vision.*",
            ["src/vision/**/*.pyx"],
            extra_compile_args=[*CXX_FLAGS, "-Wno-unused-function"],
            extra_link_args=[*LINK_FLAGS],
        )
    ],
    build_dir="build/cython",
    compiler_directives={"language_level": 3, "boundscheck": False, "wraparound": False},
)

ParallelCompile(default=0).install()
setup(ext_modules=[kernels, *glue])
