"""A session's input and outputs kept in the memory of its device, so that a run allocates and moves nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.infer.device import Device

MAX_SHAPES = 32  # inputs kept, one per shape


class Binding:
    """Runs a session from buffers on its device; one run at a time, whoever calls.

    Args:
        ort: the onnxruntime module.
        session: its session.
    """

    def __init__(self, ort: Any, session: Any, device: Device, input_name: str, outputs: Sequence[str]) -> None:
        self._ort, self._session, self._device = ort, session, device
        self._input_name, self._outputs = input_name, outputs
        self._bound: dict[tuple[Any, ...], tuple[Any, Any]] = {}
        self._lock = threading.Lock()

    def run(self, batch: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
        """The outputs, copied to the processor's memory."""
        with self._lock:
            key = (batch.dtype, *batch.shape)
            if key not in self._bound:
                while len(self._bound) >= MAX_SHAPES:
                    del self._bound[next(iter(self._bound))]
                self._bound[key] = self._bind(batch)
            value, io = self._bound[key]
            value.update_inplace(np.ascontiguousarray(batch))
            self._session.run_with_iobinding(io)
            return io.copy_outputs_to_cpu()  # type: ignore[no-any-return]

    def _bind(self, batch: NDArray[Any]) -> tuple[Any, Any]:
        memory, index = self._device.memory, self._device.index
        value = self._ort.OrtValue.ortvalue_from_shape_and_type(batch.shape, batch.dtype.type, memory, index)
        io = self._session.io_binding()
        io.bind_ortvalue_input(self._input_name, value)
        for name in self._outputs:
            io.bind_output(name, memory, index)  # no buffer: onnxruntime takes it from its arena
        return value, io
