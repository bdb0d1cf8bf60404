"""A stand-in for an onnxruntime with a GPU: as much of it as `Session` touches."""

from typing import Any

from vision.infer.session import import_onnxruntime

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
ALL = (TENSORRT, CUDA, CPU)


class Ort:
    """An onnxruntime that offers `offered`, uses `used`, and runs everything on the CPU."""

    def __init__(self, offered: tuple[str, ...], used: tuple[str, ...], error: str = "") -> None:
        self.real, self.offered, self.used, self.error = import_onnxruntime(), offered, used, error
        self.asked: Any = None
        self.memories: list[tuple[str, int]] = []
        self.OrtValue = self
        self.SessionOptions = self.real.SessionOptions

    def get_available_providers(self) -> list[str]:
        return list(self.offered)

    def InferenceSession(self, data: bytes, options: Any, *, providers: Any, enable_fallback: bool) -> Any:  # noqa: N802
        assert not enable_fallback
        self.asked = providers
        if self.error:
            raise RuntimeError(self.error)
        real = self.real.InferenceSession(data, options, providers=[CPU])
        real.get_providers = lambda: list(self.used)
        return real

    def ortvalue_from_shape_and_type(self, shape: tuple[int, ...], kind: type, memory: str, index: int) -> Any:
        self.memories.append((memory, index))
        return self.real.OrtValue.ortvalue_from_shape_and_type(shape, kind, "cpu", 0)
