"""Weights in half the bytes: `python models/common/half.py NAME` rewrites models/NAME/model.onnx and its SHA-256.

Each large float32 array becomes a float16 one and a Cast to float32, which onnxruntime computes once at load: runs take
as long as before, and what they compute differs by the rounding of the weights (1 / 2048 of each).
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

MODELS = Path(__file__).resolve().parents[1]
FEW = 64  # values: smaller arrays stay as they are


def load_whole(path: Path | str) -> onnx.ModelProto:
    """An ONNX file with float32 weights, however they are stored."""
    model = onnx.load(str(path))
    graph = model.graph
    half = {i.name: i for i in graph.initializer if i.data_type == onnx.TensorProto.FLOAT16}
    for node in [n for n in graph.node if n.op_type == "Cast" and n.input[0] in half]:
        stored = half[node.input[0]]
        graph.initializer.append(
            numpy_helper.from_array(numpy_helper.to_array(stored).astype(np.float32), node.output[0])
        )
        graph.initializer.remove(stored)
        graph.node.remove(node)
    return model


def store_half(path: Path) -> None:
    """Rewrite an ONNX file with large float32 weights as float16."""
    model = load_whole(path)
    graph = model.graph
    casts = []
    for whole in list(graph.initializer):
        values = numpy_helper.to_array(whole)
        if values.dtype != np.float32 or values.size < FEW:
            continue
        if np.abs(values).max() > np.finfo(np.float16).max:
            raise ValueError(f"{path}: {whole.name}: too large for float16")
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), whole.name + "_half"))
        graph.initializer.remove(whole)
        casts.append(helper.make_node("Cast", [whole.name + "_half"], [whole.name], to=onnx.TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def main() -> None:
    for name in sys.argv[1:]:
        path, toml = MODELS / name / "model.onnx", MODELS / name / "model.toml"
        before = path.stat().st_size
        store_half(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        toml.write_text(
            re.sub(r'(?m)^sha256 = ".*"', f'sha256 = "{digest}"', toml.read_text("utf-8"), count=1), "utf-8"
        )
        print(f"{path}: {before / 1e3:.0f} -> {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
