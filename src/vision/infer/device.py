"""Where a network runs: ``cpu``, ``cuda[:n]`` or ``tensorrt[:n]``, and what onnxruntime is told about it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision.errors import InferenceError

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
NEEDS = {
    "cpu": "pip install 'platevision[cpu]'",
    "cuda": "pip install 'platevision[gpu]' on a machine with an NVIDIA GPU, its driver, and the CUDA and cuDNN that "
    "onnxruntime-gpu asks for",
    "tensorrt": "pip install 'platevision[gpu]' on a machine with an NVIDIA GPU, its driver, and the CUDA, cuDNN and "
    "TensorRT that onnxruntime-gpu asks for",
}


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of device and which one of them."""

    kind: str
    index: int = 0

    @property
    def provider(self) -> str:
        """Onnxruntime's name for what runs networks there."""
        return PROVIDERS[self.kind]

    @property
    def memory(self) -> str:
        """Onnxruntime's name for its memory."""
        return "cpu" if self.kind == "cpu" else "cuda"

    def __str__(self) -> str:
        return f"{self.kind}:{self.index}" if self.index else self.kind


def parse_device(text: str) -> Device:
    """The device of that name.

    Raises:
        InferenceError: there is no such name.
    """
    kind, colon, number = text.partition(":")
    is_number = number.isascii() and number.isdigit()
    if kind not in PROVIDERS or (colon and (kind == "cpu" or not is_number)):
        raise InferenceError(f"device: expected cpu, cuda, cuda:N, tensorrt or tensorrt:N, got {text!r}")
    return Device(kind, int(number or 0))


def cache_folder() -> Path:
    """Where TensorRT keeps the engines it built, unless told otherwise: in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "platevision" / "tensorrt"


def providers_of(
    device: Device, precision: str, available: Sequence[str], cache: Path | str | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """What onnxruntime is told: the device's provider first, with its options.

    Args:
        precision: of the model: ``float32``, ``int8`` or ``float16``, which rounds a float32 file when TensorRT builds
            its engine.
        available: the providers of this onnxruntime.
        cache: folder of TensorRT's engines; default `cache_folder`.

    Raises:
        InferenceError: this onnxruntime lacks the provider, or the device cannot do the precision.
    """
    if precision == "float16" and device.kind != "tensorrt":
        raise InferenceError(f"precision: float16 needs device tensorrt, got device {str(device)!r}")
    if device.provider not in available:
        raise InferenceError(
            f"device: {str(device)!r} needs {device.provider}, but this onnxruntime offers only "
            f"{', '.join(available)}: {NEEDS[device.kind]}"
        )
    if device.kind == "cpu":
        return [(device.provider, {})]
    cuda = (PROVIDERS["cuda"], {"device_id": device.index})
    if device.kind == "cuda":
        return [cuda]
    # Building an engine takes minutes: it is kept. What TensorRT cannot do, CUDA does on the same device.
    folder = str(cache or cache_folder())
    options = {
        "device_id": device.index,
        "trt_fp16_enable": precision == "float16",
        "trt_int8_enable": precision == "int8",
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": folder,
    }
    return [(device.provider, options), *([cuda] if cuda[0] in available else [])]
