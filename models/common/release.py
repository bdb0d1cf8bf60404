"""What every export leaves: a model.onnx that computes what torch does and a model.toml beside it, both or neither."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

BYTES_IN = (
    "[input]",
    'name = "images"',
    'dtype = "uint8"',
    'layout = "nhwc"',
    'color = "bgr"',
)  # of a network whose scaling is inside the graph


def export_onnx(
    module: nn.Module,
    examples: Sequence[Tensor],
    path: Path,
    *,
    axes: dict[str, dict[int, str]],
    tolerance: float,
    reference: nn.Module | None = None,
) -> float:
    """Write an ONNX file, check it, and compare it with torch.

    Args:
        module: what is exported, in evaluation mode; one input.
        examples: inputs; the first one is traced, all are compared.
        axes: free axes of the input and of each output, in order; their names become those of the file.
        tolerance: largest difference allowed.
        reference: what the file must compute, `module` where None.

    Returns:
        The largest difference of any output to torch.

    Raises:
        ValueError: a difference above `tolerance`.
    """
    given, *outputs = axes
    torch.onnx.export(
        module,
        (examples[0],),
        str(path),
        input_names=[given],
        output_names=outputs,
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(str(path)))
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for x in examples:
        with torch.inference_mode():
            wanted = (reference or module)(x)
        got = session.run(outputs, {given: x.numpy()})
        pairs = zip([wanted] if isinstance(wanted, Tensor) else wanted, got, strict=True)
        worst = float(np.max([worst, *(np.abs(a.numpy() - b).max() for a, b in pairs)]))  # NaN stays NaN
    if not worst <= tolerance:
        raise ValueError(f"{path.name}: expected outputs within {tolerance} of torch's, got {worst}")
    return worst


def manifest(
    name: str, version: str, sha256: str, sections: Sequence[str], lineage: Sequence[str], trained: str
) -> str:
    """Text of model.toml; `sections` are the lines between its head and its lineage."""
    lines = [
        f'name = "{name}"',
        f'version = "{version}"',
        f'task = "{name}"',
        'file = "model.onnx"',
        f'sha256 = "{sha256}"',
        'licence = "Apache-2.0"',
        "",
        *sections,
        "",
        "[lineage]",
        "data = [",
        *(f"    {json.dumps(line)}," for line in lineage),
        "]",
        f"trained = {json.dumps(trained)}",
        "",
    ]
    return "\n".join(lines)


def release(folder: Path, write: Callable[[Path], float], describe: Callable[[str], str]) -> float:
    """Put model.onnx and model.toml into a folder.

    Args:
        write: writes the ONNX file to a path and returns its difference to torch.
        describe: SHA-256 of that file -> text of model.toml.

    Returns:
        What `write` returned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path, toml = Path(temporary) / "model.onnx", Path(temporary) / "model.toml"
        difference = write(path)
        toml.write_text(describe(hashlib.sha256(path.read_bytes()).hexdigest()), "utf-8")
        os.replace(path, folder / "model.onnx")
        os.replace(toml, folder / "model.toml")
    return difference
