from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Roi = tuple[int, int, int, int]

def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
def set_simd_level(name: str) -> None: ...
def letterbox(
    layout: str, data: tuple[U8, ...], matrix: str, full_range: bool, out: F32, roi: Roi | None, pad: float
) -> tuple[float, float]: ...
def to_bgr(layout: str, data: tuple[U8, ...], matrix: str, full_range: bool, roi: Roi | None, out: U8 | None) -> U8: ...
def warp(layout: str, data: tuple[U8, ...], matrix: str, full_range: bool, corners: F32, out: U8) -> None: ...
def decode_heads(
    rows: F32,
    height: int,
    width: int,
    n_classes: int,
    geometry: int,
    strides: Sequence[int],
    min_score: float,
    max_iou: float,
    scale: tuple[float, float],
    origin: tuple[float, float],
    limit: int,
) -> tuple[F32, F32, F32]: ...
def decode_text(log_probs: F32, masks: U8, bias: F32 | None, limit: int) -> tuple[NDArray[np.int32], U8, F32]: ...
def luma_grid(layout: str, data: tuple[U8, ...], matrix: str, full_range: bool, out: F32) -> None: ...
def sharpness(image: U8) -> float: ...
def iou_matrix(a: F32, b: F32) -> F32: ...
def assign(costs: NDArray[np.float32], alone_cost: float) -> NDArray[np.int64]: ...

class Tracker:
    def __init__(self, settings: Mapping[str, float], groups: Mapping[int, int]) -> None: ...
    def update(
        self,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        labels: NDArray[np.int64] | None,
        time_ns: int,
    ) -> NDArray[np.int64]: ...
    def tracks(
        self,
    ) -> tuple[
        NDArray[np.int64],
        NDArray[np.float32],
        NDArray[np.float32],
        NDArray[np.float32],
        NDArray[np.int32],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.float32],
        NDArray[np.int64],
        NDArray[np.bool_],
        NDArray[np.float32],
    ]: ...
    def ended(self) -> NDArray[np.int64]: ...
    def n_guesses(self) -> int: ...
    def reset(self) -> None: ...
    def transform(self, matrix: NDArray[np.float64]) -> None: ...
