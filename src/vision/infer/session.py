"""One model on one device: arrays in, arrays out. onnxruntime is imported here alone, and only when needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision.errors import InferenceError, ModelCorruptError, ModelMismatchError
from vision.infer.manifest import Manifest
from vision.infer.store import verified_bytes

if TYPE_CHECKING:
    import onnxruntime

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}


def import_onnxruntime() -> Any:
    """The onnxruntime module.

    Raises:
        InferenceError: it is not installed; the text says which extra installs it.
    """
    try:
        import onnxruntime
    except ImportError as err:
        raise InferenceError(
            "onnxruntime is not installed: pip install 'platevision[cpu]' (or 'platevision[gpu]')"
        ) from err
    return onnxruntime


class Session:
    """A loaded model.

    Args:
        manifest: what to load; the file's SHA-256 is checked.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``tensorrt``: a device that cannot be used is an error, never a
            silent fall-back.
        threads: threads inside one run.

    Raises:
        ModelCorruptError: SHA-256 differs or the file is no ONNX model.
        ModelMismatchError: the inputs or outputs that the manifest names are not there.
        InferenceError: onnxruntime is missing or the device cannot be used.
    """

    def __init__(self, manifest: Manifest, *, device: str = "cpu", threads: int = 1) -> None:
        ort = import_onnxruntime()
        kind, _, number = device.partition(":")
        if kind not in PROVIDERS:
            raise InferenceError(f"device: expected one of {', '.join(PROVIDERS)}, got {device!r}")
        provider = PROVIDERS[kind]
        if provider not in ort.get_available_providers():
            raise InferenceError(
                f"device: {device!r} needs {provider}, but this onnxruntime offers only "
                f"{', '.join(ort.get_available_providers())}: pip install 'platevision[gpu]' on a machine with a GPU"
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        data = verified_bytes(manifest)
        settings = {"device_id": number} if number else {}
        try:
            self._session: onnxruntime.InferenceSession = ort.InferenceSession(
                data, options, providers=[(provider, settings)]
            )
        except Exception as err:  # onnxruntime raises its own unrelated types
            raise ModelCorruptError(f"{manifest.path}: onnxruntime cannot load it: {one_line(err)}") from err
        used = self._session.get_providers()[0]
        if used != provider:
            raise InferenceError(f"device: asked for {provider}, onnxruntime uses {used}")
        self.manifest = manifest
        self.provider = used
        self._input = manifest.get("input", "name")
        self._outputs: list[str] = list(manifest.get("outputs").values())
        has = {i.name for i in self._session.get_inputs()} | {o.name for o in self._session.get_outputs()}
        for name in (self._input, *self._outputs):
            if name not in has:
                raise ModelMismatchError(f"{manifest.path}: expected an input or output {name!r}, got {sorted(has)}")

    def run(self, batch: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
        """Outputs in the order of the manifest's ``[outputs]`` table.

        Raises:
            InferenceError: onnxruntime refused the run.
        """
        try:
            return self._session.run(self._outputs, {self._input: batch})  # type: ignore[no-any-return]
        except Exception as err:
            raise InferenceError(f"{self.manifest.name}: run failed: {one_line(err)}") from err


def one_line(err: BaseException) -> str:
    """The error's text without line breaks."""
    return " ".join(str(err).split())
