"""One model on one device: arrays in, arrays out. onnxruntime is imported here alone, and only when needed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision.errors import InferenceError, ModelCorruptError, ModelMismatchError, OutputError
from vision.infer.batcher import Batcher
from vision.infer.binding import Binding
from vision.infer.device import NEEDS, parse_device, providers_of
from vision.infer.manifest import Manifest
from vision.infer.store import verified_bytes

if TYPE_CHECKING:
    import onnxruntime


# Larger batches are no faster on a CPU, and the memory of the largest ever is kept.
CPU_BATCH = 4  # pictures
CPU_BATCH_PIXELS = 384 * 640  # of all of them: what a whole frame takes anyway
ARENA_BYTES = 64 << 20  # address space; what was never needed is no memory


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


@functools.cache
def share_arena() -> None:
    """Let all sessions of this process that ask for it take their memory on the CPU from one place.

    One for each session, as it is unasked, is more memory, and each grows by megabytes now and then for as long as
    inputs of new sizes come (docs/decisions/0013-steady-memory.md).
    """
    ort = import_onnxruntime()
    kind = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    settings = {"max_mem": 0, "arena_extend_strategy": 0, "initial_chunk_size_bytes": ARENA_BYTES}
    ort.create_and_register_allocator(kind, ort.OrtArenaCfg({**settings, "max_dead_bytes_per_chunk": -1}))


class Session:
    """A loaded model. Runs from several threads at once are safe; on a device other than the CPU they take turns, and
    what waits meanwhile runs together.

    Args:
        manifest: what to load; the file's SHA-256 is checked.
        device: ``cpu``, ``cuda``, ``cuda:N``, ``tensorrt``, ``tensorrt:N``: a device that cannot be used is an error,
            never a silent fall-back.
        threads: threads inside one run on the CPU.
        cache: folder where TensorRT keeps its engines; default in the user's cache folder.

    Raises:
        ModelCorruptError: SHA-256 differs or the file is no ONNX model.
        ModelMismatchError: the inputs or outputs that the manifest names are not there.
        InferenceError: onnxruntime is missing, or the device or its precision cannot be used.
    """

    def __init__(
        self, manifest: Manifest, *, device: str = "cpu", threads: int = 1, cache: Path | str | None = None
    ) -> None:
        ort = import_onnxruntime()
        where = parse_device(device)
        providers = providers_of(where, manifest.precision, ort.get_available_providers(), cache)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # a plan for each size seen: sizes are many, and it is no faster
        options.log_severity_level = 3
        if where.kind == "cpu":
            share_arena()
            options.add_session_config_entry("session.use_env_allocators", "1")
        data = verified_bytes(manifest)
        if where.kind == "tensorrt":
            make_folder(Path(providers[0][1]["trt_engine_cache_path"]))
        try:
            self._session: onnxruntime.InferenceSession = ort.InferenceSession(
                data,
                options,
                providers=providers,
                enable_fallback=False,  # else what fails here or in a run goes on elsewhere
            )
        except Exception as err:  # onnxruntime raises its own unrelated types
            if where.kind != "cpu":
                raise InferenceError(
                    f"device: {str(where)!r} cannot run {manifest.path.name}: {one_line(err)}: {NEEDS[where.kind]}"
                ) from err
            raise ModelCorruptError(f"{manifest.path}: onnxruntime cannot load it: {one_line(err)}") from err
        used = self._session.get_providers()[0]
        if used != where.provider:
            raise InferenceError(
                f"device: asked for {str(where)!r} ({where.provider}), onnxruntime uses {used}: {NEEDS[where.kind]}"
            )
        self.manifest = manifest
        self.provider = used
        self._input = manifest.get("input", "name")
        self._outputs: list[str] = list(manifest.get("outputs").values())
        has = {i.name for i in self._session.get_inputs()} | {o.name for o in self._session.get_outputs()}
        for name in (self._input, *self._outputs):
            if name not in has:
                raise ModelMismatchError(f"{manifest.path}: expected an input or output {name!r}, got {sorted(has)}")
        # On a CPU a binding saves nothing (docs/decisions/0011-float-input.md).
        bound = Binding(ort, self._session, where, self._input, self._outputs) if where.kind != "cpu" else None
        self._batcher = Batcher(bound.run) if bound else None

    def most(self, pixels: int) -> int | None:
        """How many pictures of so many pixels one run is for; None: any number."""
        if self._batcher is not None:
            return None
        return max(1, min(CPU_BATCH, CPU_BATCH_PIXELS // pixels))

    def warm_up(self, side: int) -> None:
        """Run once on the largest blank input that comes often: the memory for it is there from then on.

        Args:
            side: of a square input, for a model that does not say its size.

        Raises:
            InferenceError: onnxruntime refused the run.
        """
        table = self.manifest.get("input")
        height, width = int(table.get("height", side)), int(table.get("width", side))
        n = self.most(height * width) or 1
        shape = (n, 3, height, width) if table["layout"] == "nchw" else (n, height, width, 3)
        self.run(np.zeros(shape, table["dtype"]))

    def run(self, batch: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
        """Outputs in the order of the manifest's ``[outputs]`` table.

        Args:
            batch: the input; its first axis is the batch, the pictures may come from several streams.

        Raises:
            InferenceError: onnxruntime refused the run.
        """
        try:
            if self._batcher is not None:
                return self._batcher.run(batch)
            parts = [
                self._session.run(self._outputs, {self._input: batch[i : i + CPU_BATCH]})
                for i in range(0, max(1, len(batch)), CPU_BATCH)
            ]
            return parts[0] if len(parts) == 1 else [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
        except Exception as err:
            raise InferenceError(f"{self.manifest.name}: run failed: {one_line(err)}") from err


def make_folder(path: Path) -> None:
    """The folder, made if it is not there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OutputError(f"{path}: cannot create: {err.strerror}") from err


def one_line(err: BaseException) -> str:
    """The error's text without line breaks."""
    return " ".join(str(err).split())
