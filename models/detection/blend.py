"""Weighted mean of two versions of a detector, the later one trained on from the earlier: one network, no more time.

python models/detection/blend.py --earlier OLD.onnx --later NEW.onnx --share 0.5 --out MODEL.onnx

Two ends of a training run that went on from the first lie in one valley: their mean is better than either where they
disagree by chance (Wortsman et al., "Model soups", 2022).  Evaluate the mean; where a run went far it can be worse.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.half import load_whole
from common.start import module_path

Array = NDArray[np.float32]


def tensors(graph: onnx.GraphProto) -> dict[str, str]:
    """What a number is for -> its name in the file: weight and bias of each convolution, the levels' scales."""
    found: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "Conv":
            found |= {
                f"{module_path(node.name)}.{what}": node.input[i + 1] for i, what in enumerate(("weight", "bias"))
            }
    scales = [n.input[1] for n in graph.node if n.op_type == "Mul" and n.input[1].startswith("onnx::Mul")]
    return found | {f"scale.{i}": name for i, name in enumerate(scales)}


def widened(value: Array, shape: tuple[int, ...], geometry: int = 4) -> Array:
    """The last convolution of a network with one tower, as one with two towers has it (`network.split_head`)."""
    out = np.zeros(shape, np.float32)
    n = value.shape[1]
    out[:-geometry, :n], out[-geometry:, n:] = value[:-geometry], value[-geometry:]
    return out


def blend(earlier: Path, later: Path, share: float, out: Path) -> int:
    """Writes `later` with all numbers moved towards `earlier` by `share`.

    Returns:
        How many tensors were blended.
    """
    first, model = load_whole(earlier).graph, load_whole(later)
    old = {i.name: numpy_helper.to_array(i) for i in first.initializer}
    new = {i.name: i for i in model.graph.initializer}
    sources, done = tensors(first), set[str]()
    for place, name in tensors(model.graph).items():
        if name in done:  # one convolution runs on every level
            continue
        done.add(name)
        source = place if place in sources else place.replace("edges.", "tower.")
        value, target = old[sources[source]], numpy_helper.to_array(new[name])
        if value.shape != target.shape:
            value = widened(value, target.shape)
        new[name].CopyFrom(numpy_helper.from_array(np.float32(share * value + (1 - share) * target), name))
    onnx.save(model, str(out))
    return len(done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--earlier", type=Path, required=True)
    parser.add_argument("--later", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of the earlier version, 0..1")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    print(f"{blend(args.earlier, args.later, args.share, args.out)} tensors")


if __name__ == "__main__":
    main()
