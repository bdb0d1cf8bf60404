"""The int8 variant of a shipped network: `python models/common/quantize.py plate_detector --data DATA`.

Weights per output channel in 7 bits (the products of two then fit the 16-bit sums of AVX2, and VNNI loses nothing),
activations in 8 bits with ranges measured on training pictures. What decides geometry and probabilities stays float:
the last layer of the detectors, and the attention and the classifiers of the reader.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.half import load_whole
from detection.decode import letterbox
from detection.records import read, rows_of

MODELS = Path(__file__).resolve().parents[1]
QUANTIZED = ("Conv", "Add", "Relu", "MaxPool", "Resize", "Concat")
LAST = r"/out(_\d+)?/"  # the last convolution of a detector, once a level
KEEP_FLOAT = {  # patterns of node names
    "plate_detector": (LAST,),
    "vehicle_detector": (LAST,),
    "plate_reader": ("/near/", "/far/", "/attend/", "/second/"),
    "vehicle_attributes": ("/attention/",),
}
N_PICTURES = 160
Inputs = Iterator[NDArray[Any]]


def detector_inputs(rows: list[dict[str, Any]], size: tuple[int, int]) -> Inputs:
    """float32 (1, 3, h, w) RGB 0..1 of training pictures, as the library prepares them."""
    for row in rows:
        image = read(row["file"])
        if image is not None:
            x, _ = letterbox(image, *size)
            yield np.ascontiguousarray(x[None, ..., ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def some(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most `N_PICTURES` rows, always the same ones."""
    return [rows[i] for i in np.random.default_rng(3).permutation(len(rows))[:N_PICTURES]]


def plate_detector_inputs(data: Path) -> Inputs:
    rows = [r for r in rows_of(data / "plates", "train") if "/scenes/" in r["file"]]
    return detector_inputs(some(rows), (320, 320))


def vehicle_detector_inputs(data: Path) -> Inputs:
    return detector_inputs(some(rows_of(data / "vehicles", "train")), (384, 640))


def plate_reader_inputs(data: Path) -> Inputs:
    sys.path.insert(0, str(MODELS / "plate_reader"))
    from sampling import Sampler

    sampler = Sampler(data, 4711)
    for _ in range(N_PICTURES):
        yield sampler.batch(4)[0]


def vehicle_attributes_inputs(data: Path) -> Inputs:
    sys.path.insert(0, str(MODELS / "vehicle_attributes"))
    from dataset import cut_all, read_data

    crops = [c for c in read_data(data) if c.split == "train"]
    picked = [crops[i] for i in np.random.default_rng(3).permutation(len(crops))[: 4 * N_PICTURES]]
    images = cut_all(picked, [data], margin=0.025, side=96)
    yield from (images[i : i + 4] for i in range(0, len(images), 4))


INPUTS: dict[str, Callable[[Path], Inputs]] = {
    "plate_detector": plate_detector_inputs,
    "vehicle_detector": vehicle_detector_inputs,
    "plate_reader": plate_reader_inputs,
    "vehicle_attributes": vehicle_attributes_inputs,
}


class Feed(CalibrationDataReader):  # type: ignore[misc]
    """Gives the quantizer one input after the other."""

    def __init__(self, name: str, inputs: Inputs) -> None:
        self.name, self.inputs = name, inputs

    def get_next(self) -> dict[str, NDArray[Any]] | None:  # type: ignore[override]
        x = next(self.inputs, None)
        return None if x is None else {self.name: x}


def quantize(source: Path, target: Path, inputs: Inputs, keep_float: tuple[str, ...]) -> None:
    """ONNX file -> ONNX file with int8 convolutions."""
    with tempfile.TemporaryDirectory() as folder:
        whole, plain = Path(folder) / "whole.onnx", Path(folder) / "plain.onnx"
        onnx.save(load_whole(source), str(whole))
        quant_pre_process(str(whole), str(plain), skip_symbolic_shape=True)
        graph = onnx.load(str(plain)).graph
        first = next((i for i, n in enumerate(graph.node) if re.search(LAST, n.name)), len(graph.node))
        after = {n.name for n in graph.node[first:] if n.op_type == "Concat"}  # joins the levels' rows
        kept = [n.name for n in graph.node if n.name in after or any(re.search(p, n.name) for p in keep_float)]
        quantize_static(
            str(plain),
            str(target),
            Feed(graph.input[0].name, inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTIZED),
            nodes_to_exclude=kept,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def correct_scores(source: Path, target: Path, inputs: Inputs) -> float:
    """Takes the mean shift of a detector's quality logits out of its last bias; returns the shift.

    Measured where the float network is at least unsure (logit above -1): quantization makes scores there a little too
    low, and tracks begin at a threshold.
    """
    plain, small = (ort.InferenceSession(str(p), providers=["CPUExecutionProvider"]) for p in (source, target))
    shifts = []
    for x in inputs:
        wanted, got = (s.run(None, {s.get_inputs()[0].name: x})[0][..., 0] for s in (plain, small))
        shifts.append((got - wanted)[wanted > -1])
    shift = float(np.concatenate(shifts).mean())
    model = onnx.load(str(target))
    biases = {n.input[2] for n in model.graph.node if n.op_type == "Conv" and re.search(LAST, n.name)}
    for tensor in model.graph.initializer:
        if tensor.name in biases:
            value = numpy_helper.to_array(tensor).copy()
            value[0] -= shift
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    onnx.save(model, str(target))
    return shift


def widen_input(target: Path) -> None:
    """Gives a detector's first convolution a fourth input channel of zeros; the results stay the same to the bit.

    It sums 3 x 3 x 3 products, and onnxruntime's integer product takes sums of a multiple of four: padded to 36 terms
    it needs half of the time (docs/decisions/0011-float-input.md).
    """
    model = onnx.load(str(target))
    graph = model.graph
    tensors = {t.name: t for t in graph.initializer}
    maker = {name: node for node in graph.node for name in node.output}
    first = next(n for n in graph.node if n.op_type == "Conv" and maker[n.input[0]].input[0] in maker)
    dequantized = maker[first.input[0]]
    quantized, weights = maker[dequantized.input[0]], tensors[maker[first.input[1]].input[0]]
    values = numpy_helper.to_array(weights)
    if quantized.op_type != "QuantizeLinear" or quantized.input[0] != graph.input[0].name or values.shape[1] != 3:
        raise ValueError(f"{target}: expected a convolution of the quantized picture first, got {first.name}")
    more = np.zeros_like(values[:, :1])
    weights.CopyFrom(numpy_helper.from_array(np.concatenate((values, more), 1), weights.name))
    pads = numpy_helper.from_array(np.array([0, 0, 0, 0, 0, 1, 0, 0], np.int64), "fourth_channel_pads")
    graph.initializer.append(pads)
    wider = onnx.helper.make_node(
        "Pad", [quantized.output[0], pads.name, quantized.input[2]], ["fourth_channel"], "fourth_channel"
    )
    graph.node.insert(list(graph.node).index(quantized) + 1, wider)
    dequantized.input[0] = wider.output[0]
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def name_variant(folder: Path) -> None:
    """Writes [variants.int8] of the folder's model.toml anew."""
    toml = folder / "model.toml"
    text = toml.read_text(encoding="utf-8").split("\n[variants.int8]")[0].rstrip()
    digest = hashlib.sha256((folder / "model.int8.onnx").read_bytes()).hexdigest()
    toml.write_text(f'{text}\n\n[variants.int8]\nfile = "model.int8.onnx"\nsha256 = "{digest}"\n', encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(INPUTS))
    parser.add_argument("--data", type=Path, required=True, help="folder that holds plates/ and vehicles/")
    parser.add_argument("--folder", type=Path, help="model folder; default: models/NAME")
    args = parser.parse_args()
    folder = args.folder or MODELS / args.name
    target = folder / "model.int8.onnx"
    quantize(folder / "model.onnx", target, INPUTS[args.name](args.data), KEEP_FLOAT[args.name])
    if args.name.endswith("detector"):
        shift = correct_scores(folder / "model.onnx", target, INPUTS[args.name](args.data))
        print(f"quality logits were {shift:+.3f} off and are corrected")
        widen_input(target)
    name_variant(folder)
    print(
        f"{target}: {target.stat().st_size / 1e3:.0f} kB, {(folder / 'model.onnx').stat().st_size / 1e3:.0f} kB float"
    )


if __name__ == "__main__":
    main()
